"""Sound through the switchboard, judged by its signal."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import Direction
from pbx.media.wave_file import PCM, WaveFormat, header
from pbx.testing.rtp import amplitude_at, decode, loudest, throughout, tone

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit, Party

AMPLITUDE = 8000
pytestmark = pytest.mark.usefixtures("kit")


@pytest.mark.parametrize(("one", "other"), [("ulaw", "ulaw"), ("ulaw", "alaw"), ("alaw", "ulaw")])
@ensureDeferred
async def test_a_tone_comes_through_at_its_level(kit: MediaKit, one: str, other: str) -> None:
    a, b = kit.party("a", one), kit.party("b", other)
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(1013, 0.8, amplitude=AMPLITUDE))
    heard = b.peer.heard()
    assert throughout(heard, 1013, 0.7) == pytest.approx(AMPLITUDE, rel=0.06)
    assert amplitude_at(heard, 1600) < AMPLITUDE / 50


@pytest.mark.parametrize("frequency", [300, 3000])
@ensureDeferred
async def test_the_whole_telephone_band_comes_through(kit: MediaKit, frequency: int) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(frequency, 0.8, amplitude=AMPLITUDE))
    assert throughout(b.peer.heard(), frequency, 0.7) == pytest.approx(AMPLITUDE, rel=0.06)


@ensureDeferred
async def test_g722_both_ways(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b", "g722")
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(1013, 0.8, amplitude=AMPLITUDE))
    coded = [packet.payload for packet in b.peer.packets if packet.payload_type == 9]
    assert {len(payload) for payload in coded} == {160}
    stamps = [packet.timestamp for packet in b.peer.packets]
    assert {(later - sooner) & 0xFFFFFFFF for sooner, later in zip(stamps, stamps[1:])} == {160}  # noqa: B905, RUF007
    a.peer.packets.clear()
    await b.peer.send_frames(coded[8:])
    assert throughout(a.peer.heard(), 1013, 0.5) == pytest.approx(AMPLITUDE, rel=0.1)


def tone_file(path: Path, frequency: int, rate: int = 16000) -> Path:
    samples = tone(frequency, 0.8, amplitude=AMPLITUDE, rate=rate)
    data = struct.pack(f"<{len(samples)}h", *samples)
    path.write_bytes(header(WaveFormat(PCM, 1, rate), len(data)) + data)
    return path


def linear(path: Path) -> list[int]:
    data = path.read_bytes()[44:]
    return list(struct.unpack(f"<{len(data) // 2}h", data))


@ensureDeferred
async def test_between_g722_phones_the_sound_is_wide(kit: MediaKit, tmp_path: Path) -> None:
    """Five kilohertz, which no telephone of the narrow band carries."""
    a, b, narrow = kit.party("a", "g722"), kit.party("b", "g722"), kit.party("narrow")
    await kit.engine.play(a.leg, tone_file(tmp_path / "five.wav", 5000)).finished
    coded = [packet.payload for packet in a.peer.packets]
    kit.engine.join(a.leg, b.leg)
    b.peer.packets.clear()
    await a.peer.send_frames(coded)
    again = [packet.payload for packet in b.peer.packets]
    recording = kit.engine.record(b.leg, tmp_path / "wide.wav16")
    await b.peer.send_frames(again)
    recording.stop()
    await recording.closed
    wide = linear(tmp_path / "wide.wav16")
    assert throughout(wide, 5000, 0.4, 16000) == pytest.approx(AMPLITUDE, rel=0.15)

    kit.engine.join(b.leg, narrow.leg)
    await a.peer.send_frames(coded)
    assert amplitude_at(narrow.peer.heard(), 3000) < 200  # nothing is folded down into the band either
    kit.engine.part(b.leg, narrow.leg)


@ensureDeferred
async def test_a_narrowband_phone_joins_and_leaves_a_wideband_one(kit: MediaKit) -> None:
    a, b, narrow = kit.party("a", "g722"), kit.party("b", "g722"), kit.party("narrow")

    def wide(party: Party) -> bool:
        assert party.leg.node.slot is not None
        return kit.engine.mixer.is_wide(party.leg.node.slot)

    kit.engine.join(a.leg, b.leg)
    assert wide(a)
    assert wide(b)
    kit.engine.join(a.leg, narrow.leg)
    assert not wide(a)
    assert not wide(b)
    await narrow.peer.send_samples(tone(1013, 0.5))
    assert len(a.peer.packets) > 20
    kit.engine.part(a.leg, narrow.leg)
    kit.engine.part(a.leg, b.leg)
    assert wide(a)
    assert wide(b)
    await kit.wait(0.05)
    assert (kit.engine.mixer.ports, kit.engine.mixer.connections) == (3, 0)


@ensureDeferred
async def test_three_hear_each_other_and_not_themselves(kit: MediaKit) -> None:
    parties = [kit.party(name) for name in "abc"]
    for one in parties:
        for other in parties:
            if one is not other:
                kit.engine.connect(one.leg, other.leg)
    waiting = [
        party.peer.send_samples(tone(frequency, 0.8, amplitude=4000))
        for party, frequency in zip(parties, (500, 1013, 1700), strict=True)
    ]
    for sent in waiting:
        await sent
    for party, own, others in zip(parties, (500, 1013, 1700), ((1013, 1700), (500, 1700), (500, 1013)), strict=True):
        heard = party.peer.heard()
        assert loudest(heard, own) < 100
        for frequency in others:
            assert throughout(heard, frequency, 0.7) == pytest.approx(4000, rel=0.06)


@ensureDeferred
async def test_echo(kit: MediaKit) -> None:
    a = kit.party("a")
    kit.engine.connect(a.leg, a.leg)
    await a.peer.send_samples(tone(700, 0.8))
    assert throughout(a.peer.heard(), 700, 0.7) == pytest.approx(8000, rel=0.06)


@ensureDeferred
async def test_through_two_local_pairs(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b")
    ends = [kit.engine.create_leg(f"Local/{number}") for number in range(4)]
    kit.engine.pipe(ends[0], ends[1])
    kit.engine.pipe(ends[2], ends[3])
    kit.engine.join(a.leg, ends[0])
    kit.engine.join(ends[1], ends[2])
    kit.engine.join(ends[3], b.leg)
    await a.peer.send_samples(tone(1013, 0.6))
    assert throughout(b.peer.heard(), 1013, 0.5) == pytest.approx(8000, rel=0.06)
    for end in ends:
        end.close()
    await kit.wait(0.05)
    assert kit.engine.mixer.connections == 0


@ensureDeferred
async def test_connections_survive_a_new_stream(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    a.peer.send_samples(tone(1013, 5.0))
    await kit.wait(0.3)
    kit.engine.detach_stream(b.leg)
    again = kit.party("again", "alaw")
    kit.engine.detach_stream(again.leg)
    kit.engine.attach_stream(b.leg, again.transport, again.parameters)
    await kit.wait(0.7)
    assert throughout(again.peer.heard(), 1013, 0.5) == pytest.approx(8000, rel=0.06)


@ensureDeferred
async def test_muting_each_way(kit: MediaKit) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    a.leg.set_muted(inbound=True, outbound=False)
    both = [a.peer.send_samples(tone(1013, 0.6)), b.peer.send_samples(tone(500, 0.6))]
    for one in both:
        await one
    assert throughout(a.peer.heard(), 500, 0.5) > 6500
    assert amplitude_at(b.peer.heard(), 1013) < 50
    a.leg.set_muted(inbound=False, outbound=False)
    b.peer.packets.clear()
    await a.peer.send_samples(tone(1013, 0.6))
    assert throughout(b.peer.heard(), 1013, 0.5) > 6500


@ensureDeferred
async def test_hold_by_direction_keeps_the_stream(kit: MediaKit) -> None:
    from dataclasses import replace

    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    await a.peer.send_samples(tone(1013, 0.2))
    ssrc = b.peer.packets[0].ssrc
    kit.engine.attach_stream(b.leg, b.transport, replace(b.parameters, direction=Direction.INACTIVE))
    await kit.wait(0.05)
    b.peer.packets.clear()
    await a.peer.send_samples(tone(1013, 0.3))
    assert b.peer.packets == []
    kit.engine.attach_stream(b.leg, b.transport, b.parameters)
    await a.peer.send_samples(tone(1013, 0.5))
    assert throughout(b.peer.heard(), 1013, 0.4) > 6500
    assert {packet.ssrc for packet in b.peer.packets} == {ssrc}


@ensureDeferred
async def test_a_late_listener_hears_no_old_sound(kit: MediaKit) -> None:
    """What arrived while nobody listened would otherwise stay in the jitter buffer as a delay of half a second."""
    a, b = kit.party("a"), kit.party("b")
    await a.peer.send_samples(tone(500, 1.0))
    kit.engine.join(a.leg, b.leg)
    b.peer.packets.clear()
    await a.peer.send_samples(tone(1500, 0.6))
    heard = b.peer.heard()
    assert amplitude_at(heard, 500) < 400
    assert throughout(heard, 1500, 0.5) > 6500


@ensureDeferred
async def test_to_where_packets_come_from(kit: MediaKit) -> None:
    """rtp_symmetric: the SDP says one port, the packets come from another."""
    nowhere = kit.party("nowhere")
    a = kit.party("a", symmetric=True, remote_port=nowhere.peer.port)
    b = kit.party("b", symmetric=False, remote_port=nowhere.peer.port)
    kit.engine.join(a.leg, b.leg)
    both = [a.peer.send_samples(tone(1013, 0.6)), b.peer.send_samples(tone(500, 0.6))]
    for one in both:
        await one
    assert throughout(a.peer.heard(), 500, 0.5) > 6500
    assert a.transport.source == ("127.0.0.1", a.peer.port)
    assert b.peer.packets == []


@ensureDeferred
async def test_counters(kit: MediaKit) -> None:
    a = kit.party("a")
    assert a.leg.frames_received == 0
    await a.peer.send_samples(tone(1013, 0.5))
    assert a.leg.frames_received == 25
    assert a.leg.seconds_since_rtp() < 0.05
    a.peer.sequence += 5
    await a.peer.send_samples(tone(1013, 0.1))
    statistics = a.leg.statistics()
    assert statistics is not None
    assert (statistics.packets_received, statistics.packets_lost) == (30, 5)
    a.leg.seconds_since_rtp()
    await kit.wait(0.2)
    assert a.leg.seconds_since_rtp() > 0.15


@pytest.mark.parametrize("ptime", [10, 30, 40, 60])
@ensureDeferred
async def test_other_packet_lengths(kit: MediaKit, tmp_path: Path, ptime: int) -> None:
    a = kit.party("a", ptime_ms=ptime)
    assert await kit.engine.play(a.leg, tone_file(tmp_path / "a.wav", 1013, 8000)).finished
    payloads = {len(packet.payload) for packet in a.peer.packets}
    assert payloads == {ptime * 8}
    assert throughout(decode(0, b"".join(packet.payload for packet in a.peer.packets)), 1013, 0.7) > 7500
