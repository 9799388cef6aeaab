"""Which source of a stream's RTP is the right one (Asterisk: rtp.conf's ``strictrtp`` and ``probation``).

The address of the far end's SDP is always believed. Another one is learned when it sends ``probation`` packets in
sequence, over a time that no flood takes, while nothing comes from the source known so far; competing senders hold each
other up. Five seconds after a new address was told, the source that is heard is final until the next one is told.
"""

from __future__ import annotations

from enum import Enum

#: IP address and UDP port.
Source = tuple[str, int]

#: After this long with a known source nothing else is learned.
LEARNING_SECONDS = 5.0


class StrictMode(Enum):
    """``strictrtp``. SEQNO is YES without the check against floods."""

    NO = "no"
    YES = "yes"
    SEQNO = "seqno"


class SourceLearner:
    """The sources of one stream. Values in, decisions out; times are seconds of one monotonic clock."""

    def __init__(self, *, probation: int, check_time: bool) -> None:
        self._probation = probation
        #: The least time the packets of a new source may take: 9 ms each but the first, less 5.
        self._least_seconds = ((probation - 1) * 9 - 5) / 1000 if check_time else 0.0
        self.target: Source | None = None
        #: The source that was heard and believed.
        self.source: Source | None = None
        self.locked = False
        self._started = 0.0
        self._candidate: Source | None = None
        self._sequence = 0
        self._missing = probation
        self._since: float | None = None
        self._accepted = 0

    @property
    def admitted(self) -> tuple[Source, ...]:
        """Whose packets are audio now: at most two while learning, one afterwards."""
        if self.locked:
            return (self.source,) if self.source is not None else ()
        return tuple(found for found in dict.fromkeys((self.source, self.target)) if found is not None)

    def aim(self, target: Source | None, now: float, heard: Source | None = None) -> bool:
        """The far end's SDP names ``target`` (None: no address, as in a hold by RFC 2543).

        ``heard``: whom the stream heard last. False when that changes nothing: the target is the source already.
        """
        self._hear(heard)
        if self._started and (target == self.source or (self.source is None and target == self.target)):
            self.target = target
            return False
        self.target = target
        self.locked = False
        self._started = now
        self._candidate = None
        return True

    def settle(self, heard: Source | None, now: float) -> bool:
        """What time brings: True when `admitted` is another than before."""
        before = self.admitted
        self._hear(heard)
        if not self.locked and self.source is not None and now - self._started > LEARNING_SECONDS:
            self.locked = True
        return self.admitted != before

    def stray(self, source: Source, sequence: int, now: float, accepted: int) -> bool:
        """A packet of a source that is not admitted came; True when it is learned and so admitted from now on.

        ``sequence``: RTP's sequence number. ``accepted``: packets heard so far from admitted sources; while that grows
        nobody else is learned.
        """
        if self.locked or source in self.admitted:
            return False
        if source != self._candidate or accepted != self._accepted:
            self._candidate, self._accepted = source, accepted
            self._missing, self._since = self._probation, None
        elif sequence == (self._sequence + 1) & 0xFFFF:
            self._missing -= 1
            if self._since is None:
                self._since = now
            elif self._missing <= 0 and now - self._since < self._least_seconds:
                self._missing, self._since = self._probation - 1, now
        else:
            self._missing, self._since = self._probation - 1, now
        self._sequence = sequence
        if self._missing > 0:
            return False
        self.source, self._candidate = source, None
        return True

    def _hear(self, heard: Source | None) -> None:
        if not self.locked and heard is not None and heard in (self.target, self.source):
            self.source = heard
