"""Dial: several destinations, no answer, busy, cancel."""

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
local function dial(target, seconds)
  return function()
    app.Dial(target, seconds)
    app.Log("NOTICE", "status " .. channel.DIALSTATUS:get() .. " cause " .. channel.HANGUPCAUSE:get())
  end
end
extensions = { default = {
  both = dial("PJSIP/bob&PJSIP/carol", 20),
  bob = dial("PJSIP/bob", 20),
  short = dial("PJSIP/bob", 1),
  absent = dial("PJSIP/dave", 5),
  callee = dial("PJSIP/callee", 20),
  ["local"] = dial("Local/bob@default", 20),
} }
"""
USERS = ("alice", "bob", "carol", "dave")


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@pytest_twisted.ensureDeferred
async def test_first_to_answer_wins_and_the_other_is_cancelled(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice, bob, carol = [await phones(name, server) for name in ("alice", "bob", "carol")]
    call = await alice.call(server.sip_uri("both"))
    at_bob = await bob.incoming()
    at_carol = await carol.incoming()
    await at_bob.ring()
    await at_carol.ring()
    await call.ringing()
    await at_carol.answer()
    await call.confirmed()
    await at_bob.disconnected()
    assert at_bob.requests[-1].method == "CANCEL" or at_bob.code == 487
    assert len(await server.channels()) == 2
    await call.hangup()
    await at_carol.disconnected()


@pytest_twisted.ensureDeferred
async def test_busy(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    call = await alice.call(server.sip_uri("bob"))
    await (await bob.incoming()).answer(486)
    assert (await call.disconnected()).code == 486
    await server.wait_log("status BUSY cause 17")


@pytest_twisted.ensureDeferred
async def test_no_answer_in_time(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    call = await alice.call(server.sip_uri("short"))
    incoming = await bob.incoming()
    await incoming.ring()
    await incoming.disconnected()
    await server.wait_log("status NOANSWER")
    assert (await call.disconnected()).code in {480, 486, 603}


@pytest_twisted.ensureDeferred
async def test_nobody_registered(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice = await phones("alice", server)
    call = await alice.call(server.sip_uri("absent"))
    await call.disconnected()
    await server.wait_log("status CHANUNAVAIL")


@pytest_twisted.ensureDeferred
async def test_caller_cancels_while_it_rings(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.ring()
    await call.ringing()
    await call.hangup()
    assert (await call.disconnected()).code == 487
    assert (await incoming.disconnected()).code == 487
    await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_through_a_local_channel(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=USERS)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    call = await alice.call(server.sip_uri("local"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    await incoming.hangup()
    await call.disconnected()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("caller", "callee"),
    [("uac_cancel", "uas_cancelled"), ("uac_hangup", "uas_answer"), ("uac_until_bye", "uas_hangup")],
)
async def test_sipp_through_dial(live_server: Any, caller: str, callee: str) -> None:
    uas = await SippProcess.start(SCENARIOS / f"{callee}.xml", reactor=_reactor(), calls=3)
    server = await live_server(
        extensions=LUA, trunks={"callee": uas.address, "caller": f"{process_address(os.getpid(), 1)}:5070"}
    )
    result = await run_sipp(
        SCENARIOS / f"{caller}.xml",
        server.address,
        reactor=_reactor(),
        service="callee",
        calls=3,
        host=process_address(os.getpid(), 1),
    )
    assert result.successful == 3
    await uas.finish()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("method", ["user", "uri_core", "uri_pjsip"])
async def test_a_redirected_call(live_server: Any, method: str) -> None:
    host = process_address(os.getpid(), 1)
    second = await SippProcess.start(SCENARIOS / "uas_hangup.xml", reactor=_reactor(), calls=1)
    first = await SippProcess.start(
        SCENARIOS / "uas_redirect.xml", reactor=_reactor(), calls=1, fill={"TARGET": f"second@{second.address}"}
    )
    server = await live_server(
        extensions=LUA.replace("callee = dial", 'second = dial("PJSIP/second"),\n  callee = dial'),
        trunks={"callee": first.address, "second": second.address, "caller": f"{host}:5070"},
        pjsip=f"[callee](+)\nredirect_method = {method}\n",
    )
    result = await run_sipp(
        SCENARIOS / "uac_until_bye.xml", server.address, reactor=_reactor(), service="callee", host=host
    )
    assert result.successful == 1
    await first.finish()
    await second.finish()
    await server.wait_no_channels()
