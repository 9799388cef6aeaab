"""Lost packets, silence, crossing messages, dead connections, changes under a running call."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.addresses import process_address
from pbx.testing.audio import assert_heard, write_tone
from pbx.testing.sipp import SippProcess

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"

LUA = """
local function dial(target, seconds)
  return function()
    app.Dial(target, seconds)
    app.Log("NOTICE", "status " .. channel.DIALSTATUS:get())
  end
end
extensions = { default = {
  callee = dial("PJSIP/callee", 20),
  silent = dial("PJSIP/silent", 2),
  bob = dial("PJSIP/bob", 20),
  both = dial("PJSIP/bob&PJSIP/carol", 20),
} }
"""


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@pytest_twisted.ensureDeferred
async def test_calls_succeed_though_packets_are_lost(live_server: Any) -> None:
    """SIPp drops one packet in ten of either direction, on both legs; retransmissions make up for it."""
    caller = process_address(os.getpid(), 1)
    lossy = ("-lost", "10", "-nd")
    uas = await SippProcess.start(
        SCENARIOS / "uas_answer.xml", reactor=_reactor(), calls=None, timeout=90, trace=False, extra=lossy
    )
    server = await live_server(extensions=LUA, trunks={"callee": uas.address, "caller": f"{caller}:5070"})
    live_server.allow(r"callee|caller")
    running = await SippProcess.start(
        SCENARIOS / "uac_hangup.xml",
        server.address,
        reactor=_reactor(),
        service="callee",
        calls=30,
        rate=10,
        call_milliseconds=500,
        host=caller,
        timeout=60,
        extra=lossy,
    )
    result = await running.finish(70, tolerate_failed_calls=True)
    assert result.successful >= 28
    await server.wait_no_channels(40)
    await uas.stop(tolerate_failed_calls=True)


@pytest_twisted.ensureDeferred
async def test_caller_that_never_acknowledges_the_answer(live_server: Any) -> None:
    """Timer H of RFC 3261 over, the call is: nobody waits for the answer to the BYE."""
    caller = process_address(os.getpid(), 1)
    server = await live_server(
        extensions="extensions = { default = { echo = function() app.Answer() app.Wait(60) end } }",
        trunks={"caller": f"{caller}:5070"},
        pjsip="[system]\ntype = system\ntimer_t1 = 100\ntimer_b = 6400\n",
    )
    live_server.allow("caller")
    started = _reactor().seconds()
    running = await SippProcess.start(
        SCENARIOS / "uac_no_ack.xml", server.address, reactor=_reactor(), service="echo", host=caller, timeout=20
    )
    while not (channels := await server.channels()):
        assert running.running, "no call has come"
        await server.sleep(0.1)
    assert len(channels) == 1
    await server.wait_no_channels(9)
    assert 5.0 < _reactor().seconds() - started < 10.0
    await running.finish(20)


@pytest_twisted.ensureDeferred
async def test_destination_that_never_answers_sip(live_server: Any, phones: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as hole:
        hole.bind((process_address(os.getpid()), 0))
        address = f"{hole.getsockname()[0]}:{hole.getsockname()[1]}"
        server = await live_server(extensions=LUA, trunks={"silent": address})
        alice = await phones("alice", server)
        call = await alice.call(server.sip_uri("silent"))
        await server.wait_log("status NOANSWER")
        await call.disconnected()
        await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_both_answer_at_the_same_moment(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA, users=("alice", "bob", "carol"))
    alice, bob, carol = [await phones(name, server) for name in ("alice", "bob", "carol")]
    for _ in range(3):
        call = await alice.call(server.sip_uri("both"))
        at_bob, at_carol = await bob.incoming(), await carol.incoming()
        with server.suspended():
            await at_bob.answer()
            await at_carol.answer()
        await call.confirmed()
        await phones.sleep(0.3)
        assert [at_bob.state, at_carol.state].count("CONFIRMED") == 1
        assert len(await server.channels()) == 2
        await call.hangup()
        await at_bob.disconnected()
        await at_carol.disconnected()
        await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_both_hang_up_at_the_same_moment(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    for _ in range(5):
        call = await alice.call(server.sip_uri("bob"))
        incoming = await bob.incoming()
        await incoming.answer()
        await call.confirmed()
        await incoming.confirmed()
        with server.suspended():
            await incoming.hangup()
            await call.hangup()
        await call.disconnected()
        await incoming.disconnected()
        await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_answer_and_cancel_cross(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    for _ in range(5):
        call = await alice.call(server.sip_uri("bob"))
        incoming = await bob.incoming()
        await incoming.ring()
        await call.ringing()
        with server.suspended():
            await incoming.answer()
            await call.hangup()
        await call.disconnected()
        await incoming.disconnected()
        await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_phone_whose_connection_died_is_not_rung_for_long(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("bob")
    alice = await phones("alice", server)
    bob = await phones("bob", server, transport="tcp")
    bob.kill()
    await phones.sleep(0.5)
    call = await alice.call(server.sip_uri("bob"))
    await call.disconnected(timeout=5)
    await server.wait_log("status (CHANUNAVAIL|CONGESTION)")


@pytest_twisted.ensureDeferred
async def test_reload_under_a_call(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    await incoming.record(tmp_path / "bob.wav")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    (server.etc / "extensions.lua").write_text("extensions = { default = {} }")
    await server.cli("module reload")
    await phones.sleep(1.1)
    await incoming.stop_recording()
    assert_heard(tmp_path / "bob.wav", 440, 0.7)
    refused = await alice.call(server.sip_uri("bob"))
    assert (await refused.disconnected()).code == 404
    assert "alice" in await server.cli("pjsip show contacts")
    await call.hangup()
    await incoming.disconnected()


@pytest_twisted.ensureDeferred
async def test_unloaded_session_module_refuses_calls(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("chan_pjsip", "res_pjsip_session")
    alice = await phones("alice", server)
    await server.cli("module unload chan_pjsip")
    await server.cli("module unload res_pjsip_session")
    call = await alice.call(server.sip_uri("bob"))
    assert (await call.disconnected()).code in {405, 501, 503}
    await server.cli("module load res_pjsip_session")
    await server.cli("module load chan_pjsip")
    bob = await phones("bob", server)
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    await call.hangup()
    await incoming.disconnected()
