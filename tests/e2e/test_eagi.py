"""EAGI on a telephone's call: the program hears what the caller says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import assert_heard, write_tone

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[default]
exten => 200,1,Answer()
 same => n,Set(EAGI_AUDIO_FORMAT=${FORMAT})
 same => n,EAGI(listen.py)
 same => n,Log(NOTICE,heard ${HEARD} ${AGISTATUS})
exten => 201,1,EAGI(agi://127.0.0.1/x)
 same => n,Log(NOTICE,not ${AGISTATUS})
"""
LISTEN = """#!{python} -S
import os, sys, wave

enhanced = ""
while (line := sys.stdin.readline().strip()):
    if line.startswith("agi_enhanced"):
        enhanced = line.split()[1]

def ask(command):
    print(command, flush=True)
    return sys.stdin.readline().strip()

data = b""
while len(data) < {rate} * 2 * 2:
    data += os.read(3, 65536)
with wave.open("{path}", "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate({rate})
    file.writeframes(data)
ask("SET VARIABLE HEARD " + enhanced)
"""


@pytest.mark.parametrize(("form", "rate"), [("slin", 8000), ("slin16", 16000)])
@pytest_twisted.ensureDeferred
async def test_the_program_hears_the_caller(
    live_server: Any, phones: Any, tmp_path: Path, form: str, rate: int
) -> None:
    files = {"extensions.conf": EXTENSIONS.replace("${FORMAT}", form)}
    server = await live_server(extensions="extensions = {}", files=files)
    script = server.path("astagidir") / "listen.py"
    script.write_text(LISTEN.format(python=sys.executable, rate=rate, path=tmp_path / "heard.wav"))
    script.chmod(0o755)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("200"))
    await call.confirmed()
    await call.media_state("active")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await server.wait_log("heard 1.0 SUCCESS", 10.0)
    await call.disconnected()
    assert_heard(tmp_path / "heard.wav", 440, 1.8)
    call = await alice.call(server.sip_uri("201"))
    await server.wait_log("not FAILURE")
    await call.disconnected()
