"""Logs in, originates, lists, hangs up with panoramisk, in its own environment; prints what it saw as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from panoramisk import Manager  # type: ignore[import-not-found]  # in the environment it runs in


async def work(host: str, port: str, user: str, secret: str) -> None:
    seen: dict[str, Any] = {"events": []}
    manager = Manager(loop=asyncio.get_running_loop(), host=host, port=int(port), username=user, secret=secret)
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(_manager: Any, event: Any) -> None:
        seen["events"].append(event.event)
        if event.event == "Hangup" and not gone.done():
            gone.set_result(event["Cause-txt"])

    manager.register_event("*", note)
    await manager.connect()
    seen["ping"] = (await manager.send_action({"Action": "Ping"})).ping
    fields = {"Channel": "Local/100@default", "Application": "Wait", "Data": "20", "Async": "true"}
    # panoramisk takes "successfully queued" for the start of a list, which OriginateResponse ends by its ActionID.
    replies = await manager.send_action({"Action": "Originate", "Variable": ["COLOUR=red", "SHAPE=round"], **fields})
    response = replies[-1]
    seen["events"].append(response.event)
    channel = response["Channel"]
    seen["originated"] = response["Response"]
    for name in ("COLOUR", "SHAPE"):
        seen[name.lower()] = (
            await manager.send_action({"Action": "Getvar", "Channel": channel, "Variable": name})
        ).value
    items = await manager.send_action({"Action": "CoreShowChannels"})
    seen["listed"] = len([item for item in items if item.event == "CoreShowChannel"])
    seen["hangup"] = (await manager.send_action({"Action": "Hangup", "Channel": channel})).response
    seen["cause"] = await gone
    manager.close()
    sys.stdout.write(json.dumps(seen) + "\n")


asyncio.run(asyncio.wait_for(work(*sys.argv[1:5]), 15))
