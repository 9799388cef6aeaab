"""Media formats by Asterisk's names (`core show codecs`), with what SDP says of them (RFC 3551, RFC 4566 rtpmap).

Used for ``allow=``/``disallow=`` lists, SDP and streams. A format that PJMEDIA cannot transcode is listed all the same,
so that configurations naming it are understood; `Format.transcodable` tells the two kinds apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Format:
    """One media format.

    ``payload_type`` is RFC 3551's static number, if it has one; ``dynamic_payload_type`` what we offer otherwise
    (Asterisk's default numbers). ``clock_rate`` is RTP's, ``sample_rate`` the audio's: they differ for G.722, as RFC
    3551 section 4.5.2 explains. ``ptime_ms`` is the default packet length, ``frame_ms`` the codec's own frame.
    """

    name: str
    encoding: str
    kind: str
    clock_rate: int
    sample_rate: int
    description: str
    payload_type: int | None = None
    dynamic_payload_type: int = 0
    channels: int = 1
    ptime_ms: int = 20
    frame_ms: int = 10
    transcodable: bool = False
    fmtp: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def offered_payload_type(self) -> int:
        return self.dynamic_payload_type if self.payload_type is None else self.payload_type

    @property
    def rtpmap(self) -> str:
        """``PCMU/8000``, as it stands behind the number in ``a=rtpmap``."""
        return f"{self.encoding}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")


def _audio(
    name: str,
    encoding: str,
    rate: int,
    description: str,
    *,
    payload_type: int | None = None,
    dynamic: int = 0,
    transcodable: bool = False,
    clock_rate: int | None = None,
    frame_ms: int = 10,
    ptime_ms: int = 20,
    channels: int = 1,
    fmtp: str = "",
    aliases: tuple[str, ...] = (),
) -> Format:
    return Format(
        name=name,
        encoding=encoding,
        kind="audio",
        clock_rate=clock_rate or rate,
        sample_rate=rate,
        description=description,
        payload_type=payload_type,
        dynamic_payload_type=dynamic,
        channels=channels,
        ptime_ms=ptime_ms,
        frame_ms=frame_ms,
        transcodable=transcodable,
        fmtp=fmtp,
        aliases=aliases,
    )


def _other(kind: str, name: str, encoding: str, rate: int, description: str, dynamic: int) -> Format:
    return Format(
        name=name,
        encoding=encoding,
        kind=kind,
        clock_rate=rate,
        sample_rate=rate,
        description=description,
        payload_type=dynamic if dynamic < 96 else None,
        dynamic_payload_type=dynamic,
    )


_ALL = (
    _audio("ulaw", "PCMU", 8000, "G.711 u-law", payload_type=0, transcodable=True, aliases=("g711u", "mulaw")),
    _audio("alaw", "PCMA", 8000, "G.711 A-law", payload_type=8, transcodable=True, aliases=("g711a",)),
    _audio("g722", "G722", 16000, "G722", payload_type=9, clock_rate=8000, transcodable=True),
    _audio("gsm", "GSM", 8000, "GSM", payload_type=3, frame_ms=20, transcodable=True),
    _audio("ilbc", "iLBC", 8000, "iLBC", dynamic=97, frame_ms=30, ptime_ms=30, transcodable=True, fmtp="mode=30"),
    _audio("speex", "speex", 8000, "SpeeX", dynamic=110, frame_ms=20, transcodable=True),
    _audio("speex16", "speex", 16000, "SpeeX 16khz", dynamic=117, frame_ms=20, transcodable=True),
    _audio("speex32", "speex", 32000, "SpeeX 32khz", dynamic=119, frame_ms=20, transcodable=True),
    _audio("slin", "L16", 8000, "16 bit Signed Linear PCM", dynamic=98, transcodable=True, aliases=("slin8",)),
    _audio("slin16", "L16", 16000, "16 bit Signed Linear PCM (16kHz)", dynamic=118, transcodable=True),
    _audio("slin12", "L16", 12000, "16 bit Signed Linear PCM (12kHz)", dynamic=122),
    _audio("slin24", "L16", 24000, "16 bit Signed Linear PCM (24kHz)", dynamic=123),
    _audio("slin32", "L16", 32000, "16 bit Signed Linear PCM (32kHz)", dynamic=124),
    _audio("slin44", "L16", 44100, "16 bit Signed Linear PCM (44kHz)", dynamic=125),
    _audio("slin48", "L16", 48000, "16 bit Signed Linear PCM (48kHz)", dynamic=126),
    _audio("slin96", "L16", 96000, "16 bit Signed Linear PCM (96kHz)", dynamic=127),
    _audio("slin192", "L16", 192000, "16 bit Signed Linear PCM (192kHz)", dynamic=96),
    _audio("g723", "G723", 8000, "G.723.1", payload_type=4, frame_ms=30, ptime_ms=30),
    _audio("g726", "G726-32", 8000, "G.726 RFC3551", dynamic=111),
    _audio("g726aal2", "AAL2-G726-32", 8000, "G.726 AAL2", dynamic=112),
    _audio("g729", "G729", 8000, "G.729A", payload_type=18, aliases=("g729a",)),
    _audio("g719", "G719", 48000, "ITU G.719", dynamic=116, frame_ms=20),
    _audio("adpcm", "DVI4", 8000, "Dialogic ADPCM", payload_type=5),
    _audio("lpc10", "LPC", 8000, "LPC10", payload_type=7, frame_ms=20),
    _audio("siren7", "G7221", 16000, "ITU G.722.1 (Siren7, licensed from Polycom)", dynamic=102, frame_ms=20),
    _audio(
        "siren14", "G7221", 32000, "ITU G.722.1 Annex C, (Siren14, licensed from Polycom)", dynamic=115, frame_ms=20
    ),
    _audio("opus", "opus", 48000, "Opus Codec", dynamic=107, channels=2, frame_ms=20),
    _audio("codec2", "codec2", 8000, "Codec 2", dynamic=113, frame_ms=20),
    _audio("silk8", "SILK", 8000, "SILK Codec (8 KHz)", dynamic=114, frame_ms=20),
    _audio("silk12", "SILK", 12000, "SILK Codec (12 KHz)", dynamic=114, frame_ms=20),
    _audio("silk16", "SILK", 16000, "SILK Codec (16 KHz)", dynamic=114, frame_ms=20),
    _audio("silk24", "SILK", 24000, "SILK Codec (24 KHz)", dynamic=114, frame_ms=20),
    _other("image", "jpeg", "JPEG", 90000, "JPEG image", 26),
    _other("image", "png", "PNG", 90000, "PNG Image", 98),
    _other("video", "h261", "H261", 90000, "H.261 video", 31),
    _other("video", "h263", "H263", 90000, "H.263 video", 34),
    _other("video", "h263p", "h263-1998", 90000, "H.263+ video", 103),
    _other("video", "h264", "H264", 90000, "H.264 video", 99),
    _other("video", "h265", "H265", 90000, "H.265 video", 109),
    _other("video", "mpeg4", "MP4V-ES", 90000, "MPEG4 video", 104),
    _other("video", "vp8", "VP8", 90000, "VP8 video", 100),
    _other("video", "vp9", "VP9", 90000, "VP9 video", 108),
    _other("text", "red", "RED", 1000, "T.140 Realtime Text with redundancy", 105),
    _other("text", "t140", "T140", 1000, "Passthrough T.140 Realtime Text", 106),
    _other("image", "t38", "T38", 8000, "T.38 UDPTL Fax", 98),
)

#: Every format by its name.
FORMATS = MappingProxyType({form.name: form for form in _ALL})
_BY_ALIAS = {alias: form for form in _ALL for alias in (form.name, *form.aliases)}
_BY_PAYLOAD_TYPE = {form.payload_type: form for form in _ALL if form.payload_type is not None}
_BY_RTPMAP = {(form.encoding.lower(), form.clock_rate): form for form in reversed(_ALL)}
#: Other spellings met in SDP.
_OTHER_ENCODINGS = {"g711u": "pcmu", "g711a": "pcma", "g729a": "g729", "g.729": "g729", "l16-256": "l16"}

#: RFC 4733: the name of digit events, and the payload type we offer for them.
TELEPHONE_EVENT = "telephone-event"
TELEPHONE_EVENT_PAYLOAD_TYPE = 101


def format_by_name(name: str) -> Format | None:
    """The format an ``allow=`` item names (any case; Asterisk's aliases such as ``slin8`` too), or None."""
    return _BY_ALIAS.get(name.strip().lower())


def format_by_payload(payload_type: int) -> Format | None:
    """The format of a static RTP payload type (RFC 3551 tables 4 and 5), or None."""
    return _BY_PAYLOAD_TYPE.get(payload_type)


def format_by_rtpmap(encoding: str, clock_rate: int) -> Format | None:
    """The format an ``a=rtpmap`` line means, or None. G.722 is also known by its true rate, which some phones send."""
    lower = encoding.lower()
    lower = _OTHER_ENCODINGS.get(lower, lower)
    if lower == "g722" and clock_rate == 16000:
        clock_rate = 8000
    return _BY_RTPMAP.get((lower, clock_rate))
