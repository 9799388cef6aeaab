"""Rows and headers of ``pjsip show`` and ``pjsip list``: values in, text out. Widths as in Asterisk's pjsip_cli."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.config.options import ConfigObject, schema_of
from pbx.pjsip.events import SHORT_STATES
from pbx.pjsip.location import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pbx.core.snapshot import ChannelSnapshot
    from pbx.pjsip.objects import Aor, Auth, Contact, Endpoint, Identify, Transport

FILLER = "." * 90
RULE = "=" * 90
WIDTH = 90
LAST_TABSTOP = 62
HIDDEN = "********"
"""Stands for a password or hash that is set."""


def indent(level: int) -> int:
    """Columns of a title at a level of the tree."""
    return level * 2 + 9


def cut(text: str, width: int) -> str:
    """``text`` in exactly ``width`` columns."""
    return f"{text[: max(width, 0)]:<{max(width, 0)}}"


def endpoint_header() -> str:
    return " Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>\n"


def auth_header(level: int) -> str:
    at = indent(level)
    return f"{'I/OAuth':>{at}}:  <AuthId/UserName{FILLER[: WIDTH - at - 20]}>\n"


def aor_header(level: int) -> str:
    at = indent(level)
    return f"{'Aor':>{at}}:  <Aor{FILLER[: LAST_TABSTOP - at - 7]}>  <MaxContact>\n"


def contact_header(level: int) -> str:
    at = indent(level)
    filler = FILLER[: LAST_TABSTOP - at - 23]
    return f"{'Contact':>{at}}:  <Aor/ContactUri{filler}> <Hash....> <Status> <RTT(ms)..>\n"


def transport_header(level: int) -> str:
    at = indent(level)
    filler = FILLER[: WIDTH - at - 61]
    return f"{'Transport':>{at}}:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress{filler}>\n"


def identify_header(level: int, *, recurse: bool) -> str:
    at = indent(level)
    text = f"{'Identify':>{at}}:  <Identify/Endpoint{FILLER[: WIDTH - at - 22]}>\n"
    if recurse:
        below = indent(level + 1)
        text += f"{'Match':>{below}}:  <criteria{FILLER[: LAST_TABSTOP - below - 24]}>\n"
    return text


def channel_header(level: int, *, recurse: bool) -> str:
    at = indent(level)
    text = f"{'Channel':>{at}}:  <ChannelId{FILLER[: LAST_TABSTOP - at - 13]}>  <State.....>  <Time.....>\n"
    if recurse:
        below = indent(level + 1)
        filler = FILLER[: LAST_TABSTOP - below - 38]
        text += f"{'Exten':>{below}}: <DialedExten{filler}>  CLCID: <ConnectedLineCID.......>\n"
    return text


def registration_header() -> str:
    return " <Registration/ServerURI..............................>  <Auth....................>  <Status.......>\n"


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """What an endpoint's line shows beside its options."""

    state: str
    channels: int


def endpoint_row(endpoint: Endpoint, row: EndpointRow) -> str:
    number = endpoint.callerid.number
    name = f"{endpoint.id}/{number}" if number else endpoint.id
    busy_at = str(endpoint.device_state_busy_at) if endpoint.device_state_busy_at else "inf"
    width = LAST_TABSTOP - indent(0) - 2
    return f"{'Endpoint':>{indent(0)}}:  {cut(name, width)}  {cut(row.state, 12)}  {row.channels} of {busy_at}\n"


def auth_row(auth: Auth, level: int, direction: str = "") -> str:
    return f"{direction + 'Auth':>{indent(level)}}:  {auth.id}/{auth.username}\n"


def aor_row(aor: Aor, level: int) -> str:
    at = indent(level)
    return f"{'Aor':>{at}}:  {cut(aor.id, LAST_TABSTOP - at - 12)} {aor.max_contacts:>12}\n"


def contact_row(contact: Contact, status: Status, level: int) -> str:
    at = indent(level)
    width = LAST_TABSTOP - at - 9 - len(contact.aor) + 1
    digest = contact.id[len(contact.aor) + 2 :]
    seconds = status.roundtrip_seconds
    rtt = "nan" if seconds is None else f"{seconds * 1000:.3f}"
    short = SHORT_STATES[status.state]
    return f"{'Contact':>{at}}:  {contact.aor}/{cut(contact.uri, width)} {cut(digest, 10)} {cut(short, 7)} {rtt:>11}\n"


def transport_row(transport: Transport, level: int, bound: str) -> str:
    kind = transport.protocol.value
    at = indent(level)
    return f"{'Transport':>{at}}:  {transport.id:<21}  {kind:>6}  {transport.cos:>5}  {transport.tos:>5}  {bound}\n"


def identify_row(identify: Identify, level: int, *, recurse: bool) -> str:
    text = f"{'Identify':>{indent(level)}}:  {identify.id}/{identify.endpoint}\n"
    if recurse:
        below = indent(level + 1)
        for match in identify.match:
            sense = "!" if match.negated else ""
            where = match.network if match.network is not None else match.host
            text += f"{'Match':>{below}}: {sense}{where}\n"
        if identify.match_header:
            text += f"{'Header':>{below}}: {identify.match_header}\n"
        if identify.match_request_uri:
            text += f"{'RequestURI':>{below}}: {identify.match_request_uri}\n"
    return text


def channel_row(channel: ChannelSnapshot, now: float, level: int, *, recurse: bool) -> str:
    at = indent(level)
    name = f"{channel.name}/{channel.application}"
    seconds = max(0, int(now - channel.created))
    time = f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    text = f"{'Channel':>{at}}: {cut(name, LAST_TABSTOP - at)} {cut(channel.state.text, 12)}  {cut(time, 11)}\n"
    if recurse:
        below = indent(level + 1)
        connected = channel.connected.id
        exten = cut(channel.exten, LAST_TABSTOP - below - 25)
        text += f'{"Exten":>{below}}: {exten}  CLCID: "{connected.name}" <{connected.number}>\n'
    return text


def parameters(item: ConfigObject) -> str:
    """The table of an object's options, by name; secrets are not shown."""
    schema = schema_of(type(item))
    pairs: dict[str, str] = {}
    for name, value in schema.fields(item):
        option = schema.find(name)
        shown = HIDDEN if option is not None and option.secret and value else value
        pairs[name] = f"{pairs[name]},{shown}" if pairs.get(name) else shown
    return table(sorted(pairs.items()))


def table(pairs: Sequence[tuple[str, str]]) -> str:
    """``ParameterName : ParameterValue``."""
    names = max([len("ParameterName"), *(len(name) for name, _ in pairs)])
    values = max([len("ParameterValue"), *(len(value) for _, value in pairs)])
    lines = [f" {'ParameterName':<{names}} : ParameterValue", f" {'=' * (names + values + 3)}"]
    lines += [f" {name:<{names}} : {value}" for name, value in pairs]
    return "\n".join(lines) + "\n"


def listing(header: str, rows: Sequence[str]) -> str:
    """A whole listing with its header and count."""
    if not rows:
        return "No objects found.\n\n"
    return f"\n{header}{RULE}\n\n{''.join(rows)}\nObjects found: {len(rows)}\n\n"


def single(header: str, body: str) -> str:
    """One object with its header."""
    return f"\n{header}{RULE}\n\n{body}\n"
