"""Logs in by challenge, originates, hangs up with pystrix, in its own environment; prints what it saw as JSON."""

from __future__ import annotations

import json
import queue
import sys
from typing import Any

from pystrix.ami import Manager, core  # type: ignore[import-not-found]  # in the environment it runs in


def work(host: str, port: str, user: str, secret: str) -> None:
    seen: dict[str, Any] = {"events": []}
    originated: queue.Queue[Any] = queue.Queue()
    gone: queue.Queue[Any] = queue.Queue()

    def note(event: Any, _manager: Any) -> None:
        seen["events"].append(event.name)
        if event.name == "OriginateResponse":
            originated.put(event)
        if event.name == "Hangup":
            gone.put(event["Cause-txt"])

    manager = Manager()
    manager.register_callback("", note)
    manager.connect(host, int(port))
    manager.monitor_connection()
    challenge = manager.send_action(core.Challenge()).result["Challenge"]
    manager.send_action(core.Login(user, secret, challenge=challenge))
    seen["ping"] = manager.send_action(core.Ping()).result["Ping"]
    originate = core.Originate_Application(
        "Local/100@default", "Wait", ["20"], variables={"COLOUR": "red", "SHAPE": "round"}, async_=True
    )
    manager.send_action(originate)
    response = originated.get(timeout=5)
    channel = response["Channel"]
    seen["originated"] = response["Response"]
    for name in ("COLOUR", "SHAPE"):
        seen[name.lower()] = manager.send_action(core.Getvar(name, channel)).result["Value"]
    seen["hangup"] = manager.send_action(core.Hangup(channel)).result["Response"]
    seen["cause"] = gone.get(timeout=5)
    manager.disconnect()
    sys.stdout.write(json.dumps(seen) + "\n")


work(*sys.argv[1:5])
