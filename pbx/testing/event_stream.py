"""A manager's events in a form that two exchanges, or two runs, can be compared by: one short line an event.

Events are put under the channel they tell of, or their own name where they tell of none: the order among channels is a
matter of luck, each channel's own order is kept. Of the headers that describe a channel only those are written that
have changed since its last event. What differs from run to run is given a name: ``U1`` is the first unique id seen,
``B1`` the first bridge, ``-1`` the number in the first channel's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pbx.testing.ami import AmiMessage

#: Headers that describe a channel; in front of them may stand ``Dest``, ``LocalOne`` and other words.
CHANNEL = (
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
    "ChanVariable",
)
#: Longer values are written as their beginning and their length.
MAX_SHOWN = 300
SHOWN_OF_LONG = 40
#: Headers in every event that say nothing about it.
NOISE = frozenset(("Event", "Privilege", "Timestamp", "SystemName", "ActionID", "DurationMs"))

_UNIQUEID = re.compile(r"\b\d{9,11}\.\d+\b")
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_NUMBERED = re.compile(r"(?<=-)[0-9a-f]{8}(?=[;\b]|$)")
_PREFIXED = re.compile(rf"(?P<prefix>\w*?)(?P<name>{'|'.join(CHANNEL)})\Z")


class _Names:
    """Names for what differs between runs, by order of appearance."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def _name(self, kind: str, text: str) -> str:
        key = kind + text
        if key not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[key] = f"{kind}{self._counts[kind]}"
        return self._given[key]

    def replace(self, value: str) -> str:
        value = _UUID.sub(lambda match: self._name("B", match[0]), value)
        value = _UNIQUEID.sub(lambda match: self._name("U", match[0]), value)
        return _NUMBERED.sub(lambda match: self._name("", match[0]), value)


def _shown(value: str) -> str:
    if len(value) > MAX_SHOWN:
        value = f"{value[:SHOWN_OF_LONG]}... {len(value)} characters"
    return f'"{value}"' if not value or " " in value else value


class EventStream:
    """Makes lines of events; `lines` gives them by channel."""

    def __init__(self) -> None:
        self._names = _Names()
        self._streams: dict[str, list[str]] = {}
        self._channels: dict[str, None] = {}
        self._known: dict[tuple[str, str], dict[str, str]] = {}

    def name(self, text: str) -> str:
        """A text with names in place of what differs between runs."""
        return self._names.replace(text)

    def add(self, event: AmiMessage) -> None:
        """Take the next event."""
        headers = [(name, self._names.replace(value)) for name, value in event.headers if name not in NOISE]
        channels = [value for name, value in headers if name.endswith("Channel")]
        channel = self._names.replace(event.get("Channel")) or next(iter(channels), "")
        if channel:
            self._channels[channel] = None
        stream = channel or event["Event"]
        words = [event["Event"]]
        groups: dict[str, dict[str, str]] = {}
        for name, value in headers:
            match = _PREFIXED.fullmatch(name)
            if match is None:
                words.append(f"{name}={_shown(value)}")
                continue
            prefix = match["prefix"]
            groups.setdefault(prefix, {})[match["name"]] = value
            if self._known.get((stream, prefix), {}).get(match["name"]) != value:
                words.append(f"{name}={_shown(value)}")
        for prefix, group in groups.items():
            known = self._known.setdefault((stream, prefix), {})
            if "ChannelState" in group:
                words += [f"-{prefix}{name}" for name in known if name not in group]
                self._known[stream, prefix] = group
            else:
                known.update(group)
        self._streams.setdefault(stream, []).append(" ".join(words))

    def lines(self) -> list[str]:
        """The lines of each channel behind a line with its name, channels in the order they were first seen."""
        found = []
        for stream in [*self._channels, *sorted(self._streams.keys() - self._channels.keys())]:
            found += [f"-- {stream}", *self._streams[stream]]
        return found


def event_lines(events: Iterable[AmiMessage]) -> list[str]:
    """`EventStream` of events that are all there."""
    stream = EventStream()
    for event in events:
        stream.add(event)
    return stream.lines()
