"""Telephone events (RFC 4733) as they arrive from PJMEDIA, made into pairs of begin and end.

PJMEDIA tells an event's first packet, each update, and its end; packets get lost, so any of the three may be missing.
The end of an event that stopped arriving is made up after `LOST_END_SECONDS`, or when the next event begins.
"""

from __future__ import annotations

from pbx.core.media import DigitListener

DIGITS = frozenset("0123456789*#ABCD")
#: Three update intervals of 50 ms, the longest RFC 4733 section 2.5.1.2 calls usual, and some jitter.
LOST_END_SECONDS = 0.3


class DigitReceiver:
    """One stream's state machine. `receive` and `expire` both belong to the reactor thread."""

    def __init__(self) -> None:
        self.listener: DigitListener | None = None
        self._digit: str | None = None
        self._timestamp = 0
        self._duration_ms = 0
        self._last_heard = 0.0
        self._ended: tuple[str, int] | None = None

    @property
    def pressed(self) -> bool:
        """Whether an event has begun and not ended."""
        return self._digit is not None

    def receive(self, digit: str, timestamp: int, duration_ms: int, *, end: bool, now: float) -> None:
        """One packet's worth: the event is known by its digit and its RTP timestamp in ms. Other events are ignored."""
        digit = digit.upper()
        if digit not in DIGITS:
            return
        if self._digit is not None and (digit, timestamp) != (self._digit, self._timestamp):
            self._finish()
        if self._digit is None:
            if self._ended == (digit, timestamp):
                return  # a late or repeated packet of an event that is over
            self._digit, self._timestamp, self._duration_ms = digit, timestamp, duration_ms
            self._tell(digit, None)
        self._duration_ms = max(self._duration_ms, duration_ms)
        self._last_heard = now
        if end:
            self._finish()

    def expire(self, now: float) -> float | None:
        """End an event whose packets ceased. Returns the seconds until this should be asked again, or None."""
        if self._digit is None:
            return None
        left = self._last_heard + LOST_END_SECONDS - now
        if left > 0:
            return left
        self._finish()
        return None

    def finish(self) -> None:
        """The stream is over: end what is still pressed."""
        if self._digit is not None:
            self._finish()

    def _finish(self) -> None:
        digit, self._digit = self._digit, None
        if digit is not None:
            self._ended = (digit, self._timestamp)
            self._tell(digit, self._duration_ms)

    def _tell(self, digit: str, duration_ms: int | None) -> None:
        if self.listener is not None:
            self.listener(digit, duration_ms)
