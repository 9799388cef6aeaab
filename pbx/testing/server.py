"""A real exchange as a test fixture: its own process, its own address, its own directories, its own log.

    server = await LiveServer.start(reactor=reactor, extensions=LUA, users=("alice", "bob"))
    phone = await Phone.start("alice", reactor=reactor, directory=server.directory)
    await phone.register(server.address, password=server.passwords["alice"])
    ...
    await server.stop()

The end of a test asks `check_clean`: no channel, no RTP port, no file descriptor left, nothing alarming in the log.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pbx.testing import _templates
from pbx.testing._descriptors import open_descriptors
from pbx.testing._waiting import PATIENCE_SECONDS, KeptProcess, pause
from pbx.testing.addresses import AddressLease

START_SECONDS = 60.0
RETRY_SECONDS = 0.1
_SESSIONS = "SIP invite sessions"
ALARMS = re.compile(r"Traceback|Unhandled|(?<![A-Za-z])(?:ERROR|CRITICAL)(?![A-Za-z])|assertion|never retrieved")
KEEP_VARIABLE = "OBELISK_TEST_KEEP"
"""Set in the environment, this keeps the directories of every server (they are always kept when a check fails)."""


class ServerError(AssertionError):
    """The server did not start, stop or answer as it must; the text ends with its log."""


class LiveServer:
    """A server process. Make it with `start`."""

    def __init__(self, reactor: Any, root: Path, lease: AddressLease, command: Sequence[str]) -> None:
        self.directory = root
        self.passwords: dict[str, str] = {}
        self._reactor = reactor
        self._lease = lease
        self._command = list(command)
        self._asterisk = [*_program(), "asterisk"]
        self.sip_port = lease.sip_port()
        self._process = KeptProcess(reactor)
        self._descriptors: dict[str, int] = {}
        self._supervised = False
        self._ours = True

    @classmethod
    async def start(
        cls,
        *,
        reactor: Any,
        extensions: str = _templates.EXTENSIONS_LUA,
        users: Sequence[str] = ("alice", "bob"),
        trunks: Mapping[str, str] | None = None,
        codecs: Sequence[str] = ("ulaw", "alaw", "g722"),
        max_contacts: int = 1,
        pjsip: str = "",
        files: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        rtp_ports: tuple[int, int] | None = None,
        arguments: Sequence[str] = (),
        supervise: bool = False,
        program: Sequence[str] = (),
        boot_poll_seconds: float = RETRY_SECONDS,
    ) -> LiveServer:
        """Start a server and wait until it has fully booted.

        Each of ``users`` is an endpoint with a password; ``trunks`` (name to ``host:port``) are known by their address
        and need none. ``extensions`` is extensions.lua; ``pjsip`` is appended to the made pjsip.conf; ``files`` adds or
        replaces files of the configuration directory by name (``@host@``, ``@port@``, ``@root@``, ``@password:USER@``
        are filled in); ``options`` goes to asterisk.conf's [options]. ``supervise`` starts ``obelisk run --supervise``
        in place of ``obelisk asterisk -f``; ``program`` is another command that takes Asterisk's flags. Raises
        ServerError with the log.
        """
        root = Path(tempfile.mkdtemp(prefix="obk-"))
        lease = AddressLease.take()
        command = [*_dying_with_this_process(), *_program()]
        etc = root / _templates.DIRECTORIES["astetcdir"]
        if supervise:
            command += ["run", "--supervise", *arguments, "-C", str(etc)]
        else:
            command = [*_dying_with_this_process(), *(program or [*_program(), "asterisk"])]
            command += ["-f", *arguments, "-C", str(etc / "asterisk.conf")]
        server = cls(reactor, root, lease, command)
        server._asterisk = list(program) or server._asterisk
        server._ours = not program
        server._supervised = supervise
        server.passwords = {user: secrets.token_urlsafe(9) for user in users}
        server._write_files(
            {
                "asterisk.conf": _templates.asterisk_conf(root, options or {}),
                "extensions.lua": extensions,
                "logger.conf": _templates.LOGGER_CONF,
                "modules.conf": _templates.MODULES_CONF,
                "pjsip.conf": _templates.pjsip_conf(
                    server.host,
                    server.sip_port,
                    server.passwords,
                    trunks or {},
                    codecs,
                    max_contacts,
                    server._fill(pjsip),
                ),
                "rtp.conf": _templates.rtp_conf(*(rtp_ports or lease.rtp_ports)),
                **{name: server._fill(text) for name, text in (files or {}).items()},
            }
        )
        try:
            await server.launch(boot_poll_seconds)
        except BaseException:
            server._process.send_signal("KILL")
            if server._process.pid:
                await server._process.end(1.0)
            lease.release()
            raise
        return server

    # What a test needs to know

    @property
    def host(self) -> str:
        return self._lease.host

    @property
    def address(self) -> str:
        """``host:port`` of SIP, UDP and TCP."""
        return f"{self.host}:{self.sip_port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The process that carries the calls: the server's own, or the child of its supervisor."""
        if not self._supervised:
            return self.pid
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    @property
    def running(self) -> bool:
        return bool(self._process.pid) and not self._process.ended

    @property
    def exit_code(self) -> int | None:
        return self._process.exit_code

    @property
    def etc(self) -> Path:
        return self.directory / _templates.DIRECTORIES["astetcdir"]

    def path(self, name: str) -> Path:
        """A directory by Asterisk's name for it (``astspooldir``...)."""
        return self.directory / _templates.DIRECTORIES[name]

    def sip_uri(self, extension: str) -> str:
        return f"sip:{extension}@{self.address}"

    def log_text(self) -> str:
        """All the server has said: log/full.txt, then standard output and error."""
        full = self.path("astlogdir") / "full.txt"
        text = full.read_text("utf-8", "replace") if full.exists() else ""
        said = self._process.output + self._process.errors
        return text + said.decode("utf-8", "replace")

    def alarms(self, allowed: Sequence[str] = ()) -> list[str]:
        """Lines of the log that no good run has, except those matching an ``allowed`` regular expression."""
        return [
            line
            for line in self.log_text().splitlines()
            if ALARMS.search(line) and not any(re.search(pattern, line) for pattern in allowed)
        ]

    # What a test can do

    async def cli(self, command: str, timeout: float = PATIENCE_SECONDS) -> str:
        """Run a console command by ``obelisk asterisk -rx``; returns its output, raises ServerError if that fails."""
        code, output = await self._remote(command, timeout)
        if code != 0:
            raise ServerError(f"{command!r} ended with {code}: {output}\n{self._log_tail()}")
        return output

    async def sleep(self, seconds: float) -> None:
        """Let a live test wait for something that has no event."""
        await pause(self._reactor, seconds)

    async def launch(self, poll_seconds: float = RETRY_SECONDS) -> None:
        """Start the process (again) and wait until it has fully booted."""
        self._process = KeptProcess(self._reactor)
        self._reactor.spawnProcess(
            self._process,
            self._command[0],
            self._command,
            env=_environment(),
            path=str(self.directory),
            childFDs={0: "w", 1: "r", 2: "r"},
        )
        await self.booted(START_SECONDS, poll_seconds)
        self._descriptors = open_descriptors(self.worker_pid)

    async def booted(self, seconds: float, poll_seconds: float = RETRY_SECONDS) -> None:
        """Wait until ``core waitfullybooted`` succeeds; ServerError if it does not within ``seconds``."""
        deadline = self._reactor.seconds() + seconds
        while True:
            if self._process.ended:
                raise ServerError(f"the server ended with {self._process.exit_code} at its start\n{self._log_tail()}")
            left = deadline - self._reactor.seconds()
            if left <= 0:
                raise ServerError(f"not booted after {seconds:g} s\n{self._log_tail()}")
            if (self.path("astrundir") / "asterisk.ctl").exists():
                try:
                    code, output = await self._remote("core waitfullybooted", max(left, 1.0))
                except TimeoutError:
                    continue
                if code == 0 and "fully booted" in output:
                    return
            await self.sleep(poll_seconds)

    async def channels(self) -> list[str]:
        """The lines of ``core show channels concise``, one for each channel."""
        return [line for line in (await self.cli("core show channels concise")).splitlines() if "!" in line]

    async def wait_no_channels(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Until the last channel has gone."""
        deadline = self._reactor.seconds() + seconds
        while channels := await self.channels():
            if self._reactor.seconds() > deadline:
                raise ServerError(f"channels left after {seconds:g} s:\n" + "\n".join(channels) + self._log_tail())
            await self.sleep(RETRY_SECONDS)

    async def wait_log(self, pattern: str, seconds: float = PATIENCE_SECONDS) -> re.Match[str]:
        """Until the log has a match of this regular expression."""
        deadline = self._reactor.seconds() + seconds
        while not (found := re.search(pattern, self.log_text(), re.MULTILINE)):
            if self._reactor.seconds() > deadline:
                raise ServerError(f"no {pattern!r} in the log\n{self._log_tail()}")
            await self.sleep(RETRY_SECONDS)
        return found

    async def wait_ended(self, seconds: float) -> None:
        """Until the process has ended by itself."""
        await self._process.wait(seconds)

    async def wait_replaced(self, worker_pid: int, seconds: float) -> None:
        """Until the supervisor has put another process in the place of ``worker_pid``."""
        deadline = self._reactor.seconds() + seconds
        while self.worker_pid in (0, worker_pid):
            if self._reactor.seconds() > deadline:
                raise ServerError(f"no new worker after {seconds:g} s\n{self._log_tail()}")
            await self.sleep(0.02)

    async def check_clean(self, allowed: Sequence[str] = ()) -> None:
        """Raise ServerError unless nothing of any call is left over and the log has no alarm.

        Nothing: no channel, no descriptor, none of what ``core show resources`` counts. SIP's invite sessions, which
        by RFC 3261 may last half a minute longer than their calls (timers H, J), are for `check_sessions`.
        """
        if self._process.ended:
            raise ServerError(f"the server has ended: {self.exit_code}\n{self._log_tail()}")
        await self.wait_no_channels()
        deadline = self._reactor.seconds() + PATIENCE_SECONDS
        while left := self._descriptors_left():
            if self._reactor.seconds() > deadline:
                raise ServerError(f"descriptors left open: {left}\n{self._log_tail()}")
            await self.sleep(RETRY_SECONDS)
        if self._ours:
            await self._wait_nothing_held(PATIENCE_SECONDS, without=(_SESSIONS,))
        if alarms := self.alarms(allowed):
            raise ServerError("alarms in the log:\n" + "\n".join(alarms) + "\n" + self._log_tail())

    async def check_sessions(self, seconds: float = 40.0) -> None:
        """Raise ServerError unless, after so long at most, not even a transaction of any call is left."""
        await self._wait_nothing_held(seconds)

    async def resources(self) -> dict[str, int]:
        """What ``core show resources`` counts, by name."""
        rows = (line.rpartition("  ") for line in (await self.cli("core show resources")).splitlines())
        return {name.strip(): int(count) for name, _, count in rows}

    async def _wait_nothing_held(self, seconds: float, without: Sequence[str] = ()) -> None:
        deadline = self._reactor.seconds() + seconds
        while held := {k: v for k, v in (await self.resources()).items() if k not in without and v}:
            if self._reactor.seconds() > deadline:
                raise ServerError(f"held after the last call: {held}\n{self._log_tail()}")
            await self.sleep(RETRY_SECONDS)

    async def stop(self, *, timeout: float = PATIENCE_SECONDS) -> int | None:
        """End it by ``core stop now`` and return its exit code; kill it if that does not end it."""
        if self.running:
            try:
                await self._remote("core stop now", PATIENCE_SECONDS)
                await self._process.wait(timeout)
            except (TimeoutError, ServerError):
                self._process.send_signal("KILL")
                await self._process.end()
                raise ServerError(f"did not end within {timeout:g} s of 'core stop now'\n{self._log_tail()}") from None
            finally:
                self._lease.release()
        self._lease.release()
        return self.exit_code

    async def kill(self, signal_name: str = "KILL") -> None:
        """End it by a signal and wait for its end."""
        self._process.send_signal(signal_name)
        await self._process.end()

    def discard(self) -> None:
        """Remove its directories, unless the environment asks to keep them."""
        if KEEP_VARIABLE not in os.environ:
            shutil.rmtree(self.directory, ignore_errors=True)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stop the process for a while: all that is sent to it meanwhile arrives at the same moment, crossing."""
        os.kill(self.worker_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.worker_pid, signal.SIGCONT)

    # How it is done

    async def _remote(self, command: str, timeout: float) -> tuple[int | None, str]:
        conf = str(self.etc / "asterisk.conf")
        return await self._run([*self._asterisk, "-C", conf, "-rx", command], timeout)

    async def program(self, *words: str, timeout: float = PATIENCE_SECONDS) -> tuple[int | None, str]:
        """Run ``obelisk`` with these words; its exit code (None when killed by a signal) and all it printed."""
        return await self._run([*_program(), *words], timeout)

    async def _run(self, arguments: Sequence[str], timeout: float) -> tuple[int | None, str]:
        process = KeptProcess(self._reactor)
        self._reactor.spawnProcess(process, arguments[0], arguments, env=_environment(), path=str(self.directory))
        try:
            code = await process.wait(timeout)
        except TimeoutError:
            process.send_signal("KILL")
            await process.end()
            raise
        return code, (process.output + process.errors).decode("utf-8", "replace")

    def _write_files(self, files: Mapping[str, str]) -> None:
        for below in _templates.DIRECTORIES.values():
            (self.directory / below).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = self.etc / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def _fill(self, text: str) -> str:
        text = text.replace("@host@", self.host).replace("@port@", str(self.sip_port))
        text = text.replace("@root@", str(self.directory))
        return re.sub(r"@password:([\w-]+)@", lambda match: self.passwords[match[1]], text)

    def _log_tail(self) -> str:
        return f"-- log of {self.directory} --\n" + "\n".join(self.log_text().splitlines()[-60:])

    def keep_descriptors(self) -> None:
        """Count what is open now as the server's own from here on: a pool of connections to a database, say."""
        self._descriptors = open_descriptors(self.worker_pid)

    def _descriptors_left(self) -> dict[str, int]:
        now = open_descriptors(self.worker_pid)
        return {
            kind: count - self._descriptors.get(kind, 0)
            for kind, count in now.items()
            if count > self._descriptors.get(kind, 0) and not kind.endswith((".sqlite3", "-wal", "-shm", "-journal"))
        }


def _program() -> list[str]:
    """The ``obelisk`` command installed beside this interpreter, or its module where it has not been installed."""
    script = Path(sys.executable).parent / "obelisk"
    return [str(script)] if script.exists() else [sys.executable, "-m", "pbx.cli.program"]


def _dying_with_this_process() -> list[str]:
    """A prefix by which the kernel ends the server when the test run is killed, where util-linux offers it."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM"] if program else []


def _environment() -> dict[str, str]:
    """This process's, with the running code first on the path: servers start in other directories."""
    root = str(Path(__file__).parents[2])
    path = os.environ.get("PYTHONPATH")
    return dict(os.environ, PYTHONUNBUFFERED="1", PYTHONPATH=f"{root}{os.pathsep}{path}" if path else root)
