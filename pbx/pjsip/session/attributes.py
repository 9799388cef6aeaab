"""What CHANNEL(pjsip,...), CHANNEL(rtp,...) and CHANNEL(rtcp,...) read of a session (dialplan_functions.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbx.media import Leg, StreamStatistics
    from pbx.pjsip.session.session import PjsipSession

_DIALOG_FIELDS = frozenset(("local_uri", "remote_uri", "local_tag", "remote_tag", "target_uri"))

_RTCP: dict[str, Callable[[StreamStatistics], object]] = {
    "ssrc": lambda s: s.ssrc,
    "txcount": lambda s: s.packets_sent,
    "rxcount": lambda s: s.packets_received,
    "txoctetcount": lambda s: s.bytes_sent,
    "rxoctetcount": lambda s: s.bytes_received,
    "rxploss": lambda s: s.packets_lost,
    "txploss": lambda s: s.remote_packets_lost,
    "rxjitter": lambda s: f"{s.jitter_ms / 1000:f}",
    "txjitter": lambda s: f"{s.remote_jitter_ms / 1000:f}",
    "rtt": lambda s: f"{s.round_trip_ms / 1000:f}",
}


def read_attribute(session: PjsipSession, item: str, arguments: Sequence[str]) -> str | None:
    """The value, or None for what does not exist or is not known."""
    kind = item.lower()
    if kind == "endpoint":
        return session.endpoint.id
    if kind == "contact":
        return session.contact_uri
    if kind == "aor":
        return session.endpoint.aors[0] if session.endpoint.aors else ""
    field = arguments[0].lower() if arguments else ""
    if kind == "pjsip":
        return _signalling(session, field)
    if kind == "rtp":
        return _rtp(session, field)
    if kind == "rtcp":
        return _rtcp(session, field)
    return None


def _signalling(session: PjsipSession, field: str) -> str | None:
    native = session.native
    if field == "call-id":
        return session.call_id
    if field == "secure":
        return "1" if _transport_protocol(session) in ("tls", "wss") else "0"
    if field == "request_uri":
        return session.contact_uri if session.received is None else session.received.request_uri
    if field == "local_addr":
        return local_address(session)
    if field == "remote_addr":
        # Where the last message of the far end came from.
        return "" if session.source is None else f"{session.source[0]}:{session.source[1]}"
    if field == "t38state":
        return "DISABLED"
    if field in _DIALOG_FIELDS:
        return "" if native is None else native.field(field)
    return None


def _transport_protocol(session: PjsipSession) -> str:
    """``udp``, ``tcp``, ..."""
    if session.received is not None:
        return session.received.transport.protocol
    info = None if session.outgoing is None else session.outgoing.transport_info
    return "" if info is None else info.protocol


def local_address(session: PjsipSession) -> str:
    """``address:port`` of our side of the signalling."""
    if session.received is not None:
        transport = session.received.transport
        return f"{transport.host}:{transport.port}"
    info = None if session.outgoing is None else session.outgoing.transport_info
    return "" if info is None else f"{info.host}:{info.port}"


def _rtp(session: PjsipSession, field: str) -> str | None:
    transport, negotiated = session.media.transport, session.media.negotiated
    if field == "src":
        return "" if transport is None else f"{session.media.address}:{transport.rtp_port}"
    if field == "dest":
        return "" if negotiated is None else f"{negotiated.remote_address}:{negotiated.remote_port}"
    if field == "direct":
        return "(null)"
    if field == "secure":
        return "0"
    if field == "hold":
        return "1" if negotiated is not None and negotiated.held else "0"
    return None


def _rtcp(session: PjsipSession, field: str) -> str | None:
    leg: Leg | None = session.media.leg
    statistics = None if leg is None else leg.statistics()
    if statistics is None:
        return None
    if field in ("", "all"):
        return ";".join(f"{name}={read(statistics)}" for name, read in _RTCP.items())
    read = _RTCP.get(field)
    return None if read is None else str(read(statistics))
