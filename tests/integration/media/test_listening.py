"""What a far end says, handed to somebody in the process; and recordings that lose their end, or grow from a point."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import SoundError
from pbx.testing.media import open_descriptors
from pbx.testing.rtp import decode, throughout, tone

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit


def samples_of(form: str, data: bytes) -> list[int]:
    if form.startswith("slin"):
        return list(struct.unpack(f"<{len(data) // 2}h", data))
    return decode({"ulaw": 0, "alaw": 8}[form], data)


@pytest.mark.parametrize(("form", "rate"), [("slin", 8000), ("slin16", 16000), ("ulaw", 8000), ("alaw", 8000)])
@ensureDeferred
async def test_every_format(kit: MediaKit, form: str, rate: int) -> None:
    a = kit.party("a")
    pieces: list[bytes] = []
    listening, took = kit.engine.listen(a.leg, pieces.append, form), kit.watch()
    await a.peer.send_samples(tone(700, 1.0))
    listening.stop()
    expected = took() / 1000
    listening.stop()
    heard = samples_of(form, b"".join(pieces))
    assert len(heard) / rate == pytest.approx(expected, abs=0.1)
    assert throughout(heard, 700, 0.9, rate) == pytest.approx(8000, rel=0.05)
    # 20 ms at a time.
    assert {len(samples_of(form, piece)) for piece in pieces} == {rate // 50}
    count = len(pieces)
    await a.peer.send_samples(tone(700, 0.2))
    assert len(pieces) == count


@ensureDeferred
async def test_nothing_is_left(kit: MediaKit) -> None:
    a = kit.party("a")
    with pytest.raises(SoundError, match="cannot be had as mp3"):
        kit.engine.listen(a.leg, lambda _data: None, "mp3")
    counts = []
    for _ in range(3):
        listenings = [kit.engine.listen(a.leg, lambda _data: None) for _ in range(5)]
        assert kit.engine.transports_lent == 6
        await a.peer.send_samples(tone(700, 0.1))
        for each in listenings:
            each.stop()
        await a.peer.send_samples(tone(700, 0.1))
        counts.append(open_descriptors())
    assert kit.engine.transports_lent == 1
    # The pairs stay open for the next, and nothing else does.
    assert counts[2] <= counts[1]
    kit.engine.listen(a.leg, lambda _data: None)
    a.leg.close()
    assert kit.engine.transports_lent == 1
    with pytest.raises(SoundError, match="is gone"):
        kit.engine.listen(a.leg, lambda _data: None)


@pytest.mark.parametrize("name", ["r.wav", "r.ulaw"])
@ensureDeferred
async def test_a_recording_without_its_end(kit: MediaKit, tmp_path: Path, name: str) -> None:
    a = kit.party("a")
    path = tmp_path / name
    recording = kit.engine.record(a.leg, path)
    await a.peer.send_samples(tone(700, 0.8))
    whole = recording.duration_ms
    length = recording.stop(rewind_ms=500)
    assert length == whole - 500
    assert await recording.closed == length
    header, width = (44, 2) if name.endswith("wav") else (0, 1)
    assert (path.stat().st_size - header) // width == length * 8
    # Begun again behind the first 200 ms of it.
    recording, took = kit.engine.record(a.leg, path, append=True, keep_ms=200), kit.watch()
    await a.peer.send_samples(tone(1500, 0.5))
    length = recording.stop()
    assert length == pytest.approx(200 + took(), abs=60)
    await recording.closed
    assert (path.stat().st_size - header) // width == length * 8
