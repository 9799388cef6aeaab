"""The bus: every change of a channel, bridge or endpoint is published here once.

Delivery is synchronous and by exact message class, in the order of subscription. A reader that raises is logged and
the others still get the message, so no interface can break a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.logger import Logger

log = Logger()
M = TypeVar("M")


class Subscription:
    """A reader's place on the bus; ``cancel()`` takes it away and may be called twice."""

    __slots__ = ("_bus", "_callback", "_kinds")

    def __init__(self, bus: Bus, kinds: tuple[type, ...], callback: Callable[[Any], object]) -> None:
        self._bus = bus
        self._kinds = kinds
        self._callback = callback

    def cancel(self) -> None:
        for kind in self._kinds:
            self._bus._remove(kind, self._callback)
        self._kinds = ()


class Bus:
    """Typed publish/subscribe inside the reactor thread."""

    def __init__(self) -> None:
        # Tuples, replaced on change: a reader may subscribe or leave while a message is being delivered.
        self._readers: dict[type, tuple[Callable[[Any], object], ...]] = {}

    def wanted(self, kind: type) -> bool:
        """Whether anybody reads ``kind``: lets a publisher on a call's path skip building the message."""
        return kind in self._readers

    def publish(self, message: object) -> None:
        """Give ``message`` to each reader of its class."""
        for callback in self._readers.get(type(message), ()):
            try:
                callback(message)
            except Exception:  # a reader's defect must not reach the call that published
                log.failure("a reader of {kind} failed", kind=type(message).__name__)

    def subscribe(self, kind: type[M], callback: Callable[[M], object]) -> Subscription:
        """Read every message of exactly ``kind``."""
        return self.subscribe_many((kind,), callback)

    def subscribe_many(self, kinds: tuple[type, ...], callback: Callable[[Any], object]) -> Subscription:
        """Read several classes by one callback."""
        for kind in kinds:
            self._readers[kind] = (*self._readers.get(kind, ()), callback)
        return Subscription(self, kinds, callback)

    def _remove(self, kind: type, callback: Callable[[Any], object]) -> None:
        left = list(self._readers.get(kind, ()))
        if callback in left:
            left.remove(callback)
        if left:
            self._readers[kind] = tuple(left)
        else:
            self._readers.pop(kind, None)
