"""The table of commands, and what the console says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialplan.agi.commands import COMMANDS
from dialplan.agi.table import AgiCommandTable
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

#: Every command of Asterisk 22, and whether it runs on a channel that is hung up.
ASTERISK = {
    "answer": False,
    "asyncagi break": True,
    "channel status": False,
    "control stream file": False,
    "database del": True,
    "database deltree": True,
    "database get": True,
    "database put": True,
    "exec": True,
    "get data": False,
    "get full variable": True,
    "get option": False,
    "get variable": True,
    "gosub": False,
    "hangup": False,
    "noop": True,
    "receive char": False,
    "receive text": False,
    "record file": False,
    "say alpha": False,
    "say date": False,
    "say datetime": False,
    "say digits": False,
    "say number": False,
    "say phonetic": False,
    "say time": False,
    "send image": False,
    "send text": False,
    "set autohangup": False,
    "set callerid": False,
    "set context": False,
    "set extension": False,
    "set music": False,
    "set priority": False,
    "set variable": True,
    "speech activate grammar": False,
    "speech create": False,
    "speech deactivate grammar": False,
    "speech destroy": True,
    "speech load grammar": False,
    "speech recognize": False,
    "speech set": False,
    "speech unload grammar": True,
    "stream file": False,
    "tdd mode": False,
    "verbose": True,
    "wait for digit": False,
}


def test_the_commands_are_asterisks() -> None:
    assert {each.name: each.dead for each in COMMANDS} == ASTERISK
    for each in COMMANDS:
        assert each.synopsis
        assert each.description
        assert "\n" not in each.description


def test_looking_up() -> None:
    table = AgiCommandTable(COMMANDS)
    found = table.find(["GeT", "FULL", "Variable", "${A}", "x"])
    assert found is not None
    assert (found[0].name, list(found[1])) == ("get full variable", ["${A}", "x"])
    assert table.find(["get"]) is None
    assert table.find([]) is None
    assert table.find(["control", "stream"]) is None
    with pytest.raises(ValueError, match="registered twice"):
        table.add(COMMANDS[0])
    empty = AgiCommandTable()
    withdraw = empty.add(COMMANDS[0])
    withdraw()
    assert len(empty) == 0


def say(harness: DialplanHarness, line: str) -> Any:
    return result_of(start(harness.server.cli.run(line)))


def test_agi_show_commands(harness: DialplanHarness) -> None:
    text = say(harness, "agi show commands").output
    assert text.startswith(" Dead                        Command   Description\n")
    assert "   No                         answer   Answer channel\n" in text
    assert "  Yes                           noop   Does nothing.\n" in text
    assert len(text.splitlines()) == len(ASTERISK) + 1
    text = say(harness, "agi show commands topic get").output
    assert [line.split()[1:3] for line in text.splitlines()[1:]] == [
        ["get", "data"],
        ["get", "full"],
        ["get", "option"],
        ["get", "variable"],
    ]
    text = say(harness, "agi show commands topic Stream file").output
    assert "-= Info about AGI 'stream file' =-" in text
    assert "[Syntax]\nSTREAM FILE filename escape_digits [sample_offset]\n" in text
    assert "[Runs Dead]\nNo\n" in text
    assert say(harness, "agi show commands topic fly away").output == "No such command 'fly away'.\n"
    assert not say(harness, "agi show commands stream").ok
    assert harness.server.cli.complete(["agi", "show", "commands", "topic", "say", "d"]) == [
        "date",
        "datetime",
        "digits",
    ]


def test_the_other_console_commands(harness: DialplanHarness, tmp_path: Path) -> None:
    assert say(harness, "agi set debug on").output == "AGI Debugging Enabled\n"
    assert say(harness, "agi set debug off").output == "AGI Debugging Disabled\n"
    assert not say(harness, "agi set debug perhaps").ok
    page = tmp_path / "agi.html"
    assert say(harness, f"agi dump html {page}").output == f"AGI HTML commands dumped to: {page}\n"
    assert "<td>STREAM FILE filename escape_digits [sample_offset]</td>" in page.read_text()
    refused = say(harness, f"agi dump html {tmp_path}/no/where")
    assert (refused.ok, refused.output.startswith("Could not create file")) == (False, True)
    refused = say(harness, "agi exec Nobody/1 NOOP")
    assert (refused.ok, refused.output) == (
        False,
        "Channel Nobody/1 does not exist.\nCommand 'agi exec Nobody/1 NOOP' failed.\n",
    )


def test_unloaded_it_is_gone(harness: DialplanHarness) -> None:
    result_of(start(harness.server.modules.unload("res_agi")))
    assert harness.engine.registry.application("AGI") is None
    assert not say(harness, "agi show commands").ok
    result_of(start(harness.server.modules.load("res_agi")))
    assert harness.engine.registry.application("EAGI") is not None
    assert harness.engine.application_capability("agi") == "system"
