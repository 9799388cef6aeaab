"""The house clock: every timer and every wait of the exchange goes through it, so tests can turn time by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

P = ParamSpec("P")


class Clock:
    """Wall time, monotonic time and timers.

    Under test the reactor is ``twisted.internet.task.Clock``; wall time then starts at ``epoch`` and moves with it.
    """

    def __init__(self, reactor: IReactorTime, wall: Callable[[], float] = time.time) -> None:
        self.reactor = reactor
        self._wall = wall

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._wall()

    def monotonic(self) -> float:
        """Seconds of the reactor's clock; only differences mean anything."""
        return self.reactor.seconds()

    def call_later(self, seconds: float, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> IDelayedCall:
        """Run ``call`` after ``seconds``; the returned handle cancels it."""
        return self.reactor.callLater(seconds, call, *args, **kwargs)

    def sleep(self, seconds: float) -> Deferred[None]:
        """A Deferred that fires after ``seconds``; cancelling it stops the timer."""
        waiting = _Sleep(_stop)
        waiting.timer = self.reactor.callLater(seconds, _wake, waiting)
        return waiting


class _Sleep(Deferred[None]):
    """Thousands may wait at a time: the timer is an attribute because a closure for each would be larger."""

    timer: IDelayedCall | None = None


def _wake(waiting: Deferred[None]) -> None:
    waiting.callback(None)


def _stop(waiting: Deferred[Any]) -> None:
    if isinstance(waiting, _Sleep):
        cancel_timer(waiting.timer)


def cancel_timer(timer: IDelayedCall | None) -> None:
    """Cancel ``timer`` if there is one and it has not fired."""
    if timer is not None and timer.active():
        timer.cancel()
