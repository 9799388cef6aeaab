"""Many calls at once, and more calls than there are RTP ports: nothing is left of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.sipp import SippProcess, run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

LUA = """
extensions = { default = {
  callee = function() app.Dial("PJSIP/callee", 20) end,
  once = function() app.Answer(); app.Hangup() end,
} }
"""


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@pytest_twisted.ensureDeferred
async def test_twenty_calls_at_once(live_server: Any) -> None:
    caller = process_address(os.getpid(), 1)
    uas = await SippProcess.start(SCENARIOS / "uas_answer.xml", reactor=_reactor(), calls=120, timeout=60)
    server = await live_server(extensions=LUA, trunks={"callee": uas.address, "caller": f"{caller}:5070"})
    running = await SippProcess.start(
        SCENARIOS / "uac_hangup.xml",
        server.address,
        reactor=_reactor(),
        service="callee",
        calls=120,
        rate=40,
        limit=20,
        call_milliseconds=1000,
        host=caller,
        timeout=50,
    )
    while len(await server.channels()) < 20:
        assert running.running, "the calls do not come together"
        await running.sleep(0.1)
    result = await running.finish()
    assert (result.successful, result.failed) == (120, 0)
    assert (await uas.finish()).successful == 120


@pytest_twisted.ensureDeferred
async def test_no_rtp_port_left_is_refused_and_forgiven(live_server: Any) -> None:
    """Six RTP ports carry three legs; a fourth caller hears 503 and the server carries on."""
    host = process_address(os.getpid())
    first = 30000
    server = await live_server(
        extensions="extensions = { default = { hold = function() app.Answer(); app.Wait(10) end } }",
        trunks={"sipp": f"{host}:5070"},
        rtp_ports=(first, first + 5),
    )
    live_server.allow("port", "503")
    held = await SippProcess.start(
        SCENARIOS / "uac_hangup.xml",
        server.address,
        reactor=_reactor(),
        service="hold",
        calls=3,
        rate=20,
        call_milliseconds=4000,
    )
    while len(await server.channels()) < 3:
        assert held.running, "the calls do not come together"
        await held.sleep(0.1)
    await run_sipp(
        SCENARIOS / "uac_refused.xml", server.address, reactor=_reactor(), service="hold", fill={"CODE": "503"}
    )
    await held.finish()
    await run_sipp(
        SCENARIOS / "uac_hangup.xml", server.address, reactor=_reactor(), service="hold", calls=9, limit=3, rate=20
    )
