"""Channels of plain RTP, snooping on them, and what the statistics say; heard by far ends of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_twisted

from pbx.testing.ari import AriClient, AriEvents
from pbx.testing.rtp import RtpPeer, loudest, throughout, tone
from pbx.testing.server import LiveServer

Listen = Callable[..., Awaitable[AriEvents]]


@pytest_twisted.async_yield_fixture
async def events(listen: Listen, server: LiveServer) -> AsyncIterator[AriEvents]:
    yield await listen("media")
    await server.cli("channel request hangup all")
    await server.wait_no_channels()


class Outside:
    """An RTP far end and the channel that leads to it."""

    def __init__(self, ari: AriClient, peer: RtpPeer, channel: dict[str, Any]) -> None:
        self.ari = ari
        self.peer = peer
        self.id = channel["id"]
        self.shown = channel
        self.ssrc = 0

    async def say(self, hertz: float, seconds: float = 0.6) -> None:
        await self.peer.send_samples(tone(hertz, seconds))
        # Or the server ends a connection that asks for nothing.
        await self.ari.get("/asterisk/ping")

    def hears(self, hertz: float, seconds: float = 0.5) -> float:
        """The amplitude kept up for so long; with 0 seconds the greatest of any moment."""
        samples = self.peer.heard()
        self.ssrc = self.peer.packets[-1].ssrc
        self.peer.packets.clear()
        return throughout(samples, hertz, seconds) if seconds else loudest(samples, hertz)


async def outside(ari: AriClient, events: AriEvents, server: LiveServer, channel: str, **body: object) -> Outside:
    from twisted.internet import reactor

    peer = RtpPeer()
    peer.start(reactor, server.host)
    reply = await ari.post(
        "/channels/externalMedia",
        document={
            "channelId": channel,
            "app": "media",
            "external_host": f"{server.host}:{peer.port}",
            "format": "ulaw",
            "data": "x,y",
            **body,
        },
    )
    assert reply.status == 200, reply
    start = await events.event("StasisStart", lambda event: event["channel"]["id"] == channel)
    assert start["args"] == ["x", "y"]
    variables = reply.json["channelvars"]
    peer.aim(variables["UNICASTRTP_LOCAL_ADDRESS"], int(variables["UNICASTRTP_LOCAL_PORT"]))
    return Outside(ari, peer, reply.json)


async def test_external_media_carries_sound_both_ways(ari: AriClient, events: AriEvents, server: LiveServer) -> None:
    one = await outside(ari, events, server, "out-1", variables={"CALLERID(name)": "Far", "COLOUR": "green"})
    two = await outside(ari, events, server, "out-2")
    assert one.shown["caller"]["name"] == "Far"
    assert one.shown["channelvars"]["COLOUR"] == "green"
    await ari.post("/bridges/room")
    assert (await ari.post("/bridges/room/addChannel", channel="out-1,out-2")).status == 204
    await two.say(300, 0.2)
    two.peer.packets.clear()
    await one.say(440)
    assert two.hears(440) > 4000
    one.peer.packets.clear()
    await two.say(620)
    assert one.hears(620) > 4000
    counted = (await ari.get("/channels/out-1/rtp_statistics")).json
    assert counted["channel_uniqueid"] == "out-1"
    assert counted["rxcount"] >= 25
    assert counted["txcount"] > 0
    assert counted["remote_ssrc"] == one.peer.ssrc
    assert counted["local_ssrc"] == one.ssrc
    await ari.delete("/bridges/room")
    for each in (one, two):
        await ari.delete(f"/channels/{each.id}")
        await each.peer.stop()


async def test_snooping_hears_and_whispers(ari: AriClient, events: AriEvents, server: LiveServer) -> None:
    one = await outside(ari, events, server, "talk-1")
    two = await outside(ari, events, server, "talk-2")
    agent = await outside(ari, events, server, "agent")
    await ari.post("/bridges/call")
    await ari.post("/bridges/call/addChannel", channel="talk-1,talk-2")
    spy = await ari.post(
        "/channels/talk-1/snoop", spy="both", whisper="out", app="media", appArgs="x,y", snoopId="spy-1"
    )
    assert spy.status == 200, spy
    assert spy.json["name"].startswith("Snoop/talk-1-")
    await events.event("StasisStart", lambda event: event["channel"]["id"] == "spy-1")
    await ari.post("/bridges/listen")
    await ari.post("/bridges/listen/addChannel", channel="spy-1,agent")
    for each in (one, two, agent):
        await each.say(300, 0.1)
        each.peer.packets.clear()
    await one.say(440)
    assert agent.hears(440) > 3000
    await two.say(620)
    assert agent.hears(620) > 3000
    one.peer.packets.clear()
    two.peer.packets.clear()
    await agent.say(850)
    assert one.hears(850) > 3000
    assert two.hears(850, 0) < 300
    taken = await ari.post("/channels/talk-1/snoop/spy-1", spy="in", app="media")
    assert taken.status == 409
    assert (await ari.post("/channels/talk-1/snoop", app="media")).status == 400
    assert (await ari.post("/channels/none/snoop", spy="in", app="media")).status == 404
    await ari.delete("/channels/talk-1")
    await events.event("StasisEnd", lambda event: event["channel"]["id"] == "spy-1")
    for room in ("call", "listen"):
        await ari.delete(f"/bridges/{room}")
    for each in (one, two, agent):
        await each.peer.stop()


async def test_external_media_that_cannot_be(ari: AriClient, events: AriEvents) -> None:
    async def status(**parameters: object) -> int:
        asked = {"app": "media", "external_host": "127.0.0.1:9", "format": "ulaw", **parameters}
        reply = await ari.post("/channels/externalMedia", **asked)
        return int(reply.status)

    assert await status(format="nothing") == 400
    assert await status(format="g729") == 500
    assert await status(external_host="nowhere") == 500
    assert await status(external_host="") == 400
    assert await status(app="") == 400
    assert await status(encapsulation="smoke") == 400
    assert await status(encapsulation="audiosocket", transport="tcp") == 501
    assert (await ari.get("/channels/nothing/rtp_statistics")).status == 404


async def test_redirecting_is_for_channels_of_the_same_kind(ari: AriClient, events: AriEvents) -> None:
    await ari.post("/channels/local", endpoint="Local/100@internal", app="media")
    await events.event("StasisStart", lambda event: event["channel"]["id"] == "local")
    assert (await ari.post("/channels/local/redirect")).status == 400
    assert (await ari.post("/channels/local/redirect", endpoint="PJSIP/alice")).status == 422
    assert (await ari.post("/channels/local/redirect", endpoint="Local")).status == 422
    assert (await ari.post("/channels/local/redirect", endpoint="Local/")).status == 422
    assert (await ari.post("/channels/local/redirect", endpoint="Local/200@internal")).status == 500
    assert (await ari.post("/channels/none/redirect", endpoint="PJSIP/alice")).status == 404
    # Asterisk looks no further than an empty segment: this asks to originate.
    assert (await ari.post("/channels//redirect", endpoint="PJSIP/alice")).status == 400
    assert (await ari.get("/channels/local/rtp_statistics")).status == 404


async def test_variables_that_events_show(ari: AriClient, events: AriEvents) -> None:
    shown = {"STATE": {"value": "new", "report_events": True}}
    made = await ari.post(
        "/channels/create", endpoint="Local/100@internal", app="media", channelId="v-1", document={"variables": shown}
    )
    assert made.json["channelvars"] == {"COLOUR": "", "STATE": "new"}
    await events.event("StasisStart", lambda event: event["channel"]["id"] == "v-1")
    two = {"A ": "1", " B": {"value": "2", "report_events": True}}
    assert (await ari.post("/channels/v-1/variables", document={"variables": two})).status == 204
    assert (await ari.post("/channels/v-1/variable", variable="C", value="3", report_events="true")).status == 204
    assert (await ari.get("/channels/v-1/variables", variables=" A, B ,C")).json["variables"] == {
        "A": "1",
        "B": "2",
        "C": "3",
    }
    bridge = await ari.post("/bridges/vars", document={"variables": {**shown, "HIDDEN": "x"}})
    assert bridge.json["bridgevars"] == {"STATE": "new"}
    assert (await ari.post("/bridges/vars/variables", document={"variables": two})).status == 204
    assert (await ari.post("/bridges/vars/variable", variable="C", value="3")).status == 204
    assert (await ari.get("/bridges/vars/variable", variable="C")).json == {"value": "3"}
    assert (await ari.get("/bridges/vars/variable", variable="NONE")).status == 404
    assert (await ari.get("/bridges/vars/variables", variables="A,B,HIDDEN")).json["variables"]["HIDDEN"] == "x"
    await ari.post("/bridges/vars/addChannel", channel="v-1")
    entered = await events.event("ChannelEnteredBridge")
    assert entered["bridge"]["bridgevars"] == {"STATE": "new", "B": "2"}
    await ari.delete("/channels/v-1")
    left = await events.event("StasisEnd", lambda event: event["channel"]["id"] == "v-1")
    assert left["channel"]["channelvars"] == {"COLOUR": "", "STATE": "new", "B": "2", "C": "3"}
    await ari.delete("/bridges/vars")
