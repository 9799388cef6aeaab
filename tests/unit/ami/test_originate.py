"""Originate: what it answers, the events it makes, and what it may not do."""

from __future__ import annotations

import pytest

from ami.manager import Manager
from ami.users import read_manager_conf
from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanHarness
from tests.unit.ami.conftest import AmiPair, Connect, first

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
