"""The log's events while a block runs."""

from __future__ import annotations

from typing import Any

from twisted.logger import ILogObserver, globalLogPublisher
from typing_extensions import Self
from zope.interface import implementer


@implementer(ILogObserver)
class LogEvents:
    """Use as a context; ``events`` are those that came."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def __enter__(self) -> Self:
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        globalLogPublisher.removeObserver(self)

    def failures(self) -> list[str]:
        """Tracebacks of what failed."""
        return [event["log_failure"].getTraceback() for event in self.events if "log_failure" in event]

    def errors(self) -> list[dict[str, Any]]:
        """Events of level error that belong to a call."""
        return [event for event in self.events if "call_id" in event and event["log_level"].name == "error"]
