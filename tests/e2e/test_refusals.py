"""Callers who are refused are told why, and leave nothing behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.phone import RegistrationRefused
from pbx.testing.sipp import run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

LUA = """
extensions = { default = {
  ["600"] = function() app.Answer(); app.Wait(5) end,
  busy = function() app.Hangup(17) end,
  rejected = function() app.Hangup(21) end,
} }
"""


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


def _sipp_trunk() -> dict[str, str]:
    return {"sipp": f"{process_address(os.getpid())}:5070"}


@pytest_twisted.ensureDeferred
async def test_unknown_extension_is_404(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("nobody"))
    assert (await call.disconnected()).code == 404


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(("extension", "code"), [("busy", 486), ("rejected", 403)])
async def test_hangup_cause_becomes_the_answer(live_server: Any, phones: Any, extension: str, code: int) -> None:
    server = await live_server(extensions=LUA)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri(extension))
    assert (await call.disconnected()).code == code


@pytest_twisted.ensureDeferred
async def test_wrong_password(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("alice")
    alice = await phones("alice")
    with pytest.raises(RegistrationRefused) as refused:
        await alice.register(server.address, password="wrong")
    assert refused.value.code in {401, 403}
    call = await alice.call(server.sip_uri("600"))
    assert (await call.disconnected()).code in {401, 403}
    assert "alice" not in await server.cli("pjsip show contacts")
    await alice.register(server.address, password=server.passwords["alice"])
    assert "alice" in await server.cli("pjsip show contacts")
    await alice.unregister()
    assert "alice" not in await server.cli("pjsip show contacts")


@pytest_twisted.ensureDeferred
async def test_unknown_user(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("mallory")
    mallory = await phones("mallory")
    with pytest.raises(RegistrationRefused) as refused:
        await mallory.register(server.address, password="guess")
    assert refused.value.code in {401, 403}


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("media", "code"),
    [
        ("m=audio 4000 RTP/AVP 18\na=rtpmap:18 G729/8000", "488"),
        ("m=video 4000 RTP/AVP 96\na=rtpmap:96 H264/90000", "488"),
        ("m=audio 4000 RTP/SAVP 0", "488"),
        ("m=audio", "400"),
        ("b=\nz", "400"),
    ],
)
async def test_unusable_offer(live_server: Any, media: str, code: str) -> None:
    server = await live_server(extensions=LUA, trunks=_sipp_trunk())
    await run_sipp(
        SCENARIOS / "uac_bad_sdp.xml",
        server.address,
        reactor=_reactor(),
        service="600",
        fill={"MEDIA": media, "CODE": code},
    )


@pytest_twisted.ensureDeferred
async def test_sipp_registers_with_digest(live_server: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("alice")
    for password, code in ((server.passwords["alice"], "200"), ("wrong", "401")):
        await run_sipp(
            SCENARIOS / "uac_register.xml",
            server.address,
            reactor=_reactor(),
            fill={"CODE": code},
            injection=[("alice", f"[authentication username=alice password={password}]")],
        )
