from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThread
from twisted.logger import Logger, LogPublisher

from pbx.asterisk_conf import ControlFile
from pbx.cli import frames
from pbx.cli.client import execute
from pbx.cli.control import MAX_WAITING_COMMANDS, ControlError, ControlServer
from pbx.cli.registry import Command, CommandRegistry
from pbx.logs import LogManager, Verbosity

TIMEOUT = 5.0


def the_reactor() -> Any:
    """The reactor that pytest-twisted runs."""
    from twisted.internet import reactor

    return reactor


class Control:
    """A control server of its own in a scratch directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registry = CommandRegistry()
        self.logs = LogManager(path.parent, verbosity=Verbosity())
        self.log = Logger(namespace="test", observer=LogPublisher(self.logs))
        self.server = ControlServer(self.registry, path, ControlFile(), self.logs)
        self.add("say", " ".join)

    def add(self, words: str, handler: Callable[[Sequence[str]], Any]) -> None:
        self.registry.register(Command(words, words, "", handler))

    async def run(self, line: str) -> int:
        """What ``-rx`` does, in a thread because it blocks; its exit status."""
        return await deferToThread(execute, str(self.path), line)


class Peer(Protocol):
    """A console that the test plays by hand."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []
        self.closed: Deferred[None] = Deferred()
        self._buffer = frames.FrameBuffer()
        self._waiting: list[tuple[bytes, Deferred[bytes]]] = []

    def dataReceived(self, data: bytes) -> None:
        for frame in self._buffer.feed(data):
            self.frames.append(frame)
            for entry in [entry for entry in self._waiting if entry[0] == frame[0]]:
                self._waiting.remove(entry)
                entry[1].callback(frame[1])

    def connectionLost(self, reason: Any = None) -> None:
        self.closed.callback(None)

    def next(self, kind: bytes) -> Deferred[bytes]:
        """The payload of the next frame of that kind."""
        waiting: Deferred[bytes] = Deferred()
        self._waiting.append((kind, waiting))
        return waiting.addTimeout(TIMEOUT, the_reactor())

    @property
    def wire(self) -> Any:
        return self.transport


@pytest.fixture
def control(tmp_path: Path) -> Any:
    control = Control(tmp_path / "asterisk.ctl")
    control.server.start(the_reactor())
    yield control
    pytest_twisted.blockon(Deferred.fromCoroutine(control.server.stop()))


async def connect(path: Path) -> Peer:
    from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol

    peer = Peer()
    hello = peer.next(frames.HELLO)
    endpoint = UNIXClientEndpoint(the_reactor(), str(path))  # type: ignore[no-untyped-call]
    await connectProtocol(endpoint, peer)  # type: ignore[no-untyped-call]
    await hello
    return peer


@pytest_twisted.ensureDeferred
async def test_one_command(control: Control, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert await control.run("say hello 'to you'") == 0
    assert capfdbinary.readouterr().out == b"hello to you\n"


@pytest_twisted.ensureDeferred
async def test_an_unknown_command_is_told_and_exit_0(
    control: Control, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert await control.run("nonsense") == 0
    assert capfdbinary.readouterr().out.startswith(b"No such command 'nonsense'")


@pytest_twisted.ensureDeferred
async def test_output_of_any_length_arrives_whole(control: Control, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    control.add("much", lambda words: "0123456789" * 100_000)
    assert await control.run("much") == 0
    assert capfdbinary.readouterr().out == b"0123456789" * 100_000 + b"\n"


@pytest_twisted.ensureDeferred
async def test_a_command_may_wait(control: Control, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ready: Deferred[str] = Deferred()
    control.add("wait", lambda words: ready)
    running = Deferred.fromCoroutine(control.run("wait"))
    assert await control.run("say meanwhile") == 0
    ready.callback("at last")
    assert await running == 0
    assert capfdbinary.readouterr().out == b"meanwhile\nat last\n"


@pytest_twisted.ensureDeferred
async def test_a_defect_in_a_command_is_told_and_the_console_lives_on(control: Control) -> None:
    def broken(words: Sequence[str]) -> str:
        raise RuntimeError("a defect")

    control.add("broken", broken)
    peer = await connect(control.path)
    peer.wire.write(frames.encode(frames.COMMAND, "broken") + frames.encode(frames.COMMAND, "say still here"))
    assert (await peer.next(frames.OUTPUT)).startswith(b"The command failed")
    assert await peer.next(frames.OUTPUT) == b"still here\n"
    peer.wire.loseConnection()
    await peer.closed


def test_only_the_owner_may_use_the_socket(control: Control) -> None:
    assert stat.S_IMODE(control.path.stat().st_mode) == 0o600


@pytest_twisted.ensureDeferred
async def test_a_path_longer_than_socket_addresses(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    directory = tmp_path / ("long" * 40)
    directory.mkdir()
    control = Control(directory / "asterisk.ctl")
    control.server.start(the_reactor())
    assert await control.run("say far away") == 0
    assert capfdbinary.readouterr().out == b"far away\n"
    await control.server.stop()
    assert list(directory.iterdir()) == []


def test_a_second_exchange_is_refused_and_the_first_goes_on(control: Control) -> None:
    with pytest.raises(ControlError, match=f"Asterisk already running on {control.path}"):
        Control(control.path).server.start(the_reactor())
    assert control.path.is_socket()


@pytest_twisted.ensureDeferred
async def test_the_socket_of_a_crashed_exchange_is_replaced(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    import socket

    path = tmp_path / "asterisk.ctl"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    control = Control(path)
    control.server.start(the_reactor())
    assert await control.run("say again") == 0
    assert capfdbinary.readouterr().out == b"again\n"
    await control.server.stop()


@pytest_twisted.ensureDeferred
async def test_garbage_is_disconnected(control: Control, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    peer = await connect(control.path)
    peer.wire.write(b"GET / HTTP/1.1\r\n\r\n")
    await peer.closed.addTimeout(TIMEOUT, the_reactor())
    assert await control.run("say fine") == 0
    assert capfdbinary.readouterr().out == b"fine\n"


@pytest_twisted.ensureDeferred
async def test_a_console_that_sends_too_far_ahead_is_disconnected(control: Control) -> None:
    never: Deferred[str] = Deferred()
    control.add("wait", lambda words: never)
    peer = await connect(control.path)
    peer.wire.write(frames.encode(frames.COMMAND, "wait") * (MAX_WAITING_COMMANDS + 2))
    await peer.closed.addTimeout(TIMEOUT, the_reactor())


@pytest_twisted.ensureDeferred
async def test_completion(control: Control) -> None:
    peer = await connect(control.path)
    control.add("core show version", lambda words: "")
    control.add("core show uptime", lambda words: "")
    peer.wire.write(frames.encode(frames.COMPLETE, "core show "))
    assert await peer.next(frames.COMPLETIONS) == b"uptime\nversion"
    peer.wire.write(frames.encode(frames.COMPLETE, "core show v"))
    assert await peer.next(frames.COMPLETIONS) == b"version"
    peer.wire.loseConnection()
    await peer.closed


@pytest_twisted.ensureDeferred
async def test_a_console_reads_the_log_along_at_its_own_level(control: Control) -> None:
    peer = await connect(control.path)
    peer.wire.write(frames.encode(frames.READ_LOG, "3 0") + frames.encode(frames.COMMAND, "say ready"))
    await peer.next(frames.END)
    control.log.info("too much", verbose=4)
    control.log.info("a step", verbose=3)
    assert await peer.next(frames.LOG) == b"    -- a step\n"
    peer.wire.loseConnection()
    await peer.closed


@pytest_twisted.ensureDeferred
async def test_a_console_that_does_not_read_loses_log_lines_only(control: Control) -> None:
    peer = await connect(control.path)
    peer.wire.write(frames.encode(frames.READ_LOG, "3 0") + frames.encode(frames.COMMAND, "say ready"))
    await peer.next(frames.END)
    peer.wire.pauseProducing()
    for number in range(20_000):
        control.log.info("line {number} {filler}", number=number, filler="x" * 200, verbose=1)
    lost = peer.next(frames.LOG)
    peer.wire.resumeProducing()
    await lost
    while not any(b"log lines were not shown" in payload for _, payload in peer.frames):
        await peer.next(frames.LOG)
    assert sum(len(payload) for _, payload in peer.frames) < 2_000_000
    peer.wire.loseConnection()
    await peer.closed
