"""Many deadlines, one timer: what expiry and qualify of contacts wait with."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

from pbx.clock import cancel_timer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock

MIN_HEAP = 64
"""Below this many entries a heap is not worth cleaning."""


class TimerHeap:
    """Calls ``due(key)`` once for each key when its time comes. A key has at most one deadline: a new one replaces it.

    Times are monotonic seconds. Replaced entries stay in the heap until they come up, or until they are most of it.
    """

    def __init__(self, clock: Clock, due: Callable[[str], object]) -> None:
        self._clock = clock
        self._due = due
        self._deadlines: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: IDelayedCall | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        return len(self._deadlines)

    def __contains__(self, key: str) -> bool:
        return key in self._deadlines

    def set(self, key: str, deadline: float) -> None:
        """Let ``key`` come due at ``deadline``, in place of an earlier or later time."""
        if self._deadlines.get(key) == deadline:
            return
        self._deadlines[key] = deadline
        heapq.heappush(self._heap, (deadline, key))
        if len(self._heap) > MIN_HEAP and len(self._heap) > 2 * len(self._deadlines):
            self._heap = [(at, each) for each, at in self._deadlines.items()]
            heapq.heapify(self._heap)
        self._arm()

    def discard(self, key: str) -> None:
        """Let ``key`` not come due; nothing happens when it would not have."""
        if self._deadlines.pop(key, None) is not None and not self._deadlines:
            self.clear()

    def clear(self) -> None:
        """Forget everything and stop the timer."""
        self._deadlines.clear()
        self._heap.clear()
        cancel_timer(self._timer)
        self._timer = None

    def _arm(self) -> None:
        heap = self._heap
        while heap and self._deadlines.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        if not heap:
            cancel_timer(self._timer)
            self._timer = None
            return
        at = heap[0][0]
        if self._timer is not None and self._timer.active():
            if self._timer_at <= at:
                return  # it comes early, finds nothing and arms itself again: cheaper than moving it each time
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._clock.call_later(max(0.0, at - self._clock.monotonic()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        ready: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._deadlines.get(key) == at:
                del self._deadlines[key]
                ready.append(key)
        self._arm()
        for key in ready:
            self._due(key)
