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
from pbx.testing.rtp import throughout, tone


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


def joined(*parts: Audio) -> Audio:
    return Audio(parts[0].rate, [sample for part in parts for sample in part.samples])


def test_a_gap_is_not_made_up_for_by_what_comes_before_and_after(tmp_path: Path) -> None:
    tone, gap = make_tone([440], 1.0), make_silence(0.3)
    path = write_wav(tmp_path / "gap.wav", joined(tone, gap, tone))
    assert read_wav(path).seconds_of(440) > 1.9
    with pytest.raises(AssertionError, match=r"heard 440 Hz in 87 % of its 2.30 s, with a gap of 0.30 s"):
        assert_heard(path, 440, 1.0)
    write_wav(path, joined(gap, tone, tone, gap))
    assert_heard(path, 440, 1.95)


def test_every_other_packet_lost_is_no_tone(tmp_path: Path) -> None:
    tone, lost = make_tone([1000], 0.02), make_silence(0.02)
    path = write_wav(tmp_path / "half.wav", joined(*[tone, lost] * 50))
    with pytest.raises(AssertionError, match=r"heard 1000 Hz in 51 % of its 1.98 s"):
        assert_heard(path, 1000, 1.0)


def test_a_stream_that_begins_late_is_too_short(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "late.wav", joined(make_silence(1.0), make_tone([440], 0.5)))
    with pytest.raises(AssertionError, match=r"heard 440 Hz for 0.50 s, not 1 s"):
        assert_heard(path, 440, 1.0)


def test_a_foreign_tone_is_noticed_at_any_time(tmp_path: Path) -> None:
    own, other = make_tone([440], 1.0), make_tone([700], 0.5)
    path = write_wav(tmp_path / "after.wav", joined(own, other))
    with pytest.raises(AssertionError, match=r"heard 440 Hz and for 0\.\d+ s something else"):
        assert_heard(path, 440, 0.9)
    assert_heard(path, 440, 0.9, among=[700])
    # As loud as a third of the other: nobody would call that silence.
    quiet = Audio(8000, [sample // 3 for sample in make_tone([700], 1.0).samples])
    both = [one + other for one, other in zip(make_tone([440], 1.0).samples, quiet.samples, strict=True)]
    assert_heard(write_wav(path, Audio(8000, both)), 440, 0.9, among=[700])
    both = [one + 2 * other for one, other in zip(make_tone([440], 1.0).samples, quiet.samples, strict=True)]
    with pytest.raises(AssertionError, match="heard 440 Hz in 0 %"):
        assert_heard(write_wav(path, Audio(8000, both)), 440, 0.9)


def test_the_amplitude_that_is_kept_up() -> None:
    sine = tone(700, 1.0)
    assert throughout(sine, 700, 0.95) == pytest.approx(8000, rel=0.01)
    assert throughout(sine, 700, 1.5) == 0.0
    assert throughout([*sine, *[0] * 2000, *sine], 700, 0.95) < 100
    assert throughout([], 700, 0.0) == 0.0
    assert throughout([*[0] * 4000, *sine], 700, 0.95) == pytest.approx(8000, rel=0.01)


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
