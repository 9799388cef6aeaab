"""A phone of another make calls and is called: registration, audio, hold, hangup from either side."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_twisted

from pbx.testing._waiting import pause
from pbx.testing.audio import assert_heard, read_wav, write_tone
from pbx.testing.server import LiveServer
from tests.clients.baresip import Baresip

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not installed"),
]

LUA = """
extensions = { default = {
  alice = function() app.Dial("PJSIP/alice", 20) end,
  bob = function() app.Dial("PJSIP/bob", 20) end,
  echo = function() app.Answer() app.Echo() end,
} }
"""
Start = Callable[[str, float], Awaitable[Baresip]]


@pytest_twisted.async_yield_fixture
async def server() -> AsyncIterator[LiveServer]:
    from twisted.internet import reactor

    server = await LiveServer.start(reactor=reactor, extensions=LUA)
    yield server
    await server.check_clean()
    await server.stop()
    server.discard()


@pytest_twisted.async_yield_fixture
async def baresip(server: LiveServer, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a phone of a user that speaks a tone."""
    from twisted.internet import reactor

    phones: list[Baresip] = []

    async def start(user: str, frequency: float) -> Baresip:
        directory = tmp_path / user
        directory.mkdir()
        write_tone(directory / "say.wav", frequency, 20.0)
        phones.append(await Baresip.start(reactor, directory, server.address, user, server.passwords[user]))
        return phones[-1]

    yield start
    for phone in phones:
        await phone.stop()


async def _sleep(seconds: float) -> None:
    from twisted.internet import reactor

    await pause(reactor, seconds)


async def test_two_of_them_talk(server: LiveServer, baresip: Start) -> None:
    alice, bob = await baresip("alice", 440), await baresip("bob", 1000)
    alice.command("dial", f"sip:bob@{server.address}")
    incoming = await bob.event("CALL_INCOMING")
    assert incoming["peeruri"].startswith("sip:alice@")
    await alice.event("CALL_RINGING")
    bob.command("accept")
    await alice.event("CALL_ESTABLISHED")
    await bob.event("CALL_ESTABLISHED")
    await _sleep(1.5)
    assert len(await server.channels()) == 2
    bob.command("hangup")
    await alice.event("CALL_CLOSED")
    await server.wait_no_channels()
    assert_heard(alice.heard(), 1000, 1.2)
    assert_heard(bob.heard(), 440, 1.2)


async def test_one_holds_and_resumes(server: LiveServer, baresip: Start) -> None:
    alice, bob = await baresip("alice", 440), await baresip("bob", 1000)
    alice.command("dial", f"sip:bob@{server.address}")
    await bob.event("CALL_INCOMING")
    bob.command("accept")
    await alice.event("CALL_ESTABLISHED")
    await _sleep(0.5)
    alice.command("hold")
    await _sleep(1.0)
    alice.command("resume")
    await _sleep(1.5)
    alice.command("hangup")
    await bob.event("CALL_CLOSED")
    heard = read_wav(bob.heard())
    for part, seconds in ((heard.part(0.0, 0.5), 0.3), (heard.part(heard.seconds - 1.2), 1.0)):
        assert part.talk(440).fault(seconds) == ""


async def test_it_hears_itself(server: LiveServer, baresip: Start) -> None:
    alice = await baresip("alice", 440)
    alice.command("dial", f"sip:echo@{server.address}")
    await alice.event("CALL_ESTABLISHED")
    await _sleep(1.5)
    alice.command("hangup")
    await alice.event("CALL_CLOSED")
    assert_heard(alice.heard(), 440, 1.1)
