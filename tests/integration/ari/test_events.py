"""Event sockets on a live exchange: registration, subscriptions, filters, replacement, REST over them, slow readers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from pbx.testing.ari import AriClient, AriEvents, segment
from pbx.testing.server import LiveServer

Connect = Callable[..., Awaitable[AriClient]]
Listen = Callable[..., Awaitable[AriEvents]]


async def originate(ari: AriClient, **more: object) -> Any:
    return await ari.post("/channels", endpoint="Local/100@internal", extension="100", context="internal", **more)


def _of(channel: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: bool(event["channel"]["id"] == channel)


async def hang_up_all(ari: AriClient, server: LiveServer) -> None:
    await server.cli("channel request hangup all")
    await server.wait_no_channels()


async def test_handshake(listen: Listen, ari: AriClient) -> None:
    plain = await listen("one, two,one")
    assert "sec-websocket-protocol" not in plain.handshake.headers
    asked = await listen("three", protocols="chat, ari", api_key=True)
    assert asked.handshake.headers["sec-websocket-protocol"] == "ari"
    for version in ("7", "8"):
        await listen("three", headers={"Sec-WebSocket-Version": version})
    names = [each["name"] for each in (await ari.get("/applications")).json]
    assert names == ["one", "three", "two"]
    assert (await ari.get("/applications/one")).json == {
        "name": "one",
        "channel_ids": [],
        "bridge_ids": [],
        "endpoint_ids": [],
        "device_names": [],
        "events_allowed": [],
        "events_disallowed": [],
    }


async def test_a_read_only_user_may_listen(listen: Listen) -> None:
    socket = await listen("watching", user="reader", subscribe_all=True)
    assert (await socket.rest("GET", "channels"))["status_code"] == 200
    refused = await socket.rest("POST", "asterisk/variable?variable=A&value=b")
    assert refused["status_code"] == 403


async def test_events_of_devices(listen: Listen, ari: AriClient) -> None:
    socket = await listen("devices")
    lamp = segment("Stasis:lamp")
    await ari.put(f"/deviceStates/{lamp}", deviceState="BUSY")
    held = await ari.post("/applications/devices/subscription", eventSource="deviceState:Stasis:lamp")
    assert held.json["device_names"] == ["Stasis:lamp"]
    await ari.put(f"/deviceStates/{lamp}", deviceState="INUSE")
    event = await socket.event("DeviceStateChanged")
    assert event["device_state"] == {"name": "Stasis:lamp", "state": "INUSE"}
    assert event["application"] == "devices"
    assert list(event)[:2] == ["type", "timestamp"]
    assert len(socket.messages) == 1
    gone = await ari.delete("/applications/devices/subscription", eventSource="deviceState:Stasis:lamp")
    assert gone.json["device_names"] == []
    # As in Asterisk, a device that is not there can be taken away.
    for _ in range(2):
        assert (await ari.delete(f"/deviceStates/{lamp}")).status == 204
    assert (await socket.rest("GET", "asterisk/ping"))["status_code"] == 200
    assert socket.types() == ["DeviceStateChanged", "RESTResponse"]


async def test_subscriptions_that_cannot_be(listen: Listen, ari: AriClient) -> None:
    await listen("subs")
    path = "/applications/subs/subscription"
    assert (await ari.post("/applications/nobody/subscription", eventSource="channel:")).status == 404
    assert (await ari.post(path)).status == 400
    assert (await ari.post(path, eventSource="weather:tomorrow")).status == 400
    assert (await ari.post(path, eventSource="channel:none")).status == 422
    assert (await ari.post(path, eventSource="endpoint:PJSIP/carol")).status == 422
    assert (await ari.delete(path, eventSource="bridge:none")).status == 422
    both = await ari.post(path, eventSource="endpoint:PJSIP/alice,deviceState:Stasis:x")
    assert both.json["endpoint_ids"] == ["PJSIP/alice"]


async def test_a_call_seen_by_one_who_sees_all(listen: Listen, ari: AriClient, server: LiveServer) -> None:
    socket = await listen("all", subscribe_all=True)
    reply = await originate(ari, channelId="seen-1", otherChannelId="seen-2", callerId='"Ann" <1000>')
    assert reply.status == 200, reply
    assert reply.json["id"] == "seen-1"
    created = await socket.event("ChannelCreated", lambda event: event["channel"]["id"] == "seen-1")
    assert set(created["channel"]) >= {
        "id", "name", "state", "caller", "connected", "accountcode", "dialplan", "creationtime", "language",
        "protocol_id", "channelvars",
    }  # fmt: skip
    await socket.event("ChannelStateChange", lambda event: event["channel"]["state"] == "Up")
    await socket.event("ChannelDialplan", lambda event: event["dialplan_app"] == "Answer")
    await hang_up_all(ari, server)
    gone = await socket.event("ChannelDestroyed", lambda event: event["channel"]["id"] == "seen-1")
    assert isinstance(gone["cause"], int)
    assert gone["cause_txt"]
    for event in socket.messages:
        assert event["application"] == "all"
        assert event["asterisk_id"]


async def test_channelvars(listen: Listen, ari: AriClient, server: LiveServer) -> None:
    socket = await listen("vars", subscribe_all=True)
    await originate(ari, channelId="vars-1", document={"variables": {"COLOUR": "red"}})
    event = await socket.event("ChannelStateChange", lambda event: event["channel"]["id"] == "vars-1")
    assert event["channel"]["channelvars"] == {"COLOUR": "red"}
    await hang_up_all(ari, server)
    gone = await socket.event("ChannelDestroyed", lambda event: event["channel"]["id"] == "vars-1")
    assert gone["channel"]["channelvars"] == {"COLOUR": "red"}


async def test_the_reply_comes_before_the_events(listen: Listen, server: LiveServer) -> None:
    """On one socket the order can be seen: the RESTResponse is in front of every event of the channel."""
    socket = await listen("order", subscribe_all=True)
    for number in range(5):
        channel = f"order-{number}"
        query = f"endpoint=Local/100@internal&extension=100&context=internal&channelId={channel}"
        reply = await socket.rest("POST", f"channels?{query}")
        assert reply["status_code"] == 200
        await socket.event("ChannelCreated", _of(channel))
        first = next(
            index for index, each in enumerate(socket.messages) if each.get("channel", {}).get("id") == channel
        )
        assert socket.messages.index(reply) < first
    await server.cli("channel request hangup all")
    await server.wait_no_channels()


async def test_filters(listen: Listen, ari: AriClient) -> None:
    socket = await listen("filtered", subscribe_all=True)
    path, lamp = "/applications/filtered/eventFilter", "/deviceStates/" + segment("Stasis:lamp")
    reply = await ari.put(path, document={"disallowed": [{"type": "DeviceStateChanged"}]})
    assert reply.json["events_disallowed"] == [{"type": "DeviceStateChanged"}]
    await ari.put(lamp, deviceState="RINGING")
    assert (await ari.put(path, document={})).json["events_disallowed"] == []
    await ari.put(lamp, deviceState="ONHOLD")
    event = await socket.event("DeviceStateChanged")
    assert event["device_state"]["state"] == "ONHOLD"
    await ari.put(path, document={"allowed": [{"type": "StasisStart"}]})
    await ari.delete(lamp)
    assert (await socket.rest("GET", "asterisk/ping"))["status_code"] == 200
    assert socket.types() == ["DeviceStateChanged", "RESTResponse"]
    wrong: tuple[dict[str, Any], ...] = (
        {"allowed": {}},
        {"allowed": [{"kind": 1}]},
        {"other": []},
        {"disallowed": ["StasisStart"]},
    )
    for document in wrong:
        assert (await ari.put(path, document=document)).status == 400
    assert (await ari.put("/applications/nobody/eventFilter", document={})).status == 404


async def test_the_last_socket_has_the_application(listen: Listen, ari: AriClient) -> None:
    first = await listen("mine,other")
    second = await listen("mine")
    event = await first.event("ApplicationReplaced")
    assert event["application"] == "mine"
    await ari.post("/events/user/Hi", application="mine")
    await ari.post("/events/user/Hi", application="other")
    assert (await second.event("ChannelUserevent"))["application"] == "mine"
    assert (await first.event("ChannelUserevent"))["application"] == "other"
    await second.close()
    assert (await ari.get("/applications/mine")).status == 404
    assert (await ari.get("/applications/other")).status == 200


async def test_user_events(listen: Listen, ari: AriClient, server: LiveServer) -> None:
    socket = await listen("users")
    await originate(ari, channelId="user-1")
    reply = await ari.post(
        "/events/user/Ping?application=users&source=channel:user-1,endpoint:PJSIP/alice",
        document={"variables": {"colour": "red"}},
    )
    assert reply.status == 204
    event = await socket.event("ChannelUserevent")
    assert event["eventname"] == "Ping"
    assert event["userevent"] == {"eventname": "Ping", "colour": "red"}
    assert event["channel"]["id"] == "user-1"
    assert event["endpoint"]["resource"] == "alice"
    for query, status in [
        ("application=nobody", 404),
        ("", 400),
        ("application=users&source=channel:none", 422),
        ("application=users&source=weather:none", 400),
    ]:
        assert (await ari.post(f"/events/user/Ping?{query}")).status == status
    assert (await ari.post("/events/user/P?application=users", document={"variables": [1]})).status == 400
    await ari.post("/applications/users/subscription", eventSource="channel:")
    await ari.post("/channels", endpoint="Local/102@internal", extension="100", context="internal")
    seen = await socket.event("ChannelUserevent")
    assert seen["userevent"] == {"eventname": "Seen", "colour": "red"}
    await hang_up_all(ari, server)


async def test_rest_over_the_socket(listen: Listen) -> None:
    socket = await listen("rest,second")
    ping = await socket.rest("GET", "asterisk/ping", transaction_id="t-1")
    assert (ping["status_code"], ping["reason_phrase"], ping["transaction_id"]) == (200, "OK", "t-1")
    assert (ping["application"], ping["uri"], ping["content_type"]) == ("rest", "asterisk/ping", "application/json")
    assert json.loads(ping["message_body"])["ping"] == "pong"
    done = await socket.rest(
        "POST",
        "asterisk/variable?variable=SOCKET",
        query_strings=[{"name": "value", "value": "query"}],
        content_type="application/json",
        message_body='{"value":"body"}',
    )
    assert done["status_code"] == 204
    assert "message_body" not in done
    assert done["uri"] == "asterisk/variable"
    read = await socket.rest("GET", "asterisk/variable", query_strings=[{"name": "variable", "value": "SOCKET"}])
    assert json.loads(read["message_body"]) == {"value": "body"}
    assert (await socket.rest("GET", "nothing"))["status_code"] == 404
    assert (await socket.rest("PATCH", "channels"))["status_code"] == 405
    assert (await socket.rest("GET", "events?app=x"))["status_code"] == 400
    assert (await socket.rest("GET", "api-docs/resources.json"))["status_code"] == 200
    assert (await socket.rest("POST", "asterisk/variable", message_body="{}"))["status_code"] == 400
    assert (await socket.rest("GET", "channels", query_strings={"a": "b"}))["status_code"] == 400


async def test_messages_that_are_no_requests(listen: Listen) -> None:
    socket = await listen("bad")
    for text in (
        "nonsense",
        "[]",
        "{}",
        '{"type":"RESTRequest"}',
        '{"type":"RESTRequest","method":1,"uri":"x"}',
        "[" * 9999,
    ):
        socket.send(text)
        answer = await socket.event("RESTResponse")
        assert answer["status_code"] == 400
    assert (await socket.rest("GET", "asterisk/ping"))["status_code"] == 200


async def test_pings_and_fragments(listen: Listen) -> None:
    socket = await listen("frames")
    socket.send_frame(b"\x89\x84\0\0\0\0ping")
    text = b'{"type":"RESTRequest","method":"GET","uri":"asterisk/ping","request_id":"f"}'
    socket.send_frame(b"\x01\x8a\0\0\0\0" + text[:10])
    socket.send_frame(b"\x80" + bytes((0x80 | len(text) - 10,)) + b"\0\0\0\0" + text[10:])
    assert (await socket.event("RESTResponse"))["request_id"] == "f"


async def test_a_slow_reader_is_cut_off_and_delays_nobody(listen: Listen, ari: AriClient, server: LiveServer) -> None:
    slow, quick = await listen("slow"), await listen("quick")
    transport: Any = slow.connection.transport
    transport.pauseProducing()
    document = {"variables": {f"filler{n}": "x" * 1000 for n in range(38)}}
    for _ in range(400):
        reply = await ari.post("/events/user/Fill?application=slow", document=document)
        if reply.status == 404:  # it was cut off since the last request: its application is gone with it
            break
        assert reply.status == 204
    await ari.post("/events/user/Fill?application=quick", document=document)
    assert (await quick.event("ChannelUserevent"))["userevent"]["filler1"] == "x" * 1000
    await server.wait_log(
        r"ARI client 'ari' \(slow\) from .* was cut off: it (read nothing for 1 s|left \d+ bytes unread)"
    )
    transport.resumeProducing()
    await slow.wait_closed()


async def test_the_console_shows_applications(listen: Listen, server: LiveServer) -> None:
    await listen("shown", subscribe_all=False)
    assert "shown" in await server.cli("ari show apps")
    assert "Connected: Yes" in await server.cli("ari show app shown")
    assert "shown" in await server.cli("ari show sockets")
    assert "enabled" in await server.cli("ari set debug shown on")
    assert "Debug: Yes" in await server.cli("ari show app shown")
