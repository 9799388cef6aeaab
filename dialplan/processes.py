"""Commands of the system's shell beside the reactor, for SHELL, System and TrySystem: bounded, and ended in time."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.processes import spawn

if TYPE_CHECKING:
    from pbx.server import Server

log = Logger()

SHELL = "/bin/sh"
#: Bytes of output that are kept; the rest is read and lost.
MAX_OUTPUT = 64 << 10
#: Commands at once; more are refused.
MAX_COMMANDS = 64


class CommandFailed(ObeliskError):
    """A command could not be begun, or did not end in time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: its exit status, None where a signal ended it, and its output as far as it is kept."""

    status: int | None
    output: bytes = b""


class _Command(ProcessProtocol):
    """A command that runs; ``done`` fires with its outcome."""

    def __init__(self, name: str, *, keeps_output: bool) -> None:
        self.done: Deferred[Outcome] = Deferred()
        self._name = name
        self._keeps_output = keeps_output
        self._output: list[bytes] = []
        self._length = 0

    def outReceived(self, data: bytes) -> None:
        if self._length < MAX_OUTPUT:
            self._output.append(data)
            self._length += len(data)

    def errReceived(self, data: bytes) -> None:
        log.warn(
            "a command of {name} said: {text}", name=self._name, text=data[:500].decode("utf-8", "replace").rstrip()
        )

    def processExited(self, reason: Failure) -> None:
        # What it has left in the background may keep its output open; nobody waits for that.
        if not self._keeps_output:
            self._end(reason)

    def processEnded(self, reason: Failure) -> None:
        self._end(reason)

    def _end(self, reason: Failure) -> None:
        if not self.done.called:
            value: Any = reason.value
            self.done.callback(Outcome(value.exitCode, b"".join(self._output)[:MAX_OUTPUT]))

    def kill(self) -> None:
        """End the command and what it has begun."""
        transport: Any = self.transport
        pid: int | None = None if transport is None else transport.pid
        if pid is None:
            return
        for each in stopped(pid):
            with suppress(OSError):
                os.kill(each, SIGKILL)


def stopped(pid: int) -> list[int]:
    """Stop a process, those that it has begun, and theirs; all of them.

    Stopped, a shell begins no more, and does not go on to its next command when the one it waits for is killed.
    """
    found = [pid]
    try:
        os.kill(pid, SIGSTOP)
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return found
    for child in (int(word) for text in lists for word in text.split()):
        found += stopped(child)
    return found


class Commands:
    """The commands of one module."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = name
        self.running: set[_Command] = set()

    async def run(self, text: bytes, seconds: float, *, keeps_output: bool) -> Outcome:
        """Give ``text`` to the shell and wait, whatever happens to the call. Raises CommandFailed.

        Without ``keeps_output`` the output goes where the exchange's own does, and the wait is over when the shell is.
        """
        if len(self.running) >= MAX_COMMANDS:
            raise CommandFailed(f"{MAX_COMMANDS} commands run already")
        command = _Command(self._name, keeps_output=keeps_output)
        try:
            self._spawn(command, text, keeps_output=keeps_output)
        except (OSError, ValueError) as error:
            raise CommandFailed(str(error)) from None
        self.running.add(command)
        timer = self._server.clock.call_later(seconds, self._too_long, command)
        try:
            return await command.done
        finally:
            cancel_timer(timer)
            self.running.discard(command)

    def _spawn(self, command: _Command, text: bytes, *, keeps_output: bool) -> None:
        with Path(os.devnull).open("rb") as nothing:
            files: dict[int, int | str] = {0: nothing.fileno(), 1: 1, 2: 2}
            if keeps_output:
                files |= {1: "r", 2: "r"}
            spawn(self._server.reactor, command, SHELL, [SHELL.encode(), b"-c", text], os.environ, files)

    def end(self) -> None:
        """End what still runs."""
        for command in list(self.running):
            command.kill()

    @staticmethod
    def _too_long(command: _Command) -> None:
        command.kill()
        if not command.done.called:
            command.done.errback(CommandFailed("it ran too long and was ended"))
