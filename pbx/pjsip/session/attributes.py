"""What CHANNEL(pjsip,...), CHANNEL(rtp,...) and CHANNEL(rtcp,...) read of a session (dialplan_functions.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pbx.media.parameters import Spread, StreamStatistics
from pbx.pjsip.uri import NameAddr, SipSyntaxError

if TYPE_CHECKING:
    from pbx.pjsip.session.session import PjsipSession

_Readers: TypeAlias = "dict[str, Callable[[StreamStatistics], str]]"

_DIALOG_FIELDS = frozenset(("local_uri", "remote_uri", "local_tag", "remote_tag", "target_uri"))

#: Before anything was counted.
_NOTHING_COUNTED = StreamStatistics()


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:f}"


def _spread(least: str, most: str, mean: str, deviation: str, of: Callable[[StreamStatistics], Spread]) -> _Readers:
    """The four figures of what varies, by their names."""
    return {
        least: lambda counted: _seconds(of(counted).least),
        most: lambda counted: _seconds(of(counted).most),
        mean: lambda counted: _seconds(of(counted).mean),
        deviation: lambda counted: _seconds(of(counted).deviation),
    }


def _local_jitter(counted: StreamStatistics) -> Spread:
    return counted.jitter


def _remote_jitter(counted: StreamStatistics) -> Spread:
    return counted.remote_jitter


def _round_trip(counted: StreamStatistics) -> Spread:
    return counted.round_trip


#: What CHANNEL(rtcp,...) gives by name. Losses and the score of an experience are counted, but not how they varied.
_RTCP: _Readers = {
    "txcount": lambda counted: str(counted.packets_sent),
    "rxcount": lambda counted: str(counted.packets_received),
    "txoctetcount": lambda counted: str(counted.bytes_sent),
    "rxoctetcount": lambda counted: str(counted.bytes_received),
    "txjitter": lambda counted: _seconds(counted.remote_jitter.mean),
    "rxjitter": lambda counted: _seconds(counted.jitter.mean),
    **_spread("remote_minjitter", "remote_maxjitter", "remote_normdevjitter", "remote_stdevjitter", of=_remote_jitter),
    **_spread("local_minjitter", "local_maxjitter", "local_normdevjitter", "local_stdevjitter", of=_local_jitter),
    "txploss": lambda counted: str(counted.remote_packets_lost),
    "rxploss": lambda counted: str(counted.packets_lost),
    "rtt": lambda counted: _seconds(counted.round_trip.mean),
    **_spread("minrtt", "maxrtt", "normdevrtt", "stdevrtt", of=_round_trip),
    "local_ssrc": lambda counted: str(counted.ssrc),
    "remote_ssrc": lambda counted: str(counted.remote_ssrc),
}
#: What CHANNEL(rtcp,all...) gives: names, and which of the figures.
_ALL = (
    ("ssrc", "local_ssrc"),
    ("themssrc", "remote_ssrc"),
    ("lp", "rxploss"),
    ("rxjitter", "rxjitter"),
    ("rxcount", "rxcount"),
    ("txjitter", "txjitter"),
    ("txcount", "txcount"),
    ("rlp", "txploss"),
    ("rtt", "rtt"),
)
_ALL_JITTER = tuple(
    (f"{what}{side}jitter", f"{whose}_{kept}jitter")
    for side, whose in (("rx", "local"), ("tx", "remote"))
    for what, kept in (("min", "min"), ("max", "max"), ("avg", "normdev"), ("stdev", "stdev"))
)
_ALL_RTT = tuple(
    (f"{what}rtt", f"{kept}rtt")
    for what, kept in zip(("min", "max", "avg", "stdev"), ("min", "max", "normdev", "stdev"), strict=True)
)


def read_attribute(session: PjsipSession, item: str, arguments: Sequence[str]) -> str | None:
    """The value, or None for what does not exist or is not known."""
    kind = item.lower()
    # As in Asterisk only of a call that we made is it known which contact of which address of record it is with.
    contact = None if session.outgoing is None else session.outgoing.contact
    if kind == "endpoint":
        return session.endpoint.id
    if kind == "contact":
        return "" if contact is None else contact.id
    if kind == "aor":
        return "" if contact is None else contact.aor
    field, media = (*arguments, "", "")[:2]
    if kind == "pjsip":
        return _signalling(session, field)
    # The stream begins once who answered has had its turn; what is asked before that has counted nothing yet.
    flows = session.up or session.media.statistics is not None
    if not field or media not in ("", "audio") or session.media.negotiated is None or not flows:
        return None
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
        return "" if session.received is None else session.received.request_uri
    if field == "local_addr":
        # Unknown before there is anything that could have come or gone.
        return None if native is None else local_address(session)
    if field == "remote_addr":
        # Where the last message of the far end came from.
        return None if session.source is None else f"{session.source[0]}:{session.source[1]}"
    if field == "t38state":
        return "DISABLED"
    if field in _DIALOG_FIELDS:
        text = _planned(session, field) if native is None else native.field(field)
        return _party(text) if field in ("local_uri", "remote_uri") else text
    return None


def _party(text: str) -> str:
    """A URI as From and To have it: without a port and without their parameters."""
    try:
        party = NameAddr.parse(text)
    except SipSyntaxError:
        return text
    return str(replace(party, uri=replace(party.uri, port=0), params={}))


def _planned(session: PjsipSession, field: str) -> str:
    """What a call that has not been made yet will have."""
    outgoing = session.outgoing
    if outgoing is None or field not in ("local_uri", "remote_uri", "target_uri"):
        return ""
    if field == "target_uri":
        return outgoing.target
    return outgoing.from_header(session) if field == "local_uri" else outgoing.to_header


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
    negotiated = session.media.negotiated
    if field == "src":
        return session.media.source
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
    counted = session.media.statistics or _NOTHING_COUNTED
    name = field.lower()
    if name == "all_jitter":
        return "".join(f"{shown}={float(_RTCP[kept](counted)):010.6f};" for shown, kept in _ALL_JITTER)
    if name == "all_rtt":
        return "".join(f"     {shown}={float(_RTCP[kept](counted)):010.6f};" for shown, kept in _ALL_RTT)
    if name.startswith("all"):
        return ";".join(f"{shown}={_RTCP[kept](counted)}" for shown, kept in _ALL)
    read = _RTCP.get(name)
    return None if read is None else read(counted)
