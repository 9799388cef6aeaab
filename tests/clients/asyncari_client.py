"""Answers a call, plays, reads a digit and hangs up with asyncari, in its own environment; prints what it saw."""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import asyncari  # type: ignore[import-not-found]  # in the environment it runs in

SECONDS = 25


async def work(*words: str) -> None:
    host, port, user, password = words
    seen: dict[str, Any] = {"events": [], "digit": ""}
    digit = anyio.Event()
    async with asyncari.connect(f"http://{host}:{port}/", "python", user, password) as client:

        async def call(channel: Any, args: list[str]) -> None:
            seen["args"] = args
            await channel.answer()
            await channel.setChannelVar(variable="COLOUR", value="red")
            seen["colour"] = (await channel.getChannelVar(variable="COLOUR"))["value"]
            playback = await channel.playWithId(playbackId=client.generate_id("P"), media="sound:hello-world")
            seen["playing"] = playback.json["state"]
            bridge = await client.bridges.create(type="mixing", name="python")
            await bridge.addChannel(channel=channel.id)
            listed = await client.bridges.list()
            seen["members"] = [list(each.json["channels"]) == [channel.id] for each in listed]
            await bridge.removeChannel(channel=channel.id)
            await bridge.destroy()
            await digit.wait()
            seen["channels"] = len(await client.channels.list())
            await channel.hangup()

        with anyio.fail_after(SECONDS):
            async for event in client:
                seen["events"].append(event.type)
                if event.type == "StasisStart":
                    client.taskgroup.start_soon(call, event.channel, event.args)
                elif event.type == "ChannelDtmfReceived":
                    seen["digit"] = event.digit
                    digit.set()
                elif event.type == "StasisEnd":
                    break
    sys.stdout.write(json.dumps(seen) + "\n")


anyio.run(work, *sys.argv[1:5])
