"""Events of calls and of the exchange: which, in which order, with which fields; and Originate, which makes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ami.manager import Manager
from ami.users import read_manager_conf
from pbx.asterisk_conf import TellTestEvents
from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.core.party import Caller, party_id
from pbx.modules import ModuleDeclined
from pbx.pjsip.events import ContactState, ContactStatus, EndpointStateChanged
from pbx.pjsip.outbound_registration import RegistrationState, RegistryChanged
from pbx.test_events import check_wanted
from pbx.testing.ami import AmiMessage
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import MANAGER_CONF, AmiPair, Connect

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


def first(events: list[AmiMessage], name: str) -> AmiMessage:
    return next(each for each in events if each["Event"] == name)


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


# Originate


def test_an_asynchronous_origination(admin: AmiPair, harness: DialplanHarness) -> None:
    fields = {"Channel": "Local/100@default", "Application": "Wait", "Data": "9", "Async": "true", "ActionID": "o"}
    reply, *events = admin.ask("Originate", CallerID='"Ann" <5>', Account="acc", **fields)
    harness.core.clock.advance(0)
    events += admin.events()
    assert reply.headers == [
        ("Response", "Success"),
        ("ActionID", "o"),
        ("Message", "Originate successfully queued"),
    ]
    names = [each["Event"] for each in events]
    assert names[:2] == ["Newchannel", "Newchannel"]
    # Answer and Wait of one Lua function share a position, so only the first is told, as by pbx_lua.
    assert names.count("Newexten") == 2
    response = first(events, "OriginateResponse")
    assert response.names == [
        "Event",
        "Privilege",
        "ActionID",
        "Response",
        "Channel",
        "Application",
        "Data",
        "Reason",
        "Uniqueid",
        "CallerIDNum",
        "CallerIDName",
    ]
    assert (response["ActionID"], response["Response"], response["Reason"]) == ("o", "Success", "4")
    assert (response["CallerIDNum"], response["CallerIDName"]) == ("5", "Ann")
    one = harness.server.channels.find(response["Channel"])
    assert one is not None
    assert (one.caller.id.number, one.accountcode, one.application) == ("5", "acc", "Wait")


@pytest.mark.parametrize(("kind", "reason"), [(Control.BUSY, "5"), (Control.CONGESTION, "8"), (Control.HANGUP, "0")])
def test_a_failed_origination_says_why(admin: AmiPair, harness: DialplanHarness, kind: Control, reason: str) -> None:
    fields = {"Channel": "Fake/phone", "Context": "default", "Exten": "100", "Priority": "1", "Async": "yes"}
    assert admin.reply("Originate", ActionID="1", **fields)["Response"] == "Success"
    far = harness.core.fake.drivers["phone"][-1]
    if kind is Control.HANGUP:
        far.hang_up(Cause.UNALLOCATED)
    else:
        far.say(kind)
    response = first(admin.events(), "OriginateResponse")
    assert (response["Response"], response["Channel"], response["Exten"]) == ("Failure", "Fake/phone", "100")
    assert (response["Reason"], response["Uniqueid"]) == (reason, "<unknown>")


def test_a_refused_destination(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.core.fake.refused["gone"] = Cause.SUBSCRIBER_ABSENT
    fields = {"Channel": "Fake/gone", "Application": "Wait"}
    assert admin.reply("Originate", **fields)["Message"] == "Originate failed"
    reply, event = admin.ask("Originate", Async="1", **fields)
    assert (reply["Response"], event["Event"], event["Response"]) == ("Success", "OriginateResponse", "Failure")
    assert event["Reason"] == "0"


def test_a_waited_for_origination_answers_before_its_events(admin: AmiPair, harness: DialplanHarness) -> None:
    fields = {"Channel": "Fake/phone", "Context": "default", "Exten": "100", "Priority": "1"}
    assert admin.ask("Originate", ActionID="1", **fields) == []
    other = harness.core.fake.incoming("other").channel
    assert [each["Channel"] for each in admin.events()] == [other.name]
    assert admin.reply("Ping")["Ping"] == "Pong"
    harness.core.fake.drivers["phone"][-1].say(Control.ANSWER)
    reply, *events = admin.receive()
    assert (reply["ActionID"], reply["Message"]) == ("1", "Originate successfully queued")
    names = [each["Event"] for each in events]
    assert names[:4] == ["Newchannel", "Newexten", "DialBegin", "Newstate"]
    assert "OriginateResponse" not in names


def test_a_waited_for_origination_that_nobody_answers(admin: AmiPair, harness: DialplanHarness) -> None:
    fields = {"Channel": "Fake/phone", "Application": "Wait", "Data": "1", "Timeout": "3000"}
    assert admin.ask("Originate", **fields) == []
    harness.core.clock.advance(3)
    reply, *events = admin.receive()
    assert reply["Message"] == "Originate failed"
    assert [each["Event"] for each in events][-2:] == ["Hangup", "DeviceStateChange"]


def test_variables_and_ids(connect: Connect, harness: DialplanHarness) -> None:
    pair = connect()
    pair.login("caller", "x3")
    data = b"Action: Originate\r\nChannel: Fake/phone\r\nApplication: Wait\r\nData: 1\r\nAsync: 1\r\n"
    data += b'Variable: A=1,B="x,y"\r\nVariable: C=z\r\nChannelId: my-id\r\n\r\n'
    pair.send(data)
    channel = harness.server.channels.find("my-id")
    assert channel is not None
    assert dict(channel.variables) == {"CAMPAIGN": "7", "A": "1", "B": "x,y", "C": "z"}
    fields = {"Channel": "Local/100@default", "Application": "Wait", "ChannelId": "one", "OtherChannelId": "two"}
    pair.reply("Originate", Async="1", Data="9", **fields)
    assert harness.server.channels.find_id("two") is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Channel not specified"),
        ({"Channel": "nonsense"}, "Invalid channel"),
        ({"Channel": "Fake/a"}, "Originate with 'Exten' requires 'Context' and 'Priority'"),
        ({"Channel": "Fake/a", "Exten": "100"}, "Originate with 'Exten' requires 'Context' and 'Priority'"),
        (
            {"Channel": "Fake/a", "Exten": "9", "Context": "default", "Priority": "1"},
            "Extension does not exist.",
        ),
        ({"Channel": "Fake/a", "Exten": "9", "Context": "default", "Priority": "x"}, "Invalid priority"),
        ({"Channel": "Fake/a", "Application": "Wait", "Timeout": "soon"}, "Invalid timeout"),
        (
            {"Channel": "Fake/a", "Application": "Wait", "ChannelId": "x" * 150},
            "Uniqueid length exceeds maximum of 149",
        ),
        ({"Channel": "Fake/a", "Application": "Nothing"}, "Originate failed"),
        ({"Channel": "Nowhere/a", "Application": "Wait"}, "Originate failed"),
    ],
)
def test_wrong_originations(admin: AmiPair, fields: dict[str, str], message: str) -> None:
    assert admin.reply("Originate", **fields)["Message"] == message


@pytest.mark.parametrize(
    ("application", "data"),
    [
        ("System", "id"),
        ("TrySystem", "id"),
        ("AGI", "x"),
        ("ExecIf", "1?Wait:1"),
        ("Originate", "Fake/x,app,Wait"),
        ("MixMonitor", "x"),
        ("Wait", "${SHELL(id)}"),
        ("Wait", "${CURL(http://x)}"),
        ("Set", "DB(a/b)=1"),
        ("Wait", "${LEN(${EVAL(x)})}"),
        ("Queue", "q,,,,,agi"),
    ],
)
def test_dangerous_applications_need_system(connect: Connect, application: str, data: str) -> None:
    pair = connect()
    pair.login("caller", "x3")
    reply = pair.reply("Originate", Channel="Fake/a", Application=application, Data=data)
    assert reply["Message"] == "Originate Access Forbidden: app or data blacklisted"


def test_rights_are_asked_for_again_when_the_application_runs(
    connect: Connect, harness: DialplanHarness, manager: Manager
) -> None:
    pair = connect()
    pair.login()
    fields = {"Channel": "Fake/a", "Application": "Wait", "Data": "9${EVAL(0)}", "Async": "1", "ChannelId": "later"}
    assert pair.reply("Originate", **fields)["Response"] == "Success"
    # While it rings, the user loses the right to run it.
    harness.write("manager.conf", "[general]\nenabled = yes\n[admin]\nsecret = x1\nread = all\nwrite = originate\n")
    harness.server.config.forget()
    config = read_manager_conf(harness.server.config)
    assert config is not None
    manager.configure(config)
    channel = harness.server.channels.find_id("later")
    assert channel is not None
    harness.core.fake.drivers["a"][-1].say(Control.ANSWER)
    assert not channel.alive
    assert any("Wait is not run" in line for line in harness.log)


def test_functions_among_the_variables_are_written_if_allowed(connect: Connect, harness: DialplanHarness) -> None:
    pair = connect()
    pair.login("caller", "x3")
    fields = {"Channel": "Fake/a", "Application": "Wait", "Data": "9", "Async": "1", "ChannelId": "with-function"}
    assert pair.reply("Originate", Variable="CALLERID(name)=Ann", **fields)["Response"] == "Success"
    channel = harness.server.channels.find_id("with-function")
    assert channel is not None
    assert channel.caller.id.name == "Ann"
    for variable in ("DB(a/b)=1", "SHELL(id)=1", "A=${EVAL(x)}"):
        reply = pair.reply("Originate", **{**fields, "ChannelId": "never"}, Variable=variable)
        assert reply["Message"] == "Originate Access Forbidden: app or data blacklisted", variable
    assert harness.server.channels.find_id("never") is None


def test_no_calls_while_stopping(admin: AmiPair, harness: DialplanHarness) -> None:
    harness.server.stopping = "gracefully"
    reply = admin.reply("Originate", Channel="Fake/a", Application="Wait")
    assert reply["Message"] == "Asterisk is shutting down"


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
