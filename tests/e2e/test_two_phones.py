"""Two registered phones talk through Dial, and the audio is judged by signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import assert_heard, write_tone
from pbx.testing.phone import PhoneCall

pytestmark = pytest.mark.e2e

LUA = """
local function ring(name)
  return function()
    app.Dial("PJSIP/" .. name, 20)
    app.Log("NOTICE", "dial " .. name .. ": " .. channel.DIALSTATUS:get())
  end
end
extensions = { default = { alice = ring("alice"), bob = ring("bob"), h = function()
  app.Log("NOTICE", "h after dial: " .. (channel.DIALSTATUS:get() or ""))
end } }
"""


async def _connected(server: Any, phones: Any, **options: Any) -> tuple[PhoneCall, PhoneCall]:
    alice = await phones("alice", server, **options)
    bob = await phones("bob", server, **options)
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.ring()
    await call.ringing()
    await incoming.answer()
    await call.confirmed()
    await incoming.confirmed()
    await call.media_state("active")
    await incoming.media_state("active")
    return call, incoming


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
async def test_both_hear_each_other(live_server: Any, phones: Any, tmp_path: Path, codec: str) -> None:
    server = await live_server(extensions=LUA)
    call, incoming = await _connected(server, phones, codecs=(codec,))
    assert call.media[0]["codec"] == codec
    assert incoming.remote_uri.startswith('"alice" <sip:alice@')
    await call.record(tmp_path / "alice.wav")
    await incoming.record(tmp_path / "bob.wav")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await incoming.play(write_tone(tmp_path / "1000.wav", 1000, 1.0))
    await phones.sleep(1.9)
    await call.stop_recording()
    await incoming.stop_recording()
    assert_heard(tmp_path / "alice.wav", 1000, 1.5)
    assert_heard(tmp_path / "bob.wav", 440, 1.5)
    assert len(await server.channels()) == 2
    await call.hangup()
    assert (await incoming.disconnected()).code == 200
    await server.wait_log("h after dial: ANSWER")


@pytest_twisted.ensureDeferred
async def test_phones_may_ask_for_one_of_the_codecs_agreed_on(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    call, incoming = await _connected(server, phones, codecs=("PCMA", "PCMU"), lock_codec=True)
    await call.response(200, "UPDATE")
    await incoming.record(tmp_path / "bob.wav")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await phones.sleep(1.4)
    await incoming.stop_recording()
    assert_heard(tmp_path / "bob.wav", 440, 1.0)
    await call.hangup()
    await incoming.disconnected()


@pytest_twisted.ensureDeferred
async def test_a_call_between_codecs_is_transcoded(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    alice = await phones("alice", server, codecs=("PCMA",))
    bob = await phones("bob", server, codecs=("G722",))
    call = await alice.call(server.sip_uri("bob"))
    incoming = await bob.incoming()
    await incoming.record(tmp_path / "bob.wav")
    await incoming.answer()
    await call.confirmed()
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await phones.sleep(1.7)
    await incoming.stop_recording()
    assert_heard(tmp_path / "bob.wav", 440, 1.25)
    await incoming.hangup()
    await call.disconnected()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_callee_hangs_up(live_server: Any, phones: Any, transport: str) -> None:
    server = await live_server(extensions=LUA)
    call, incoming = await _connected(server, phones, transport=transport)
    await incoming.hangup()
    assert (await call.disconnected()).code == 200
    assert call.requests[-1].method == "BYE"


@pytest_twisted.ensureDeferred
async def test_digits_pass_in_both_directions(live_server: Any, phones: Any) -> None:
    server = await live_server(extensions=LUA)
    call, incoming = await _connected(server, phones)
    await call.send_dtmf("159D")
    await incoming.dtmf("159D")
    await incoming.send_dtmf("*0#")
    await call.dtmf("*0#")
    await call.hangup()
    await incoming.disconnected()


@pytest_twisted.ensureDeferred
async def test_hold_and_back(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    call, incoming = await _connected(server, phones)
    await call.hold()
    await call.media_state("local_hold")
    await call.unhold()
    await call.media_state("active")
    await incoming.record(tmp_path / "bob.wav")
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await phones.sleep(1.2)
    await incoming.stop_recording()
    assert_heard(tmp_path / "bob.wav", 440, 0.8)
    await call.hangup()
    await incoming.disconnected()
