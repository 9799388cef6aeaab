"""LOG_GROUP and ``logger filter``: verbose messages of some calls only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import Logger

from pbx.cli.commands.logger import _LoggerCommands
from pbx.cli.registry import UsageError
from pbx.logs import LogManager, call_groups, verbose
from pbx.testing.dialplan import Plan, extensions

commands = _LoggerCommands


@pytest.fixture(autouse=True)
def no_filter() -> Iterator[None]:
    yield
    call_groups.enabled.clear()


def test_a_call_of_an_enabled_group_is_shown(plan: Plan, tmp_path: Path) -> None:
    harness = plan(extensions("channel['LOG_GROUP()'] = 'sales' app.Wait(9) channel['LOG_GROUP()'] = '' app.Wait(9)"))
    call, other = harness.call("100"), harness.call("100")
    harness.core.channels.dialplan.write_function(other.channel, "LOG_GROUP()", "support")  # type: ignore[union-attr]
    logs = LogManager(tmp_path, verbose=3)
    lines: list[str] = []
    detach = logs.attach(lines.append)
    log = Logger(observer=logs)

    def shown() -> list[str]:
        lines.clear()
        for name, call_id in (("call", call.channel.callid), ("other", other.channel.callid), ("none", "")):
            verbose(log, 1, name, call_id=call_id)
        return [line.strip() for line in lines]

    assert shown() == ["call", "other", "none"]
    assert commands.filter_group(["sales", "on"]) == "Logging of channel group 'sales' is now enabled\n"
    assert shown() == ["call"]
    assert commands.filters([]) == f"  1 {'sales':<32}\n1 channel group currently enabled\n"
    harness.core.clock.advance(9)
    assert shown() == []
    assert commands.filter_group(["sales", "off"]) == "Logging of channel group 'sales' is now disabled\n"
    assert commands.filters([]) == "No filtering currently active\n"
    commands.filter_group(["support", "on"])
    assert commands.filter_reset([]) == "Log filtering has been reset (1 filter removed)\n"
    assert shown() == ["call", "other", "none"]
    detach()
    for each in (call, other):
        each.far.hang_up()
    assert not call_groups.of_call


def test_a_wrong_command() -> None:
    with pytest.raises(UsageError):
        commands.filter_group(["sales"])
