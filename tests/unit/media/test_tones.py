"""Tones: their text, their sound, and the zones of indications.conf."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

from pbx.config import ConfigLoader
from pbx.errors import ConfigError
from pbx.media.tones import ToneItem, Tones, built_in_zones, parse_tone, read_indications_conf, render
from pbx.testing.fake_media import FakeSwitchboard


def level_at(samples: bytes, hertz: float) -> float:
    """How much of a frequency there is, by Goertzel."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)[:8000]
    real = sum(value * math.cos(2 * math.pi * hertz * n / 8000) for n, value in enumerate(values))
    imaginary = sum(value * math.sin(2 * math.pi * hertz * n / 8000) for n, value in enumerate(values))
    return math.hypot(real, imaginary) / len(values)


def test_a_tone_is_frequencies_and_milliseconds() -> None:
    assert parse_tone("440+480/2000,0/4000") == (ToneItem(440, 480, False, 2000), ToneItem(0, 0, False, 4000))
    assert parse_tone("!350*440/100,425") == (ToneItem(350, 440, True, 100, True), ToneItem(425))
    assert parse_tone("M69")[0].one == 440


@pytest.mark.parametrize("text", ["", "ring", "440/", "440++480", "99999", "440/100,,"])
def test_what_is_no_tone_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a tone|is above"):
        parse_tone(text)


def test_the_sound_has_the_frequencies_and_repeats() -> None:
    sound = render(parse_tone("440+480/2000,0/4000"))
    assert not sound.once
    assert level_at(sound.repeated, 440) > 3000
    assert level_at(sound.repeated, 480) > 3000
    assert level_at(sound.repeated, 620) < 100
    assert sound.repeated[32000:96000] == bytes(64000)
    assert len(sound.repeated) % (6 * 16000) == 0
    once = render(parse_tone("!950/330,!1400/330,!1800/330"))
    assert (len(once.once), once.repeated) == (3 * 330 * 16, b"")


def test_a_tone_without_an_end_plays_until_it_is_stopped() -> None:
    switchboard = FakeSwitchboard()
    leg = switchboard.create_leg("phone")
    tone = Tones(built_in_zones(), switchboard).play(leg, "dial")
    ended: list[bool] = []
    tone.finished.addCallback(ended.append)
    assert [each.loop for each in switchboard.playbacks] == [True]
    assert ended == []
    tone.stop()
    assert ended == [False]
    assert len(switchboard.playbacks) == 1


def test_zones_come_from_the_file_and_errors_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "indications.conf"
    file.write_text("[general]\ncountry = de\n[de]\ndial = 425\nringcadence = 1000,4000\n[at]\nalias = de\n")
    zones = read_indications_conf(ConfigLoader(tmp_path))
    assert zones.find("dial") == zones.find("dial", "at") == (ToneItem(425),)
    assert zones.find("dial", "nowhere") == zones.find("dial")
    file.write_text("[de]\ndial = loud\n")
    with pytest.raises(ConfigError, match=r"indications.conf.*2.*dial: 'loud' is not a tone"):
        read_indications_conf(ConfigLoader(tmp_path))
