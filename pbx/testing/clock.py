"""A clock turned by hand."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet import task
from twisted.internet.base import DelayedCall

from pbx.clock import Clock

EPOCH = 1_700_000_000.0


class FakeClock(Clock):
    """The house clock over ``twisted.internet.task.Clock``: wall time starts at ``start``, moves by `advance`."""

    def __init__(self, start: float = EPOCH) -> None:
        self.task_clock = task.Clock()
        super().__init__(self.task_clock, lambda: start + self.task_clock.seconds())

    def advance(self, seconds: float) -> None:
        """Let time pass; timers due by then run in order, each at its own moment."""
        self.task_clock.advance(seconds)

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass and run what is due then, in order, as one turn of a reactor: what that schedules waits.

        `advance` would never come back from something that asks for the next turn again and again.
        """
        clock = self.task_clock
        clock.rightNow += seconds
        due: list[DelayedCall] = [each for each in clock.calls if each.getTime() <= clock.rightNow]
        for call in sorted(due, key=DelayedCall.getTime):
            if call.active():
                clock.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def pump(self, steps: Iterable[float]) -> None:
        """Advance by each of several steps."""
        self.task_clock.pump(list(steps))

    def next_timer_seconds(self) -> float | None:
        """How long until the next timer is due; None when nothing waits."""
        calls = self.task_clock.getDelayedCalls()
        return min(call.getTime() for call in calls) - self.task_clock.seconds() if calls else None
