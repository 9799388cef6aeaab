"""An event of the manager, encoded once and shared by every session that gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ami.classes import class_text
from ami.encoding import clean, escape_c, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.core.bridge.bridge import BridgeSnapshot
    from pbx.core.party import PartyId
    from pbx.core.snapshot import ChannelSnapshot


class Event:
    """``data`` goes over the wire as it is; ``linkedid`` names the call it belongs to, or is empty."""

    __slots__ = ("_text", "bits", "data", "linkedid", "name")

    def __init__(self, name: str, bits: int, text: str, linkedid: str) -> None:
        self.name = name
        self.bits = bits
        self.data = to_bytes(text)
        self.linkedid = linkedid
        self._text = text

    def __repr__(self) -> str:
        return f"<Event {self.name}>"

    @property
    def text(self) -> str:
        """The whole event as text, for filters."""
        return self._text


def _party(prefix: str, kind: str, party: PartyId) -> str:
    number = clean(party.number) or "<unknown>"
    name = escape_c(party.name) or "<unknown>"
    return f"{prefix}{kind}Num: {number}\r\n{prefix}{kind}Name: {name}\r\n"


def channel_text(snapshot: ChannelSnapshot, prefix: str = "") -> str:
    """The fields of a channel, in the order of ast_manager_build_channel_state_string_prefix."""
    s = snapshot
    p = prefix
    tenant = f"{p}Tenantid: {clean(s.tenantid)}\r\n" if s.tenantid else ""
    return (
        f"{p}Channel: {clean(s.name)}\r\n"
        f"{p}ChannelState: {s.state:d}\r\n"
        f"{p}ChannelStateDesc: {s.state.text}\r\n"
        f"{_party(p, 'CallerID', s.caller.id)}"
        f"{_party(p, 'ConnectedLine', s.connected.id)}"
        f"{p}Language: {clean(s.language)}\r\n"
        f"{p}AccountCode: {clean(s.accountcode)}\r\n"
        f"{p}Context: {clean(s.context)}\r\n"
        f"{p}Exten: {clean(s.exten)}\r\n"
        f"{p}Priority: {s.priority}\r\n"
        f"{p}Uniqueid: {clean(s.uniqueid)}\r\n"
        f"{p}Linkedid: {clean(s.linkedid)}\r\n"
        f"{tenant}"
    )


def bridge_text(bridge: BridgeSnapshot, prefix: str = "") -> str:
    """The fields of a bridge, in the order of ast_manager_build_bridge_state_string_prefix."""
    source = f"{prefix}BridgeVideoSource: {clean(bridge.video_source)}\r\n" if bridge.video_source else ""
    return (
        f"{prefix}BridgeUniqueid: {clean(bridge.id)}\r\n"
        f"{prefix}BridgeType: {bridge.type}\r\n"
        f"{prefix}BridgeTechnology: {bridge.technology}\r\n"
        f"{prefix}BridgeCreator: {clean(bridge.creator) or '<unknown>'}\r\n"
        f"{prefix}BridgeName: {clean(bridge.name) or '<unknown>'}\r\n"
        f"{prefix}BridgeNumChannels: {len(bridge.members)}\r\n"
        f"{prefix}BridgeVideoSourceMode: {bridge.video_mode}\r\n{source}"
    )


class EventMaker:
    """Makes events with the preamble and the channel variables that manager.conf asks for."""

    def __init__(
        self,
        now: Callable[[], float],
        read_variable: Callable[[ChannelSnapshot, str], str],
        *,
        system_name: str = "",
        timestamps: bool = False,
        disabled: tuple[str, ...] = (),
        channel_variables: tuple[str, ...] = (),
    ) -> None:
        self._now = now
        self._read_variable = read_variable
        self._timestamps = timestamps
        self._system_name = f"SystemName: {clean(system_name)}\r\n" if system_name else ""
        self._disabled = frozenset(disabled)
        self._variables = channel_variables
        #: The bits of classes that some session wants; an encoder may leave out the work for others.
        self.wanted_bits: frozenset[int] = frozenset()
        self._preambles: dict[tuple[str, int], str] = {}
        self._last: tuple[ChannelSnapshot, str] | None = None

    def event(self, name: str, bits: int, body: str, linkedid: str = "") -> Event | None:
        """An event, or None when its name is disabled."""
        if name in self._disabled:
            return None
        preamble = self._preambles.get((name, bits))
        if preamble is None:
            preamble = f"Event: {name}\r\nPrivilege: {class_text(bits)}\r\n"
            self._preambles[name, bits] = preamble
        if self._timestamps:
            preamble = f"{preamble}Timestamp: {self._now():.6f}\r\n"
        return Event(name, bits, f"{preamble}{self._system_name}{body}\r\n", linkedid)

    def wants(self, bits: int) -> bool:
        """Whether some session takes events of exactly these classes."""
        return bits in self.wanted_bits

    def channel(self, snapshot: ChannelSnapshot, prefix: str = "") -> str:
        """The fields of a channel with its ChanVariables. The last snapshot's text is kept: events come in runs."""
        last = self._last
        if last is not None and last[0] is snapshot and not prefix and not self._variables:
            return last[1]
        text = channel_text(snapshot, prefix)
        if self._variables:
            text += self.channel_variables(snapshot, prefix)
        elif not prefix:
            self._last = (snapshot, text)
        return text

    def channel_variables(self, snapshot: ChannelSnapshot, prefix: str = "") -> str:
        """``ChanVariable: name=value`` for each of ``channelvars``."""
        return "".join(
            [
                f"{prefix}ChanVariable: {name}={escape_c(self._read_variable(snapshot, name))}\r\n"
                for name in self._variables
            ]
        )

    def forget(self) -> None:
        """Drop what was kept of the last snapshot."""
        self._last = None
