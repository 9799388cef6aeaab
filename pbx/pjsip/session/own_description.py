"""Our own session descriptions as text: offers, and the parts of every answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pbx.media.formats import FORMATS as MEDIA_FORMATS
from pbx.media.sdp import Attribute, Direction
from pbx.media.sdp_parser import parse
from pbx.pjsip.session.agreement import (
    FORMATS,
    MAXPTIME_MS,
    TELEPHONE_EVENT,
    TELEPHONE_EVENT_PAYLOAD,
    TELEPHONE_EVENTS,
    Format,
    LocalMedia,
    NotAcceptable,
)

_DIRECTION_NAMES = frozenset(direction.value for direction in Direction)


def build_offer(local: LocalMedia) -> bytes:
    """An offer with all our codecs. Raises NotAcceptable when there are none."""
    formats, events = _offered(tuple(local.codecs), tuple(local.payloads.items()), local.telephone_event)
    if not formats:
        raise NotAcceptable("no codec is allowed for audio")
    live = live_audio(local, "RTP/AVP", formats, events, local.ptime_ms, local.direction, with_fmtp=True)
    return (head(local) + live).encode("utf-8", "surrogateescape")


@lru_cache(maxsize=1024)
def _offered(
    codecs: tuple[str, ...], payloads: tuple[tuple[str, int], ...], telephone_event: bool
) -> tuple[tuple[Format, ...], int | None]:
    """What we offer of ``codecs`` and under which numbers, and the number of telephone-event."""
    agreed = dict(payloads)
    formats: list[Format] = []
    used = set(agreed.values())
    for name in codecs:
        rtpmap = FORMATS.get(name)
        if rtpmap is None:
            continue
        number = agreed.get(name)
        if number is None:
            number = _free_payload(rtpmap.payload_type, used)
        used.add(number)
        fmtp = MEDIA_FORMATS[name].fmtp
        formats.append(Format(name, rtpmap.name, rtpmap.clock_rate, rtpmap.channels, number, number, fmtp))
    events = None
    if telephone_event:
        events = agreed.get(TELEPHONE_EVENT)
        if events is None:
            events = _free_payload(TELEPHONE_EVENT_PAYLOAD, used)
    return tuple(formats), events


def _free_payload(wanted: int, used: set[int]) -> int:
    """``wanted`` unless another format has it, else a free dynamic number."""
    if wanted not in used:
        return wanted
    return next(number for number in range(96, 128) if number not in used)


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


def live_audio(
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


def head(local: LocalMedia) -> str:
    """What stands before the first section."""
    where = f"IN {local.address_type} {local.address}"
    return (
        f"v=0\r\no={local.owner} {local.session_id} {local.version} {where}\r\n"
        f"s={local.session_name}\r\nc={where}\r\nt=0 0\r\n"
    )
