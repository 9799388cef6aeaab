"""A real SIP call under the eyes and hands of a manager client."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ami import AmiClient

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = {
  bob = function() app.Dial("PJSIP/bob", 20) end,
  wait = function() app.Answer() app.Wait(30) end,
} }
"""
MANAGER_CONF = """
[general]
enabled = yes
bindaddr = @host@

[admin]
secret = sesame
read = all
write = all
"""


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


async def _watched(live_server: Any) -> tuple[Any, AmiClient]:
    server = await live_server(extensions=LUA, files={"manager.conf": MANAGER_CONF})
    client = await AmiClient.connect(_reactor(), server.host)
    assert (await client.login("admin", "sesame"))["Response"] == "Success"
    return server, client


@pytest_twisted.ensureDeferred
async def test_a_call_between_phones_is_seen_and_its_headers_read(live_server: Any, phones: Any) -> None:
    server, client = await _watched(live_server)
    alice, bob = await phones("alice", server), await phones("bob", server)
    assert (await client.event("ContactStatus", EndpointName="alice"))["AOR"] == "alice"
    call = await alice.call(server.sip_uri("bob"), headers=[("X-Colour", "red")])
    at_bob = await bob.incoming()
    await at_bob.ring()
    caller = (await client.event("DialBegin"))["Channel"]
    assert caller.startswith("PJSIP/alice-")
    for function in ("PJSIP_HEADER(read,X-Colour)", "SIP_HEADER(X-Colour)"):
        assert (await client.action("Getvar", Channel=caller, Variable=function))["Value"] == "red", function
    await at_bob.answer()
    await call.confirmed()
    await client.event("BridgeEnter", Channel=caller)
    assert (await client.event("DialEnd"))["DialStatus"] == "ANSWER"
    assert len(await client.list("CoreShowChannels")) == 2
    reply = await client.action("Redirect", Channel=caller, Context="default", Exten="wait", Priority="1")
    assert reply["Message"] == "Redirect successful"
    await at_bob.disconnected()
    assert (await client.action("Hangup", Channel=caller))["Message"] == "Channel Hungup"
    await call.disconnected()
    await client.event("Hangup", Channel=caller)
    await client.close()


@pytest_twisted.ensureDeferred
async def test_an_originated_call_carries_a_header_and_a_name(live_server: Any, phones: Any) -> None:
    server, client = await _watched(live_server)
    bob = await phones("bob", server)
    header = ("Variable", "PJSIP_HEADER(add,X-Campaign)=7")
    fields = {"Channel": "PJSIP/bob", "Context": "default", "Exten": "wait", "Priority": "1", "Async": "true"}
    await client.action("Originate", header, CallerID='"Robot" <99>', ActionID="o", **fields)
    at_bob = await bob.incoming()
    assert ("X-Campaign", "7") in at_bob.message.headers
    assert "Robot" in at_bob.remote_uri or "99" in at_bob.remote_uri
    await at_bob.answer()
    response = await client.event("OriginateResponse", ActionID="o")
    assert (response["Response"], response["Reason"]) == ("Success", "4")
    await client.action("Hangup", Channel=response["Channel"])
    await at_bob.disconnected()
    await client.close()


@pytest_twisted.ensureDeferred
async def test_a_call_is_told_step_by_step_as_asterisk_tells_it(live_server: Any, phones: Any) -> None:
    server, client = await _watched(live_server)
    alice, bob = await phones("alice", server), await phones("bob", server)
    call = await alice.call(server.sip_uri("bob"))
    at_bob = await bob.incoming()
    await at_bob.ring()
    await call.ringing()
    await at_bob.answer()
    await call.confirmed()
    answered = await client.event("DialEnd")
    caller, called = answered["Channel"], answered["DestChannel"]
    await client.event("VarSet", Channel=called, Variable="BRIDGEPVTCALLID")
    assert (await client.action("CoreStatus"))["CoreCurrentCalls"] == "2"
    endpoints = await client.list("PJSIPShowEndpoints")
    assert {each["ObjectName"]: each["ActiveChannels"] for each in endpoints}.items() >= {("alice", "1"), ("bob", "1")}
    await call.hangup()
    await at_bob.disconnected()
    ends = [await client.event("Hangup", Channel=name) for name in (caller, called)]
    for event in (*ends, await client.event("HangupRequest", Channel=caller)):
        # A normal end has no code that would explain it.
        assert event["Cause"] == "16"
        assert "TechCause" not in event
    set_on = {
        name: [e for e in client.events if e["Event"] == "VarSet" and e["Channel"] == name] for name in (caller, called)
    }
    values = {name: {event["Variable"]: event["Value"] for event in events} for name, events in set_on.items()}
    assert values[caller]["SIPDOMAIN"] == server.host
    assert values[called]["BRIDGEPEER"] == caller
    assert values[caller]["BRIDGEPVTCALLID"] == dict(at_bob.message.headers)["Call-ID"]
    assert [event["Variable"] for event in set_on[caller]][-5:] == [
        "ANSWEREDTIME",
        "ANSWEREDTIME_MS",
        "DIALEDTIME",
        "DIALEDTIME_MS",
        "DIALSTATUS",
    ]
    of_called = [e["Event"] for e in client.events if e.get("Channel") == called and e["Event"] != "VarSet"]
    assert of_called[:3] == ["Newchannel", "Newexten", "NewConnectedLine"]
    await client.close()


@pytest_twisted.ensureDeferred
async def test_a_refused_call_tells_the_code_of_its_end(live_server: Any, phones: Any) -> None:
    server, client = await _watched(live_server)
    alice, bob = await phones("alice", server), await phones("bob", server)
    call = await alice.call(server.sip_uri("bob"))
    await (await bob.incoming()).answer(486)
    await call.disconnected()
    refused = await client.event("Hangup", ChannelState="0")
    assert (refused["Cause"], refused["TechCause"]) == ("17", "486")
    caller = await client.event("Hangup", ChannelState="7")
    assert (caller["Cause"], caller["TechCause"]) == ("17", "486")
    await client.close()


@pytest_twisted.ensureDeferred
async def test_a_number_alone_leaves_the_name_of_who_is_called(live_server: Any, phones: Any) -> None:
    server, client = await _watched(live_server)
    bob = await phones("bob", server)
    await client.action("Originate", Channel="PJSIP/bob", Application="Wait", Data="5", CallerID="99", Async="true")
    at_bob = await bob.incoming()
    begun = await client.event("DialBegin")
    assert begun["DestCallerIDNum"] == "99"
    assert begun["DestCallerIDName"] == "bob"
    await at_bob.answer(480)
    await client.event("Hangup")
    await client.close()
