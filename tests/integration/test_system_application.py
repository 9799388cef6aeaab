"""System and TrySystem run commands beside the reactor, also after a hangup, and leave none behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from dialplan import processes
from dialplan.applications import system
from dialplan.applications.system import SystemModule
from dialplan.arguments import Arguments, Grammar
from pbx.clock import Clock
from pbx.core.channel import Channel
from pbx.testing.core import FakeCore


@pytest.fixture
def module() -> SystemModule:
    from twisted.internet import reactor

    made: Any = SystemModule(cast("Any", SimpleNamespace(reactor=reactor, clock=Clock(cast("Any", reactor)))))
    return cast("SystemModule", made)


@pytest.fixture
def channel() -> Channel:
    return FakeCore().fake.incoming("phone").channel


def arguments(text: str) -> Arguments:
    return Arguments(Grammar("command"), text)


@pytest.mark.parametrize(
    ("command", "status", "system_result", "try_result"),
    [
        ("true", "SUCCESS", 0, 0),
        ("exit 3", "APPERROR", 0, 0),
        ("no-such-command-here", "FAILURE", -1, 0),
        ("kill -9 $$", "FAILURE", -1, 0),
        ("", "FAILURE", -1, 0),
        ('"exit 0"', "SUCCESS", 0, 0),
        ("'exit 4'", "APPERROR", 0, 0),
        ("false\\ntrue", "SUCCESS", 0, 0),
        ("nul \0 byte", "FAILURE", -1, 0),
    ],
)
async def test_how_a_command_ends(
    module: SystemModule, channel: Channel, command: str, status: str, system_result: int, try_result: int
) -> None:
    assert await module.app_system(channel, arguments(command)) == system_result
    assert channel.variables.get("SYSTEMSTATUS") == status
    assert await module.app_try_system(channel, arguments(command)) == try_result
    assert channel.variables.get("SYSTEMSTATUS") == status


async def test_it_runs_after_the_hangup_and_its_input_is_empty(
    module: SystemModule, channel: Channel, tmp_path: Path
) -> None:
    channel.hangup_requested = True
    target = tmp_path / "made"
    assert await module.app_system(channel, arguments(f"cat; echo ${{HOME:+home}} > {target}")) == 0
    assert target.read_text() == "home\n"


async def test_nothing_waits_for_what_is_left_in_the_background(module: SystemModule, channel: Channel) -> None:
    begun = time.monotonic()
    assert await module.app_system(channel, arguments("sleep 20 & echo $! >&2")) == 0
    assert time.monotonic() - begun < 10


async def test_the_reactor_goes_on_meanwhile(module: SystemModule, channel: Channel) -> None:
    from twisted.internet import reactor

    running = Deferred.fromCoroutine(module.app_system(channel, arguments("sleep 0.3")))
    await deferLater(cast("Any", reactor), 0.05, lambda: None)
    assert not running.called
    assert await running == 0


async def test_a_command_that_does_not_end_is_ended_with_its_children(
    module: SystemModule, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twisted.internet import reactor

    monkeypatch.setattr(system, "COMMAND_SECONDS", 0.3)
    pids = tmp_path / "pids"
    command = f"(sleep 30 & echo $! > {pids}; wait); true"
    assert await module.app_try_system(channel, arguments(command)) == 0
    assert channel.variables.get("SYSTEMSTATUS") == "FAILURE"
    assert not module.commands.running
    child = int(pids.read_text())
    for _try in range(100):
        if not _lives(child):
            break
        await deferLater(cast("Any", reactor), 0.05, lambda: None)
    assert not _lives(child)


async def test_an_ended_command_does_not_go_on(
    module: SystemModule, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell must not take the end of the first for leave to begin the second."""
    monkeypatch.setattr(system, "COMMAND_SECONDS", 0.1)
    for number in range(10):
        second = tmp_path / f"second{number}"
        assert await module.app_system(channel, arguments(f"sleep 30; echo > {second}")) == -1
        assert not second.exists()


async def test_there_is_a_bound_and_unloading_ends_them(
    module: SystemModule, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Deferred.fromCoroutine(module.app_system(channel, arguments("sleep 30")))
    monkeypatch.setattr(processes, "MAX_COMMANDS", 1)
    assert await module.app_try_system(channel, arguments("true")) == 0
    assert channel.variables.get("SYSTEMSTATUS") == "FAILURE"
    module.commands.end()
    assert await running == -1
    assert not module.commands.running


def _lives(pid: int) -> bool:
    """Whether a process runs: what nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
