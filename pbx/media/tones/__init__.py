"""Tones: the text that describes one, the zones of indications.conf, and what plays them."""

from __future__ import annotations

from pbx.media.tones.config import FILE, TONE_ZONE, ToneZones, built_in_zones, read_indications_conf
from pbx.media.tones.player import PlayingTone, Tones
from pbx.media.tones.tone import ToneItem, parse_tone, render

__all__ = [
    "FILE",
    "TONE_ZONE",
    "PlayingTone",
    "ToneItem",
    "ToneZones",
    "Tones",
    "built_in_zones",
    "parse_tone",
    "read_indications_conf",
    "render",
]
