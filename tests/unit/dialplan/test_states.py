"""DEVICE_STATE, HINT, EXTENSION_STATE, PRESENCE_STATE and the console's commands on them."""

from __future__ import annotations

import pytest

from pbx.core.channel import Channel
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan, extensions

HINTS = """
hints = {
  default = {
    ["100"] = "Fake/alice&Custom:lamp,CustomPresence:alice",
    ["101"] = "Custom:door(The door)",
    ["_20X"] = "Custom:room${EXTEN:1}",
  },
}
"""


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    return plan(extensions("app.Answer() app.Wait(60)") + HINTS)


def read(harness: DialplanHarness, expression: str, channel: Channel | None = None) -> object:
    return harness.engine.read_function(channel, expression)


def write(harness: DialplanHarness, expression: str, value: str) -> None:
    harness.engine.write_function(None, expression, value)


def console(harness: DialplanHarness, line: str) -> str:
    return result_of(start(harness.server.cli.run(line))).output


def test_custom_devices(harness: DialplanHarness) -> None:
    assert read(harness, "DEVICE_STATE(Custom:lamp)") == "UNKNOWN"
    write(harness, "DEVICE_STATE(Custom:lamp)", "inuse")
    assert read(harness, "DEVICE_STATE(Custom:lamp)") == "INUSE"
    assert harness.server.astdb.get("CustomDevstate", "lamp") == "inuse"
    assert read(harness, "DEVICE_STATE(Fake/alice)") == "NOT_INUSE"
    harness.call("100", resource="alice")
    assert read(harness, "DEVICE_STATE(Fake/alice)") == "INUSE"
    assert read(harness, "DEVICE_STATE(nothing)") == "INVALID"


@pytest.mark.parametrize(
    ("expression", "value", "reason"),
    [
        ("DEVICE_STATE(Fake/alice)", "INUSE", "can only be used to set 'Custom:'"),
        ("DEVICE_STATE(Custom:)", "INUSE", "no custom device name"),
        ("DEVICE_STATE(Custom:a)", "UNKNOWN", "invalid state value"),
        ("DEVICE_STATE(Custom:a)", "x", "invalid state value 'x'"),
        ("PRESENCE_STATE(SIP/a)", "away", "can only set CustomPresence"),
        ("PRESENCE_STATE(CustomPresence:)", "away", "no custom device name"),
        ("PRESENCE_STATE(CustomPresence:a)", "", "Unknown presence state"),
        ("PRESENCE_STATE(CustomPresence:a)", "x", "Unknown presence state value x"),
        ("PRESENCE_STATE(CustomPresence:a)", "away,a,b,z", "Invalid options"),
    ],
)
def test_wrong_values(harness: DialplanHarness, expression: str, value: str, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        write(harness, expression, value)


@pytest.mark.parametrize(
    "expression",
    ["HINT()", "HINT(@default)", "HINT(999)", "EXTENSION_STATE()", "PRESENCE_STATE(a)", "PRESENCE_STATE(X:a,value)"],
)
def test_wrong_reads(harness: DialplanHarness, expression: str) -> None:
    with pytest.raises(Exception, match=r"requires|hint|unknown"):
        read(harness, expression)


def test_hints(harness: DialplanHarness) -> None:
    assert read(harness, "HINT(100)") == "Fake/alice&Custom:lamp,CustomPresence:alice"
    assert read(harness, "HINT(101@default,n)") == "The door"
    assert read(harness, "HINT(101)") == "Custom:door"


def test_the_state_of_an_extension(harness: DialplanHarness) -> None:
    assert read(harness, "EXTENSION_STATE(100)") == "NOT_INUSE"
    write(harness, "DEVICE_STATE(Custom:lamp)", "RINGING")
    assert read(harness, "EXTENSION_STATE(100@default)") == "RINGING"
    harness.call("100", resource="alice")
    assert read(harness, "EXTENSION_STATE(100)") == "RINGINUSE"
    for state, word in (
        ("ONHOLD", "ONHOLD"),
        ("BUSY", "BUSY"),
        ("UNAVAILABLE", "UNAVAILABLE"),
        ("INVALID", "UNAVAILABLE"),
    ):
        write(harness, "DEVICE_STATE(Custom:door)", state)
        assert read(harness, "EXTENSION_STATE(101)") == word
    assert read(harness, "EXTENSION_STATE(999)") == "UNKNOWN"
    write(harness, "DEVICE_STATE(Custom:room07)", "INUSE")
    assert read(harness, "EXTENSION_STATE(207)") == "INUSE"


def test_presence(harness: DialplanHarness) -> None:
    name = "CustomPresence:alice"
    assert read(harness, f"PRESENCE_STATE({name},value)") == "not_set"
    write(harness, f"PRESENCE_STATE({name})", "away,down the hall,Meeting")
    assert read(harness, f"PRESENCE_STATE({name},value)") == "away"
    assert read(harness, f"PRESENCE_STATE({name},subtype)") == "down the hall"
    assert read(harness, f"PRESENCE_STATE({name},message)") == "Meeting"
    assert read(harness, f"PRESENCE_STATE({name},message,e)") == "TWVldGluZw=="
    assert read(harness, f"PRESENCE_STATE({name},other)") == ""
    write(harness, f"PRESENCE_STATE({name})", "dnd,,TWVldGluZw==,e")
    assert read(harness, f"PRESENCE_STATE({name},message)") == "Meeting"
    assert harness.server.astdb.get("CustomPresence", "alice") == "dnd,,TWVldGluZw==,e"


async def test_states_survive_a_restart(harness: DialplanHarness) -> None:
    write(harness, "DEVICE_STATE(Custom:door)", "BUSY")
    write(harness, "PRESENCE_STATE(CustomPresence:alice)", "xa")
    modules = harness.server.modules
    for name in ("func_devstate", "func_presencestate"):
        await modules.unload(name)
    assert harness.server.devices.state("Custom:door").name == "INVALID"
    for name in ("func_devstate", "func_presencestate"):
        await modules.load(name)
    assert read(harness, "DEVICE_STATE(Custom:door)") == "BUSY"
    assert ("Custom:door", harness.server.devices.state("Custom:door")) in list(harness.server.devices.all())
    assert [name for name, _ in harness.server.presences.all()] == ["CustomPresence:alice"]


def test_the_console_lists_and_changes_states(harness: DialplanHarness) -> None:
    assert console(harness, "devstate change Custom:lamp INUSE") == "Changing lamp to INUSE\n"
    assert "--- Name: 'Custom:lamp'  State: 'INUSE'" in console(harness, "devstate list")
    assert "can only be used" in console(harness, "devstate change Fake/a INUSE")
    assert "Usage:" in console(harness, "devstate change Custom:lamp nothing")
    assert "No custom presence states defined" in console(harness, "presencestate list")
    assert console(harness, 'presencestate change CustomPresence:alice "away,up,eating"') == "Changing alice to away\n"
    listed = console(harness, "presencestate list")
    assert "--- Name: 'CustomPresence:alice'\n    --- State: 'away'\n    --- Subtype: 'up'" in listed
    assert "Usage:" in console(harness, "presencestate change CustomPresence:alice nothing")
    assert "can only be used" in console(harness, "presencestate change X:alice away")


def test_the_console_shows_hints(harness: DialplanHarness) -> None:
    console(harness, "devstate change Custom:door RINGING")
    shown = console(harness, "core show hints")
    assert "    -= Registered Asterisk Dial Plan Hints =-" in shown
    assert "- 3 hints registered" in shown
    line = "101@default                   : Custom:door" + " " * 49 + "  State:Ringing         Presence:"
    assert line in shown
    assert "Watchers  0" in shown
    assert console(harness, "core show hint 10").endswith("2 hints matching extension 10\n")
    assert console(harness, "core show hint 9") == "No hints matching extension 9\n"


def test_the_console_without_hints(plan: Plan) -> None:
    harness = plan(extensions("app.Answer()"))
    assert console(harness, "core show hints") == "There are no registered dialplan hints\n"
    assert console(harness, "core show hint 1") == "There are no registered dialplan hints\n"


async def test_a_reloaded_dialplan_changes_hints(harness: DialplanHarness) -> None:
    write(harness, "DEVICE_STATE(Custom:lamp)", "BUSY")
    harness.write("extensions.lua", extensions("app.Answer()") + 'hints = {default = {["101"] = "Custom:lamp"}}')
    await harness.server.modules.reload("pbx_lua")
    assert read(harness, "EXTENSION_STATE(101)") == "BUSY"
    assert read(harness, "EXTENSION_STATE(100)") == "UNKNOWN"
    assert [hint.state for hint in harness.server.hints] == [2]
