"""SDP (RFC 8866) as text and as values: bounded, tolerant where phones are careless, and without I/O.

`parse` accepts CRLF or LF line ends, trailing white space and a missing ``s=``, as Asterisk does; anything that would
leave the meaning open (a media line that is not one, an address without its three words) is an `SdpError` whose
reason can be sent to the peer in a Warning header. Whatever `parse` accepts, `SessionDescription.build` prints again
with the same meaning. Which formats to offer or accept is policy and lives with the SIP session.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pbx.enums import SingleEnum
from pbx.errors import ObeliskError

#: Bounds of one description. PJSIP's packets are 4,000 bytes and TCP messages may be larger; browsers send 10 KB.
MAX_SDP_BYTES = 65_536
MAX_MEDIA = 64
MAX_FORMATS = 128
MAX_ATTRIBUTES = 512

#: Session and media lines that are kept as they are: the offer/answer model gives them no meaning here.
_KEPT_SESSION = frozenset("iuepbrzk")
_KEPT_MEDIA = frozenset("ibk")
#: RFC 8866 section 5: the order of session lines around the ones this module models.
_BEFORE_CONNECTION = "iuep"
_AFTER_CONNECTION = "b"
_AFTER_TIME = "rzk"


class SdpError(ObeliskError):
    """Text that is not a session description; the message says what is wrong and on which line."""


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


def parse(text: bytes | str) -> SessionDescription:
    """Read a description. Raises SdpError; never anything else, whatever the bytes are."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if len(text) > MAX_SDP_BYTES:
        raise SdpError(f"the session description is longer than {MAX_SDP_BYTES} bytes")
    if "\0" in text:
        raise SdpError("the session description holds a NUL")
    lines = text.split("\n")
    origin: Origin | None = None
    name = "-"
    connection: Connection | None = None
    times: list[str] = []
    session_attributes: list[Attribute] = []
    kept: list[tuple[str, str]] = []
    media: list[MediaDescription] = []
    section: MediaDescription | None = None
    attributes = session_attributes
    seen_version = False
    for number, line in enumerate(lines, 1):
        line = line.rstrip()
        if not line:
            continue
        if line[1:2] != "=":
            raise SdpError(f"line {number} of the session description is not <letter>=<value>")
        kind, value = line[0], line[2:]
        if not seen_version:
            if kind != "v" or value.strip() != "0":
                raise SdpError("the session description does not begin with v=0")
            seen_version = True
        elif kind == "a":
            attribute, colon, rest = value.partition(":")
            if len(attributes) >= MAX_ATTRIBUTES:
                raise SdpError(f"more than {MAX_ATTRIBUTES} attributes in one section")
            attributes.append(Attribute(attribute.strip(), rest.strip() if colon else None))
        elif kind == "m":
            if len(media) >= MAX_MEDIA:
                raise SdpError(f"more than {MAX_MEDIA} media sections")
            section = _parse_media(value, number)
            media.append(section)
            attributes = section.attributes
        elif kind == "c":
            found = _parse_connection(value, number)
            if section is None:
                connection = found
            elif section.connection is None:
                section.connection = found
        elif section is not None:
            if kind in _KEPT_MEDIA:
                section.lines.append((kind, value))
        elif kind == "o":
            origin = parse_origin(value, number)
        elif kind == "s":
            name = value.strip() or "-"
        elif kind == "t":
            times.append(value.strip())
        elif kind in _KEPT_SESSION:
            kept.append((kind, value))
    if not seen_version:
        raise SdpError("the session description is empty")
    if origin is None:
        raise SdpError("the session description has no o= line")
    return SessionDescription(
        origin,
        name=name,
        connection=connection,
        times=times or ("0 0",),
        attributes=session_attributes,
        media=media,
        lines=kept,
    )


def parse_origin(value: str, number: int) -> Origin:
    """The value of an o= line that stands on line ``number``. Raises SdpError."""
    words = value.split()
    # Some devices leave the user name empty, so that five words are left.
    if len(words) == 5:
        words.insert(0, "-")
    if len(words) != 6:
        raise SdpError(f"line {number}: o= wants six words")
    username, session_id, version, _, address_type, address = words
    return Origin(username, _number(session_id), _number(version), address_type.upper(), address)


def _number(text: str) -> int:
    """A session id or version. Devices send other things than digits; all that matters is whether it changed."""
    if text.isascii() and text.isdigit() and len(text) <= 40:
        return int(text)
    return sum(value * 257**index for index, value in enumerate(text.encode("utf-8", "replace")[:16]))


def _parse_connection(value: str, number: int) -> Connection:
    words = value.split()
    if len(words) != 3 or words[0].upper() != "IN":
        raise SdpError(f"line {number}: c= wants 'IN IP4 <address>'")
    address_type = words[1].upper()
    if address_type not in ("IP4", "IP6"):
        raise SdpError(f"line {number}: unknown address type '{words[1]}'")
    return Connection(address_type, words[2])


def _parse_media(value: str, number: int) -> MediaDescription:
    words = value.split()
    if len(words) < 4:
        raise SdpError(f"line {number}: m= wants '<media> <port> <protocol> <formats>'")
    port_text, _, count_text = words[1].partition("/")
    if not (port_text.isascii() and port_text.isdigit()) or len(port_text) > 5 or int(port_text) > 65535:
        raise SdpError(f"line {number}: '{words[1]}' is not a port")
    if count_text and not (count_text.isascii() and count_text.isdigit() and len(count_text) <= 5):
        raise SdpError(f"line {number}: '{words[1]}' is not a port")
    if len(words) - 3 > MAX_FORMATS:
        raise SdpError(f"line {number}: more than {MAX_FORMATS} formats")
    return MediaDescription(
        words[0].lower(), int(port_text), words[2], words[3:], port_count=int(count_text) if count_text else 1
    )


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
