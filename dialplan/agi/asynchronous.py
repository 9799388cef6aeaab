"""AsyncAGI: the program is a manager, which sends commands by the action AGI (res_agi.c, launch_asyncagi)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from twisted.logger import Logger

from dialplan.agi.conversation import Debug, Status, drop
from dialplan.agi.environment import environment
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Outcome
from pbx.core import messages
from pbx.core.agi import AsyncCommand, AsyncQueue, open_queue
from pbx.core.channel import Channel, ChannelInterrupted

if TYPE_CHECKING:
    from dialplan.agi.table import AgiCommandTable
    from dialplan.engine import Engine
    from pbx.server import Server

log = Logger()


def encoded(text: str) -> str:
    """As ast_uri_encode with ast_uri_http: everything but letters, digits and ``-_.~``."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


class AsyncAgi:
    """One call's stay in AsyncAGI."""

    def __init__(self, server: Server, engine: Engine, table: AgiCommandTable, debug: Debug, channel: Channel) -> None:
        self._bus = server.bus
        self._channel = channel
        self._debug = debug
        self._answers: list[str] = []
        self._interpreter = Interpreter(server, engine, table, channel, self._answered)

    def _answered(self, text: str) -> None:
        self._debug.show(self._channel, f"Tx >> {text}")
        self._answers.append(text)

    async def run(self, arguments: Sequence[str]) -> Status:
        """Run commands until the manager lets go of the call or it ends, and give AGISTATUS."""
        channel, bus = self._channel, self._bus
        queue = open_queue(channel)
        if bus.wanted(messages.AsyncAgiStarted):
            told = encoded(environment(channel, "async", arguments))
            bus.publish(messages.AsyncAgiStarted(channel.snapshot(), told))
        try:
            return await self._serve(queue)
        finally:
            if bus.wanted(messages.AsyncAgiEnded):
                bus.publish(messages.AsyncAgiEnded(channel.snapshot()))

    async def _serve(self, queue: AsyncQueue) -> Status:
        channel = self._channel
        while not channel.interrupted:
            command = queue.take()
            if command is not None:
                outcome = await self._execute(command)
                if outcome is Outcome.BREAK:
                    return Status.SUCCESS
                if outcome is Outcome.FAILURE and not channel.interrupted:
                    return Status.FAILURE
                continue
            channel.set_reader(drop)
            try:
                await channel.wait_for(queue.ready())
            except ChannelInterrupted:
                break
            finally:
                if channel.alive:
                    channel.set_reader(None)
        return Status.HANGUP

    async def _execute(self, command: AsyncCommand) -> Outcome:
        channel, bus = self._channel, self._bus
        self._answers.clear()
        if command.allowed is None or command.allowed():
            outcome = await self._interpreter.run(command.text, dead=False)
        else:
            log.warn(
                "{channel}: AGI '{text}' is refused: whoever sent it may not use what it names",
                channel=channel.name,
                text=command.text[:200],
                call_id=channel.callid,
            )
            outcome = Outcome.NOT_PERMITTED
            self._answered("511 Permission denied\n")
        if bus.wanted(messages.AsyncAgiExecuted):
            answer = encoded("".join(self._answers))
            bus.publish(messages.AsyncAgiExecuted(channel.snapshot(), command.command_id, answer))
        return outcome
