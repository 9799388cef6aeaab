"""pystrix serves a live call by FastAGI and by AsyncAGI, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.utils import getProcessOutputAndValue

from pbx.testing._waiting import KeptProcess
from pbx.testing.audio import assert_heard, write_tone

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
FILES = {
    "manager.conf": """
[general]
enabled = yes
bindaddr = @host@

[robot]
secret = sesame
read = all
write = all
""",
    "extensions.conf": """
[default]
exten => 200,1,Set(RECORDING=@root@/spool/talk)
 same => n,AGI(agi://127.0.0.1:${AGIPORT}/menu/work?colour=red&colour=blue,${RECORDING},second)
 same => n,Hangup(17)
 same => n(after),Log(NOTICE,after ${AFTER} ${AGISTATUS})

[agi]
exten => 300,1,Answer()
 same => n,AGI(agi:async,given)
 same => n,Log(NOTICE,async ${AGISTATUS})
""",
}


class Client:
    """A client that says something line by line."""

    def __init__(self, reactor: Any, python: Path, program: str, *arguments: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self.process = KeptProcess(reactor, self._line)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        # pystrix's server runs sysctl, which is not on everybody's path.
        environment["PATH"] = f"{environment.get('PATH', '')}:/usr/sbin:/sbin"
        words = [str(python), str(HERE / program), *arguments]
        reactor.spawnProcess(self.process, words[0], words, env=environment)

    def _line(self, line: bytes) -> None:
        self.lines.append(json.loads(line))
        self.process.changes.changed()

    async def said(self, key: str, value: object = None) -> dict[str, Any]:
        """The line that has ``key``, with that value if one is given."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if key in line and (value is None or line[key] == value)]

        await self.process.changes.until(lambda: bool(found()), 15.0, self.process.errors.decode)
        return found()[0]


async def test_a_fastagi_server(
    live_server: Any, phones: Any, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    from twisted.internet import reactor

    client = Client(reactor, python_of("pystrix"), "pystrix_fastagi.py")
    port = (await client.said("port"))["port"]
    server = await live_server(extensions="extensions = {}", files=FILES)
    sounds = server.path("astdatadir") / "sounds" / "en"
    sounds.mkdir(parents=True, exist_ok=True)
    write_tone(sounds / "long.wav", 440, 20.0)
    await server.cli(f"dialplan set global AGIPORT {port}")
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("200"))
    await call.confirmed()
    await call.media_state("active")
    for ready, digits in (("stream", "45"), ("data", "12#"), ("digit", "9")):
        await client.said("ready", ready)
        await server.sleep(0.5)
        await call.send_dtmf(digits)
    await client.said("ready", "record")
    await call.play(write_tone(tmp_path / "tone.wav", 700, 1.0))
    await server.sleep(1.5)
    await call.send_dtmf("#")
    seen = await client.said("path")
    assert (seen["path"], seen["name"]) == ("menu/work", "menu")
    assert (seen["args"][1], seen["kwargs"]) == ("second", {"colour": ["red", "blue"]})
    assert (seen["callerid"], seen["state"]) == ("alice", 6)
    assert (seen["colour"], seen["full"], seen["unset"]) == ("dark red", "dark red: 2", None)
    assert seen["database"] == "value"
    # pystrix looks for positions where Asterisk has none: in parentheses.
    assert seen["streamed"] == ["5", -1]
    assert seen["data"] == ["12", False]
    assert (seen["digit"], seen["nobody"], seen["said"]) == ("9", None, None)
    assert (seen["recorded"], seen["missing"]) == (["#", -1, False], "AGIAppError")
    await call.disconnected()
    await server.wait_log("after done FAILURE")
    assert_heard(seen["args"][0] + ".wav", 700, 1.2)
    client.process.send_signal("TERM")
    await client.process.end()


async def test_asyncagi(live_server: Any, python_of: Callable[[str], Path]) -> None:
    server = await live_server(extensions="extensions = {}", files=FILES)
    words = [str(HERE / "pystrix_asyncagi.py"), server.host, "5038", "robot", "sesame"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended: Any = getProcessOutputAndValue(str(python_of("pystrix")), words, env=environment)  # type: ignore[no-untyped-call]
    output, errors, code = await ended
    assert code == 0, (output + errors).decode()
    seen = json.loads(output)
    assert seen["environment"][0] == "agi_request: async"
    assert seen["environment"][-2:] == ["agi_arg_1: given", ""]
    assert seen["answers"] == [
        ["0", "200 result=1\n"],
        ["1", "200 result=1 (7)\n"],
        ["2", "200 result=0\n"],
        ["3", "510 Invalid or unknown command\n"],
        ["4", "200 result=0\n"],
    ]
    assert seen["ended"] == ["AsyncAGIEnd", "Hangup"]
    await server.wait_log("async SUCCESS")
