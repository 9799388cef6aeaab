"""Sound files played into legs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import SoundError
from pbx.media.tones import Tones, built_in_zones
from pbx.media.wave_file import ALAW, PCM, ULAW, WaveFormat, header
from pbx.testing.media import open_descriptors
from pbx.testing.rtp import amplitude_at, encode, loudest, throughout, tone

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit


def linear(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def sound(path: Path, frequency: int, seconds: float) -> Path:
    """A sound file of the kind its name says."""
    raw = {".ulaw": 0, ".alaw": 8}
    if path.suffix in raw:
        path.write_bytes(encode(raw[path.suffix], tone(frequency, seconds)))
        return path
    rate = 16000 if "16" in path.name else 8000
    data = linear(tone(frequency, seconds, rate=rate))
    form = WaveFormat(PCM, 1, rate)
    if path.name.startswith(("ulaw", "alaw")):
        form = WaveFormat(ULAW if path.name.startswith("ulaw") else ALAW, 1, 8000)
        data = encode(0 if form.tag == ULAW else 8, tone(frequency, seconds))
    path.write_bytes(data if path.suffix.startswith(".sln") else header(form, len(data)) + data)
    return path


KINDS = ["a.wav", "a.wav16", "ulaw.wav", "alaw.wav", "a.ulaw", "a.alaw", "a.sln", "a.sln16"]


@pytest.mark.parametrize("name", KINDS)
@ensureDeferred
async def test_every_kind_of_file_to_its_end(kit: MediaKit, tmp_path: Path, name: str) -> None:
    path = sound(tmp_path / name, 700, 0.6)
    a = kit.party("a")
    await kit.wait(0.05)
    a.peer.packets.clear()
    began = kit.reactor.seconds()
    playing = kit.engine.play(a.leg, path)
    assert await playing.finished is True
    assert kit.reactor.seconds() - began == pytest.approx(0.6, abs=0.25)
    assert playing.position_ms == 600
    heard = a.peer.heard()
    assert throughout(heard, 700, 0.56) == pytest.approx(8000, rel=0.06)
    assert sum(abs(sample) > 1000 for sample in heard) / 8000 == pytest.approx(0.55, abs=0.06)


@ensureDeferred
async def test_coded_files(kit: MediaKit, tmp_path: Path) -> None:
    """What an installed Asterisk brings: .g722 and .gsm. The coded sound is taken from the wire."""
    for codec in ("g722", "gsm"):
        coder = kit.party("coder", codec)
        await kit.wait(0.05)
        coder.peer.packets.clear()
        await kit.engine.play(coder.leg, sound(tmp_path / "source.wav", 700, 0.6)).finished
        path = tmp_path / f"coded.{codec}"
        path.write_bytes(b"".join(packet.payload for packet in coder.peer.packets))
        a = kit.party("a")
        for _ in range(2):
            await kit.wait(0.05)
            a.peer.packets.clear()
            playing = kit.engine.play(a.leg, path)
            assert await playing.finished is True
            assert throughout(a.peer.heard(), 700, 0.54) == pytest.approx(8000, rel=0.2)
        assert playing.position_ms == playing.duration_ms == pytest.approx(600, abs=40)
        path.write_bytes(b"\x01" * 7)
        assert await kit.engine.play(a.leg, path).finished is True
        path.write_bytes(bytes(10_000_000))
        with pytest.raises(SoundError, match="longer than"):
            kit.engine.play(a.leg, path)
    with pytest.raises(SoundError, match=r"missing\.gsm"):
        kit.engine.play(a.leg, tmp_path / "missing.gsm")


@ensureDeferred
async def test_time_passes_without_a_listener(kit: MediaKit, tmp_path: Path) -> None:
    leg = kit.engine.create_leg("nobody")
    began = kit.reactor.seconds()
    assert await kit.engine.play(leg, sound(tmp_path / "a.wav", 700, 0.4)).finished is True
    assert kit.reactor.seconds() - began == pytest.approx(0.4, abs=0.25)
    leg.close()


@ensureDeferred
async def test_heard_at_the_other_end_of_a_local_pair(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    one, two = kit.engine.create_leg("one"), kit.engine.create_leg("two")
    kit.engine.pipe(one, two)
    kit.engine.join(two, a.leg)
    await kit.engine.play(one, sound(tmp_path / "a.wav", 700, 0.5)).finished
    assert throughout(a.peer.heard(), 700, 0.46) > 6500
    one.close()
    two.close()


@ensureDeferred
async def test_pause_and_resume(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    playing, took = kit.engine.play(a.leg, sound(tmp_path / "a.wav", 700, 0.6)), kit.watch()
    await kit.wait(0.3)
    playing.pause()
    paused_at = playing.position_ms
    assert paused_at == pytest.approx(took(), abs=60)
    await kit.wait(0.3)
    assert playing.position_ms == paused_at
    a.peer.packets.clear()
    await kit.wait(0.2)
    assert amplitude_at(a.peer.heard(), 700) < 10
    playing.resume()
    began = kit.reactor.seconds()
    assert await playing.finished is True
    assert kit.reactor.seconds() - began == pytest.approx(0.3, abs=0.25)


@pytest.mark.parametrize("milliseconds", [500, 310, 30])
@ensureDeferred
async def test_a_loop_begins_anew_without_a_gap(kit: MediaKit, tmp_path: Path, milliseconds: int) -> None:
    a = kit.party("a")
    playing = kit.engine.play(a.leg, sound(tmp_path / "a.wav", 700, milliseconds / 1000), offset_ms=10, loop=True)
    await kit.wait(1.5)
    assert throughout(a.peer.heard(), 700, 1.4) == pytest.approx(8000, rel=0.06)
    assert playing.position_ms < milliseconds
    playing.stop()
    assert await playing.finished is False
    await kit.wait(0.1)
    a.peer.packets.clear()
    await kit.wait(0.1)
    assert amplitude_at(a.peer.heard(), 700) < 10
    assert kit.engine.mixer.ports == 1


@ensureDeferred
async def test_a_continuous_tone_has_no_gap(kit: MediaKit) -> None:
    a = kit.party("a")
    tone = Tones(built_in_zones(), kit.engine).play(a.leg, "425")
    await kit.wait(2.5)
    tone.stop()
    heard = a.peer.heard()
    assert throughout(heard, 425, 2.4) > 0.94 * loudest(heard, 425) > 1000


@ensureDeferred
async def test_stop(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    playing, took = kit.engine.play(a.leg, sound(tmp_path / "a.wav", 700, 5.0)), kit.watch()
    await kit.wait(0.2)
    playing.stop()
    expected = took()
    playing.stop()
    assert await playing.finished is False
    assert playing.position_ms == pytest.approx(expected, abs=60)
    await kit.wait(0.1)
    a.peer.packets.clear()
    await kit.wait(0.1)
    assert amplitude_at(a.peer.heard(), 700) < 10


@ensureDeferred
async def test_from_an_offset(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    path = tmp_path / "two.ulaw"
    path.write_bytes(encode(0, tone(500, 0.5) + tone(1500, 0.5)))
    began = kit.reactor.seconds()
    playing = kit.engine.play(a.leg, path, offset_ms=500)
    assert playing.position_ms == 500
    await playing.finished
    assert kit.reactor.seconds() - began == pytest.approx(0.5, abs=0.25)
    assert throughout(a.peer.heard(), 1500, 0.46) > 6000
    assert loudest(a.peer.heard(), 500) < 500
    assert await kit.engine.play(a.leg, path, offset_ms=99999).finished is True


@ensureDeferred
async def test_a_leg_that_goes_ends_its_playback(kit: MediaKit, tmp_path: Path) -> None:
    leg = kit.engine.create_leg("leg")
    playing = kit.engine.play(leg, sound(tmp_path / "a.wav", 700, 5.0))
    leg.close()
    assert await playing.finished is False
    with pytest.raises(SoundError, match="is gone"):
        kit.engine.play(leg, tmp_path / "a.wav")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff"])
@ensureDeferred
async def test_bad_files(kit: MediaKit, tmp_path: Path, content: bytes) -> None:
    a = kit.party("a")
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(SoundError, match=r"bad\.wav"):
        kit.engine.play(a.leg, path)
    with pytest.raises(SoundError, match=r"missing\.wav"):
        kit.engine.play(a.leg, tmp_path / "missing.wav")


@ensureDeferred
async def test_an_empty_raw_file_is_played_at_once(kit: MediaKit, tmp_path: Path) -> None:
    path = tmp_path / "empty.ulaw"
    path.write_bytes(b"")
    leg = kit.engine.create_leg("leg")
    assert await kit.engine.play(leg, path).finished is True
    leg.close()


@ensureDeferred
async def test_nothing_is_left(kit: MediaKit, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.ulaw", 700, 0.1)
    leg = kit.engine.create_leg("leg")
    await kit.engine.play(leg, path).finished
    await kit.wait(0.1)
    before = open_descriptors()
    for _ in range(20):
        kit.engine.play(leg, path).stop()
    await kit.engine.play(leg, path).finished
    await kit.wait(0.1)
    assert open_descriptors() == before
    assert kit.engine.mixer.ports == 0
    leg.close()


@ensureDeferred
async def test_find_sound(kit: MediaKit, tmp_path: Path) -> None:
    folder = tmp_path / "sounds" / "en" / "digits"
    folder.mkdir(parents=True)
    path = sound(folder / "1.wav", 700, 0.1)
    assert kit.engine.find_sound("digits/1", "en_GB") == path
    assert kit.engine.find_sound("digits/2", "en_GB") is None
