"""Offer/answer policy (RFC 3264) for the one audio stream of a SIP session: pure, texts in and values out.

An answer keeps every media line of the offer in its place. The first usable audio line is taken, with the formats both
sides have under the offerer's payload numbers; every other line (video, image, a second audio line, an unknown
profile) is rejected with port 0. ICE, BUNDLE and everything else that only an answer mentioning it would switch on is
passed over in silence.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pbx.errors import ObeliskError
from pbx.media.formats import FORMATS as MEDIA_FORMATS
from pbx.media.sdp import (
    Attribute,
    Connection,
    Direction,
    MediaDescription,
    Origin,
    RtpMap,
    SdpError,
    SessionDescription,
    parse,
    parse_origin,
)

#: RFC 4733: the events 0-9, *, #, A-D and flash; what Asterisk offers.
TELEPHONE_EVENT = "telephone-event"
TELEPHONE_EVENTS = "0-16"
TELEPHONE_EVENT_PAYLOAD = 101

#: Packets longer than this are not accepted (Asterisk's maxptime for G.711).
MAXPTIME_MS = 150
DEFAULT_PTIME_MS = 20

_PROFILES = frozenset(("RTP/AVP", "RTP/AVPF"))

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


def build_offer(local: LocalMedia) -> bytes:
    """An offer with all our codecs. Raises NotAcceptable when there are none."""
    formats: list[Format] = []
    used = set(local.payloads.values())
    for name in local.codecs:
        rtpmap = FORMATS.get(name)
        if rtpmap is None:
            continue
        number = local.payloads.get(name)
        if number is None:
            number = _free_payload(rtpmap.payload_type, used)
        used.add(number)
        fmtp = MEDIA_FORMATS[name].fmtp
        formats.append(Format(name, rtpmap.name, rtpmap.clock_rate, rtpmap.channels, number, number, fmtp))
    if not formats:
        raise NotAcceptable("no codec is allowed for audio")
    events = None
    if local.telephone_event:
        events = local.payloads.get(TELEPHONE_EVENT)
        if events is None:
            events = _free_payload(TELEPHONE_EVENT_PAYLOAD, used)
    live = _live_audio(local, "RTP/AVP", formats, events, local.ptime_ms, local.direction, with_fmtp=True)
    return (_head(local) + live).encode("utf-8", "surrogateescape")


#: The usual offer: one audio line, addresses only where every description has them. What varies between the calls of a
#: phone is its o=, address and port; the rest is the same each time, and so is what we make of it.
_USUAL = re.compile(
    rb"\Av=0\r\no=([^\r\n]+)\r\ns=[^\r\n]*\r\nc=IN IP4 (\d+\.\d+\.\d+\.\d+)\r\nt=0 0\r\n"
    rb"m=audio ([1-9]\d{0,4}) (RTP/AVP [\d ]+\r\n(?:a=(?!rtcp)[^\r\n]+\r\n)+)\Z"
)


def answer_offer(text: bytes | str, local: LocalMedia) -> Negotiated:
    """Answer an offer.

    Raises BadDescription for what is not an SDP offer, NotAcceptable when no audio line can be taken.
    """
    usual = _USUAL.match(text) if isinstance(text, bytes) else None
    if usual is None:
        return _answer(text, local)
    host, port = usual[2].decode("ascii"), int(usual[3])
    if port > 65535 or host == "0.0.0.0" or not _is_ipv4(host):
        return _answer(text, local)
    known = _usual_answer(
        usual[4],
        tuple(local.codecs),
        local.telephone_event,
        local.prefer_remote,
        local.first_only,
        local.use_ptime,
        local.ptime_ms,
        local.direction,
    )
    events = known.telephone_event_receive
    live = _live_audio(local, "RTP/AVP", known.formats, events, known.ptime_ms, known.direction)
    return Negotiated(
        (_head(local) + live).encode("utf-8", "surrogateescape"),
        host,
        port,
        min(port + 1, 65535),
        known.formats,
        events,
        events,
        known.ptime_ms,
        known.direction,
        known.held,
        _origin(usual[1]),
    )


@lru_cache(maxsize=1024)
def _usual_answer(
    section: bytes,
    codecs: tuple[str, ...],
    telephone_event: bool,
    prefer_remote: bool,
    first_only: bool,
    use_ptime: bool,
    ptime_ms: int,
    direction: Direction,
) -> Negotiated:
    """What comes of an audio line, whatever the address and port."""
    offer = b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 " + section
    local = LocalMedia(
        address="192.0.2.2",
        port=9,
        codecs=codecs,
        telephone_event=telephone_event,
        prefer_remote=prefer_remote,
        first_only=first_only,
        use_ptime=use_ptime,
        ptime_ms=ptime_ms,
        direction=direction,
    )
    return _answer(offer, local)


def _is_ipv4(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return host.count(".") == 3


def _origin(value: bytes) -> Origin:
    try:
        return parse_origin(value.decode("utf-8", "surrogateescape"), 2)
    except SdpError as error:
        raise BadDescription(str(error)) from error


def _answer(text: bytes | str, local: LocalMedia) -> Negotiated:
    offer = _parse(text)
    index = _audio_index(offer)
    audio = offer.media[index]
    connection = _connection(offer, audio)
    formats, events = _common(audio, local)
    if not formats:
        raise NotAcceptable("no codec in common")
    offered = offer.direction_of(audio)
    held = connection.unspecified or not offered.receives
    theirs = Direction.of(sends=offered.sends, receives=offered.receives and not connection.unspecified)
    direction = Direction.of(
        sends=theirs.receives and local.direction.sends, receives=theirs.sends and local.direction.receives
    )
    ptime = (audio.ptime_ms if local.use_ptime else None) or local.ptime_ms
    live = _live_audio(local, audio.protocol, formats, events, ptime, direction)
    text = _head(local) + "".join(
        live if number == index else f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}\r\n"
        for number, section in enumerate(offer.media)
    )
    return Negotiated(
        text.encode("utf-8", "surrogateescape"),
        connection.host,
        audio.port,
        audio.rtcp_port or min(audio.port + 1, 65535),
        tuple(formats),
        events,
        events,
        ptime,
        direction,
        held,
        offer.origin,
    )


def accept_answer(offer_text: bytes, answer_text: bytes | str, local: LocalMedia) -> Negotiated:
    """Take the far end's answer to our offer ``offer_text``.

    Raises BadDescription for what is not SDP, NotAcceptable when it rejects the audio or has nothing of our offer.
    """
    answer = _parse(answer_text)
    index = _audio_index(answer)
    audio = answer.media[index]
    connection = _connection(answer, audio)
    ours = parse(offer_text).media[0]
    offered: dict[tuple[str, int], int] = {
        (rtpmap.name.upper(), rtpmap.clock_rate): rtpmap.payload_type for rtpmap in ours.rtpmaps()
    }
    formats: list[Format] = []
    events_send: int | None = None
    for rtpmap in audio.rtpmaps():
        receive = offered.get((rtpmap.name.upper(), rtpmap.clock_rate))
        if receive is None:
            continue
        if rtpmap.name.lower() == TELEPHONE_EVENT:
            events_send = rtpmap.payload_type
            continue
        name = format_name(rtpmap)
        if name is not None and name in local.codecs:
            formats.append(
                Format(
                    name,
                    rtpmap.name,
                    rtpmap.clock_rate,
                    rtpmap.channels,
                    rtpmap.payload_type,
                    receive,
                    audio.fmtp(rtpmap.payload_type),
                )
            )
    if not formats:
        raise NotAcceptable("the answer has none of the offered codecs")
    answered = answer.direction_of(audio)
    receives = answered.receives and not connection.unspecified
    direction = Direction.of(
        sends=receives and local.direction.sends, receives=answered.sends and local.direction.receives
    )
    ptime = audio.ptime_ms if local.use_ptime else None
    return Negotiated(
        offer_text,
        connection.host,
        audio.port,
        audio.rtcp_port or min(audio.port + 1, 65535),
        tuple(formats),
        events_send,
        None if events_send is None else offered.get((TELEPHONE_EVENT.upper(), 8000)),
        ptime or local.ptime_ms,
        direction,
        not receives,
        answer.origin,
    )


def restate(text: bytes, *, version: int, direction: Direction | None = None) -> bytes:
    """Our description again with another version, and another direction for its live audio if one is given."""
    description = parse(text)
    description.origin = description.origin._replace(version=version)
    if direction is not None:
        for media in description.media:
            if media.port:
                media.attributes = [
                    a for a in media.attributes if a.value is not None or a.name not in _DIRECTION_NAMES
                ]
                media.attributes.append(Attribute(direction.value))
    return description.build()


_DIRECTION_NAMES = frozenset(direction.value for direction in Direction)


def _parse(text: bytes | str) -> SessionDescription:
    try:
        return parse(text)
    except SdpError as error:
        raise BadDescription(str(error)) from error


def _connection(description: SessionDescription, audio: MediaDescription) -> Connection:
    """Where the audio goes. Raises BadDescription without one, NotAcceptable for a name: nobody waits for DNS here."""
    connection = description.connection_of(audio)
    if connection is None:
        raise BadDescription("the audio has no c= line")
    family = socket.AF_INET6 if connection.address_type == "IP6" else socket.AF_INET
    try:
        socket.inet_pton(family, connection.host)
    except (OSError, ValueError):
        raise NotAcceptable(f"'{connection.host}' is no IP address") from None
    return connection


def _audio_index(description: SessionDescription) -> int:
    """The first audio line that can be used. Raises NotAcceptable naming what was wrong with the ones there are."""
    if not description.media:
        raise NotAcceptable("the session description has no media")
    why = "the session description has no audio"
    for index, media in enumerate(description.media):
        if media.kind != "audio":
            continue
        if media.protocol.upper() not in _PROFILES:
            why = f"the transport {media.protocol} is not allowed for audio"
        elif media.port == 0:
            why = "the audio is rejected"
        else:
            return index
    raise NotAcceptable(why)


def _common(audio: MediaDescription, local: LocalMedia) -> tuple[list[Format], int | None]:
    """Formats both sides have, under the offerer's numbers and in the preferred order, and its telephone-event."""
    allowed = local.codecs
    found: dict[str, Format] = {}
    events: int | None = None
    has_fmtp = any(attribute.name == "fmtp" for attribute in audio.attributes)
    for rtpmap in audio.rtpmaps():
        if rtpmap.name.lower() == TELEPHONE_EVENT:
            if events is None and local.telephone_event and rtpmap.clock_rate == 8000:
                events = rtpmap.payload_type
            continue
        name = format_name(rtpmap)
        if name is not None and name in allowed and name not in found:
            number = rtpmap.payload_type
            fmtp = audio.fmtp(number) if has_fmtp else ""
            found[name] = Format(name, rtpmap.name, rtpmap.clock_rate, rtpmap.channels, number, number, fmtp)
    if local.prefer_remote or len(found) < 2:
        formats = list(found.values())
    else:
        formats = [found[name] for name in allowed if name in found]
    return (formats[:1] if local.first_only else formats), events


def _free_payload(wanted: int, used: set[int]) -> int:
    """``wanted`` unless another format has it, else a free dynamic number."""
    if wanted not in used:
        return wanted
    return next(number for number in range(96, 128) if number not in used)


def _live_audio(
    local: LocalMedia,
    protocol: str,
    formats: Sequence[Format],
    events: int | None,
    ptime_ms: int,
    direction: Direction,
    *,
    with_fmtp: bool = False,
) -> str:
    """The one section that is not rejected."""
    numbers = ""
    attributes = ""
    for found in formats:
        number = found.receive
        numbers += f" {number}"
        channels = f"/{found.channels}" if found.channels > 1 else ""
        attributes += f"a=rtpmap:{number} {found.encoding}/{found.clock_rate}{channels}\r\n"
        if with_fmtp and found.fmtp:
            attributes += f"a=fmtp:{number} {found.fmtp}\r\n"
    if events is not None:
        numbers += f" {events}"
        attributes += f"a=rtpmap:{events} {TELEPHONE_EVENT}/8000\r\na=fmtp:{events} {TELEPHONE_EVENTS}\r\n"
    return (
        f"m=audio {local.port} {protocol}{numbers}\r\n{attributes}"
        f"a=ptime:{ptime_ms}\r\na=maxptime:{MAXPTIME_MS}\r\na={direction.value}\r\n"
    )


def _head(local: LocalMedia) -> str:
    """What stands before the first section."""
    where = f"IN {local.address_type} {local.address}"
    return (
        f"v=0\r\no={local.owner} {local.session_id} {local.version} {where}\r\n"
        f"s={local.session_name}\r\nc={where}\r\nt=0 0\r\n"
    )
