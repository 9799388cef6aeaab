"""A program's conversation about one call, from its environment to its end (res_agi.c, run_agi).

While the call lives, the channel's frames are dropped between commands, and each command may wait for the caller. Once
the call is hung up (or sent elsewhere) the program is told; it may go on, with the commands that work without a call,
until it ends by itself, or at once where AGIEXITONHANGUP says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.agi.environment import environment
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.lines import OVERLONG
from dialplan.agi.table import Outcome
from dialplan.verbosity import verbose
from pbx.clock import cancel_timer
from pbx.config.types import is_false, is_true
from pbx.core.channel import Channel, ChannelInterrupted

if TYPE_CHECKING:
    from dialplan.agi.link import Link
    from dialplan.agi.table import AgiCommandTable
    from dialplan.engine import Engine
    from pbx.core.frames import Frame
    from pbx.server import Server

log = Logger()

#: Seconds without a command after which a program whose call is over is ended. Asterisk waits for ever.
DEAD_SECONDS = 600.0
#: Commands run without a pause before other calls get their turn.
COMMANDS_PER_TURN = 50


class Status(Enum):
    """AGISTATUS."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOTFOUND = "NOTFOUND"
    HANGUP = "HANGUP"


class Debug:
    """``agi set debug``: whether every line is shown."""

    def __init__(self) -> None:
        self.on = False

    def show(self, channel: Channel, line: str) -> None:
        """Show a line where that is wanted."""
        if self.on:
            verbose(log, 0, "<{channel}>AGI {line}", channel=channel.name, line=line.rstrip("\n"))


def drop(_frame: Frame) -> None:
    """What the caller does while the program thinks is lost, as in Asterisk."""


class Conversation:
    """One AGI(), from the moment its program can be talked to."""

    def __init__(
        self,
        server: Server,
        engine: Engine,
        table: AgiCommandTable,
        debug: Debug,
        channel: Channel,
        link: Link,
        *,
        dead: bool,
    ) -> None:
        self._clock = server.clock
        self._channel = channel
        self._link = link
        self._debug = debug
        self._dead = dead
        self._status = Status.SUCCESS
        self._tell = not is_false(channel.get_variable("AGISIGHUP"))
        self._exit_on_hangup = is_true(channel.get_variable("AGIEXITONHANGUP"))
        self._interpreter = Interpreter(server, engine, table, channel, self._send, link.watch)
        self._turn = 0

    def _send(self, text: str) -> None:
        self._debug.show(self._channel, f"Tx >> {text}")
        self._link.send(text)

    async def run(self, request: str, arguments: Sequence[str], *, enhanced: bool = False) -> Status:
        """Talk until either side ends it, and give AGISTATUS. Raises nothing."""
        channel, link = self._channel, self._link
        try:
            self._send(environment(channel, request, arguments, enhanced=enhanced))
            await self._talk()
            exit_status = await self._exit_status() if link.ended and not link.lines else 0
            if link.failed or (exit_status and self._status is Status.SUCCESS):
                self._status = Status.FAILURE
        finally:
            if self._tell:
                link.hung_up()
            link.close()
        verbose(
            log,
            3,
            "<{channel}>AGI Script {request} completed, returning {status}",
            channel=channel.name,
            request=request,
            status=self._status.value,
        )
        return self._status

    async def _talk(self) -> None:
        link, channel = self._link, self._channel
        while True:
            if not await self._until_ready():
                if self._dead:
                    return
                self._dead = True
                if self._status is Status.SUCCESS:
                    self._status = Status.HANGUP
                if self._tell:
                    link.hung_up()
                if self._exit_on_hangup:
                    return
                continue
            line = link.take()
            if line is None:
                return
            if line == OVERLONG:
                log.warn(
                    "{channel}: AGI {name} sent a line that is too long",
                    channel=channel.name,
                    name=link.name,
                    call_id=channel.callid,
                )
                line = ""
            self._debug.show(channel, f"Rx << {line}")
            if line[:7].lower() == "failure":
                self._status = Status.FAILURE
                return
            outcome = await self._interpreter.run(line, dead=self._dead)
            if outcome is Outcome.FAILURE and (self._dead or not channel.interrupted):
                self._status = Status.FAILURE
            self._turn += 1
            if self._turn >= COMMANDS_PER_TURN:
                self._turn = 0
                await self._clock.sleep(0)

    async def _until_ready(self) -> bool:
        """Until the program has said something; False when the call has ended meanwhile, or was over for too long."""
        if self._dead:
            return await self._bounded(self._link.ready())
        channel = self._channel
        if channel.interrupted:
            return False
        channel.set_reader(drop)
        try:
            await channel.wait_for(self._link.ready())
        except ChannelInterrupted:
            return False
        finally:
            if channel.alive:
                channel.set_reader(None)
        return True

    async def _bounded(self, waiting: Deferred[None]) -> bool:
        """Wait while the channel exists, but not for ever: whether it was for something."""
        channel = self._channel
        if not channel.alive:
            return False
        over: Deferred[bool] = Deferred()

        def end(result: object) -> None:
            if not over.called:
                over.callback(result is None)

        waiting.addCallbacks(end, lambda _failure: None)
        timer = self._clock.call_later(DEAD_SECONDS, self._too_long, end)
        channel.on_end.append(end)
        try:
            return await over
        finally:
            cancel_timer(timer)
            if channel.alive:  # otherwise its end is going through the list
                channel.on_end.remove(end)
            waiting.cancel()

    def _too_long(self, end: Callable[[object], object]) -> None:
        log.warn(
            "{channel}: AGI {name} has been silent for {seconds:g} s after the end of its call and is ended",
            channel=self._channel.name,
            name=self._link.name,
            seconds=DEAD_SECONDS,
            call_id=self._channel.callid,
        )
        end(False)

    async def _exit_status(self) -> int:
        """How the program ended, once it has; 0 where its call ends before."""
        waiting: Deferred[int] = Deferred.fromCoroutine(self._link.exit_status())
        if not self._dead:
            try:
                return await self._channel.wait_for(waiting)
            except ChannelInterrupted:
                self._status = Status.HANGUP if self._status is Status.SUCCESS else self._status
                return 0
        found: list[int] = []
        await self._bounded(waiting.addCallback(found.append))
        return found[0] if found else 0
