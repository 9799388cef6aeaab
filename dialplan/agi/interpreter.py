"""Runs AGI commands on a channel, one at a time, and tells managers of each (res_agi.c, agi_handle_command)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from dialplan.agi.table import Answer, Outcome, WrongUsage
from pbx.core import messages
from pbx.core.agi import split_command
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.agi.table import AgiCommand, AgiCommandTable
    from dialplan.engine import Engine
    from pbx.server import Server

log = Logger()

Watch = Callable[[Callable[[], object] | None], None]


class NewCommand(ObeliskError):
    """The program sent another command, or went, while this one waited for the caller."""


class Interpreter:
    """One conversation's commands. ``send`` gives text to the program; ``watch`` tells of its next line."""

    def __init__(
        self,
        server: Server,
        engine: Engine,
        table: AgiCommandTable,
        channel: Channel,
        send: Callable[[str], object],
        watch: Watch | None = None,
    ) -> None:
        self.server = server
        self.engine = engine
        self.channel = channel
        self.send = send
        #: None where commands are not interrupted by others.
        self.watch = watch
        self._table = table

    async def run(self, line: str, *, dead: bool) -> Outcome:
        """Run a command line and answer it."""
        channel, bus = self.channel, self.server.bus
        command_id = random.getrandbits(31)
        if bus.wanted(messages.AgiExecStarted):
            bus.publish(messages.AgiExecStarted(channel.snapshot(), command_id, line))
        found = self._table.find(split_command(line))
        if found is None or not self._available(found[0]):
            outcome = Outcome.NO_COMMAND
            self.send(f"{outcome.code} {outcome.text}\n")
        elif dead and not found[0].dead:
            outcome = Outcome.NOT_PERMITTED
            self.send(f"{outcome.code} {outcome.text}\n")
        else:
            outcome = await self._call(*found)
        if bus.wanted(messages.AgiExecEnded):
            bus.publish(messages.AgiExecEnded(channel.snapshot(), command_id, line, outcome.code, outcome.text))
        return outcome

    def _available(self, command: AgiCommand) -> bool:
        return not command.requires or self.engine.registry.application(command.requires) is not None

    async def _call(self, command: AgiCommand, words: Sequence[str]) -> Outcome:
        try:
            if not command.least <= len(words) <= (len(words) if command.most is None else command.most):
                raise WrongUsage(command.name)
            made = command.handler(self, words)
            answer = await made if isawaitable(made) else made
        except WrongUsage:
            self.send(
                f"520-Invalid command syntax.  Proper usage follows:\n{command.description}\n520 End of proper usage.\n"
            )
            return Outcome.USAGE
        except ChannelInterrupted:
            answer = Answer("200 result=-1", Outcome.FAILURE)
        except ObeliskError as error:
            log.warn(
                "{channel}: AGI {name}: {reason}",
                channel=self.channel.name,
                name=command.name,
                reason=str(error),
                call_id=self.channel.callid,
            )
            answer = Answer("200 result=-1", Outcome.FAILURE)
        if answer.line:
            self.send(f"{answer.line}\n")
        return answer.outcome

    async def digit(self, seconds: float | None) -> str:
        """A digit of the caller, or empty after ``seconds`` without one (None: wait for ever).

        Raises NewCommand, and ChannelInterrupted like every wait.
        """
        self.channel.check()
        waiting = Deferred.fromCoroutine(self.channel.read_digit(seconds))
        if self.watch is not None:
            self.watch(waiting.cancel)
        try:
            return await waiting or ""
        except CancelledError:
            raise NewCommand("another command has come") from None
        finally:
            if self.watch is not None:
                self.watch(None)
