"""What media needs to know of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pbx.media.source_learner import StrictMode

#: Asterisk's own sounds, where distributions install them.
INSTALLED_SOUNDS = (Path("/usr/share/asterisk/sounds"), Path("/var/lib/asterisk/sounds"))


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """rtp.conf's ``[general]`` and where sounds are. Ports are inclusive; RTP uses the even ones, RTCP the next.

    ``strict_rtp``, ``probation``: see source_learner.py.
    ``mixing_rate``: 16000 lets G.722 phones hear each other in wideband; with 8000 everything is mixed at 8 kHz.
    """

    rtp_start: int = 10000
    rtp_end: int = 20000
    bind_address: str = "127.0.0.1"
    sound_directories: tuple[Path, ...] = INSTALLED_SOUNDS
    default_language: str = "en"
    max_legs: int = 480
    mixing_rate: int = 16000
    strict_rtp: StrictMode = StrictMode.YES
    probation: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError for a range without an RTP/RTCP pair or a rate that cannot be mixed."""
        if not 1024 <= self.rtp_start < self.rtp_end <= 65535:
            raise ValueError(f"RTP ports {self.rtp_start} to {self.rtp_end} are not a range between 1024 and 65535")
        if self.mixing_rate not in {8000, 16000}:
            raise ValueError(f"cannot mix at {self.mixing_rate} Hz")
