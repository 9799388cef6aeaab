"""AGI programs that are files: one child process each, its standard input and output the conversation."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger

from dialplan.agi.lines import Lines
from dialplan.agi.link import Link
from pbx.clock import cancel_timer
from pbx.processes import spawn

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from pbx.clock import Clock
    from pbx.directories import Directories

log = Logger()

#: Seconds a program may live on once its conversation is over. Asterisk lets it live for ever.
GRACE_SECONDS = 30.0
#: Lines of standard error that are logged; more are read and lost.
MAX_ERROR_LINES = 100

_STDIN, _STDOUT, _STDERR, AUDIO = 0, 1, 2, 3


class Scripts:
    """The child processes there are, in conversation or about to end."""

    def __init__(self) -> None:
        self._links: set[ScriptLink] = set()

    def __len__(self) -> int:
        return len(self._links)

    def add(self, link: ScriptLink) -> None:
        self._links.add(link)

    def discard(self, link: ScriptLink) -> None:
        self._links.discard(link)

    def kill(self) -> None:
        """End them all, now."""
        for link in list(self._links):
            link.kill()


class ScriptLink(Link, ProcessProtocol):
    """One process."""

    def __init__(self, clock: Clock, scripts: Scripts, name: str) -> None:
        Link.__init__(self, clock)
        self.name = name
        self._scripts = scripts
        self._process: Any = None
        self._status: int | None = None
        self._exited: Deferred[int] | None = None
        self._closed = False
        self._grace: IDelayedCall | None = None
        self._errors = Lines()
        self._error_lines = 0
        self._audio = -1

    def start(
        self,
        reactor: Any,
        path: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        audio: bool = False,
    ) -> None:
        """Run the program; with ``audio`` its descriptor 3 is a pipe for `hear`. Raises OSError."""
        files: dict[int, int | str] = {_STDIN: "w", _STDOUT: "r", _STDERR: "r"}
        read_end = -1
        if audio:
            read_end, self._audio = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._audio, False)
            files[AUDIO] = read_end
        try:
            words = [os.fsencode(word.partition("\0")[0]) for word in arguments]
            self._process = spawn(reactor, self, path, words, environment, files)
        except OSError:
            self._close_audio()
            raise
        finally:
            if read_end >= 0:
                os.close(read_end)
        self._process.registerProducer(self, True)
        if self._status is None:
            self._scripts.add(self)

    def hear(self, samples: bytes) -> None:
        """Give the program audio; what does not fit into the pipe is lost, as in Asterisk."""
        if self._audio >= 0:
            try:
                os.write(self._audio, samples)
            except BlockingIOError:
                pass
            except OSError:
                self._close_audio()

    # Link

    def hung_up(self) -> None:
        """SIGHUP."""
        self._signal("HUP")

    def close(self) -> None:
        """Close the pipes; a process that lives on is killed after a while."""
        if self._closed:
            return
        self._closed = True
        self._now_read()
        self._close_audio()
        if self._process is not None:
            if _STDIN in self._process.pipes:
                self._process.unregisterProducer()
            self._process.loseConnection()
        if self._status is None and self._process is not None:
            self._grace = self._clock.call_later(GRACE_SECONDS, self._outlived)

    def _outlived(self) -> None:
        log.warn("AGI {name} outlived its call by {seconds:g} s and is killed", name=self.name, seconds=GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process, now."""
        self._signal("KILL")

    async def exit_status(self) -> int:
        if self._status is None:
            self._exited = Deferred()
            return await self._exited
        return self._status

    def _signal(self, name: str) -> None:
        if self._status is None and self._process is not None:
            with contextlib.suppress(ProcessExitedAlready, PermissionError):
                self._process.signalProcess(name)

    def _close_audio(self) -> None:
        if self._audio >= 0:
            os.close(self._audio)
            self._audio = -1

    def _write(self, data: bytes) -> None:
        if not self._closed and self._process is not None:
            self._process.write(data)

    def _pause(self) -> None:
        self._output("stopReading")

    def _resume(self) -> None:
        self._output("startReading")

    def _output(self, what: str) -> None:
        pipe = self._process.pipes.get(_STDOUT) if self._process is not None else None
        if pipe is not None:
            getattr(pipe, what)()

    # ProcessProtocol

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803  # Twisted's name
        if childFD == _STDOUT:
            self.received(data)
        else:
            self._said(data)

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N802, N803  # Twisted's names
        if childFD == _STDOUT:
            self.lost()

    def _said(self, data: bytes) -> None:
        self._errors.feed(data)
        while self._errors:
            line = self._errors.take()
            self._error_lines += 1
            if self._error_lines <= MAX_ERROR_LINES:
                log.warn("AGI {name}: {line}", name=self.name, line=line[:1000])

    def processExited(self, reason: Failure) -> None:
        status = getattr(reason.value, "status", 0) or 0
        self._status = int(status)
        cancel_timer(self._grace)
        self._scripts.discard(self)
        exited, self._exited = self._exited, None
        if exited is not None and not exited.called:
            exited.callback(self._status)

    def processEnded(self, reason: Failure) -> None:
        self._errors.end()
        self._said(b"")
        self.lost()


def script_path(directories: Directories, name: str) -> Path:
    """Where a program is: below astagidir unless its name is absolute."""
    return directories.agi / name


def script_environment(directories: Directories, config_file: Path) -> dict[str, str]:
    """The process's environment: ours, and Asterisk's directories."""
    return {
        **os.environ,
        "AST_CONFIG_DIR": str(directories.etc),
        "AST_CONFIG_FILE": str(config_file),
        "AST_MODULE_DIR": str(directories.modules),
        "AST_SPOOL_DIR": str(directories.spool),
        "AST_MONITOR_DIR": str(directories.recordings),
        "AST_VAR_DIR": str(directories.varlib),
        "AST_DATA_DIR": str(directories.data),
        "AST_LOG_DIR": str(directories.log),
        "AST_AGI_DIR": str(directories.agi),
        "AST_KEY_DIR": str(directories.keys),
        "AST_RUN_DIR": str(directories.run),
    }
