"""Foreign RTP on a call's port (Asterisk: ``strictrtp``): not heard, unless it turns out to be the far end's."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import MediaSettings, StreamParameters, source_learner, strict_rtp
from pbx.media.source_learner import StrictMode
from pbx.testing.media import MediaKit, Party, open_descriptors
from pbx.testing.rtp import RtpPeer, amplitude_at, loudest, throughout, tone


@asynccontextmanager
async def stranger(kit: MediaKit, party: Party, host: str = "127.0.0.1") -> AsyncIterator[RtpPeer]:
    """Another sender, aimed at the party's port."""
    peer = RtpPeer()
    peer.start(kit.reactor, host)
    peer.aim(party.transport.address, party.transport.rtp_port)
    yield peer
    await peer.stop()


@ensureDeferred
@pytest.mark.parametrize("symmetric", [False, True])
async def test_a_stranger_is_not_heard_and_is_sent_nothing(kit: MediaKit, symmetric: bool) -> None:
    a, b = kit.party("a", symmetric=symmetric), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    async with stranger(kit, a) as attacker:
        noise = attacker.send_samples(tone(500, 1.0))
        await a.peer.send_samples(tone(1500, 1.0))
        await noise
        heard = b.peer.heard()
        assert throughout(heard, 1500, 0.9) > 6500
        assert amplitude_at(heard[-6000:], 500) < 50
        assert attacker.packets == []
    assert a.leg.frames_received == 50


@ensureDeferred
async def test_a_far_end_behind_nat_is_learned_and_answered(kit: MediaKit) -> None:
    """Its SDP names an address nobody sends from."""
    a, b = kit.party("a", symmetric=True, remote_port=9), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(1500, 1.0))
    assert throughout(b.peer.heard(), 1500, 0.8) > 6500
    assert 40 <= a.leg.frames_received <= 46
    await b.peer.send_samples(tone(700, 0.3))
    assert throughout(a.peer.heard(), 700, 0.2) > 6500


@ensureDeferred
async def test_a_new_description_opens_the_port_for_its_address(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(1500, 0.2))
    async with stranger(kit, a) as moved:
        moved.send_samples(tone(500, 0.2))
        await kit.wait(0.3)
        assert loudest(b.peer.heard(), 500) < 50
        kit.engine.attach_stream(a.leg, a.transport, replace(a.parameters, remote_port=moved.port))
        await moved.send_samples(tone(700, 0.5))
        assert throughout(b.peer.heard(), 700, 0.4) > 6500
        await b.peer.send_samples(tone(900, 0.3))
        assert throughout(moved.heard(), 900, 0.2) > 6500
        await kit.wait(strict_rtp.SETTLE_SECONDS)
        before = a.leg.frames_received
        await a.peer.send_samples(tone(1500, 0.1))
        assert a.leg.frames_received == before  # the old place is nobody's


@ensureDeferred
async def test_after_learning_the_kernel_drops_strangers(kit: MediaKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_learner, "LEARNING_SECONDS", 0.1)
    a = kit.party("a")
    await a.peer.send_samples(tone(1500, 0.3))
    async with stranger(kit, a) as attacker:
        await attacker.send_samples(tone(500, 0.3))
        assert a.transport.strict is not None
        assert a.transport.strict._deaf
        assert a.transport.strict._read == 0
        assert a.leg.frames_received == 15
        # Silence of the right source gives nobody its place.
        await attacker.send_samples(tone(500, 0.5))
        assert a.leg.frames_received == 15


@ensureDeferred
async def test_a_flood_costs_a_bounded_number_of_looks(kit: MediaKit) -> None:
    a = kit.party("a")
    await a.peer.send_samples(tone(1500, 0.04))
    strict = a.transport.strict
    assert strict is not None
    async with stranger(kit, a) as attacker:
        for _ in range(20):
            for _ in range(200):
                attacker.send(b"\xff" * 160)
            await kit.wait(0.01)
    assert strict._read <= strict_rtp.MAX_PER_SECOND
    assert a.leg.frames_received == 2


@ensureDeferred
async def test_what_is_no_rtp_teaches_nothing(kit: MediaKit) -> None:
    a = kit.party("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(20):
            for data in (b"", b"\0" * 40, b"\x80", bytes([0x40, 0, 0, number]) + b"\0" * 20):
                sock.sendto(data, (a.transport.address, a.transport.rtp_port))
            await kit.wait(0.01)
    assert a.leg.frames_received == 0


def test_the_port_is_nobody_elses(kit: MediaKit) -> None:
    a = kit.party("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match="in use"):
        sock.bind((a.transport.address, a.transport.rtp_port))


@ensureDeferred
async def test_ipv6(kit: MediaKit) -> None:
    peer, other = RtpPeer(), RtpPeer()
    transport = kit.engine.lend_transport(address="::1")
    for each in (peer, other):
        each.start(kit.reactor, "::1")
        each.aim("::1", transport.rtp_port)
    leg = kit.engine.create_leg("six")
    kit.engine.attach_stream(leg, transport, StreamParameters("::1", peer.port, "ulaw", 0, 0))
    noise = other.send_samples(tone(500, 0.2))
    await peer.send_samples(tone(1500, 0.2))
    await noise
    await kit.wait(0.05)
    assert leg.frames_received == 10
    leg.close()
    transport.release()
    await peer.stop()
    await other.stop()


@ensureDeferred
async def test_strictrtp_no_takes_all(kits: Callable[[MediaSettings], MediaKit]) -> None:
    before = open_descriptors()
    kit = kits(MediaSettings(rtp_start=31800, rtp_end=31899, strict_rtp=StrictMode.NO))
    a = kit.party("a", remote_port=9)
    await a.peer.send_samples(tone(1500, 0.2))
    assert a.leg.frames_received == 10
    await kit.clean_up()
    kit.engine.stop()
    assert open_descriptors() == before
