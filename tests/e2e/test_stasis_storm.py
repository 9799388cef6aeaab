"""Orders in any order: many channels, everything an application may ask, and nothing is left over."""

from __future__ import annotations

import random
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.ari_application import AriApplication

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = {
  ["702"] = function() app.Answer() app.Wait(20) end,
  ["703"] = function() app.Answer() app.Stasis("hello") app.Wait(0.1) end,
} }
"""
FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\nbindport = 8088\n",
    "ari.conf": "[general]\nenabled = yes\n\n[tester]\ntype = user\npassword = sesame\n",
}
CHANNELS = 40
STEPS = 500


def _order(chance: random.Random, channel: str, bridge: str, step: int) -> tuple[str, str, dict[str, object]]:
    orders: list[tuple[str, str, dict[str, object]]] = [
        ("POST", f"{channel}/play", {"media": chance.choice(["sound:hello", "sound:nope", "digits:12", "tone:x"])}),
        ("POST", f"{channel}/record", {"name": f"c{step}", "format": "wav", "maxDurationSeconds": step % 2}),
        ("POST", f"{bridge}/addChannel", {"channel": channel.rpartition("/")[2], "mute": chance.choice("ny")}),
        ("POST", f"{bridge}/removeChannel", {"channel": channel.rpartition("/")[2]}),
        ("POST", f"{bridge}/play", {"media": "sound:hello"}),
        ("POST", f"{bridge}/record", {"name": f"b{step}", "format": "wav", "maxDurationSeconds": 1}),
        ("POST", f"{channel}/dtmf", {"dtmf": "12"}),
        ("POST", f"{channel}/mute", {}),
        ("DELETE", f"{channel}/mute", {}),
        ("POST", f"{channel}/continue", {}),
        ("POST", f"{channel}/continue", {"context": "default", "extension": "703"}),
        ("POST", f"{channel}/move", {"app": chance.choice(["hello", "nobody"])}),
        ("GET", "/channels", {}) if step % 3 else ("DELETE", channel, {}),
    ]
    return chance.choice(orders)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_orders(live_server: Any, seed: int) -> None:
    from twisted.internet import reactor

    chance = random.Random(seed)
    server = await live_server(extensions=LUA, files=FILES)
    ari = await AriApplication.connect(reactor, server.host, "tester", "sesame", apps=("hello",))
    bridges = [f"/bridges/{(await ari.post('/bridges'))['id']}" for _ in range(3)]
    channels = [f"/channels/c{number}" for number in range(CHANNELS)]
    for path in channels:
        await ari.post(path, endpoint=f"Local/{chance.choice(['702', '703'])}@default", app="hello")
    for step in range(STEPS):
        method, path, query = _order(chance, chance.choice(channels), chance.choice(bridges), step)
        status, value = await ari.request(method, path, **query)
        assert status < 500, (method, path, query, value)
    for each in await ari.get("/channels"):
        await ari.request("DELETE", f"/channels/{each['id']}")
    for path in bridges:
        await ari.delete(path)
    await server.wait_no_channels()
    # Behind everything that was to be said of them.
    await ari.post("/events/user/over", application="hello")
    await ari.event("ChannelUserevent")
    types = ari.types()
    assert types.count("StasisStart") == types.count("StasisEnd") >= CHANNELS
    assert types.count("PlaybackStarted") <= types.count("PlaybackFinished")
    assert types.count("RecordingStarted") <= types.count("RecordingFinished")
    assert await ari.get("/bridges") == []
    await ari.close()
