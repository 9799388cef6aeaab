"""Public ARI clients control a real call, each in a process and an environment of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.utils import getProcessOutputAndValue

from pbx.testing.ari import AriClient

pytestmark = pytest.mark.e2e

FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\nbindport = 8088\n",
    "ari.conf": "[general]\nenabled = yes\n\n[robot]\ntype = user\npassword = sesame\n",
}
EXTENSIONS = 'extensions = { default = { ["100"] = function() app.Stasis("node", "one", "two") end } }'


async def _registered(server: Any, application: str) -> None:
    """Until an application is there."""
    from twisted.internet import reactor

    client = await AriClient.connect(reactor, server.host, "robot", "sesame")
    for _ in range(100):
        if (await client.get(f"/applications/{application}")).status == 200:
            break
        await server.sleep(0.1)
    else:
        raise AssertionError(f"{application} did not register")
    await client.close()


async def test_node_ari_client(live_server: Any, phones: Any, node_packages: Callable[[str], Path]) -> None:
    folder = node_packages("ari-client")
    server = await live_server(extensions=EXTENSIONS, files=FILES)
    alice = await phones("alice", server)
    words = ["node", str(folder / "client.js"), server.host, "8088", "robot", "sesame"]
    ended: Any = getProcessOutputAndValue("/usr/bin/env", words, env=dict(os.environ))  # type: ignore[no-untyped-call]
    await _registered(server, "node")
    call = await alice.call(server.sip_uri("100"))
    await call.confirmed()
    while not ended.called and call.state != "DISCONNECTED":
        # Until the client has heard one: it listens once its greeting has been played.
        await call.send_dtmf("7")
        await server.sleep(0.5)
    await call.disconnected(timeout=20)
    output, errors, code = await ended
    assert code == 0, (output + errors).decode()
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert (seen["args"], seen["digit"], seen["colour"]) == (["one", "two"], "7", "red")
    assert (seen["playback"], seen["announced"], seen["recording"]) == ("done", "done", "done")
    assert (seen["members"], seen["stored"], seen["refused"]) == (1, ["from-node"], "Channel not found")
    assert {"StasisStart", "ChannelDtmfReceived", "PlaybackStarted", "RecordingStarted", "StasisEnd"} <= set(
        seen["events"]
    )
    assert "sesame" not in server.log_text()


async def test_asyncari(live_server: Any, phones: Any, python_of: Callable[[str], Path]) -> None:
    extensions = 'extensions = { default = { ["100"] = function() app.Stasis("python", "one", "two") end } }'
    python = python_of("asyncari")
    server = await live_server(extensions=extensions, files=FILES)
    alice = await phones("alice", server)
    words = [str(Path(__file__).parent / "asyncari_client.py"), server.host, "8088", "robot", "sesame"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended: Any = getProcessOutputAndValue(str(python), words, env=environment)  # type: ignore[no-untyped-call]
    await _registered(server, "python")
    call = await alice.call(server.sip_uri("100"))
    await call.confirmed()
    while not ended.called and call.state != "DISCONNECTED":
        await call.send_dtmf("7")
        await server.sleep(0.5)
    await call.disconnected(timeout=20)
    output, errors, code = await ended
    assert code == 0, (output + errors).decode()
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert (seen["args"], seen["digit"], seen["colour"]) == (["one", "two"], "7", "red")
    assert (seen["members"], seen["channels"], seen["events"][-1]) == ([True], 1, "StasisEnd")
    assert {"StasisStart", "PlaybackStarted", "ChannelEnteredBridge", "ChannelLeftBridge"} <= set(seen["events"])
    assert "sesame" not in server.log_text()
