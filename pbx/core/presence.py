"""Presence: what people say of themselves, as against what their telephones do.

A presence provider's name is ``Label:name``, such as ``CustomPresence:alice``; several joined by ``&`` add up to the
one that is furthest from available.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core import messages

if TYPE_CHECKING:
    from pbx.bus import Bus

log = Logger()


class PresenceState(IntEnum):
    """The states of a presence provider, in Asterisk's order."""

    NOT_SET = 0
    UNAVAILABLE = 1
    AVAILABLE = 2
    AWAY = 3
    XA = 4
    CHAT = 5
    DND = 6
    INVALID = 7

    @property
    def text(self) -> str:
        """``available``; empty for INVALID."""
        return "" if self is PresenceState.INVALID else self.name.lower()

    @classmethod
    def parse(cls, text: str) -> PresenceState:
        """By name in any letter case; INVALID for every other word."""
        return cls.__members__.get(text.upper(), cls.INVALID)


#: Which state counts when several providers add up; indexed by state.
_RANK: tuple[int, ...] = (1, 3, 2, 5, 6, 4, 7, 0)


@dataclass(frozen=True, slots=True)
class Presence:
    """A provider's state, with a subtype and a message for people."""

    state: PresenceState = PresenceState.INVALID
    subtype: str = ""
    message: str = ""


INVALID = Presence()

Provider = Callable[[str], Presence]


class Presences:
    """The presence of all providers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._providers: dict[str, Provider] = {}
        #: What was told last of each.
        self._last: dict[str, Presence] = {}

    def add_provider(self, label: str, presence: Provider) -> Callable[[], None]:
        """Let ``presence`` answer for ``label:...``; the result withdraws it. Raises ValueError when it is taken."""
        key = label.lower()
        if key in self._providers:
            raise ValueError(f"presence provider '{label}' is registered twice")
        self._providers[key] = presence

        def withdraw() -> None:
            if self._providers.get(key) is presence:
                del self._providers[key]

        return withdraw

    def get(self, names: str) -> Presence:
        """The presence of one provider or of several joined by ``&``; INVALID where none is known."""
        result = INVALID
        for name in names.split("&"):
            label, colon, address = name.partition(":")
            provider = self._providers.get(label.lower()) if colon else None
            if provider is None:
                log.warn("No provider found for label: {name}", name=name)
                continue
            found = provider(address)
            if _RANK[found.state] > _RANK[result.state]:
                result = found
        return result

    def changed(self, name: str, presence: Presence) -> None:
        """A provider's presence was set; told even where it is as before."""
        if presence.state is PresenceState.NOT_SET:
            presence = self.get(name)
            if presence.state is PresenceState.INVALID:
                return
        self._last[name] = presence
        self._bus.publish(messages.PresenceStateChanged(name, presence))

    def all(self) -> Iterator[tuple[str, Presence]]:
        """Every provider's name that was told of, with its presence."""
        yield from sorted(self._last.items(), key=lambda item: item[0])
