"""DIALSTATUS: what each destination said, and what that makes of the whole (app_dial: handle_cause)."""

from __future__ import annotations

from pbx.core.causes import Cause

ANSWER = "ANSWER"
BUSY = "BUSY"
CANCEL = "CANCEL"
CHANUNAVAIL = "CHANUNAVAIL"
CONGESTION = "CONGESTION"
INVALIDARGS = "INVALIDARGS"
NOANSWER = "NOANSWER"

_STATUS_OF_CAUSE: dict[int, str] = {
    Cause.USER_BUSY: BUSY,
    Cause.NORMAL_CIRCUIT_CONGESTION: CONGESTION,
    Cause.NO_ROUTE_DESTINATION: CHANUNAVAIL,
    Cause.SUBSCRIBER_ABSENT: CHANUNAVAIL,
}
#: Causes that count for nothing when all have failed: the dial then ends NOANSWER.
_UNCOUNTED = frozenset((Cause.NO_ANSWER, Cause.NORMAL_CLEARING))


def status_of_cause(cause: int) -> str:
    """A single destination's dial status by the cause it ended with (ast_hangup_cause_to_dial_status)."""
    return _STATUS_OF_CAUSE.get(cause, NOANSWER)


class Tally:
    """Counts failures of one dial."""

    __slots__ = ("_counts", "lines")

    def __init__(self) -> None:
        self._counts = {BUSY: 0, CONGESTION: 0, CHANUNAVAIL: 0}
        #: Destinations that have a say: those called, and those that failed at once for a reason that counts.
        self.lines = 0

    def count(self, cause: int) -> None:
        """Take a failure."""
        if cause not in _UNCOUNTED:
            self._counts[_STATUS_OF_CAUSE.get(cause, CHANUNAVAIL)] += 1

    @property
    def counted(self) -> int:
        """Failures that count."""
        return sum(self._counts.values())

    def status(self, otherwise: str) -> str:
        """The word when all have failed; ``otherwise`` when some of them merely did not answer."""
        if self.lines != self.counted:
            return otherwise
        return next((status for status, number in self._counts.items() if number), otherwise)
