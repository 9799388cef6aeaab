"""Music on hold: the classes of musiconhold.conf and what plays them."""

from __future__ import annotations

from pbx.media.music_on_hold.config import FILE, MusicClass, MusicSettings, read_musiconhold_conf
from pbx.media.music_on_hold.service import MusicOnHold

__all__ = ["FILE", "MusicClass", "MusicOnHold", "MusicSettings", "read_musiconhold_conf"]
