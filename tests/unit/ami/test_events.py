"""Events of calls and of the exchange: which, in which order, with which fields."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ami.manager import Manager
from ami.users import read_manager_conf
from pbx.asterisk_conf import TellTestEvents
from pbx.core import messages
from pbx.core.frames import Control
from pbx.core.party import Caller, party_id
from pbx.modules import ModuleDeclined
from pbx.pjsip.events import ContactState, ContactStatus, EndpointStateChanged
from pbx.pjsip.outbound_registration import RegistrationState, RegistryChanged
from pbx.test_events import check_wanted
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import MANAGER_CONF, AmiPair, Connect, first

CHANNEL = [
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
]
DEST = [f"Dest{name}" for name in CHANNEL]
BRIDGE = [
    "BridgeUniqueid",
    "BridgeType",
    "BridgeTechnology",
    "BridgeCreator",
    "BridgeName",
    "BridgeNumChannels",
    "BridgeVideoSourceMode",
]
TALK = """
extensions = { default = {
    ["1"] = function() app.Dial("Fake/callee") end,
    ["100"] = function() app.Answer() app.Wait(60) end,
    ["s"] = function() app.Wait(60) end,
} }
"""


async def a_call(harness: DialplanHarness) -> None:
    harness.write("extensions.lua", TALK)
    await harness.server.modules.reload("pbx_lua")
    call = harness.call("1")
    callee = harness.core.fake.drivers["callee"][-1]
    callee.say(Control.RINGING)
    callee.say(Control.ANSWER)
    callee.press("4")
    callee.say(Control.HOLD)
    callee.say(Control.UNHOLD)
    call.far.hang_up()
    harness.core.clock.advance(0)


async def test_a_call_of_two_from_beginning_to_end(admin: AmiPair, harness: DialplanHarness) -> None:
    await a_call(harness)
    events = admin.events()
    left_out = ("VarSet", "NewConnectedLine", "NewCallerid", "DeviceStateChange", "ExtensionStatus")
    order = [each["Event"] for each in events if each["Event"] not in left_out]
    assert order == [
        "Newchannel",
        "Newexten",
        "Newchannel",
        "Newexten",
        "DialBegin",
        "Newstate",
        "DialState",
        "Newstate",
        "Newexten",
        "DialEnd",
        "Newstate",
        "BridgeCreate",
        "BridgeEnter",
        "BridgeEnter",
        "DTMFBegin",
        "DTMFEnd",
        "DTMFBegin",
        "DTMFEnd",
        "Hold",
        "Unhold",
        "HangupRequest",
        "BridgeLeave",
        "BridgeLeave",
        "BridgeDestroy",
        "Hangup",
        "SoftHangupRequest",
        "Hangup",
    ]


async def test_fields_and_their_order(admin: AmiPair, harness: DialplanHarness) -> None:
    await a_call(harness)
    events = admin.events()
    preamble = ["Event", "Privilege"]
    expected = {
        "Newchannel": ("call,all", CHANNEL),
        "Newexten": ("dialplan,all", [*CHANNEL, "Extension", "Application", "AppData"]),
        "Newstate": ("call,all", CHANNEL),
        "VarSet": ("dialplan,all", [*CHANNEL, "Variable", "Value"]),
        "DialBegin": ("call,all", [*CHANNEL, *DEST, "DialString"]),
        "DialState": ("call,all", [*CHANNEL, *DEST, "DialStatus"]),
        "DialEnd": ("call,all", [*CHANNEL, *DEST, "DialStatus"]),
        "BridgeCreate": ("call,all", BRIDGE),
        "BridgeEnter": ("call,all", [*BRIDGE, *CHANNEL]),
        "BridgeLeave": ("call,all", [*BRIDGE, *CHANNEL]),
        "BridgeDestroy": ("call,all", BRIDGE),
        "DTMFBegin": ("dtmf,all", [*CHANNEL, "Digit", "Direction"]),
        "DTMFEnd": ("dtmf,all", [*CHANNEL, "Digit", "DurationMs", "Direction"]),
        "Hold": ("call,all", CHANNEL),
        "Unhold": ("call,all", CHANNEL),
        "HangupRequest": ("call,all", [*CHANNEL, "Cause"]),
        "Hangup": ("call,all", [*CHANNEL, "Cause", "Cause-txt"]),
    }
    for name, (privilege, fields) in expected.items():
        event = first(events, name)
        assert event.names == [*preamble, *fields], name
        assert event["Privilege"] == privilege
    assert (first(events, "Hangup")["Cause"], first(events, "Hangup")["Cause-txt"]) == ("16", "Normal Clearing")
    assert first(events, "DialEnd")["DialStatus"] == "ANSWER"
    assert first(events, "BridgeCreate")["BridgeName"] == "<unknown>"
    assert {each["Linkedid"] for each in events if "Linkedid" in each} == {first(events, "Newchannel")["Uniqueid"]}


def test_names_are_escaped(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = harness.core.fake.incoming("phone").channel
    admin.receive()
    channel.caller = Caller(id=party_id("5", 'O"Brien\r\nX: y'))
    channel.changed()
    channel.set_variable("A", "one\ntwo")
    channel.accountcode = "acc"
    channel.changed()
    caller, variable, account = admin.events()
    assert (caller["Event"], caller["CallerIDName"]) == ("NewCallerid", 'O\\"Brien\\r\\nX: y')
    assert caller["CID-CallingPres"] == "0 (Presentation Allowed, Not Screened)"
    assert variable["Value"] == "one\\ntwo"
    assert (account["Event"], account["OldAccountCode"], account["AccountCode"]) == ("NewAccountCode", "", "acc")


def test_rename_has_no_channel_group(admin: AmiPair, harness: DialplanHarness) -> None:
    channel = harness.core.fake.incoming("phone").channel
    admin.receive()
    channel.rename("Fake/other-1")
    event = first(admin.events(), "Rename")
    assert event.names == ["Event", "Privilege", "Channel", "Newname", "Uniqueid"]


def test_contacts_endpoints_and_the_exchange(admin: AmiPair, harness: DialplanHarness) -> None:
    bus = harness.server.bus
    bus.publish(ContactStatus("sip:a@192.0.2.1", ContactState.REACHABLE, "a", "alice", 0.0123))
    bus.publish(ContactStatus("sip:a@192.0.2.1", ContactState.CREATED, "a", "alice"))
    bus.publish(EndpointStateChanged("PJSIP", "alice", online=True))
    bus.publish(messages.DeviceStateChanged("PJSIP/alice", "INUSE"))
    bus.publish(messages.Reloaded("All"))
    bus.publish(messages.ShuttingDown(restart=False))
    contact, unmeasured, peer, device, reload, shutdown = admin.events()
    assert unmeasured["RoundtripUsec"] == "0"
    assert contact.headers[2:] == [
        ("URI", "sip:a@192.0.2.1"),
        ("ContactStatus", "Reachable"),
        ("AOR", "a"),
        ("EndpointName", "alice"),
        ("RoundtripUsec", "12300"),
    ]
    assert peer.headers[2:] == [("ChannelType", "PJSIP"), ("Peer", "PJSIP/alice"), ("PeerStatus", "Reachable")]
    assert device.headers[2:] == [("Device", "PJSIP/alice"), ("State", "INUSE")]
    assert reload.headers[2:] == [("Module", "All"), ("Status", "0")]
    assert shutdown.headers[2:] == [("Shutdown", "Cleanly"), ("Restart", "False")]


def test_registry(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.server.bus.publish(RegistryChanged("sip:a@h", "sip:h", RegistrationState.REGISTERED))
    (event,) = admin.events()
    assert event["Event"] == "Registry"
    assert event.headers[2:] == [
        ("ChannelType", "PJSIP"),
        ("Username", "sip:a@h"),
        ("Domain", "sip:h"),
        ("Status", "Registered"),
    ]


def test_settings_of_events(connect: Connect, harness: DialplanHarness, manager: Manager) -> None:
    text = "[general]\ntimestampevents = yes\nchannelvars = COLOUR,CALLERID(num)\ndisabledevents = VarSet\n"
    harness.write("manager.conf", MANAGER_CONF.replace("[general]\n", text))
    harness.server.config.forget()
    manager.configure(read_manager_conf(harness.server.config))
    pair = connect()
    pair.login()
    pair.receive()
    channel = harness.core.fake.incoming("phone").channel
    channel.set_variable("COLOUR", 'r"d')
    channel.caller = Caller(id=party_id("77"))
    channel.changed()
    channel.hangup()
    events = pair.events()
    assert "VarSet" not in [each["Event"] for each in events]
    assert events[0]["Timestamp"] == "1700000000.000000"
    assert events[0].get_all("ChanVariable") == ["COLOUR=", "CALLERID(num)="]
    for event in events[-2:]:
        assert event.get_all("ChanVariable") == ['COLOUR=r\\"d', "CALLERID(num)=77"], event


def test_each_event_is_encoded_once(connect: Connect, harness: DialplanHarness) -> None:
    pairs = [connect() for _ in range(3)]
    for pair in pairs:
        pair.login()
        pair.receive()
    harness.core.fake.incoming("phone")
    outs = [pair.live._out for pair in pairs]
    assert outs[0][0] is outs[1][0] is outs[2][0]


def test_who_comes_late_is_told_of_what_happens_then(connect: Connect, harness: DialplanHarness) -> None:
    channel = harness.call("100").channel
    pair = connect()
    pair.login()
    pair.receive()
    channel.accountcode = "new"
    channel.changed()
    assert [each["Event"] for each in pair.events()] == ["NewAccountCode"]


def test_what_test_suites_wait_for(admin: AmiPair, harness: DialplanHarness) -> None:
    admin.events()
    harness.core.bus.publish(messages.TestEvent("PLAYBACK", (("Control", "Pause"), ("Channel", "Fake/x\r\nEvil: 1"))))
    (event,) = admin.events()
    assert (event["Event"], event["Type"], event["State"], event["Control"]) == (
        "TestEvent",
        "StateChange",
        "PLAYBACK",
        "Pause",
    )
    assert "Evil" not in event


@pytest.mark.parametrize(
    ("test_events", "read", "told"),
    [("auto", "all", False), ("auto", "call, test", True), ("yes", "call", True), ("no", "test", False)],
)
def test_who_asks_for_test_events(tmp_path: Path, test_events: str, read: str, told: bool) -> None:
    files = {"manager.conf": f"[general]\nenabled = yes\n[suite]\nsecret = s\nread = {read}\n"}
    harness = DialplanHarness(tmp_path, files)
    harness.server.options = replace(harness.server.options, test_events=TellTestEvents(test_events))
    if told:
        check_wanted(harness.server)
    else:
        with pytest.raises(ModuleDeclined, match="asks for it"):
            check_wanted(harness.server)


def test_a_bridge_gets_another_video_source(admin: AmiPair, harness: DialplanHarness) -> None:
    bridge = harness.core.bridges.create(kind="mixing")
    one, two = (harness.core.fake.incoming(name).channel for name in ("one", "two"))
    for channel in (one, two):
        channel.owner = "stasis"
        bridge.enter(channel)
    admin.events()
    bridge.choose_video_source(one)
    bridge.choose_video_source(two)
    first_event, second = admin.events()
    assert (first_event["Event"], first_event["BridgeVideoSourceMode"]) == ("BridgeVideoSourceUpdate", "single")
    assert (first_event["BridgeVideoSource"], first_event["BridgePreviousVideoSource"]) == (one.uniqueid, "")
    assert (second["BridgeVideoSource"], second["BridgePreviousVideoSource"]) == (two.uniqueid, one.uniqueid)
