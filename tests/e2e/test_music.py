"""Music on hold and tones, as a phone hears them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ari_application import AriApplication
from pbx.testing.audio import assert_heard, assert_silent, read_wav, write_tone

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = { ["700"] = function() app.Answer() app.Stasis("hello") end } }
"""
FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\nbindport = 8088\n",
    "ari.conf": "[general]\nenabled = yes\n\n[tester]\ntype = user\npassword = sesame\n",
    "musiconhold.conf": "[default]\nmode = files\ndirectory = moh\n",
}


@pytest_twisted.ensureDeferred
async def test_a_phone_hears_music_tones_and_nothing_when_told_to(
    live_server: Any, phones: Any, tmp_path: Path
) -> None:
    from twisted.internet import reactor

    server = await live_server(extensions=LUA, files=FILES)
    directory = server.path("astdatadir") / "moh"
    directory.mkdir(parents=True, exist_ok=True)
    # Shorter than what is listened to: it begins anew without a gap that is heard.
    write_tone(directory / "tune.wav", 620, 0.5)
    await server.cli("module reload res_musiconhold")
    ari = await AriApplication.connect(reactor, server.host, user="tester", password="sesame", apps=("hello",))
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("700"))
    channel = f"/channels/{(await ari.event('StasisStart'))['channel']['id']}"
    await call.confirmed()
    await call.media_state("active")

    async def hear(name: str, hertz: float, seconds: float) -> None:
        await call.record(tmp_path / name)
        await server.sleep(seconds + 0.8)
        await call.stop_recording()
        assert_heard(tmp_path / name, hertz, seconds)

    async def hear_nothing() -> None:
        # What has been sent before may still be on its way.
        for _ in range(10):
            await call.record(tmp_path / "silence.wav")
            await server.sleep(0.5)
            await call.stop_recording()
            if read_wav(tmp_path / "silence.wav").silence_ratio() == 1.0:
                return
        assert_silent(tmp_path / "silence.wav", 1.0)

    await ari.post(f"{channel}/moh")
    await hear("music.wav", 620, 1.2)
    await ari.delete(f"{channel}/moh")
    await ari.post(f"{channel}/hold")
    await hear("hold.wav", 620, 0.8)
    await ari.delete(f"{channel}/hold")
    await hear_nothing()
    await ari.post("/bridges", bridgeId="room")
    await ari.post("/bridges/room/addChannel", channel=channel.rpartition("/")[2])
    await ari.post("/bridges/room/moh")
    await hear("bridge.wav", 620, 0.8)
    await ari.delete("/bridges/room/moh")
    assert (await ari.request("DELETE", "/bridges/room/moh"))[0] == 409
    await hear_nothing()
    await ari.post("/bridges/room/play", media="tone:425", playbackId="tone")
    await hear("tone.wav", 425, 0.8)
    await ari.delete("/playbacks/tone")
    await ari.event("PlaybackFinished")
    await hear_nothing()
    await ari.delete("/bridges/room")
    await call.hangup()
    await ari.close()
