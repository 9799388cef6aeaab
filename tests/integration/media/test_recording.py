"""Legs recorded into files, judged by what is in the files."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_twisted import ensureDeferred

from pbx.media import SoundError
from pbx.media.coded_files import gsm_header
from pbx.media.recording_file import RECORDABLE
from pbx.media.wave_file import PCM, WaveFormat, header
from pbx.testing.audio import write_tone
from pbx.testing.media import open_descriptors
from pbx.testing.rtp import decode, loudest, throughout, tone

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit


def read(path: Path) -> tuple[int, list[int]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        data = file.readframes(file.getnframes())
        assert path.stat().st_size == 44 + len(data)
        return file.getframerate(), list(struct.unpack(f"<{len(data) // 2}h", data))


@ensureDeferred
async def test_one_direction_and_both(kit: MediaKit, tmp_path: Path) -> None:
    a, b = kit.party("a"), kit.party("b")
    kit.engine.join(a.leg, b.leg)
    one, took = kit.engine.record(a.leg, tmp_path / "one.wav"), kit.watch()
    both = kit.engine.record(a.leg, tmp_path / "both.wav16", both_directions=True)
    sending = [a.peer.send_samples(tone(500, 1.0)), b.peer.send_samples(tone(1500, 1.0))]
    for waiting in sending:
        await waiting
    length = one.stop()
    assert length == pytest.approx(took(), abs=60)
    assert one.stop() == length == one.duration_ms
    both.stop()
    assert await one.closed == length
    await both.closed
    rate, samples = read(tmp_path / "one.wav")
    assert (rate, len(samples) * 1000 // rate) == (8000, length)
    assert throughout(samples, 500, 0.9) == pytest.approx(8000, rel=0.04)
    assert loudest(samples, 1500) < 100
    rate, samples = read(tmp_path / "both.wav16")
    assert rate == 16000
    assert throughout(samples, 500, 0.9, rate) == pytest.approx(8000, rel=0.04)
    assert throughout(samples, 1500, 0.9, rate) == pytest.approx(8000, rel=0.04)


@pytest.mark.parametrize(("name", "payload_type"), [("r.ulaw", 0), ("r.alaw", 8), ("r.sln", None)])
@ensureDeferred
async def test_raw_formats(kit: MediaKit, tmp_path: Path, name: str, payload_type: int | None) -> None:
    a = kit.party("a")
    path = tmp_path / "new" / "folder" / name
    recording = kit.engine.record(a.leg, path)
    await a.peer.send_samples(tone(1013, 0.6))
    length = recording.stop()
    await recording.closed
    data = path.read_bytes()
    samples = list(struct.unpack(f"<{len(data) // 2}h", data)) if payload_type is None else decode(payload_type, data)
    assert len(samples) == length * 8
    assert throughout(samples, 1013, 0.5) == pytest.approx(8000, rel=0.04)


#: How much a second of a file is in bytes, headers apart, where it is not 16-bit samples at the rate in its name.
BYTES_A_SECOND = {
    **dict.fromkeys(("ulaw", "ul", "mu", "ulw", "pcm", "alaw", "al", "alw", "g722"), 8000),
    **dict.fromkeys(("wav", "sln", "slin", "sln8", "raw"), 16000),
    "sln44": 88200,
    "gsm": 1650,
    "WAV": 1625,
    "wav49": 1625,
    "ilbc": 50 / 0.03,
}


LEVEL_OF_8000 = 20 * math.log10(8000 / (32768 * math.sqrt(2)))


@pytest.mark.parametrize("extension", sorted(RECORDABLE))
@ensureDeferred
async def test_every_kind_of_file_is_heard_as_it_was_recorded(kit: MediaKit, tmp_path: Path, extension: str) -> None:
    a = kit.party("a")
    path = tmp_path / f"a.{extension}"
    # One tone through both recordings, and no jitter buffer before them.
    source, recorded = kit.engine.create_leg("source"), kit.engine.create_leg("recorded")
    kit.engine.pipe(source, recorded)
    kit.engine.play(source, write_tone(tmp_path / "tone.wav", 700, 5.0, level_dbov=LEVEL_OF_8000))
    await kit.wait(0.1)
    expected = 0.0
    for _ in range(2):
        recording, took = kit.engine.record(recorded, path, append=True), kit.watch()
        await kit.wait(0.4)
        length = recording.stop()
        expected += took()
        assert length == pytest.approx(expected, abs=120)
        assert await recording.closed == pytest.approx(length, abs=1)
    per_second = BYTES_A_SECOND.get(extension) or int(extension.strip("slnwav")) * 2000
    assert path.stat().st_size == pytest.approx(per_second * length / 1000, abs=100 + per_second * 0.05)
    await kit.wait(0.05)
    a.peer.packets.clear()
    playing = kit.engine.play(a.leg, path)
    assert await playing.finished is True
    assert playing.duration_ms == pytest.approx(length, abs=50)
    assert throughout(a.peer.heard(), 700, 0.7) == pytest.approx(8000, rel=0.2)
    source.close()
    recorded.close()


@pytest.mark.parametrize("extension", ["gsm", "WAV", "g722", "wav", "sln"])
@ensureDeferred
async def test_the_end_is_cut_and_the_beginning_kept(kit: MediaKit, tmp_path: Path, extension: str) -> None:
    a = kit.party("a")
    path = tmp_path / f"a.{extension}"
    recording, took = kit.engine.record(a.leg, path), kit.watch()
    await kit.wait(0.6)
    length = recording.stop(250)
    assert length == pytest.approx(took() - 250, abs=80)
    assert await recording.closed == length
    playing = kit.engine.play(a.leg, path)
    assert playing.duration_ms == pytest.approx(length, abs=45)
    playing.stop()
    again = kit.engine.record(a.leg, path, append=True, keep_ms=200)
    assert again.stop() == pytest.approx(200, abs=45)
    await again.closed


@ensureDeferred
async def test_what_cannot_be_recorded_or_appended_to(kit: MediaKit, tmp_path: Path) -> None:
    leg, before = kit.engine.create_leg("a"), open_descriptors()
    pcm = header(WaveFormat(PCM, 1, 8000), 0)
    for name, content in (
        ("a.mp3", b""),
        ("a.g729", b""),
        ("a.WAV", pcm),
        ("a.wav49", b"RIFF"),
        ("a.wav", gsm_header(0)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SoundError, match=r"cannot (record|append)|not a WAV|format 49"):
            kit.engine.record(leg, path, append=True)
        assert path.read_bytes() == content
    assert open_descriptors() == before
    leg.close()


@ensureDeferred
async def test_append(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    path = tmp_path / "a.wav"
    expected = 0.0
    for frequency in (500, 1500):
        recording, took = kit.engine.record(a.leg, path, append=True), kit.watch()
        await a.peer.send_samples(tone(frequency, 0.5))
        recording.stop()
        expected += took()
        await recording.closed
    _, samples = read(path)
    assert len(samples) / 8 == pytest.approx(expected, abs=100)
    assert throughout(samples, 500, 0.4) > 6500
    assert throughout(samples, 1500, 0.4) > 6500
    assert recording.duration_ms == len(samples) // 8


@ensureDeferred
async def test_time_passes_without_sound_and_stands_still_while_paused(kit: MediaKit, tmp_path: Path) -> None:
    leg = kit.engine.create_leg("silent")
    recording, took = kit.engine.record(leg, tmp_path / "a.wav"), kit.watch()
    await kit.wait(0.4)
    recording.pause()
    expected = took()
    await kit.wait(0.05)
    paused = recording.duration_ms
    assert paused == pytest.approx(expected, abs=80)
    await kit.wait(0.3)
    assert recording.duration_ms == paused
    recording.resume()
    took = kit.watch()
    await kit.wait(0.2)
    assert recording.stop() == pytest.approx(expected + took(), abs=100)
    await recording.closed
    assert set(read(tmp_path / "a.wav")[1]) == {0}
    leg.close()


@ensureDeferred
async def test_a_muted_recording_goes_on_with_silence(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    recording, took = kit.engine.record(a.leg, tmp_path / "a.wav"), kit.watch()
    told: list[float] = []
    recording.set_silence_listener(0.3, lambda: told.append(kit.reactor.seconds()))
    recording.mute(True)
    await a.peer.send_samples(tone(500, 0.5))
    assert told == []
    recording.mute(False)
    await a.peer.send_samples(tone(1500, 0.5))
    assert recording.stop() == pytest.approx(took(), abs=150)
    await recording.closed
    _, samples = read(tmp_path / "a.wav")
    assert throughout(samples, 1500, 0.3) > 6500
    assert throughout(samples, 500, 0.3) < 1000


@ensureDeferred
async def test_silence(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    recording = kit.engine.record(a.leg, tmp_path / "a.wav")
    told: list[float] = []
    recording.set_silence_listener(0.4, lambda: told.append(kit.reactor.seconds()))
    await a.peer.send_samples(tone(500, 0.7))
    assert told == []
    ended = kit.reactor.seconds()
    await kit.until(lambda: told)
    assert told[0] - ended == pytest.approx(0.5, abs=0.2)
    took = kit.watch()
    await kit.wait(0.5)
    assert len(told) == 1
    recording.stop()
    expected = took() - 50
    # All the silence, and what of it is at the end; what was before the tone is not.
    whole, at_end = recording.silence_ms
    assert at_end == pytest.approx(expected, abs=100)
    assert at_end <= whole < at_end + 250


@ensureDeferred
async def test_what_was_just_recorded_can_be_played_at_once(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    path = tmp_path / "a.wav"
    recording = kit.engine.record(a.leg, path)
    await a.peer.send_samples(tone(1013, 0.5))
    recording.stop()
    a.peer.packets.clear()
    playing = kit.engine.play(a.leg, path)
    assert await playing.finished is True
    assert throughout(a.peer.heard(), 1013, 0.4) > 6500


@ensureDeferred
async def test_recording_the_same_file_again_at_once(kit: MediaKit, tmp_path: Path) -> None:
    a = kit.party("a")
    path = tmp_path / "a.wav"
    first = kit.engine.record(a.leg, path)
    await a.peer.send_samples(tone(500, 0.8))
    first.stop()
    second = kit.engine.record(a.leg, path)
    await first.closed
    await a.peer.send_samples(tone(1500, 0.4))
    length = second.stop()
    await second.closed
    _, samples = read(path)
    assert len(samples) == length * 8
    assert throughout(samples, 1500, 0.3) > 6500


@ensureDeferred
async def test_a_leg_that_goes_ends_its_recording(kit: MediaKit, tmp_path: Path) -> None:
    leg = kit.engine.create_leg("leg")
    recording = kit.engine.record(leg, tmp_path / "a.wav")
    await kit.wait(0.1)
    leg.close()
    await recording.closed
    assert len(read(tmp_path / "a.wav")[1]) > 0


@pytest.mark.parametrize("name", ["a.mp3", "a", "folder.wav", "no\x00.wav"])
@ensureDeferred
async def test_refused(kit: MediaKit, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    leg = kit.engine.create_leg("leg")
    before = open_descriptors()
    with pytest.raises(SoundError):
        kit.engine.record(leg, tmp_path / name)
    assert open_descriptors() == before
    leg.close()


@ensureDeferred
async def test_a_file_of_another_kind_is_not_appended_to(kit: MediaKit, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"precious")
    leg = kit.engine.create_leg("leg")
    with pytest.raises(SoundError, match=r"a\.wav"):
        kit.engine.record(leg, path, append=True)
    assert path.read_bytes() == b"precious"
    leg.close()


@ensureDeferred
async def test_stopping_the_engine_leaves_whole_files(kit: MediaKit, tmp_path: Path) -> None:
    leg = kit.engine.create_leg("leg")
    recording, took = kit.engine.record(leg, tmp_path / "a.wav"), kit.watch()
    await kit.wait(0.3)
    expected = took()
    kit.engine.stop()
    assert await recording.closed == pytest.approx(expected, abs=80)
    assert len(read(tmp_path / "a.wav")[1]) == recording.duration_ms * 8
