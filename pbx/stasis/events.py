"""`StasisEvent`: one fact for Stasis applications, and the `EventSink` that takes it to whoever runs one.

An event is made once and handed to every application it concerns; what an interface makes of it (``text``) is kept
with it, so that it is encoded once, however many listen.
"""

from __future__ import annotations

from typing import Protocol


class StasisEvent:
    """``fields`` are in the order of the wire and hold plain values and snapshots; None values are left out.

    ``sources`` says what it is about: ``channel:ID``, ``bridge:ID``, ``endpoint:PJSIP/alice``, ``deviceState:NAME``.
    ``time`` is seconds since the epoch.
    """

    __slots__ = ("fields", "sources", "text", "time", "type")

    def __init__(
        self, kind: str, time: float, fields: tuple[tuple[str, object], ...] = (), sources: tuple[str, ...] = ()
    ) -> None:
        self.type = kind
        self.time = time
        self.fields = fields
        self.sources = sources
        #: Kept here by the interface that encodes the event.
        self.text = ""

    def __repr__(self) -> str:
        return f"<StasisEvent {self.type} {' '.join(self.sources)}>"

    def get(self, name: str) -> object:
        """A field's value, or None."""
        return next((value for field, value in self.fields if field == name), None)


class EventSink(Protocol):
    """Where an application's events go: a client's connection."""

    def deliver(self, application: str, event: StasisEvent) -> None:
        """Take an event for an application. Must not raise, wait or write."""

    def replaced(self, application: str) -> None:
        """Another sink has taken the application over; this one gets nothing more for it."""
