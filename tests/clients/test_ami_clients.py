"""Public manager clients do real work on a live exchange, each in a process and an environment of its own."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet.utils import getProcessOutputAndValue

from pbx.testing.server import LiveServer

HERE = Path(__file__).parent
MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@

[robot]
secret = sesame
read = all
write = all
"""
EXTENSIONS = """
extensions = { default = { ["100"] = function() app.Answer() app.Wait(30) end } }
"""


@pytest_twisted.async_yield_fixture
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(reactor=reactor, extensions=EXTENSIONS, files={"manager.conf": MANAGER_CONF})
    yield server
    await server.check_clean()
    assert "sesame" not in server.log_text()
    await server.stop()
    server.discard()


async def run(server: LiveServer, program: Path, *arguments: Path) -> dict[str, Any]:
    """Run a client against the server; what it printed."""
    words = [*map(str, arguments), server.host, "5038", "robot", "sesame"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended: Any = getProcessOutputAndValue(str(program), words, env=environment)  # type: ignore[no-untyped-call]
    output, errors, code = await ended
    assert code == 0, (output + errors).decode()
    seen: dict[str, Any] = json.loads(output)
    assert (seen["ping"], seen["originated"], seen["hangup"]) == ("Pong", "Success", "Success")
    assert (seen["colour"], seen["shape"], seen["cause"]) == ("red", "round", "Normal Clearing")
    assert {"Newchannel", "Newexten", "OriginateResponse", "Hangup"} <= set(seen["events"])
    return seen


async def test_pystrix(server: LiveServer, python_of: Callable[[str], Path]) -> None:
    await run(server, python_of("pystrix"), HERE / "pystrix_client.py")


async def test_panoramisk(server: LiveServer, python_of: Callable[[str], Path]) -> None:
    seen = await run(server, python_of("panoramisk"), HERE / "panoramisk_client.py")
    assert seen["listed"] == 2


async def test_asterisk_manager(server: LiveServer, node_packages: Callable[[str], Path]) -> None:
    folder = node_packages("asterisk-manager")
    seen = await run(server, Path("/usr/bin/env"), Path("node"), folder / "client.js")
    assert seen["originate"] == "Originate successfully queued"
