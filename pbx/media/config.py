"""rtp.conf: its ``[general]`` section as typed options, and the media settings they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.directories import packaged_sounds
from pbx.media.settings import INSTALLED_SOUNDS, MediaSettings
from pbx.media.source_learner import StrictMode

if TYPE_CHECKING:
    from pbx.config import ConfigLoader
    from pbx.directories import Directories

FILE = "rtp.conf"
_LATER = "accepted from Asterisk's file; changes nothing here yet"
MIXING_RATES = (8000, 16000)


def _parse_strict(text: str) -> StrictMode:
    if types.is_true(text):
        return StrictMode.YES
    if types.is_false(text):
        return StrictMode.NO
    if text.lower() == "seqno":
        return StrictMode.SEQNO
    raise ValueError("must be yes, no or seqno")


_STRICT = types.custom("yes, no or seqno", _parse_strict, lambda mode: mode.value)


@dataclass(frozen=True, slots=True)
class RtpOptions(ConfigObject):
    """``[general]`` of rtp.conf."""

    type_name: ClassVar[str] = "general"

    rtpstart: int = option(types.integer(1024, 65535), 10000, help="first port for RTP and RTCP")
    rtpend: int = option(types.integer(1024, 65535), 20000, help="last port of that range")
    bindaddr: str = option(types.STRING, "0.0.0.0", help="address RTP binds to; 0.0.0.0 is all of this machine's")
    maxlegs: int = option(types.integer(1, 480), 480, help="calls legs with audio at once; 503 beyond")
    mixingrate: int = option(types.integer(8000, 16000), 16000, help="16000: wideband among G.722 phones; 8000: never")
    strictrtp: StrictMode = option(
        _STRICT, StrictMode.YES, help="drop RTP of others than the far end: yes, no, or seqno, which learns in any time"
    )
    probation: int = option(types.integer(2, 1000), 4, help="packets in sequence by which a new source is learned")
    rtpchecksums: bool = option(types.YESNO, True, hidden=True, help=_LATER)
    dtmftimeout: int = option(types.integer(0), 3000, hidden=True, help=_LATER)
    rtcpinterval: int = option(types.integer(500, 60000), 5000, hidden=True, help=_LATER)
    icesupport: bool = option(types.YESNO, True, hidden=True, help=_LATER)
    srtpreplayprotection: bool = option(types.YESNO, True, hidden=True, help=_LATER)
    stunaddr: str = option(types.STRING, "", hidden=True, help=_LATER)
    stunaddr_reresolve_ttl_0: bool = option(types.YESNO, False, hidden=True, help=_LATER)
    stun_software_attribute: bool = option(types.YESNO, True, hidden=True, help=_LATER)
    stun_acl: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="stun_", hidden=True, help=_LATER)
    ice_acl: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="ice_", hidden=True, help=_LATER)
    turnaddr: str = option(types.STRING, "", hidden=True, help=_LATER)
    turnusername: str = option(types.STRING, "", hidden=True, help=_LATER)
    turnpassword: str = option(types.STRING, "", hidden=True, secret=True, help=_LATER)
    dtls_mtu: int = option(types.integer(256), 1200, hidden=True, help=_LATER)

    def applied(self) -> RtpOptions:
        """Check the range and the rate against each other. Raises OptionError."""
        if self.rtpend < self.rtpstart + 1:
            raise OptionError("rtpend", f"must be above rtpstart ({self.rtpstart}), with room for a pair of ports")
        if self.mixingrate not in MIXING_RATES:
            raise OptionError("mixingrate", "must be 8000 or 16000")
        return self


def read_settings(loader: ConfigLoader, directories: Directories, default_language: str = "en") -> MediaSettings:
    """The media engine's settings; defaults where there is no rtp.conf. Raises ConfigErrors."""
    config = loader.load_optional(FILE)
    options = parse_section(RtpOptions, None if config is None else config.section("general"))
    return MediaSettings(
        rtp_start=options.rtpstart,
        rtp_end=options.rtpend,
        bind_address=options.bindaddr,
        sound_directories=(directories.sounds, *INSTALLED_SOUNDS, packaged_sounds()),
        default_language=default_language,
        max_legs=options.maxlegs,
        mixing_rate=options.mixingrate,
        strict_rtp=options.strictrtp,
        probation=options.probation,
    )
