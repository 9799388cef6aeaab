"""The exchange's side of the control socket."""

from __future__ import annotations

import os
import shutil
import socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import protocol
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from pbx.cli import frames
from pbx.errors import ObeliskError
from pbx.version import ASTERISK_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.asterisk_conf import ControlFile
    from pbx.cli.registry import CommandRegistry
    from pbx.logs import LogManager

log = Logger()

MAX_CONSOLES = 64
#: Commands a console may send ahead; one that sends more is cut off.
MAX_WAITING_COMMANDS = 256


class ControlError(ObeliskError):
    """The control socket could not be opened."""


@implementer(IPushProducer)
class ConsoleSession(protocol.Protocol):
    """One connected console: runs its commands in order, and lets it read the log along.

    A console that does not read what it is sent loses log lines, never the exchange its pace.
    """

    def __init__(self, owner: ControlServer) -> None:
        self._owner = owner
        self._buffer = frames.FrameBuffer()
        self._commands: deque[str] = deque()
        self._busy = False
        self._stalled = False
        self._lost = 0
        self._detach: Callable[[], None] | None = None

    def connectionMade(self) -> None:
        """Greet; refuse one console too many."""
        if not self._owner.admit(self):
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        self._transport.registerProducer(self, True)
        self._write(frames.encode(frames.HELLO, f"{socket.gethostname()}/{os.getpid()}/{ASTERISK_VERSION}"))

    @property
    def _transport(self) -> Any:
        return self.transport

    def dataReceived(self, data: bytes) -> None:
        """Frames from the console."""
        try:
            received = self._buffer.feed(data)
        except frames.FrameError as error:
            log.warn("a console sent {error} and was disconnected", error=str(error))
            self._transport.abortConnection()
            return
        for kind, payload in received:
            text = payload.decode(errors="replace")
            if kind == frames.COMMAND:
                self._take_command(text)
            elif kind == frames.COMPLETE:
                found = "\n".join(self._owner.complete(text))
                self._write(frames.encode(frames.COMPLETIONS, found[: frames.MAX_PAYLOAD // 4]))
            elif kind == frames.READ_LOG:
                self._read_log(text)

    def connectionLost(self, reason: object = protocol.connectionDone) -> None:
        """The console went away; a command it runs goes on without it."""
        if self._detach is not None:
            self._detach()
            self._detach = None
        self._commands.clear()
        self._owner.forget(self)

    # Commands

    def _take_command(self, line: str) -> None:
        if len(self._commands) >= MAX_WAITING_COMMANDS:
            log.warn("a console sent more than {limit} commands ahead", limit=MAX_WAITING_COMMANDS)
            self._transport.abortConnection()
            return
        self._commands.append(line)
        if not self._busy:
            self._busy = True
            # Runs until it first waits, and logs its own failures.
            ensureDeferred(self._work()).addErrback(self._failed)

    async def _work(self) -> None:
        while self._commands:
            output = await self._owner.run(self._commands.popleft())
            self._write(frames.encode_output(output) + frames.encode(frames.END))
        self._busy = False

    def _failed(self, failure: Any) -> None:
        log.failure("a console session failed", failure=failure)
        self._transport.abortConnection()

    def _write(self, data: bytes) -> None:
        if self._transport.connected:
            self._transport.write(data)

    # Log

    def _read_log(self, text: str) -> None:
        if self._detach is not None:
            self._detach()
        verbose, _, debug = text.partition(" ")
        self._detach = self._owner.attach_log(self._write_log, _number(verbose), _number(debug))

    def _write_log(self, line: str) -> None:
        if self._stalled:
            self._lost += 1
            return
        self._write(frames.encode_output(line, frames.LOG))

    def pauseProducing(self) -> None:
        """The console does not keep up."""
        self._stalled = True

    def resumeProducing(self) -> None:
        """It does again: say how much it missed."""
        self._stalled = False
        if self._lost:
            lost, self._lost = self._lost, 0
            self._write(frames.encode(frames.LOG, f"[{lost} log lines were not shown]\n"))

    def stopProducing(self) -> None:
        """The connection is over."""
        self._stalled = True

    def disconnect(self) -> None:
        """Send what is written and close."""
        self._transport.unregisterProducer()
        self._transport.loseConnection()


def _number(text: str) -> int:
    """A level of READ_LOG; -1 follows the core's."""
    return int(text) if text.isascii() and text.isdecimal() else -1


class ControlServer(protocol.Factory):
    """Listens on the control socket and runs what consoles send."""

    noisy = False

    def __init__(self, registry: CommandRegistry, path: Path, settings: ControlFile, logs: LogManager | None) -> None:
        self._registry = registry
        self._path = path
        self._settings = settings
        self._logs = logs
        self._port: Any = None
        self._address = frames.SocketAddress(str(path))
        self._sessions: set[ConsoleSession] = set()

    def buildProtocol(self, addr: object) -> ConsoleSession:
        """A session for each console."""
        return ConsoleSession(self)

    def start(self, reactor: Any) -> None:
        """Open the socket. Raises ControlError when another exchange listens there or the file cannot be made."""
        path = str(self._path)
        try:
            frames.connect(path).close()
        except OSError:
            pass
        else:
            raise ControlError(f"Asterisk already running on {path}.  Use 'asterisk -r' to connect.")
        umask = os.umask(0o177)
        try:
            self._path.unlink(missing_ok=True)
            # Twisted unlinks the socket by this address when the port closes, so it must hold until then.
            address = self._address.__enter__()
            self._port = reactor.listenUNIX(address, self, mode=self._settings.astctlpermissions, wantPID=False)
            self._set_owner()
        except (OSError, LookupError, CannotListenError) as error:
            self._address.__exit__()
            raise ControlError(f"cannot open the control socket {path}: {error}") from error
        finally:
            os.umask(umask)

    def _set_owner(self) -> None:
        owner, group = self._settings.astctlowner, self._settings.astctlgroup
        if owner and group:
            shutil.chown(self._path, owner, group)
        elif owner:
            shutil.chown(self._path, owner)
        elif group:
            shutil.chown(self._path, group=group)

    async def stop(self) -> None:
        """Close the socket and every console, after what was written to them."""
        if self._port is not None:
            port, self._port = self._port, None
            try:
                await port.stopListening()
            except OSError as error:
                log.warn("the control socket {path} was already gone: {error}", path=str(self._path), error=str(error))
            self._address.__exit__()
        for session in list(self._sessions):
            session.disconnect()

    def admit(self, session: ConsoleSession) -> bool:
        """Whether there is room for another console."""
        if len(self._sessions) >= MAX_CONSOLES:
            log.warn("more than {limit} consoles: one was refused", limit=MAX_CONSOLES)
            return False
        self._sessions.add(session)
        return True

    def forget(self, session: ConsoleSession) -> None:
        self._sessions.discard(session)

    async def run(self, line: str) -> str:
        """What a command says; a defect in it is logged and told, and the console lives on."""
        try:
            return (await self._registry.run(line)).output
        except Exception:  # the boundary between the console and any command
            log.failure("the command {line!r} failed", line=line)
            return "The command failed; the log has the details.\n"

    def complete(self, line: str) -> list[str]:
        """Completions of the last word of ``line``."""
        try:
            return self._registry.complete(line.split() + ([""] if not line or line.endswith(" ") else []))
        except Exception:  # as in run
            log.failure("completing {line!r} failed", line=line)
            return []

    def attach_log(self, write: Callable[[str], object], verbose: int, debug: int) -> Callable[[], None]:
        """Let a console read the log along."""
        if self._logs is None:
            return lambda: None
        return self._logs.attach(write, verbose=verbose, debug=debug)
