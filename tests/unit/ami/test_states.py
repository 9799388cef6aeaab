"""What a manager client hears of devices, extensions and presence."""

from __future__ import annotations

from pbx.core import messages
from pbx.testing.ami import AmiMessage
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair

HINTS = """
extensions = { default = { ["100"] = function() app.Answer() app.Wait(60) end } }
hints = { default = {
  ["100"] = "Fake/phone,CustomPresence:ann",
  ["_2XX"] = "Custom:room${EXTEN}",
} }
"""


async def prepare(harness: DialplanHarness) -> None:
    harness.write("extensions.lua", HINTS)
    await harness.server.modules.reload("pbx_lua")


def fields(event: AmiMessage) -> list[tuple[str, str]]:
    return [header for header in event.headers if header[0] != "Privilege"]


async def test_states_of_a_device_and_its_extension(admin: AmiPair, harness: DialplanHarness) -> None:
    await prepare(harness)
    admin.events()
    harness.call("100")
    harness.core.clock.advance(0)
    found = [each for each in admin.events() if each["Event"] in ("DeviceStateChange", "ExtensionStatus")]
    assert sorted(fields(each) for each in found) == [
        [("Event", "DeviceStateChange"), ("Device", "Fake/phone"), ("State", "INUSE")],
        [
            ("Event", "ExtensionStatus"),
            ("Exten", "100"),
            ("Context", "default"),
            ("Hint", "Fake/phone,CustomPresence:ann"),
            ("Status", "1"),
            ("StatusText", "InUse"),
        ],
    ]


async def test_presence(admin: AmiPair, harness: DialplanHarness) -> None:
    await prepare(harness)
    admin.events()
    reply = admin.reply("PresenceState", Provider="CustomPresence:ann")
    assert (reply["Message"], reply["State"]) == ("Presence State", "not_set")
    harness.engine.write_function(None, "PRESENCE_STATE(CustomPresence:ann)", "away,lunch,back at 2")
    events = {each["Event"]: fields(each)[1:] for each in admin.events()}
    assert events["PresenceStateChange"] == [
        ("Presentity", "CustomPresence:ann"),
        ("Status", "away"),
        ("Subtype", "lunch"),
        ("Message", "back at 2"),
    ]
    assert events["PresenceStatus"] == [
        ("Exten", "100"),
        ("Context", "default"),
        ("Hint", "Fake/phone,CustomPresence:ann"),
        ("Status", "away"),
        ("Subtype", "lunch"),
        ("Message", "back at 2"),
    ]
    reply = admin.reply("PresenceState", Provider="CustomPresence:ann")
    assert (reply["State"], reply["Subtype"], reply["PresenceMessage"]) == ("away", "lunch", "back at 2")
    assert admin.reply("PresenceState")["Message"] == "No provider specified"
    wrong = admin.reply("PresenceState", Provider="x")
    assert wrong["Message"] == "Invalid provider x or provider in invalid state"


async def test_lists(admin: AmiPair, harness: DialplanHarness) -> None:
    await prepare(harness)
    harness.engine.write_function(None, "DEVICE_STATE(Custom:lamp)", "BUSY")
    harness.engine.write_function(None, "PRESENCE_STATE(CustomPresence:ann)", "xa")
    admin.events()
    _start, extension, end = admin.ask("ExtensionStateList", ActionID="7")
    assert (extension["Event"], extension["ActionID"], extension["Exten"]) == ("ExtensionStatus", "7", "100")
    assert (end["Event"], end["ListItems"]) == ("ExtensionStateListComplete", "1")
    assert admin.reply("ExtensionState", Exten="207")["Hint"] == "Custom:room207"
    admin.events()
    assert len(admin.ask("ExtensionStateList")) == 4


async def test_a_name_cannot_forge_lines(admin: AmiPair, harness: DialplanHarness) -> None:
    await prepare(harness)
    admin.events()
    harness.core.bus.publish(messages.DeviceStateChanged("Custom:x\r\nEvil: 1", "INUSE"))
    (event,) = admin.events()
    assert "Evil" not in event


async def test_dangerous_functions_are_the_dialplans_alone(admin: AmiPair, harness: DialplanHarness) -> None:
    refused = admin.reply("Getvar", Variable="FILE(/etc/hostname)")  # as in Asterisk: read as nothing
    assert refused["Value"] == ""
    assert admin.reply("Setvar", Variable="FILE(/nowhere/x)", Value="1")["Response"] == "Error"
    harness.engine.live_dangerously = True
    assert admin.reply("Getvar", Variable="STAT(d,/)")["Value"] == "1"
