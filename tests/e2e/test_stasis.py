"""Real calls in the hands of an ARI application: it answers, plays, reads digits, records, bridges, originates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ari_application import AriApplication
from pbx.testing.audio import assert_heard, write_tone

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = {
  ["700"] = function()
    app.Stasis("hello", "menu", "7")
    app.Log("NOTICE", "after Stasis: " .. channel.STASISSTATUS:get())
    app.Wait(0.2)
  end,
  ["702"] = function() app.Answer() app.Wait(30) end,
  ["701"] = function() app.Answer() app.Log("NOTICE", "continued at 701") app.Wait(0.2) end,
} }
"""
FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\nbindport = 8088\n",
    "ari.conf": "[general]\nenabled = yes\n\n[tester]\ntype = user\npassword = sesame\n",
}


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


async def _application(live_server: Any, *apps: str) -> tuple[Any, AriApplication]:
    server = await live_server(extensions=LUA, files=FILES)
    client = await AriApplication.connect(
        _reactor(), server.host, user="tester", password="sesame", apps=apps or ("hello",)
    )
    return server, client


def _sound(server: Any, name: str, frequency: float, seconds: float) -> None:
    directory = server.path("astdatadir") / "sounds" / "en"
    directory.mkdir(parents=True, exist_ok=True)
    write_tone(directory / f"{name}.wav", frequency, seconds)


@pytest_twisted.ensureDeferred
async def test_a_menu(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server, ari = await _application(live_server)
    _sound(server, "low", 440, 1.0)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("700"))
    start = await ari.event("StasisStart")
    assert start["args"] == ["menu", "7"]
    assert start["channel"]["state"] == "Ring"
    channel = f"/channels/{start['channel']['id']}"
    await ari.post(f"{channel}/answer")
    await call.confirmed()
    await call.record(tmp_path / "heard.wav")
    await call.media_state("active")
    playback = await ari.post(f"{channel}/play", media="sound:low", playbackId="p1")
    assert (playback["id"], playback["state"]) == ("p1", "queued")
    assert (await ari.event("PlaybackStarted"))["playback"]["state"] == "playing"
    assert (await ari.event("PlaybackFinished"))["playback"]["state"] == "done"
    await phones.sleep(0.3)  # on its way to the phone
    await call.stop_recording()
    assert_heard(tmp_path / "heard.wav", 440, 0.9)
    await call.send_dtmf("5")
    assert (await ari.event("ChannelDtmfReceived"))["digit"] == "5"
    await ari.post(f"{channel}/variable", variable="COLOUR", value="red")
    assert (await ari.get(f"{channel}/variable", variable="COLOUR")) == {"value": "red"}
    assert (await ari.request("GET", f"{channel}/variable", variable="NONE"))[0] == 404
    recording = await ari.post(f"{channel}/record", name="said", format="wav", terminateOn="#")
    assert recording["state"] == "queued"
    await ari.event("RecordingStarted")
    await call.play(write_tone(tmp_path / "1000.wav", 1000, 1.2))
    await phones.sleep(1.7)
    await call.send_dtmf("#")
    finished = await ari.event("RecordingFinished")
    assert finished["recording"]["duration"] >= 1
    (tmp_path / "said.wav").write_bytes(await ari.get("/recordings/stored/said/file"))
    assert_heard(tmp_path / "said.wav", 1000, 1.3)
    await ari.delete(channel, reason="normal")
    await call.disconnected()
    end = await ari.event("StasisEnd")
    assert end["channel"]["id"] == start["channel"]["id"]
    types = ari.types()
    assert types.index("PlaybackStarted") < types.index("PlaybackFinished") < types.index("StasisEnd")
    assert types.count("ChannelHangupRequest") == 1
    assert (await ari.request("GET", channel))[0] == 404
    await ari.close()


@pytest_twisted.ensureDeferred
async def test_two_callers_hear_each_other_and_the_room(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server, ari = await _application(live_server)
    _sound(server, "room", 700, 1.0)
    alice, bob = await phones("alice", server), await phones("bob", server)
    calls, ids = [], []
    for phone in (alice, bob):
        call = await phone.call(server.sip_uri("700"))
        channel = (await ari.event("StasisStart"))["channel"]["id"]
        await ari.post(f"/channels/{channel}/answer")
        await call.confirmed()
        await call.media_state("active")
        calls.append(call)
        ids.append(channel)
    bridge = await ari.post("/bridges", type="mixing", name="room")
    assert (bridge["bridge_class"], bridge["bridge_type"], bridge["channels"]) == ("stasis", "mixing", [])
    path = f"/bridges/{bridge['id']}"
    await ari.post(f"{path}/addChannel", channel=",".join(ids))
    for _ in ids:
        await ari.event("ChannelEnteredBridge")
    assert (await ari.get(path))["channels"] == ids
    for name, call in zip(("alice", "bob"), calls, strict=True):
        await call.record(tmp_path / f"{name}.wav")
    await ari.post(f"{path}/record", name="all", format="wav")
    await ari.event("RecordingStarted")
    await calls[0].play(write_tone(tmp_path / "a.wav", 440, 1.0))
    await calls[1].play(write_tone(tmp_path / "b.wav", 1000, 1.0))
    await phones.sleep(1.6)
    await ari.post("/recordings/live/all/stop")
    await ari.event("RecordingFinished")
    for call in calls:
        await call.stop_playing()
    await ari.post(f"{path}/play", media="sound:room")
    await ari.event("PlaybackFinished")
    await phones.sleep(0.3)  # on its way to the phones
    for call in calls:
        await call.stop_recording()
    for name, other in (("alice", 1000), ("bob", 440)):
        assert_heard(tmp_path / f"{name}.wav", other, 1.2, among=[700])
        assert_heard(tmp_path / f"{name}.wav", 700, 0.9, among=[other])
    (tmp_path / "all.wav").write_bytes(await ari.get("/recordings/stored/all/file"))
    for frequency, other in ((440, 1000), (1000, 440)):
        assert_heard(tmp_path / "all.wav", frequency, 1.2, among=[other])
    await ari.post(f"{path}/removeChannel", channel=ids[0])
    await ari.event("ChannelLeftBridge")
    await ari.post(f"/channels/{ids[0]}/continue", context="default", extension="701")
    await server.wait_log("continued at 701")
    await calls[0].disconnected()
    await calls[1].hangup()
    await ari.event("StasisEnd", seconds=5)
    await ari.delete(path)
    assert await ari.get("/bridges") == []
    await ari.close()


@pytest_twisted.ensureDeferred
async def test_originate_and_the_order_of_events(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server, ari = await _application(live_server)
    _sound(server, "low", 440, 1.0)
    bob = await phones("bob", server)
    made = await ari.post(
        "/channels", endpoint="PJSIP/bob", app="hello", appArgs="x,y", channelId="my-call", callerId="Robot <99>"
    )
    assert (made["id"], made["state"]) == ("my-call", "Down")
    at_bob = await bob.incoming()
    assert "99" in at_bob.remote_uri
    assert (await ari.request("POST", "/channels", endpoint="PJSIP/bob", app="hello", channelId="my-call"))[0] == 409
    await at_bob.answer()
    start = await ari.event("StasisStart")
    assert start["args"] == ["x", "y"]
    await at_bob.record(tmp_path / "bob.wav")
    await at_bob.media_state("active")
    await ari.post("/channels/my-call/play", media="sound:low")
    await ari.event("PlaybackFinished")
    await phones.sleep(0.3)  # on its way to the phone
    await at_bob.stop_recording()
    assert_heard(tmp_path / "bob.wav", 440, 0.9)
    await at_bob.hangup()
    gone = await ari.event("ChannelDestroyed")
    assert gone["cause"] == 16
    types = ari.types()
    wanted = ["ChannelCreated", "Dial", "StasisStart", "PlaybackStarted", "PlaybackFinished", "StasisEnd"]
    places = [types.index(each) for each in (*wanted, "ChannelDestroyed")]
    assert places == sorted(places)
    await ari.close()


@pytest_twisted.ensureDeferred
async def test_create_then_dial_and_refusals(live_server: Any, phones: Any) -> None:
    server, ari = await _application(live_server)
    bob = await phones("bob", server)
    await ari.post("/channels/create", endpoint="PJSIP/bob", app="hello", channelId="later")
    await ari.event("StasisStart")
    assert (await ari.request("POST", "/channels/later/play", media="sound:x"))[0] == 412
    await ari.post("/channels/later/dial", timeout="10")
    at_bob = await bob.incoming()
    await at_bob.answer(486)
    gone = await ari.event("ChannelDestroyed")
    assert gone["cause"] == 17
    dials = [each["dialstatus"] for each in ari.seen if each["type"] == "Dial"]
    assert dials[0] == ""
    assert dials[-1] == "BUSY"
    for method, path, query, status in (
        ("POST", "/channels", {"endpoint": "PJSIP/bob"}, 400),
        ("POST", "/channels", {"endpoint": "nothing", "app": "hello"}, 400),
        ("POST", "/channels/none/answer", {}, 404),
        ("DELETE", "/channels/none", {}, 404),
        ("POST", "/bridges/none/addChannel", {"channel": "x"}, 404),
        ("POST", "/playbacks/none/control", {"operation": "pause"}, 404),
        ("GET", "/recordings/stored/none", {}, 404),
        ("GET", "/recordings/stored/..%2Fsecret", {}, 404),
    ):
        assert (await ari.request(method, path, **query))[0] == status, (method, path)
    await ari.close()


@pytest_twisted.ensureDeferred
async def test_without_an_application_the_call_goes_on(live_server: Any, phones: Any) -> None:
    server, ari = await _application(live_server, "another")
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("700"))
    await server.wait_log("after Stasis: FAILED")
    await call.disconnected()
    await ari.close()


@pytest_twisted.ensureDeferred
async def test_the_reply_precedes_the_events_of_what_it_created(live_server: Any) -> None:
    server, ari = await _application(live_server)
    _sound(server, "low", 440, 0.2)
    events = ari.events
    orders = {
        "channels?endpoint=Local/702@default/n&app=hello&channelId=one": "ChannelCreated",
        "channels/one/play?media=sound:low": "PlaybackStarted",
        "channels/one/record?name=r&format=wav": "RecordingStarted",
        "channels/create?endpoint=Local/702@default/n&app=hello&channelId=two": "StasisStart",
    }
    for uri, kind in orders.items():
        if uri.startswith("channels/one/play"):
            await ari.event("StasisStart")
        before = len(events.messages)
        reply = await events.rest("POST", uri)
        assert reply["status_code"] in {200, 201}, reply
        await ari.event(kind)
        types = [each["type"] for each in events.messages[before:]]
        assert types.index("RESTResponse") < types.index(kind), types
    for name in ("one", "two"):
        await ari.delete(f"/channels/{name}")
        await ari.event("StasisEnd")
    await ari.close()
