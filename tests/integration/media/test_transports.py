"""RTP ports: pairs, limits, lending again, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.task import deferLater

from pbx.media import (
    MediaEngine,
    MediaError,
    MediaSettings,
    NoMediaPorts,
    RtpTransport,
    StreamParameters,
    transport_pool,
)
from pbx.media._native.endpoint import PAIRS_PER_ENDPOINT
from pbx.media.transport_pool import REST_SECONDS
from pbx.pjsip._native.core import PjCore
from pbx.testing.media import open_descriptors
from pbx.testing.rtp import RtpPeer, amplitude_at, throughout, tone

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def media_workers() -> int:
    """PJMEDIA's threads that receive."""
    return sum(task.joinpath("comm").read_text().strip() == "media" for task in Path("/proc/self/task").iterdir())


async def media_workers_become(wanted: int, reactor: Any) -> None:
    """Until there are so many; a thread takes its name only when it runs."""
    for _ in range(100):
        if media_workers() == wanted:
            return
        await deferLater(reactor, 0.05)
    assert media_workers() == wanted


Engines = Callable[[MediaSettings], MediaEngine]


@pytest.fixture
def engines(core: PjCore) -> Iterator[Engines]:
    """Makes engines that run, and ends them: one that outlives PJLIB ends the process."""
    made: list[MediaEngine] = []

    def start(settings: MediaSettings) -> MediaEngine:
        engine = MediaEngine(core, settings, core.reactor)
        engine.start()
        made.append(engine)
        return engine

    yield start
    for engine in made:
        engine.stop()


@pytest.fixture
def small(engines: Engines) -> MediaEngine:
    """An engine with ports for three pairs."""
    return engines(MediaSettings(rtp_start=31501, rtp_end=31507))


def test_pairs_are_even_and_odd_and_within_the_range(small: MediaEngine) -> None:
    lent = [small.lend_transport() for _ in range(3)]
    assert sorted(transport.rtp_port for transport in lent) == [31502, 31504, 31506]
    assert all(transport.rtcp_port == transport.rtp_port + 1 for transport in lent)
    assert {transport.address for transport in lent} == {"127.0.0.1"}
    with pytest.raises(NoMediaPorts, match="31502-31507"):
        small.lend_transport()
    lent[0].release()
    lent[0].release()
    assert small.transports_lent == 2
    assert small.lend_transport() is lent[0]


def test_ports_that_others_hold_are_passed_over(small: MediaEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", 31505))
        lent = [small.lend_transport() for _ in range(2)]
        assert sorted(transport.rtp_port for transport in lent) == [31502, 31506]
        with pytest.raises(NoMediaPorts):
            small.lend_transport()
    assert small.lend_transport().rtp_port == 31504


def test_another_address_and_a_wrong_one(small: MediaEngine) -> None:
    assert small.lend_transport(address="127.0.0.2").address == "127.0.0.2"
    with pytest.raises(NoMediaPorts):
        small.lend_transport(address="192.0.2.1")


def test_ipv6(small: MediaEngine) -> None:
    transport = small.lend_transport(address="::1")
    leg = small.create_leg("six")
    small.attach_stream(leg, transport, StreamParameters("::1", 40000, "ulaw", 0, 0))
    with pytest.raises(ValueError, match="IP version"):
        small.attach_stream(leg, transport, StreamParameters("127.0.0.1", 40000, "ulaw", 0, 0))
    leg.close()


def test_limit(engines: Engines) -> None:
    """More pairs than one endpoint serves; the limit is one of legs lent, whatever kind they are."""
    engine = engines(MediaSettings(rtp_start=32000, rtp_end=32999, max_legs=100))
    lent = [engine.lend_transport() for _ in range(100)]
    with pytest.raises(NoMediaPorts, match="limit is 100"):
        engine.lend_transport(symmetric=True)
    lent.pop().release()
    lent.append(engine.lend_transport(symmetric=True))
    assert lent[-1].symmetric
    assert engine.transports_lent == 100
    engine.stop()


def test_no_endpoint_is_given_a_65th_socket(engines: Engines) -> None:
    """PJLIB asserts on it, and keeps a closed socket's place for half a second: what closes counts as well."""
    engine = engines(MediaSettings(rtp_start=32000, rtp_end=32999, max_legs=PAIRS_PER_ENDPOINT))
    pool = engine._transports
    for symmetric in (False, True, False):
        lent: list[RtpTransport] = []
        with contextlib.suppress(NoMediaPorts):
            while len(lent) < PAIRS_PER_ENDPOINT:
                lent.append(engine.lend_transport(symmetric=symmetric))
        assert lent
        assert all(each.pairs <= PAIRS_PER_ENDPOINT for each in pool._endpoints)
        for transport in lent:
            transport.release()
    endpoint = pool._endpoints[0]
    assert endpoint.full
    with pytest.raises(MediaError, match="carries 30 RTP pairs"):
        endpoint.take()


@ensureDeferred
async def test_what_a_busy_hour_opened_is_closed_again(
    core: PjCore, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second endpoint with its thread goes when none of its pairs was needed for a while, and comes back."""
    monkeypatch.setattr(transport_pool, "UNUSED_SECONDS", 0.1)
    engine = engines(MediaSettings(rtp_start=32000, rtp_end=32999))
    await deferLater(core.reactor, 0.1)
    quiet, files = media_workers(), open_descriptors()
    lent = [engine.lend_transport() for _ in range(70)]
    await media_workers_become(quiet + 2, core.reactor)
    kept = lent.pop()
    for transport in lent:
        transport.release()
    # The first endpoint's pairs stay, and those beside the one that is lent.
    await media_workers_become(quiet + 1, core.reactor)
    assert engine.transports_open == 40
    kept.release()
    await media_workers_become(quiet, core.reactor)
    assert engine.transports_open == 30
    lent = [engine.lend_transport() for _ in range(31)]
    await media_workers_become(quiet + 1, core.reactor)
    engine.stop()
    await deferLater(core.reactor, 0.6)
    assert open_descriptors() <= files


@ensureDeferred
async def test_the_next_call_does_not_hear_the_last_one(core: PjCore, engines: Engines) -> None:
    """One pair only; its old far end never stops sending."""
    engine = engines(MediaSettings(rtp_start=31600, rtp_end=31601))
    old, new = RtpPeer(), RtpPeer()
    for peer in (old, new):
        peer.start(core.reactor)
        peer.aim("127.0.0.1", 31600)
    transport = engine.lend_transport(symmetric=True)
    leg = engine.create_leg("old")
    parameters = StreamParameters("127.0.0.1", old.port, "ulaw", 0, 0)
    engine.attach_stream(leg, transport, parameters)
    ghost = old.send_samples(tone(500, 2.5))
    await deferLater(core.reactor, 0.2)
    leg.close()
    transport.release()
    assert engine.transports_lent == 0
    await deferLater(core.reactor, 0.1)
    transport = engine.lend_transport(symmetric=True)
    leg = engine.create_leg("new")
    engine.connect(leg, leg)
    await deferLater(core.reactor, 0.1)
    engine.attach_stream(leg, transport, replace(parameters, remote_port=new.port))
    old.packets.clear()
    await new.send_samples(tone(1500, 0.8))
    heard = new.heard()
    assert throughout(heard, 1500, 0.7) > 6500
    assert amplitude_at(heard, 500) < 50
    assert old.packets == []
    assert leg.frames_received == 40
    await ghost
    leg.close()
    engine.stop()
    for peer in (old, new):
        await peer.stop()


@ensureDeferred
async def test_a_pair_that_strangers_still_send_to_rests(kit: MediaKit) -> None:
    first = kit.party("first")
    first.leg.close()
    first.transport.release()
    await kit.wait(REST_SECONDS + 0.05)
    first.peer.send(b"\xff" * 160)
    await kit.wait(0.02)
    second = kit.engine.lend_transport()
    assert second is not first.transport
    second.release()
    await kit.wait(REST_SECONDS + 0.05)
    assert {kit.engine.lend_transport(), kit.engine.lend_transport()} == {first.transport, second}


@ensureDeferred
async def test_misuse_is_refused(kit: MediaKit) -> None:
    a, other = kit.party("a"), kit.engine.create_leg("other")
    with pytest.raises(ValueError, match="is a's"):
        kit.engine.attach_stream(other, a.transport, a.parameters)
    transport = kit.engine.lend_transport()
    for wrong in (
        replace(a.parameters, remote_address="phone.example.com"),
        replace(a.parameters, remote_port=70000),
        replace(a.parameters, ptime_ms=15),
        replace(a.parameters, ptime_ms=0),
        replace(a.parameters, codec="g729"),
        replace(a.parameters, codec="nonesuch"),
        replace(a.parameters, send_payload_type=300),
        replace(a.parameters, receive_payload_type=-1),
        replace(a.parameters, send_event_payload_type=200),
        replace(a.parameters, ptime_ms=1000),
    ):
        with pytest.raises(ValueError):
            kit.engine.attach_stream(other, transport, wrong)
        assert other.stream_parameters is None
    kit.engine.attach_stream(other, transport, a.parameters)
    transport.release()
    assert other.stream_parameters is None
    with pytest.raises(ValueError, match="given back"):
        kit.engine.attach_stream(other, transport, a.parameters)
    other.close()
    other.close()


@ensureDeferred
async def test_noise_on_the_ports_harms_nobody(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for port in (a.transport.rtp_port, a.transport.rtcp_port):
            for length in (0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 28, 100, 1400, 1500, 2000, 9000):
                for first in (0x00, 0x80, 0x81, 0x9F, 0xB0, 0xFF):
                    for kind in (0x00, 0x65, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCF):
                        data = (bytes([first, kind]) + os.urandom(length))[:length]
                        sock.sendto(data, ("127.0.0.1", port))
            await kit.wait(0.05)
    await a.peer.send_samples(tone(1013, 1.0))
    assert throughout(b.peer.heard(), 1013, 0.9) > 6500


@ensureDeferred
async def test_five_hundred_legs_leave_nothing(kit: MediaKit, core: PjCore) -> None:
    engine = kit.engine

    async def round_of(count: int) -> None:
        for _ in range(count // 10):
            legs = [engine.create_leg(f"leg {number}") for number in range(10)]
            lent = [engine.lend_transport() for _ in legs]
            for leg, transport in zip(legs, lent, strict=True):
                engine.attach_stream(leg, transport, StreamParameters("127.0.0.1", 9, "ulaw", 0, 0))
            for one, other in zip(legs[::2], legs[1::2], strict=True):
                engine.join(one, other)
            for leg, transport in zip(legs, lent, strict=True):
                leg.close()
                transport.release()
            await kit.wait(0.025)

    await round_of(100)
    await kit.wait(0.1)
    caching = core._caching
    fds, pools, memory = open_descriptors(), caching.used_count, resident_bytes()
    await round_of(500)
    await kit.wait(0.1)
    assert (engine.legs, engine.streams, engine.transports_lent) == (0, 0, 0)
    assert (engine.mixer.ports, engine.mixer.connections) == (0, 0)
    opened = open_descriptors() - fds
    assert opened <= 2 * engine.transports_open
    assert caching.used_count - pools <= opened + 20  # two for each pair: its own and its lock's; and some per endpoint
    assert resident_bytes() - memory < 20_000_000
    assert engine._by_key == {}


def test_the_engine_may_be_started_again(engines: Engines) -> None:
    before = open_descriptors()
    for _ in range(3):
        engine = engines(MediaSettings(rtp_start=31700, rtp_end=31799))
        leg = engine.create_leg("leg")
        engine.attach_stream(leg, engine.lend_transport(), StreamParameters("127.0.0.1", 9, "g722", 9, 9))
        engine.stop()
        engine.stop()
        assert open_descriptors() == before
