"""Originates a call and controls it by pystrix's action AGI, in its own environment; prints what it saw as JSON."""

from __future__ import annotations

import json
import queue
import sys
from typing import Any
from urllib.parse import unquote

from pystrix.ami import Manager, core  # type: ignore[import-not-found]  # in the environment it runs in


def work(host: str, port: str, user: str, secret: str) -> None:
    begun: queue.Queue[Any] = queue.Queue()
    answers: queue.Queue[Any] = queue.Queue()
    gone: queue.Queue[Any] = queue.Queue()

    def note(event: Any, _manager: Any) -> None:
        if event.name == "AsyncAGIStart":
            begun.put(event)
        elif event.name == "AsyncAGIExec":
            answers.put(event)
        elif event.name in {"AsyncAGIEnd", "Hangup"}:
            gone.put(event)

    manager = Manager()
    manager.register_callback("", note)
    manager.connect(host, int(port))
    manager.monitor_connection()
    challenge = manager.send_action(core.Challenge()).result["Challenge"]
    manager.send_action(core.Login(user, secret, challenge=challenge))
    manager.send_action(core.Originate_Application("Local/300@agi", "Wait", ["20"], async_=True))
    start = begun.get(timeout=5)
    channel = start["Channel"]
    seen: dict[str, Any] = {"environment": unquote(start["Env"]).splitlines(), "answers": []}
    commands = ("SET VARIABLE A 7", "GET VARIABLE A", "EXEC Wait 0.1", "bogus", "ASYNCAGI BREAK")
    for number, command in enumerate(commands):
        reply = manager.send_action(core.AGI(channel, command, command_id=number)).result
        assert reply["Response"] == "Success", reply
        answer = answers.get(timeout=5)
        seen["answers"].append((answer["CommandId"], unquote(answer["Result"])))
    seen["ended"] = [gone.get(timeout=5).name for _ in range(2)]
    manager.disconnect()
    sys.stdout.write(json.dumps(seen) + "\n")


work(*sys.argv[1:5])
