"""The interactive console as a process of its own, its lines typed by the test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol

from pbx.asterisk_conf import ControlFile
from pbx.cli.control import ControlServer
from pbx.cli.registry import Command, CommandRegistry

TIMEOUT = 10.0


def the_reactor() -> Any:
    """The reactor that pytest-twisted runs."""
    from twisted.internet import reactor

    return reactor


class ConsoleProcess(ProcessProtocol):
    """``obelisk`` with what it printed."""

    def __init__(self) -> None:
        self.output = ""
        self.ended: Deferred[int] = Deferred()
        self._waiting: list[tuple[str, Deferred[None]]] = []

    def outReceived(self, data: bytes) -> None:
        self.output += data.decode()
        for text, waiting in [entry for entry in self._waiting if entry[0] in self.output]:
            self._waiting.remove((text, waiting))
            waiting.callback(None)

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(reason.value.exitCode)

    def printed(self, text: str) -> Deferred[None]:
        """Fires once ``text`` is among the output."""
        waiting: Deferred[None] = Deferred()
        if text in self.output:
            waiting.callback(None)
        else:
            self._waiting.append((text, waiting))
        return waiting.addTimeout(TIMEOUT, the_reactor())

    def type(self, line: str) -> None:
        transport: Any = self.transport
        transport.write(f"{line}\n".encode())


def open_console(directory: Path, *arguments: str) -> ConsoleProcess:
    process = ConsoleProcess()
    words = [sys.executable, "-m", "pbx.cli.program", *arguments]
    the_reactor().spawnProcess(process, sys.executable, words, env={**os.environ, "HOME": str(directory)})
    return process


@pytest.fixture
def registry() -> CommandRegistry:
    return CommandRegistry()


@pytest.fixture
def server(tmp_path: Path, registry: CommandRegistry) -> Any:
    (tmp_path / "asterisk.conf").write_text(f"[directories]\nastrundir => {tmp_path}\n")
    server = ControlServer(registry, tmp_path / "asterisk.ctl", ControlFile(), None)
    server.start(the_reactor())
    yield server
    pytest_twisted.blockon(Deferred.fromCoroutine(server.stop()))


def add(registry: CommandRegistry, words: str, handler: Callable[[Sequence[str]], Any]) -> None:
    registry.register(Command(words, words, "", handler))


@pytest.mark.parametrize("arguments", [["console", "-C"], ["asterisk", "-vvvrC"]])
@pytest_twisted.ensureDeferred
async def test_lines_are_answered_until_the_user_leaves(
    arguments: list[str], server: ControlServer, registry: CommandRegistry, tmp_path: Path
) -> None:
    add(registry, "say", " ".join)
    console = open_console(tmp_path, *arguments, str(tmp_path / "asterisk.conf"))
    await console.printed("Connected to Asterisk 22.10.1 currently running on ")
    console.type("say hello")
    await console.printed("hello\n")
    console.type("quit")
    assert await console.ended.addTimeout(TIMEOUT, the_reactor()) == 0


@pytest_twisted.ensureDeferred
async def test_the_end_of_the_exchange_ends_the_console(
    server: ControlServer, registry: CommandRegistry, tmp_path: Path
) -> None:
    def stop(_: Sequence[str]) -> Any:
        return Deferred.fromCoroutine(server.stop()).addCallback(lambda _: "")

    add(registry, "core stop now", stop)
    console = open_console(tmp_path, "console", "-C", str(tmp_path))
    await console.printed("Connected to")
    console.type("core stop now")
    assert await console.ended.addTimeout(TIMEOUT, the_reactor()) == 1
    assert "Disconnected from Asterisk server" in console.output


@pytest_twisted.ensureDeferred
async def test_one_command_by_flag(server: ControlServer, registry: CommandRegistry, tmp_path: Path) -> None:
    add(registry, "say", " ".join)
    console = open_console(tmp_path, "console", "-C", str(tmp_path), "-x", "say once")
    assert await console.ended.addTimeout(TIMEOUT, the_reactor()) == 0
    assert console.output == "once\n"
