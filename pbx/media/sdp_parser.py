"""Reading SDP (RFC 8866): bounded, tolerant where phones are careless, and without I/O.

`parse` accepts CRLF or LF line ends, trailing white space and a missing ``s=``, as Asterisk does; anything that would
leave the meaning open (a media line that is not one, an address without its three words) is an `SdpError` whose
reason can be sent to the peer in a Warning header.
"""

from __future__ import annotations

from pbx.errors import ObeliskError
from pbx.media.sdp import Attribute, Connection, MediaDescription, Origin, SessionDescription

#: Bounds of one description. PJSIP's packets are 4,000 bytes and TCP messages may be larger; browsers send 10 KB.
MAX_SDP_BYTES = 65_536
MAX_MEDIA = 64
MAX_FORMATS = 128
MAX_ATTRIBUTES = 512

#: Session and media lines that are kept as they are: the offer/answer model gives them no meaning here.
_KEPT_SESSION = frozenset("iuepbrzk")
_KEPT_MEDIA = frozenset("ibk")


class SdpError(ObeliskError):
    """Text that is not a session description; the message says what is wrong and on which line."""


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
