"""Offer/answer policy (RFC 3264) for the one audio stream of a SIP session: pure, texts in and values out.

An answer keeps every media line of the offer in its place. The first usable audio line is taken, with the formats both
sides have under the offerer's payload numbers; every other line (video, image, a second audio line, an unknown
profile) is rejected with port 0. ICE, BUNDLE and everything else that only an answer mentioning it would switch on is
passed over in silence.

What the usual descriptions come to is remembered: the same phones send the same lines with every call.
"""

from __future__ import annotations

import socket
from functools import lru_cache

from pbx.media.sdp import Connection, Direction, MediaDescription, Origin, SessionDescription
from pbx.media.sdp_parser import SdpError, parse, parse_origin
from pbx.pjsip.session.agreement import (
    TELEPHONE_EVENT,
    BadDescription,
    Format,
    LocalMedia,
    Negotiated,
    NotAcceptable,
    format_name,
)
from pbx.pjsip.session.own_description import head, live_audio
from pbx.pjsip.session.usual_description import ANY_HEAD, recognise

_PROFILES = frozenset(("RTP/AVP", "RTP/AVPF"))


def answer_offer(text: bytes | str, local: LocalMedia) -> Negotiated:
    """Answer an offer.

    Raises BadDescription for what is not an SDP offer, NotAcceptable when no audio line can be taken.
    """
    usual = recognise(text)
    if usual is None:
        return _answer(text, local)
    known = _usual_answer(
        usual.section,
        tuple(local.codecs),
        local.telephone_event,
        local.prefer_remote,
        local.first_only,
        local.use_ptime,
        local.ptime_ms,
        local.direction,
    )
    events = known.telephone_event_receive
    live = live_audio(local, "RTP/AVP", known.formats, events, known.ptime_ms, known.direction)
    return Negotiated(
        (head(local) + live).encode("utf-8", "surrogateescape"),
        usual.host,
        usual.port,
        min(usual.port + 1, 65535),
        known.formats,
        events,
        events,
        known.ptime_ms,
        known.direction,
        known.held,
        _origin(usual.origin),
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
    return _answer(ANY_HEAD + section, local)


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
    live = live_audio(local, audio.protocol, formats, events, ptime, direction)
    text = head(local) + "".join(
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
    ours, theirs = recognise(offer_text), recognise(answer_text)
    if ours is None or theirs is None:
        return _accept(offer_text, answer_text, local)
    known = _usual_acceptance(
        ours.section, theirs.section, tuple(local.codecs), local.use_ptime, local.ptime_ms, local.direction
    )
    return Negotiated(
        offer_text,
        theirs.host,
        theirs.port,
        min(theirs.port + 1, 65535),
        known.formats,
        known.telephone_event_send,
        known.telephone_event_receive,
        known.ptime_ms,
        known.direction,
        known.held,
        _origin(theirs.origin),
    )


@lru_cache(maxsize=1024)
def _usual_acceptance(
    ours: bytes, theirs: bytes, codecs: tuple[str, ...], use_ptime: bool, ptime_ms: int, direction: Direction
) -> Negotiated:
    """What comes of an audio line in answer to ours, whatever the addresses and ports."""
    local = LocalMedia(
        address="192.0.2.2", port=9, codecs=codecs, use_ptime=use_ptime, ptime_ms=ptime_ms, direction=direction
    )
    return _accept(ANY_HEAD + ours, ANY_HEAD + theirs, local)


def _accept(offer_text: bytes, answer_text: bytes | str, local: LocalMedia) -> Negotiated:
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


def _parse(text: bytes | str) -> SessionDescription:
    try:
        return parse(text)
    except SdpError as error:
        raise BadDescription(str(error)) from error


def _connection(description: SessionDescription, audio: MediaDescription) -> Connection:
    """Where the audio goes. Raises BadDescription without one, NotAcceptable for a name that was not found."""
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
