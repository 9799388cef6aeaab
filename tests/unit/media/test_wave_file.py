"""Sound files read with distrust."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.media.errors import SoundError
from pbx.media.wave_file import ALAW, PCM, ULAW, Sound, WaveFormat, header, open_sound, sound_from_samples

PLAIN = WaveFormat(PCM, 1, 8000)


def contents(sound: Sound) -> bytes:
    data = os.pread(sound.descriptor, 10_000_000, 0)
    sound.close()
    return data


def test_a_plain_file_is_played_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(PLAIN, 16000) + bytes(16000))
    sound = open_sound(path)
    assert (sound.format, sound.duration_ms) == (PLAIN, 1000)
    assert Path(sound.path).samefile(path)
    sound.close()


@pytest.mark.parametrize(
    ("name", "form", "size"),
    [
        ("a.ulaw", WaveFormat(ULAW, 1, 8000), 8000),
        ("a.pcm", WaveFormat(ULAW, 1, 8000), 8000),
        ("a.al", WaveFormat(ALAW, 1, 8000), 8000),
        ("a.sln", WaveFormat(PCM, 1, 8000), 16000),
        ("a.sln16", WaveFormat(PCM, 1, 16000), 32000),
    ],
)
def test_raw_files_get_a_header(tmp_path: Path, name: str, form: WaveFormat, size: int) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x11" * size)
    sound = open_sound(path)
    assert (sound.format, sound.duration_ms) == (form, 1000)
    assert contents(sound) == header(form, size) + b"\x11" * size


def test_a_very_short_sound_is_filled_up_with_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    path.write_bytes(b"")
    sound = open_sound(path)
    assert sound.duration_ms == 40
    assert contents(sound)[44:] == b"\xff" * 320


def test_a_length_beyond_the_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(PLAIN, 0xFFFFFF00) + bytes(801))
    sound = open_sound(path)
    assert sound.data_bytes == 800
    sound.close()


def test_odd_chunks_before_the_data(tmp_path: Path) -> None:
    plain = header(PLAIN, 1600)
    path = tmp_path / "a.wav"
    path.write_bytes(plain[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[36:] + b"\x22" * 1600)
    assert contents(open_sound(path)) == plain + b"\x22" * 1600


def test_extensible_format(tmp_path: Path) -> None:
    chunk = struct.pack("<HHIIHHHHIH14s", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4, 1, bytes(14))
    data = b"data" + struct.pack("<I", 1600) + b"\x22" * 1600
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + data
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert contents(open_sound(path)) == header(PLAIN, 1600) + b"\x22" * 1600


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", b"", "not a WAV file"),
        ("a.wav", b"RIFF\0\0\0\0WAVE", 'no "data" chunk'),
        ("a.wav", b"RIFF\0\0\0\0WAVEdata\0\0\0\0", 'before "fmt "'),
        ("a.wav", b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\1\0", "too short"),
        ("a.wav", header(WaveFormat(PCM, 1, 11025), 0), "11025 Hz"),
        ("a.wav", header(WaveFormat(PCM, 2, 8000), 0), "not mono"),
        ("a.wav", header(PLAIN, 0).replace(b"\x10\0data", b"\x08\0data"), "only 16-bit"),
        ("a.mp3", b"ID3", "no player for .mp3"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SoundError) as caught:
        open_sound(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "d.wav").mkdir()
    os.mkfifo(tmp_path / "f.wav")
    for name in ("d.wav", "f.wav", "missing.wav"):
        with pytest.raises(SoundError, match=name):
            open_sound(tmp_path / name)


def test_refused_files_leave_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with contextlib.suppress(SoundError):
            open_sound(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_any_bytes_are_played_or_refused(tail: bytes, place: int, value: int) -> None:
    data = bytearray(header(PLAIN, len(tail)) + tail)
    if place < len(data):
        data[place] = value
    descriptor = os.memfd_create("any", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    path = Path(f"/tmp/obelisk-any-{os.getpid()}.wav")
    try:
        path.unlink(missing_ok=True)
        path.symlink_to(f"/proc/self/fd/{descriptor}")
        with contextlib.suppress(SoundError):
            open_sound(path).close()
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def test_samples() -> None:
    sound = sound_from_samples(b"\1\0" * 8000, 8000)
    assert sound.duration_ms == 1000
    assert contents(sound)[44:] == b"\1\0" * 8000
