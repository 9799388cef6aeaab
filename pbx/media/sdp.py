"""SDP (RFC 8866) as values, and their text.

`pbx.media.sdp_parser` reads them, and whatever it accepts, `SessionDescription.build` prints with the same meaning.
Which formats to offer or accept is policy and lives with the SIP session.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pbx.enums import SingleEnum

#: RFC 8866 section 5: the order of session lines around the ones this module models.
_BEFORE_CONNECTION = "iuep"
_AFTER_CONNECTION = "b"
_AFTER_TIME = "rzk"


class Direction(SingleEnum):
    """RFC 8866 section 6.7, from the describing side's view."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    def reversed(self) -> Direction:
        """The same flow seen from the other side."""
        return _REVERSED[self]

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @staticmethod
    def of(*, sends: bool, receives: bool) -> Direction:
        """The direction with these two flows."""
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


_REVERSED = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}
_DIRECTIONS = {direction.value: direction for direction in Direction}


class Origin(NamedTuple):
    """``o=``: who made the description, and which version of it this is."""

    username: str
    session_id: int
    version: int
    address_type: str
    address: str


class Connection(NamedTuple):
    """``c=``: ``IP4`` or ``IP6`` and an address, which may carry ``/ttl``."""

    address_type: str
    address: str

    @property
    def host(self) -> str:
        """The address without time to live or count."""
        return self.address.partition("/")[0]

    @property
    def unspecified(self) -> bool:
        """The old way to put a call on hold (RFC 2543): ``0.0.0.0``."""
        return self.host in ("0.0.0.0", "::")


class Attribute(NamedTuple):
    """``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None


class RtpMap(NamedTuple):
    """``a=rtpmap``: what a payload number means."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1


#: RFC 3551 table 4: numbers that need no rtpmap. G.722's clock rate is 8000 on the wire, as that RFC says.
STATIC_PAYLOADS: dict[int, RtpMap] = {
    rtpmap.payload_type: rtpmap
    for rtpmap in (
        RtpMap(0, "PCMU", 8000),
        RtpMap(3, "GSM", 8000),
        RtpMap(4, "G723", 8000),
        RtpMap(5, "DVI4", 8000),
        RtpMap(6, "DVI4", 16000),
        RtpMap(7, "LPC", 8000),
        RtpMap(8, "PCMA", 8000),
        RtpMap(9, "G722", 8000),
        RtpMap(10, "L16", 44100, 2),
        RtpMap(11, "L16", 44100),
        RtpMap(12, "QCELP", 8000),
        RtpMap(13, "CN", 8000),
        RtpMap(15, "G728", 8000),
        RtpMap(18, "G729", 8000),
        RtpMap(31, "H261", 90000),
        RtpMap(34, "H263", 90000),
    )
}


class MediaDescription:
    """One ``m=`` section.

    Attributes:
        kind: ``audio``, ``video``, ``image``, ...
        port: 0 when the section is rejected or disabled.
        port_count: ``m=audio 5000/2``; 1 where the text has no count.
        protocol: ``RTP/AVP``, ``RTP/SAVP``, ``udptl``, ...
        formats: payload numbers as text for RTP, names for others.
        connection: the section's own ``c=``; None when the session's applies.
        attributes: in order.
        lines: kept ``i=``, ``b=`` and ``k=`` lines as (type, value).
    """

    __slots__ = ("attributes", "connection", "formats", "kind", "lines", "port", "port_count", "protocol")

    def __init__(
        self,
        kind: str,
        port: int,
        protocol: str,
        formats: Iterable[str],
        *,
        port_count: int = 1,
        connection: Connection | None = None,
        attributes: Iterable[Attribute] = (),
        lines: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.kind = kind
        self.port = port
        self.protocol = protocol
        self.formats = list(formats)
        self.port_count = port_count
        self.connection = connection
        self.attributes = list(attributes)
        self.lines = list(lines)

    def _key(self) -> tuple[object, ...]:
        return (
            self.kind,
            self.port,
            self.port_count,
            self.protocol,
            self.formats,
            self.connection,
            self.attributes,
            self.lines,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MediaDescription) and self._key() == other._key()

    __hash__ = None  # type: ignore[assignment]  # a description is edited while it is built

    def __repr__(self) -> str:
        return f"<MediaDescription {self.kind} {self.port} {self.protocol} {' '.join(self.formats)}>"

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of that name ('' for a bare one), or None."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value or ""
        return None

    @property
    def is_rtp(self) -> bool:
        return "RTP/" in self.protocol

    @property
    def direction(self) -> Direction | None:
        """The section's own direction attribute, the last one counting; None when it has none."""
        found = None
        for attribute in self.attributes:
            if attribute.value is None and attribute.name in _DIRECTIONS:
                found = _DIRECTIONS[attribute.name]
        return found

    def rtpmaps(self) -> list[RtpMap]:
        """What each format means, in the order of the ``m=`` line; unknown and broken ones are left out."""
        declared: dict[str, RtpMap] = {}
        for name, value in self.attributes:
            if name == "rtpmap" and value is not None:
                rtpmap = _parse_rtpmap(value)
                if rtpmap is not None:
                    declared[str(rtpmap.payload_type)] = rtpmap
        found = []
        for payload in self.formats:
            rtpmap = declared.get(payload)
            if rtpmap is None and payload.isdecimal():
                rtpmap = STATIC_PAYLOADS.get(int(payload))
            if rtpmap is not None:
                found.append(rtpmap)
        return found

    def fmtp(self, payload_type: int) -> str:
        """The format parameters of a payload number, or an empty text."""
        prefix = f"{payload_type} "
        for name, value in self.attributes:
            if name == "fmtp" and value is not None and value.startswith(prefix):
                return value[len(prefix) :].strip()
        return ""

    @property
    def ptime_ms(self) -> int | None:
        """``a=ptime``; None when absent or not a number."""
        return _milliseconds(self.attribute("ptime"))

    @property
    def maxptime_ms(self) -> int | None:
        return _milliseconds(self.attribute("maxptime"))

    @property
    def rtcp_port(self) -> int | None:
        """``a=rtcp`` (RFC 3605); None when absent: the next higher port."""
        value = self.attribute("rtcp")
        if not value:
            return None
        port = value.split(None, 1)[0]
        return int(port) if port.isdecimal() and 0 < int(port) < 65536 else None

    def build(self) -> str:
        port = f"{self.port}/{self.port_count}" if self.port_count != 1 else str(self.port)
        text = f"m={self.kind} {port} {self.protocol} {' '.join(self.formats)}\r\n"
        for kind, value in self.lines:
            if kind == "i":
                text += f"i={value}\r\n"
        if self.connection is not None:
            text += f"c=IN {self.connection.address_type} {self.connection.address}\r\n"
        for kind, value in self.lines:
            if kind != "i":
                text += f"{kind}={value}\r\n"
        for name, attribute in self.attributes:
            text += f"a={name}\r\n" if attribute is None else f"a={name}:{attribute}\r\n"
        return text


class SessionDescription:
    """A whole description; fields as in `MediaDescription`. ``times`` are the values of the ``t=`` lines."""

    __slots__ = ("attributes", "connection", "lines", "media", "name", "origin", "times")

    def __init__(
        self,
        origin: Origin,
        *,
        name: str = "-",
        connection: Connection | None = None,
        times: Iterable[str] = ("0 0",),
        attributes: Iterable[Attribute] = (),
        media: Iterable[MediaDescription] = (),
        lines: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.origin = origin
        self.name = name
        self.connection = connection
        self.times = list(times)
        self.attributes = list(attributes)
        self.media = list(media)
        self.lines = list(lines)

    def _key(self) -> tuple[object, ...]:
        return (self.origin, self.name, self.connection, self.times, self.attributes, self.media, self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionDescription) and self._key() == other._key()

    __hash__ = None  # type: ignore[assignment]  # a description is edited while it is built

    def __repr__(self) -> str:
        return f"<SessionDescription {self.origin} {self.media}>"

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """The connection that applies to a section."""
        return media.connection or self.connection

    def direction_of(self, media: MediaDescription) -> Direction:
        """The direction that applies to a section: its own, the session's, or sendrecv."""
        own = media.direction
        if own is not None:
            return own
        for attribute in self.attributes:
            if attribute.value is None and attribute.name in _DIRECTIONS:
                return _DIRECTIONS[attribute.name]
        return Direction.SENDRECV

    def build(self) -> bytes:
        """The text, with CRLF line ends, in the order of RFC 8866 section 5."""
        origin = self.origin
        text = (
            f"v=0\r\no={origin.username} {origin.session_id} {origin.version} IN {origin.address_type} "
            f"{origin.address}\r\ns={self.name}\r\n"
        )
        lines = self.lines
        if lines:
            text += self._kept(_BEFORE_CONNECTION)
        if self.connection is not None:
            text += f"c=IN {self.connection.address_type} {self.connection.address}\r\n"
        if lines:
            text += self._kept(_AFTER_CONNECTION)
        for time in self.times:
            text += f"t={time}\r\n"
        if lines:
            text += self._kept(_AFTER_TIME)
        for name, value in self.attributes:
            text += f"a={name}\r\n" if value is None else f"a={name}:{value}\r\n"
        for media in self.media:
            text += media.build()
        return text.encode("utf-8", "surrogateescape")

    def _kept(self, kinds: str) -> str:
        return "".join(f"{kind}={value}\r\n" for wanted in kinds for kind, value in self.lines if kind == wanted)


def _parse_rtpmap(value: str) -> RtpMap | None:
    """``<payload type> <encoding name>/<clock rate>[/<channels>]``; None when it is not that."""
    payload, _, encoding = value.partition(" ")
    parts = encoding.strip().split("/")
    if len(parts) < 2 or not payload.isdecimal() or len(payload) > 3 or not parts[1].isdecimal() or len(parts[1]) > 9:
        return None
    channels = int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() and len(parts[2]) <= 3 else 1
    return RtpMap(int(payload), parts[0], int(parts[1]), channels)


def _milliseconds(value: str | None) -> int | None:
    # Some devices write "20.0".
    digits = value.strip().partition(".")[0] if value else ""
    if not digits.isdecimal() or len(digits) > 5:
        return None
    return int(digits) or None
