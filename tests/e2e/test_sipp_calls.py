"""SIPp's scenarios against the dialplan: who hangs up, CANCEL, a late offer, TCP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.sipp import run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

LUA = """
extensions = { default = {
  once = function() app.Answer(); app.Hangup() end,
  echo = function() app.Answer(); app.Echo() end,
  ring = function() app.Ringing(); app.Wait(20) end,
  h = function() app.Log("NOTICE", "hung up: " .. channel.HANGUPCAUSE:get()) end,
} }
"""


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("transport", ["u1", "tn"])
@pytest.mark.parametrize(
    ("scenario", "extension"),
    [("uac_until_bye", "once"), ("uac_hangup", "echo"), ("uac_cancel", "ring"), ("uac_late_offer", "once")],
)
async def test_scenario(live_server: Any, scenario: str, extension: str, transport: str) -> None:
    from twisted.internet import reactor

    server = await live_server(extensions=LUA, trunks={"sipp": f"{process_address(os.getpid())}:5070"})
    result = await run_sipp(
        SCENARIOS / f"{scenario}.xml",
        server.address,
        reactor=reactor,
        service=extension,
        calls=5,
        transport=transport,
    )
    assert (result.successful, result.retransmissions) == (5, 0)
    await server.wait_no_channels()
    await server.wait_log("hung up: ")
