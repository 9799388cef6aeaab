"""The manager of a live exchange, over TCP: calls, bad input, floods, slow clients."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ami.codec import encode_message
from pbx.testing.ami import AmiClient
from pbx.testing.server import LiveServer
from tests.integration.ami.conftest import Connect


@pytest.fixture
def reactor() -> Any:
    from twisted.internet import reactor

    return reactor


async def test_a_client_sees_and_steers_a_call(connect: Connect) -> None:
    client = await connect()
    await client.event("FullyBooted")
    fields = {"Channel": "Local/100@internal", "Application": "Wait", "Data": "20", "Async": "true"}
    reply = await client.action("Originate", ActionID="call", **fields)
    assert reply["Message"] == "Originate successfully queued"
    response = await client.event("OriginateResponse", ActionID="call")
    assert response["Response"] == "Success"
    shown = await client.list("CoreShowChannels")
    assert {each["Linkedid"] for each in shown} == {response["Uniqueid"]}
    assert len(shown) == 2
    await client.action("Setvar", Channel=response["Channel"], Variable="COLOUR", Value="red")
    assert (await client.action("Getvar", Channel=response["Channel"], Variable="COLOUR"))["Value"] == "red"
    await client.action("Hangup", Channel=response["Channel"])
    await client.event("Hangup", Uniqueid=response["Uniqueid"])
    await client.until(lambda: client.event_names().count("Hangup") >= 2)


async def test_commands_and_settings(connect: Connect) -> None:
    client = await connect()
    settings = await client.action("CoreSettings")
    assert settings["AsteriskVersion"].startswith("22.")
    assert (settings["CoreCDRenabled"], settings["CoreHTTPenabled"]) == ("Yes", "No")
    reply = await client.action("Command", Command="core show version")
    assert reply["Output"].startswith("Asterisk 22.")
    connected = await client.action("Command", Command="manager show connected")
    assert any("admin" in line for line in connected.get_all("Output"))
    user = await client.action("Command", Command="manager show user admin")
    assert not any("sesame" in line for line in user.get_all("Output"))
    for command in ("commands", "command Originate", "users", "settings", "events", "eventq"):
        assert (await client.action("Command", Command=f"manager show {command}"))["Response"] == "Success", command


async def test_what_cannot_be_reloaded_is_said_to_be_so(connect: Connect) -> None:
    client = await connect()
    reply = await client.action("Reload", Module="func_uuid.so")
    assert (reply["Response"], reply["Message"]) == ("Error", "Module does not support reload")
    reply = await client.action("ModuleLoad", Module="func_uuid.so", LoadType="reload")
    assert (reply["Response"], reply["Message"]) == ("Error", "Module does not support reload action.")


async def test_objects_of_pjsip(connect: Connect) -> None:
    client = await connect()
    endpoints = await client.list("PJSIPShowEndpoints")
    assert {each["ObjectName"] for each in endpoints} >= {"alice", "bob"}
    assert {each["ActiveChannels"] for each in endpoints} == {"0"}
    detail, *others = await client.list("PJSIPShowEndpoint", Endpoint="alice")
    assert (detail["Event"], detail["ObjectName"], detail["Context"]) == ("EndpointDetail", "alice", "default")
    assert {each["Event"] for each in others} >= {"AorDetail", "AuthDetail"}
    (auth,) = [each for each in others if each["Event"] == "AuthDetail"]
    assert auth["Password"] == ""
    assert len(await client.list("PJSIPShowAors")) >= 2
    assert len(await client.list("PJSIPShowAuths")) >= 2
    assert (await client.action("PJSIPShowContacts"))["Message"] == "No Contacts found"
    missing = await client.action("PJSIPShowEndpoint", Endpoint="nobody")
    assert missing["Message"] == "Unable to retrieve endpoint nobody"
    assert len(await client.list("DeviceStateList")) >= 2
    await client.action("Setvar", Variable="PRESENCE_STATE(CustomPresence:ann)", Value="xa")
    (presence,) = await client.list("PresenceStateList")
    assert (presence["Presentity"], presence["Status"]) == ("CustomPresence:ann", "xa")
    await client.list("PJSIPShowRegistrationsInbound")
    assert await client.list("PJSIPShowRegistrationInboundContactStatuses") == []
    assert (await client.action("PJSIPHangup", Channel="PJSIP/nobody-1"))["Message"] == "No such channel"


async def test_logs_are_rotated(connect: Connect, server: LiveServer) -> None:
    client = await connect()
    assert (await client.action("LoggerRotate"))["Response"] == "Success"
    assert (server.path("astlogdir") / "full.txt.0").exists()


async def test_reload(connect: Connect, server: LiveServer) -> None:
    client = await connect()
    assert (await client.action("Reload", Module="manager"))["Response"] == "Success"
    await client.event("Reload", Module="manager", Status="0")
    assert (await client.action("Reload", Module="logger.so"))["Response"] == "Success"
    await client.event("Reload", Module="logger.so", Status="0")
    path = server.etc / "manager.conf"
    text = path.read_text()
    path.write_text(text + "\n[late]\nsecret = sesame-late\nread = everything\n")
    try:
        reply = await client.action("Reload", Module="manager")
        assert reply["Response"] == "Error"
        assert "everything" in reply["Message"]
        path.write_text(text + "\n[late]\nsecret = sesame-late\nread = call\n")
        assert (await client.action("Reload", Module="manager"))["Response"] == "Success"
        await connect("late")
    finally:
        path.write_text(text)


async def test_a_reader_reads_only(connect: Connect) -> None:
    client = await connect("reader")
    for action in ("Originate", "Hangup", "Command", "Setvar", "Reload", "UpdateConfig", "Filter"):
        assert (await client.action(action, Channel="x"))["Message"] == "Permission denied"


async def test_bad_input_is_answered_and_nothing_is_lost(connect: Connect) -> None:
    client = await connect()
    client.send_raw(b"Action: Ping\r\nActionID: long\r\nX: " + b"y" * 2048 + b"\r\n\r\n")
    client.send_raw(b"Action: Ping\r\nActionID: many\r\n" + b"X: y\r\n" * 200 + b"\r\n")
    client.send_raw(b"Action: Ping\r\nActionID: nul\r\nX: a\0b\r\n\r\n")
    client.send_raw(b"Action: Nonsense\r\nActionID: unknown\r\n\r\n")
    client.send_raw(b"ActionID: none\r\n\r\n")
    client.send_raw(b"Action: Getvar\r\nActionID: double\r\nVariable: EPOCH\r\nVariable: X\r\n\r\n")
    client.send_raw(b"Action: Setvar\r\nActionID: cr\r\nVariable: A\r\nValue: x\rEvent: Fake\r\n\r\n")
    client.send_raw(b"\xff\xfe\x00garbage\r\n\r\nAction: Pi")
    client.send_raw(b"ng\r\nActionID: last\r\n\r\n")
    assert (await client.reply("last"))["Response"] == "Success"
    for action_id in ("long", "many", "nul", "unknown", "none"):
        assert (await client.reply(action_id))["Response"] == "Error", action_id
    assert (await client.reply("double"))["Value"].isdecimal()
    assert (await client.event("VarSet", Variable="A"))["Value"] == "x\\rEvent: Fake"
    assert "Fake" not in client.event_names()


async def let_in(server: LiveServer, reactor: Any, wanted: bool) -> None:
    """Until the next client is greeted, or closed without a word."""
    for _ in range(100):
        client = await AmiClient.connect(reactor, server.host)
        greeted = client.greeting != ""
        await client.close()
        if greeted is wanted:
            return
        await server.sleep(0.05)
    raise AssertionError("the next client is let in" if greeted else "the next client is refused")


async def test_half_open_and_silent_connections(connect: Connect, server: LiveServer, reactor: Any) -> None:
    sockets = [socket.create_connection((server.host, 5038)) for _ in range(30)]
    try:
        await let_in(server, reactor, False)
        sockets[0].close()
        sockets[1].shutdown(socket.SHUT_WR)
        await let_in(server, reactor, True)
        await connect()
        await server.sleep(2.2)
        client = await connect()
        assert (await client.action("Ping"))["Ping"] == "Pong"
    finally:
        for each in sockets:
            each.close()


async def test_a_flood_of_wrong_logins(connect: Connect, server: LiveServer) -> None:
    known = await connect()
    clients = []
    for number in range(15):
        client = await connect(login=False)
        client.send_raw(
            encode_message([("Action", "Login"), ("Username", f"u{number}"), ("Secret", "sesame-wrong")]) * 5
        )
        clients.append(client)
    assert (await known.action("Ping"))["Ping"] == "Pong"
    for client in clients:
        await client.wait_closed()
        assert [each["Message"] for each in client.messages] == ["Authentication failed"]


async def test_a_client_that_never_reads_delays_nobody_and_is_cut_off(
    connect: Connect, server: LiveServer, reactor: Any
) -> None:
    slow = socket.create_connection((server.host, 5038))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = await connect()
    try:
        slow.sendall(encode_message([("Action", "Login"), ("Username", "slow"), ("Secret", "sesame-slow")]))
        await client.event("SuccessfulAuth", AccountID="slow")
        value = "x" * 900
        for _ in range(40):
            for _ in range(100):
                client.send("UserEvent", UserEvent="Noise", Text=value)
            began = reactor.seconds()
            await client.action("Ping")
            assert reactor.seconds() - began < 2
            client.messages.clear()
            if "was cut off" in server.log_text():
                break
        await server.wait_log("manager client 'slow' from .* was cut off", 5)
        assert (await client.action("Ping"))["Ping"] == "Pong"
    finally:
        slow.close()


@pytest.mark.parametrize("clients", [30])
async def test_many_clients_hear_the_same(connect: Connect, clients: int) -> None:
    crowd = [await connect("reader") for _ in range(clients)]
    client = await connect()
    for number in range(20):
        client.send("UserEvent", UserEvent="Tick", Number=str(number))
    for each in crowd:
        await each.event("UserEvent", Number="19")
        ticks = [event["Number"] for event in each.events if event["Event"] == "UserEvent"]
        assert ticks == [str(number) for number in range(20)]
