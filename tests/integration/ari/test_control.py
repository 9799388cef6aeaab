"""Control of calls over HTTP, on Local channels: one half is inside the application, the other runs a dialplan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ari import AriClient, AriEvents
from pbx.testing.server import LiveServer

Listen = Callable[..., Awaitable[AriEvents]]


@pytest_twisted.async_yield_fixture
async def events(listen: Listen, server: LiveServer) -> AsyncIterator[AriEvents]:
    yield await listen("control,second")
    await server.cli("channel request hangup all")
    await server.wait_no_channels()


async def inside(ari: AriClient, events: AriEvents, channel: str, exten: str = "100") -> Any:
    """A channel in the application, answered; its StasisStart."""
    reply = await ari.post(
        f"/channels/{channel}", endpoint=f"Local/{exten}@internal", app="control", appArgs="a,b", callerId="Ann <100>"
    )
    assert reply.status == 200, reply
    return await events.event("StasisStart", lambda event: event["channel"]["id"] == channel)


def about(channel: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: bool(event["channel"]["id"] == channel)


async def test_originate_with_id(ari: AriClient, events: AriEvents) -> None:
    start = await inside(ari, events, "c-1")
    assert start["args"] == ["a", "b"]
    assert start["application"] == "control"
    assert start["channel"]["state"] == "Up"
    assert (await ari.get("/channels/c-1")).json["id"] == "c-1"
    listed = [each["id"] for each in (await ari.get("/channels")).json]
    assert "c-1" in listed
    # Of a Local channel both halves.
    assert (await ari.get("/applications/control")).json["channel_ids"] == ["c-1", "c-1;2"]
    taken = await ari.post("/channels/c-1", endpoint="Local/100@internal", app="control")
    assert taken.status == 409
    assert (await ari.delete("/channels/c-1", reason="busy")).status == 204
    gone = await events.event("ChannelDestroyed", about("c-1"))
    assert (gone["cause"], gone["cause_txt"]) == (17, "User busy")
    assert [each["type"] for each in events.messages if each.get("channel", {}).get("id") == "c-1"][-1] in {
        "ChannelDestroyed",
        "StasisEnd",
    }


async def test_indications(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-2")
    for path in ("ring", "silence"):
        assert (await ari.post(f"/channels/c-2/{path}")).status == 204, path
        assert (await ari.delete(f"/channels/c-2/{path}")).status == 204, path
    assert (await ari.post("/channels/c-2/progress")).status == 204
    assert (await ari.post("/channels/c-2/answer")).status == 204
    for direction in ("both", "in", "out"):
        assert (await ari.post("/channels/c-2/mute", direction=direction)).status == 204
        assert (await ari.delete("/channels/c-2/mute", direction=direction)).status == 204
    assert (await ari.post("/channels/c-2/mute", direction="up")).status == 400
    assert (await ari.post("/channels/c-2/dtmf", dtmf="12#", between=50, duration=50)).status == 204
    assert (await ari.post("/channels/c-2/dtmf")).status == 400


@pytest.mark.parametrize("path", ["answer", "ring", "silence", "dtmf?dtmf=1", "mute", "continue"])
async def test_channels_that_are_not_there_or_not_inside(ari: AriClient, events: AriEvents, path: str) -> None:
    assert (await ari.post(f"/channels/none/{path}")).status == 404
    await ari.post("/channels/outside", endpoint="Local/100@internal", context="internal", extension="100", priority=1)
    reply = await ari.post(f"/channels/outside/{path}")
    assert reply.status == 409
    assert reply.message


async def test_variables(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-3")
    assert (await ari.post("/channels/c-3/variable", variable="SHAPE", value="round")).status == 204
    set_ = await events.event("ChannelVarset", lambda event: event["variable"] == "SHAPE")
    assert (set_["value"], set_["channel"]["id"]) == ("round", "c-3")
    assert (await ari.get("/channels/c-3/variable", variable="SHAPE")).json == {"value": "round"}
    assert (await ari.post("/channels/c-3/variables", document={"variables": {"A": "1", "B": "2"}})).status == 204
    both = await ari.get("/channels/c-3/variables", variables="A,B")
    assert both.json == {"variables": {"A": "1", "B": "2"}}
    assert (await ari.get("/channels/c-3/variable")).status == 400
    assert (await ari.get("/channels/none/variable", variable="A")).status == 404
    assert (await ari.get("/channels/c-3/variable", variable="CHANNEL(state)")).json["value"] == "Up"


async def test_move_and_continue(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-4")
    assert (await ari.post("/channels/c-4/move", app="second", appArgs="x,y")).status == 204
    moved = await events.event("StasisStart", lambda event: event["application"] == "second")
    assert moved["args"] == ["x", "y"]
    assert (await ari.post("/channels/c-4/continue", context="internal", extension="100")).status == 204
    await events.event("StasisEnd", lambda event: event["application"] == "second")
    assert (await ari.post("/channels/c-4/answer")).status == 409


async def test_playback(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-5")
    reply = await ari.post("/channels/c-5/play/p-1", media="sound:tt-monkeys,sound:hello-world")
    assert reply.status == 201
    assert reply.headers["location"] == "/ari/playbacks/p-1"
    assert reply.json["target_uri"] == "channel:c-5"
    assert (await ari.delete("/playbacks/p-1")).status in {204, 404}
    await events.event("PlaybackFinished", lambda event: event["playback"]["id"] == "p-1")
    assert (await ari.get("/playbacks/p-1")).status == 404
    long = await ari.post("/channels/c-5/play", media="sound:demo-congrats")
    playback = long.json["id"]
    await events.event("PlaybackStarted", lambda event: event["playback"]["id"] == playback)
    assert (await ari.get(f"/playbacks/{playback}")).json["state"] == "playing"
    for operation in ("pause", "unpause", "forward", "reverse", "restart"):
        assert (await ari.post(f"/playbacks/{playback}/control", operation=operation)).status == 204, operation
    assert (await ari.post(f"/playbacks/{playback}/control", operation="sing")).status == 400
    assert (await ari.delete(f"/playbacks/{playback}")).status == 204
    assert (await ari.post("/playbacks/none/control", operation="pause")).status == 404
    assert (await ari.post("/channels/c-5/play")).status == 400


async def test_recording(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-6")
    reply = await ari.post("/channels/c-6/record", name="memo", format="wav", ifExists="overwrite")
    assert reply.status == 201
    assert reply.headers["location"] == "/ari/recordings/live/memo"
    assert (await ari.get("/recordings/live/memo")).json["target_uri"] == "channel:c-6"
    assert (await ari.post("/recordings/live/memo/pause")).status == 204
    assert (await ari.delete("/recordings/live/memo/pause")).status == 204
    assert (await ari.post("/recordings/live/memo/mute")).status == 204
    assert (await ari.delete("/recordings/live/memo/mute")).status == 204
    assert (await ari.post("/recordings/live/none/mute")).status == 404
    assert (await ari.post("/recordings/live/memo/stop")).status == 204
    await events.event("RecordingFinished", lambda event: event["recording"]["name"] == "memo")
    assert {"name": "memo", "format": "wav"} in (await ari.get("/recordings/stored")).json
    assert (await ari.get("/recordings/stored/memo")).json == {"name": "memo", "format": "wav"}
    copied = await ari.post("/recordings/stored/memo/copy", destinationRecordingName="memo-2")
    assert copied.status in {200, 201}
    assert (await ari.get("/recordings/stored/memo-2/file")).body[:4] == b"RIFF"
    for name in ("memo", "memo-2"):
        assert (await ari.delete(f"/recordings/stored/{name}")).status == 204
    assert (await ari.get("/recordings/stored/memo")).status == 404
    again = await ari.post("/channels/c-6/record", name="discarded", format="wav", ifExists="overwrite")
    assert again.status == 201
    assert (await ari.delete("/recordings/live/discarded")).status == 204
    for name in ("..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd"):
        assert (await ari.get(f"/recordings/stored/{name}/file")).status in {400, 403, 404}


def connected(channel: str, number: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: about(channel)(event) and bool(event["channel"]["connected"]["number"] == number)


def dialled(channel: str, status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: (event["peer"]["id"], event["dialstatus"]) == (channel, status)


async def test_who_is_bridged_is_told_who_the_other_is(ari: AriClient, events: AriEvents) -> None:
    for number in ("71", "72", "73"):
        fields = {"endpoint": "Local/100@internal", "app": "control", "callerId": number, "channelId": f"i-{number}"}
        assert (await ari.post("/channels", **fields)).status == 200
        await events.event("StasisStart", about(f"i-{number}"))
        begun, answered = [await events.event("Dial", dialled(f"i-{number}", status)) for status in ("", "ANSWER")]
        assert (begun["dialstring"], answered["dialstring"]) == ("100@internal", "100@internal")
        named = await events.event("ChannelCallerId", about(f"i-{number}"))
        assert named["caller_presentation_txt"] == "Presentation Allowed, Not Screened"
    await ari.post("/bridges/intro", type="mixing")
    await ari.post("/bridges/intro/addChannel", channel="i-71")
    await ari.post("/bridges/intro/addChannel", channel="i-72")
    for number, other in (("71", "72"), ("72", "71")):
        await events.event("ChannelConnectedLine", connected(f"i-{number}", other))
        shown = await ari.get(f"/channels/i-{number}/variable", variable="BRIDGEPEER")
        assert shown.json["value"] == (await ari.get(f"/channels/i-{other}")).json["name"]
    await ari.post("/bridges/intro/removeChannel", channel="i-72")
    await ari.post("/bridges/intro/addChannel", channel="i-73", inhibitConnectedLineUpdates="true")
    assert (await ari.get("/channels/i-71")).json["connected"]["number"] == "72"
    assert (await ari.get("/channels/i-73")).json["connected"]["number"] == "73"
    for number in ("71", "72", "73"):
        await ari.delete(f"/channels/i-{number}")
    await ari.delete("/bridges/intro")


async def test_bridges(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "c-7")
    await inside(ari, events, "c-8")
    made = await ari.post("/bridges/room", type="mixing", name="Room")
    assert made.status == 200
    assert (made.json["id"], made.json["name"], made.json["bridge_type"]) == ("room", "Room", "mixing")
    assert (await ari.post("/bridges/room/addChannel", channel="c-7,c-8")).status == 204
    for channel in ("c-7", "c-8"):
        entered = await events.event("ChannelEnteredBridge", about(channel))
        assert entered["bridge"]["id"] == "room"
    assert sorted((await ari.get("/bridges/room")).json["channels"]) == ["c-7", "c-8"]
    assert "room" in [each["id"] for each in (await ari.get("/bridges")).json]
    for path, wrong in (("play", {"announcer_format": "x"}), ("play/p-3", {"announcer_format": "x"})):
        refused = await ari.post(f"/bridges/room/{path}", media="sound:beep", **wrong)
        assert (refused.status, refused.json["message"]) == (
            422,
            "specified announcer_format is unknown on this system",
        )
    refused = await ari.post("/bridges/room/record", name="both", format="wav", recorder_format="x")
    assert (refused.status, refused.json["message"]) == (422, "specified recorder_format is unknown on this system")
    played = await ari.post("/bridges/room/play/p-2", media="sound:beep", announcer_format="slin16")
    assert played.status == 201
    assert played.json["target_uri"] == "bridge:room"
    await events.event("PlaybackFinished", lambda event: event["playback"]["id"] == "p-2")
    recorded = await ari.post(
        "/bridges/room/record", name="both", format="gsm", ifExists="overwrite", recorder_format="slin"
    )
    assert recorded.status == 201
    assert (await ari.post("/recordings/live/both/stop")).status == 204
    assert (await ari.post("/bridges/room/removeChannel", channel="c-7")).status == 204
    await events.event("ChannelLeftBridge", about("c-7"))
    assert (await ari.post("/bridges/none/addChannel", channel="c-7")).status == 404
    assert (await ari.post("/bridges/room/addChannel", channel="none")).status == 400
    assert (await ari.delete("/bridges/room")).status == 204
    await events.event("BridgeDestroyed")
    assert (await ari.get("/bridges/room")).status == 404


async def test_a_bridge_of_no_type_is_refused(ari: AriClient) -> None:
    for types in ("mixing,holding", "proxy_media"):
        refused = await ari.post("/bridges/impossible", type=types)
        assert (refused.status, "Unable to create bridge" in refused.json["message"]) == (400, True)
    assert (await ari.get("/bridges/impossible")).status == 404


async def test_video_sources_of_a_bridge(ari: AriClient, events: AriEvents) -> None:
    await inside(ari, events, "v-1")
    await inside(ari, events, "v-2")
    assert (await ari.post("/bridges/screen", type="mixing,video_single")).json["video_mode"] == "single"
    await ari.post("/applications/control/subscription", eventSource="bridge:screen")
    await ari.post("/bridges/screen/addChannel", channel="v-1,v-2")
    assert (await ari.post("/bridges/screen/videoSource/v-1")).status == 204
    first = await events.event("BridgeVideoSourceChanged")
    assert (first["bridge"]["video_mode"], first["bridge"]["video_source_id"]) == ("single", "v-1")
    assert "old_video_source_id" not in first
    assert (await ari.post("/bridges/screen/videoSource/v-2")).status == 204
    second = await events.event("BridgeVideoSourceChanged", lambda event: "old_video_source_id" in event)
    assert (second["bridge"]["video_source_id"], second["old_video_source_id"]) == ("v-2", "v-1")
    await ari.post("/bridges/screen/removeChannel", channel="v-2")
    await events.event("BridgeVideoSourceChanged", lambda event: "video_source_id" not in event["bridge"])
    assert (await ari.post("/bridges/screen/videoSource/v-2")).status == 422
    assert (await ari.post("/bridges/screen/videoSource/none")).status == 404
    assert (await ari.delete("/bridges/screen/videoSource")).status == 204
    assert (await ari.get("/bridges/screen")).json["video_mode"] == "talker"
    assert (await ari.delete("/bridges/none/videoSource")).status == 404
    assert (await ari.delete("/bridges/screen")).status == 204


async def test_create_and_dial(ari: AriClient, events: AriEvents) -> None:
    made = await ari.post("/channels/create", endpoint="Local/100@internal", app="control", channelId="c-9")
    assert made.status == 200
    assert made.json["state"] == "Down"
    await events.event("StasisStart", about("c-9"))
    assert (await ari.post("/channels/c-9/dial", timeout=5)).status == 204
    await events.event("Dial", lambda event: event["dialstatus"] == "ANSWER")
    for path in ("/channels/create", "/channels"):
        answer = await ari.post(path, endpoint="Nothing/100", app="control")
        assert answer.status == 400
        assert "Nothing" in answer.json["message"]
    assert (await ari.post("/channels", endpoint="Local/100@internal")).status == 400
