"""The test phones themselves, talking to each other without an exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import assert_heard, assert_silent, write_tone
from pbx.testing.phone import Phone, PhoneError

pytestmark = pytest.mark.e2e


@pytest_twisted.ensureDeferred
async def test_two_phones_hear_each_other(phones: Any, tmp_path: Path) -> None:
    alice: Phone = await phones("alice")
    bob: Phone = await phones("bob")
    call = await alice.call(bob.uri, headers=[("X-Test", "17")])
    incoming = await bob.incoming()
    assert incoming.header("X-Test") == "17"
    assert "alice@" in incoming.remote_uri
    await incoming.ring()
    await call.ringing()
    await call.play(write_tone(tmp_path / "440.wav", 440, 1.0))
    await incoming.play(write_tone(tmp_path / "1000.wav", 1000, 1.0))
    await call.record(tmp_path / "alice.wav")
    await incoming.record(tmp_path / "bob.wav")
    await incoming.answer()
    await call.confirmed()
    await incoming.confirmed()
    await call.media_state("active")
    await phones.sleep(1.7)
    await call.stop_recording()
    await incoming.stop_recording()
    assert_heard(tmp_path / "alice.wav", 1000, 1.3)
    assert_heard(tmp_path / "bob.wav", 440, 1.3)
    assert (await call.statistics())["received"] > 40
    await incoming.hangup()
    assert (await call.disconnected()).code == 200
    assert call.requests[-1].method == "BYE"


@pytest_twisted.ensureDeferred
async def test_digits_hold_and_silence(phones: Any, tmp_path: Path) -> None:
    alice: Phone = await phones("alice", codecs=("G722", "PCMU"))
    bob: Phone = await phones("bob", codecs=("G722", "PCMU"))
    call = await alice.call(bob.uri)
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    await call.media_state("active")
    assert call.media[0]["codec"] == "G722"
    await incoming.record(tmp_path / "bob.wav")
    await call.send_dtmf("15#")
    await incoming.dtmf("15#")
    await call.hold()
    await incoming.media_state("remote_hold")
    await call.unhold()
    await incoming.media_state("active")
    await incoming.stop_recording()
    assert_silent(tmp_path / "bob.wav")
    await call.hangup()
    await incoming.disconnected()


@pytest_twisted.ensureDeferred
async def test_refusal_and_cancel(phones: Any) -> None:
    alice: Phone = await phones("alice", transport="tcp")
    bob: Phone = await phones("bob", transport="tcp")
    call = await alice.call(bob.uri)
    incoming = await bob.incoming()
    await incoming.answer(486)
    with pytest.raises(PhoneError, match="486"):
        await call.confirmed()
    assert (await call.disconnected()).code == 486
    assert (await call.response(486)).reason == "Busy Here"

    call = await alice.call(bob.uri)
    incoming = await bob.incoming()
    await incoming.ring()
    await call.ringing()
    await call.hangup()
    assert (await incoming.disconnected()).code == 487
    assert (await call.disconnected()).code == 487


@pytest_twisted.ensureDeferred
async def test_killed_phone_is_noticed(phones: Any) -> None:
    alice: Phone = await phones("alice")
    alice.kill()
    with pytest.raises(PhoneError, match="has ended"):
        await alice.incoming()
    bob: Phone = await phones("bob")
    with pytest.raises(TimeoutError, match="no call has come to bob"):
        await bob.incoming(timeout=0.1)
