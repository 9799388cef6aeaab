"""Values to ARI's JSON. A channel's text is made once for each snapshot and shared by all who show it.

A type says how it looks by a function under `encodes`; the fields are those of `ari.schemas`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, TypeVar

from pbx.core.bridge import BridgeSnapshot
from pbx.core.snapshot import ChannelSnapshot
from pbx.core.states import STATE_TEXTS

T = TypeVar("T")

#: A text as JSON, its letters as they are.
quoted: Callable[[str], str] = encode_basestring

#: Channels whose text is kept; beyond, all are forgotten and made anew.
MAX_KEPT = 4096

_Encoder = Callable[[Any], Mapping[str, object]]
_ENCODERS: dict[type, _Encoder] = {}


def encodes(kind: type[T]) -> Callable[[Callable[[T], dict[str, object]]], Callable[[T], dict[str, object]]]:
    """Make a function the way values of a type become a JSON object; None members are left out."""

    def decorate(function: Callable[[T], dict[str, object]]) -> Callable[[T], dict[str, object]]:
        _ENCODERS[kind] = function
        return function

    return decorate


class Timestamps:
    """Times as ``2026-01-31T12:34:56.789+0100``, in the local zone."""

    def __init__(self) -> None:
        self._second = -1
        self._start = ""
        self._zone = ""

    def text(self, seconds: float) -> str:
        """``seconds`` since the epoch."""
        whole = int(seconds)
        if whole != self._second:
            local = time.localtime(whole)
            self._start = time.strftime("%Y-%m-%dT%H:%M:%S", local)
            self._zone = time.strftime("%z", local)
            self._second = whole
        return f"{self._start}.{int((seconds - whole) * 1000):03d}{self._zone}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the epoch, shown as a timestamp."""

    seconds: float


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """An endpoint and the channels it has."""

    technology: str
    resource: str
    state: str
    channel_ids: tuple[str, ...]


@encodes(EndpointSnapshot)
def endpoint(value: EndpointSnapshot) -> dict[str, object]:
    return {
        "technology": value.technology,
        "resource": value.resource,
        "state": value.state,
        "channel_ids": value.channel_ids,
    }


class Models:
    """Makes JSON texts. ``read_variable`` gives a variable of a channel that carries ``channelvars``."""

    def __init__(
        self,
        channelvars: tuple[str, ...] = (),
        read_variable: Callable[[ChannelSnapshot, str], str] = lambda _channel, _name: "",
    ) -> None:
        self._channelvars = channelvars
        self._read_variable = read_variable
        self._timestamps = Timestamps()
        self._created = Timestamps()
        self._kept: dict[str, tuple[ChannelSnapshot, str]] = {}

    def timestamp(self, seconds: float) -> str:
        """A time as ARI writes it."""
        return self._timestamps.text(seconds)

    def text(self, value: object) -> str:
        """Any value as JSON text."""
        kind = value.__class__
        if kind is str:
            return quoted(value)  # type: ignore[arg-type]
        if kind is ChannelSnapshot:
            return self.channel(value)  # type: ignore[arg-type]
        if kind is list or kind is tuple:
            return "[" + ",".join(map(self.text, value)) + "]"  # type: ignore[call-overload]
        if kind is dict:
            return self.object(value)  # type: ignore[arg-type]
        if kind is BridgeSnapshot:
            return self.bridge(value)  # type: ignore[arg-type]
        if kind is Moment:
            return f'"{self.timestamp(value.seconds)}"'  # type: ignore[attr-defined]
        encode = _ENCODERS.get(kind)
        if encode is not None:
            return self.object(encode(value))
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def object(self, members: Mapping[str, object]) -> str:
        """A JSON object of those members that are not None."""
        text = self.text
        return "{" + ",".join([f"{quoted(k)}:{text(v)}" for k, v in members.items() if v is not None]) + "}"

    def channel(self, value: ChannelSnapshot) -> str:
        """A channel; kept until the channel has another snapshot."""
        kept = self._kept.get(value.uniqueid)
        if kept is not None and kept[0] is value and not self._channelvars:
            return kept[1]
        text = self._channel(value)
        if not value.alive:
            self._kept.pop(value.uniqueid, None)
        elif not self._channelvars:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[value.uniqueid] = (value, text)
        return text

    def _channel(self, value: ChannelSnapshot) -> str:
        caller, connected = value.caller.id, value.connected.id
        text = (
            f'{{"id":{quoted(value.uniqueid)},"name":{quoted(value.name)},"state":"{STATE_TEXTS[value.state]}",'
            f'"protocol_id":{quoted(value.protocol_id)},'
            f'"caller":{{"name":{quoted(caller.name)},"number":{quoted(caller.number)}}},'
            f'"connected":{{"name":{quoted(connected.name)},"number":{quoted(connected.number)}}},'
            f'"accountcode":{quoted(value.accountcode)},'
            f'"dialplan":{{"context":{quoted(value.context)},"exten":{quoted(value.exten)},"priority":{value.priority},'
            f'"app_name":{quoted(value.application)},"app_data":{quoted(value.application_data)}}},'
            f'"creationtime":"{self._created.text(value.created)}","language":{quoted(value.language)}'
        )
        if value.tenantid:
            text += f',"tenantid":{quoted(value.tenantid)}'
        if self._channelvars or value.reported:
            read = self._read_variable
            shown = {**{name: read(value, name) for name in self._channelvars}, **dict(value.reported)}
            text += f',"channelvars":{self.object(shown)}'
        return text + "}"

    def bridge(self, value: BridgeSnapshot) -> str:
        """A bridge."""
        return self.object(
            {
                "id": value.id,
                "technology": value.technology,
                "bridge_type": "holding" if value.technology == "holding_bridge" else "mixing",
                "bridge_class": value.type,
                "creator": value.creator,
                "name": value.name,
                "channels": value.members,
                "creationtime": Moment(value.created),
                "video_mode": value.video_mode,
                "video_source_id": value.video_source or None,
                "bridgevars": dict(value.reported) or None,
            }
        )


def pretty(text: str) -> str:
    """JSON text indented by two, as jansson's JSON_INDENT(2) has it."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2)


def to_bytes(text: str) -> bytes:
    """JSON text as UTF-8; what is no valid text becomes ``?``."""
    return text.encode("utf-8", "replace")
