"""An application under test without HTTP: a sink that keeps what it is given."""

from __future__ import annotations

from pbx.stasis.events import StasisEvent


class KeptEvents:
    """An `EventSink` that remembers; ``types`` is what a test mostly asks for."""

    def __init__(self) -> None:
        self.events: list[tuple[str, StasisEvent]] = []
        self.taken_over: list[str] = []

    def deliver(self, application: str, event: StasisEvent) -> None:
        self.events.append((application, event))

    def replaced(self, application: str) -> None:
        self.taken_over.append(application)

    @property
    def types(self) -> list[str]:
        return [event.type for _, event in self.events]

    def last(self, kind: str) -> StasisEvent:
        """The newest event of a type. Raises AssertionError when there is none."""
        for _, event in reversed(self.events):
            if event.type == kind:
                return event
        raise AssertionError(f"no {kind} among {self.types}")
