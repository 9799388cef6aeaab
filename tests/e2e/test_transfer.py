"""A phone sends the one it talks to elsewhere, and they hear what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.audio import assert_heard, write_tone

pytestmark = pytest.mark.e2e

LUA = """
extensions = { default = {
  bob = function() app.Dial("PJSIP/bob", 20) end,
  carol = function() app.Dial("PJSIP/carol", 20) end,
  ["600"] = function() app.Answer(); app.Echo() end,
} }
"""


async def _talk(server: Any, alice: Any, bob: Any) -> tuple[Any, Any]:
    """A call between two phones: that of the caller, and that of the called."""
    calling = await alice.call(server.sip_uri("bob"))
    called = await bob.incoming()
    await called.answer()
    await calling.confirmed()
    return calling, called


async def _assert_hears(phones: Any, listener: Any, speaker: Any, directory: Path, seconds: float = 2.0) -> None:
    """A tone that one phone plays for longer than ``seconds`` is heard by the other for 1 s of them at least."""
    await listener.record(directory / "heard.wav")
    await speaker.play(write_tone(directory / "440.wav", 440, seconds + 1.0))
    await phones.sleep(seconds)
    await listener.stop_recording()
    assert_heard(directory / "heard.wav", 440, 1.0)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("transferer", ["caller", "callee"])
async def test_blind_transfer_to_another_phone(live_server: Any, phones: Any, tmp_path: Path, transferer: str) -> None:
    server = await live_server(extensions=LUA, users=("alice", "bob", "carol"))
    alice, bob, carol = [await phones(name, server) for name in ("alice", "bob", "carol")]
    calling, called = await _talk(server, alice, bob)
    sender, other = (calling, called) if transferer == "caller" else (called, calling)
    await sender.transfer(server.sip_uri("carol"))
    third = await carol.incoming()
    await third.answer()
    await third.confirmed()
    await _assert_hears(phones, third, other, tmp_path)
    # The phone does not hang up when its transfer has succeeded: it is given some seconds, and then a BYE.
    await sender.disconnected(timeout=10)
    assert len(await server.channels()) == 2
    await third.hangup()
    await other.disconnected()
    await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_blind_transfer_to_nowhere_goes_on_talking(live_server: Any, phones: Any, tmp_path: Path) -> None:
    server = await live_server(extensions=LUA)
    live_server.allow("target does not exist")
    alice, bob = [await phones(name, server) for name in ("alice", "bob")]
    calling, called = await _talk(server, alice, bob)
    await called.transfer(server.sip_uri("nowhere"))
    await _assert_hears(phones, called, calling, tmp_path, 1.5)
    await calling.hangup()
    await called.disconnected()
    await server.wait_no_channels()


@pytest_twisted.ensureDeferred
async def test_attended_transfer_between_two_phones(live_server: Any, phones: Any, tmp_path: Path) -> None:
    """Bob, who was called, asks Carol first; then she and the caller talk."""
    server = await live_server(extensions=LUA, users=("alice", "bob", "carol"))
    alice, bob, carol = [await phones(name, server) for name in ("alice", "bob", "carol")]
    calling, called = await _talk(server, alice, bob)
    await called.hold()
    asking = await bob.call(server.sip_uri("carol"))
    asked = await carol.incoming()
    await asked.answer()
    await asking.confirmed()
    await called.transfer_to(asking)
    await asking.disconnected()
    await _assert_hears(phones, asked, calling, tmp_path)
    await called.disconnected(timeout=10)
    assert len(await server.channels()) == 2
    await calling.hangup()
    await asked.disconnected()
    await server.wait_no_channels()
