"""A FastAGI server of pystrix's, in its own environment: serves one call and prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from pystrix.agi import FastAGIServer, core  # type: ignore[import-not-found]  # in the environment it runs in
from pystrix.agi.agi_core import AGIAppError  # type: ignore[import-not-found]


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def work(agi: Any, args: tuple[str, ...], kwargs: dict[str, list[str]], match: Any, path: str) -> None:
    """What a caller meets: a greeting he may cut short, a menu, a recording."""
    seen: dict[str, Any] = {"path": path, "args": args, "kwargs": kwargs, "name": match.group("name")}
    environment = agi.get_environment()
    seen["callerid"] = environment["agi_callerid"]
    agi.execute(core.Answer())
    seen["state"] = agi.execute(core.ChannelStatus())
    agi.execute(core.SetVariable("COLOUR", "dark red"))
    seen["colour"] = agi.execute(core.GetVariable("COLOUR"))
    seen["full"] = agi.execute(core.GetFullVariable("${COLOUR}: $[1 + 1]"))
    seen["unset"] = agi.execute(core.GetVariable("NOTHING"))
    agi.execute(core.DatabasePut("pystrix", "key", "value"))
    seen["database"] = agi.execute(core.DatabaseGet("pystrix", "key"))
    agi.execute(core.DatabaseDel("pystrix", "key"))
    agi.execute(core.Verbose("pystrix says hello"))
    say(ready="stream")
    seen["streamed"] = agi.execute(core.StreamFile("long", escape_digits="5"))
    say(ready="data")
    seen["data"] = agi.execute(core.GetData("silence/1", timeout=5000, max_digits=3))
    say(ready="digit")
    seen["digit"] = agi.execute(core.WaitForDigit(timeout=5000))
    seen["nobody"] = agi.execute(core.WaitForDigit(timeout=100))
    seen["said"] = agi.execute(core.SayDigits("12"))
    say(ready="record")
    seen["recorded"] = agi.execute(core.RecordFile(args[0], format="wav", escape_digits="#", timeout=10000, beep=False))
    seen["exec"] = agi.execute(core.Exec("Set", ["AFTER=done"]))
    try:
        agi.execute(core.StreamFile("there-is-no-such-file"))
    except AGIAppError:
        seen["missing"] = "AGIAppError"
    agi.execute(core.SetPriority("after"))
    say(**seen)


def main() -> None:
    server = FastAGIServer(interface="127.0.0.1", port=0, daemon_threads=True)
    server.register_script_handler(r"^(?P<name>\w+)/work$", work)
    say(port=server.server_address[1])
    threading.Thread(target=sys.stdin.read, daemon=True).start()
    server.serve_forever()


main()
