"""schemathesis makes requests of the OpenAPI document, right and wrong, and checks every answer against it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.internet.utils import getProcessOutputAndValue

from pbx.testing.ari import AriClient
from pbx.testing.server import LiveServer

PROGRAM = Path(sys.executable).parent / "schemathesis"
FILES = {
    "http.conf": "[general]\nenabled = yes\nbindaddr = @host@\n",
    "ari.conf": "[general]\nenabled = yes\n[ari]\ntype = user\npassword = ari\n",
}
# What these two ask cannot hold. Asterisk reads numbers by C's rules and truth words, so what breaks a type is taken;
# and it answers 400 where a text that any schema allows names nothing, as an endpoint without a technology.
EXCLUDED = "positive_data_acceptance,negative_data_rejection"
# 501 is what Asterisk answers, and the document promises, for a kind of external media that is not there.
CONFIGURATION = """
[[operations]]
include-name = "POST /channels/externalMedia"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""


@pytest_twisted.async_yield_fixture
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(reactor=reactor, files=FILES)
    yield server
    await server.cli("channel request hangup all")
    # The bridges that it made are its own to end: nothing else does.
    ari = await AriClient.connect(reactor, server.host)
    for bridge in (await ari.get("/bridges")).json:
        await ari.delete(f"/bridges/{quote(bridge['id'], safe='')}")
    await ari.close()
    await server.check_clean()
    await server.stop()
    server.discard()


@pytest.mark.skipif(not PROGRAM.exists() and not shutil.which("schemathesis"), reason="schemathesis is not installed")
async def test_schemathesis_finds_nothing(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    words = ["run", f"http://{server.host}:8088/ari/openapi.json", "--auth", "ari:ari", "--phases", "coverage,fuzzing"]
    words += ["--max-examples", "4", "--seed", "22", "--exclude-checks", EXCLUDED, "--warnings", "off", "--no-color"]
    ended: Any = getProcessOutputAndValue(str(PROGRAM), words, env=dict(os.environ), path=str(tmp_path))  # type: ignore[no-untyped-call]
    output, errors, code = await ended
    assert code == 0, (output + errors).decode()[-6000:]
    assert b"Operations:" in output
