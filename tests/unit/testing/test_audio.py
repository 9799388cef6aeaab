"""The judge of recordings must itself be right."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pbx.testing.audio import (
    Audio,
    assert_heard,
    assert_not_heard,
    assert_silent,
    make_silence,
    make_tone,
    read_wav,
    write_tone,
    write_wav,
)


def test_tone_is_heard_as_long_as_it_lasts(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", 440, 1.5)
    assert read_wav(path).seconds_of(440) == pytest.approx(1.5, abs=0.05)
    assert_heard(path, 440, 1.4)


@pytest.mark.parametrize("other", [400, 480, 880, 1000])
def test_other_frequencies_are_not_heard(tmp_path: Path, other: int) -> None:
    path = write_tone(tmp_path / "tone.wav", 440, 1.0)
    assert_not_heard(path, other)
    with pytest.raises(AssertionError, match=f"heard {other} Hz for 0.00 s, not 1 s"):
        assert_heard(path, other, 1.0)


def test_both_of_a_pair_are_heard() -> None:
    audio = make_tone([440, 1000], 1.0)
    assert audio.seconds_of(440) >= 0.9
    assert audio.seconds_of(1000) >= 0.9


def test_level_is_relative_to_full_scale() -> None:
    assert make_tone([1000], 1.0, level_dbov=-16).level_dbov() == pytest.approx(-16, abs=0.1)
    assert make_silence(1.0).level_dbov() == -math.inf


def test_silence_ratio_counts_windows() -> None:
    tone, silence = make_tone([440], 1.0), make_silence(3.0)
    both = Audio(8000, [*tone.samples, *silence.samples])
    assert both.silence_ratio() == pytest.approx(0.75, abs=0.02)
    assert both.part(1.0).silence_ratio() == 1.0
    assert both.part(0.0, 1.0).seconds == 1.0


def test_silent_recordings(tmp_path: Path) -> None:
    assert_silent(write_wav(tmp_path / "silence.wav", make_silence(1.0)))
    assert_silent(tmp_path / "missing.wav")
    (tmp_path / "header-only.wav").write_bytes(bytes(44))
    assert read_wav(tmp_path / "header-only.wav").seconds == 0
    with pytest.raises(AssertionError, match="not silent"):
        assert_silent(write_tone(tmp_path / "tone.wav", 440, 1.0))


def test_too_quiet_a_tone_is_not_heard(tmp_path: Path) -> None:
    assert_not_heard(write_tone(tmp_path / "faint.wav", 440, 1.0, level_dbov=-60), 440)


def test_sixteen_kilohertz(tmp_path: Path) -> None:
    assert_heard(write_tone(tmp_path / "wide.wav", [5000], 1.0, rate=16000), 5000, 0.9)
