"""Scripts that have worked for long, and wait for others to be served."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from pbx.clock import Clock


class Turns:
    """One of those that wait goes on in each turn of the reactor: many of them hold it no longer than one does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[Deferred[None]] = deque()
        self._scheduled = False
        #: Of those that wait, the ones that were interrupted: nothing but their turn lets them go on.
        self.interrupted = 0

    def next(self) -> Deferred[None]:
        """Fires when it is the caller's turn; it may be cancelled."""
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        self._schedule()
        return waiting

    async def after_interruption(self) -> None:
        """Wait for the turn of a script that was interrupted."""
        self.interrupted += 1
        try:
            await self.next()
        finally:
            self.interrupted -= 1

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._clock.call_later(0, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._waiting:
            waiting = self._waiting.popleft()
            self._schedule()
            waiting.callback(None)
