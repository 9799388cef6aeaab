"""What a session's offers and answers are made of and come to: our side's abilities, agreed formats, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pbx.errors import ObeliskError
from pbx.media.formats import FORMATS as MEDIA_FORMATS
from pbx.media.sdp import Direction, Origin, RtpMap

#: RFC 4733: the events 0-9, *, #, A-D and flash; what Asterisk offers.
TELEPHONE_EVENT = "telephone-event"
TELEPHONE_EVENTS = "0-16"
TELEPHONE_EVENT_PAYLOAD = 101

#: Packets longer than this are not accepted (Asterisk's maxptime for G.711).
MAXPTIME_MS = 150
DEFAULT_PTIME_MS = 20

#: How Asterisk's audio formats are called in SDP, with the payload numbers we offer.
FORMATS: dict[str, RtpMap] = {
    name: RtpMap(known.offered_payload_type, known.encoding, known.clock_rate, known.channels)
    for name, known in MEDIA_FORMATS.items()
    if known.kind == "audio"
}
_NAMES: dict[tuple[str, int, int], str] = {
    (rtpmap.name.upper(), rtpmap.clock_rate, rtpmap.channels): name for name, rtpmap in FORMATS.items()
}


class NotAcceptable(ObeliskError):
    """A description that cannot be agreed on (488); the message is fit for a Warning header."""


class BadDescription(NotAcceptable):
    """A description that is none, or lacks what every audio line needs (400)."""


class Format(NamedTuple):
    """One agreed format.

    ``name`` is Asterisk's; ``send`` and ``receive`` are the payload numbers in each direction; ``fmtp`` is what the
    far end said about it.
    """

    name: str
    encoding: str
    clock_rate: int
    channels: int
    send: int
    receive: int
    fmtp: str = ""


@dataclass(slots=True)
class LocalMedia:
    """What our side can do in one session. Not changed once made; frozen it would take four times as long to make.

    ``codecs`` are Asterisk's names in order of preference; ``payloads`` keeps the numbers already agreed for them so
    that a new offer does not change their meaning; ``prefer_remote`` lets the far end's order win in an answer.
    """

    address: str
    port: int
    codecs: Sequence[str]
    telephone_event: bool = True
    prefer_remote: bool = False
    first_only: bool = False
    ptime_ms: int = DEFAULT_PTIME_MS
    use_ptime: bool = False
    direction: Direction = Direction.SENDRECV
    session_id: int = 1
    version: int = 1
    owner: str = "-"
    session_name: str = "Asterisk"
    payloads: Mapping[str, int] = field(default_factory=dict)

    @property
    def address_type(self) -> str:
        return "IP6" if ":" in self.address else "IP4"


@dataclass(slots=True)
class Negotiated:
    """The outcome of one offer and answer, from our side. Not changed once made, but for ``text``.

    ``formats`` is in order of preference, the first being what we send. ``telephone_event_send`` and ``_receive`` are
    payload numbers or None. ``direction`` is ours. ``held`` tells that the far end put us on hold. ``text`` is the
    description of our side as it goes (or went) on the wire.
    """

    text: bytes
    remote_address: str
    remote_port: int
    remote_rtcp_port: int
    formats: tuple[Format, ...]
    telephone_event_send: int | None
    telephone_event_receive: int | None
    ptime_ms: int
    direction: Direction
    held: bool
    #: How the far end described itself, for telling whether a later description changes anything.
    remote_origin: Origin


def format_name(rtpmap: RtpMap) -> str | None:
    """Asterisk's name for what an rtpmap describes, or None."""
    return _NAMES.get((rtpmap.name.upper(), rtpmap.clock_rate, rtpmap.channels))
