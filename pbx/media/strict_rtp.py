"""strictrtp for one RTP port: the kernel gives PJMEDIA the right source's packets, and all others to a side socket.

Of the right source, too, packets of another agreed codec come here: the stream is then made anew with that codec.

On most calls nothing arrives here, and no packet passes through Python. What does arrive is looked at while a stream
still learns its source (source_learner.py), is dropped by the kernel once that is over, and never costs more than
`MAX_PER_SECOND` packets.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from pbx.clock import cancel_timer
from pbx.media._native import packet_filter
from pbx.media.errors import MediaError
from pbx.media.source_learner import SourceLearner, StrictMode
from pbx.sockets import moved_up

if TYPE_CHECKING:
    from pbx.media.leg import Leg
    from pbx.media.transport_pool import RtpTransport

log = Logger()

#: Packets of strangers looked at in a second; for the rest of it the kernel keeps or drops them.
MAX_PER_SECOND = 400
#: How often a stream with two possible sources is looked at.
SETTLE_SECONDS = 0.5
#: A far end that mixes codecs is followed no oftener than this.
TURN_SECONDS = 0.2
_RTP_HEADER = 12
_UNSPECIFIED = {"0.0.0.0", "::"}


@implementer(IReadDescriptor)
class StrictRtp:
    """Guards the RTP socket of one pair for as long as the pair is open. Raises MediaError where the kernel cannot."""

    def __init__(self, transport: RtpTransport, reactor: Any, mode: StrictMode, probation: int) -> None:
        self._transport = transport
        self._reactor = reactor
        self._probation = probation
        self._check_time = mode is StrictMode.YES
        self._open = mode is StrictMode.NO
        self._payload_types: tuple[int, ...] = ()
        self._turned_at = 0.0
        self._side = moved_up(transport.native.share())
        self._deaf = False
        self._read = 0
        self._read_since = 0.0
        self._timer: IDelayedCall | None = None
        self._pause: IDelayedCall | None = None
        self.renew()
        reactor.addReader(self)

    def renew(self) -> None:
        """The pair is lent: nothing is known of its next stream."""
        self._learner = SourceLearner(probation=self._probation, check_time=self._check_time)
        cancel_timer(self._timer)
        self._timer = None
        self._fresh = True

    def aim(self, address: str, port: int, payload_types: tuple[int, ...]) -> None:
        """SDP names where the far end receives; port 0 or the unspecified address: nowhere.

        ``payload_types``: those of the stream's codec and digits where other codecs were agreed on as well.
        """
        target = None if port == 0 or address in _UNSPECIFIED else (address, port)
        heard = None if self._fresh else self._transport.source
        changed = self._learner.aim(target, self._reactor.seconds(), heard)
        if changed or payload_types != self._payload_types:
            self._payload_types = payload_types
            self._apply()
        if self._fresh:
            self._fresh = False
            self._transport.native.drain()  # what strangers sent before the port was guarded

    def close(self) -> None:
        """Once, before the pair's own sockets are closed."""
        cancel_timer(self._timer)
        cancel_timer(self._pause)
        self._timer = self._pause = None
        self._reactor.removeReader(self)
        self._side.close()

    def _apply(self) -> None:
        learner = self._learner
        self._transport.native.admit(None if self._open else learner.admitted, self._payload_types)
        if self._deaf and not self._may_be_deaf:
            packet_filter.refuse_none(self._side)
            self._deaf = False
        cancel_timer(self._timer)
        two = not self._open and not learner.locked and len(learner.admitted) > 1
        self._timer = self._reactor.callLater(SETTLE_SECONDS, self._settle) if two else None

    def _settle(self) -> None:
        self._timer = None
        if self._transport.leg is None:
            return
        if self._learner.settle(self._transport.source, self._reactor.seconds()):
            self._apply()
        elif not self._learner.locked:
            self._timer = self._reactor.callLater(SETTLE_SECONDS, self._settle)

    # -- IReadDescriptor ---------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._side.fileno()

    def logPrefix(self) -> str:  # Twisted's name
        return "strictrtp"

    def connectionLost(self, reason: object) -> None:  # Twisted's name
        """The reactor ends or the socket failed: `close` follows from the pool."""

    def doRead(self) -> None:  # Twisted's name
        """Look at one packet of somebody who is not the stream's source."""
        try:
            data, source = self._side.recvfrom(_RTP_HEADER)
        except OSError:
            return
        now = self._reactor.seconds()
        leg = self._transport.leg
        if leg is None:
            self._count(now)
            return
        learner = self._learner
        if not self._open and learner.settle(self._transport.source, now):
            self._apply()
        if self._may_be_deaf:
            packet_filter.refuse_all(self._side)
            self._deaf = True
            return
        if len(data) == _RTP_HEADER and data[0] >> 6 == 2:
            sequence = struct.unpack_from("!H", data, 2)[0]
            if self._open or (source[0], source[1]) in learner.admitted:
                self._turn(leg, data[1] & 0x7F, now)
            elif learner.stray((source[0], source[1]), sequence, now, leg.frames_received):
                log.debug("{leg}: RTP comes from {address}:{port}", leg=leg.name, address=source[0], port=source[1])
                self._apply()
        self._count(now)

    @property
    def _may_be_deaf(self) -> bool:
        """Whether nothing that comes to the side socket can matter: the source is known, and it has one codec only."""
        return (self._open or self._learner.locked) and not self._payload_types

    def _turn(self, leg: Leg, payload_type: int, now: float) -> None:
        """The far end sends another codec than the stream's."""
        if now - self._turned_at >= TURN_SECONDS and leg.turn_to(payload_type):
            self._turned_at = now

    def _count(self, now: float) -> None:
        if now - self._read_since >= 1.0:
            self._read_since, self._read = now, 0
        self._read += 1
        if self._read >= MAX_PER_SECOND and self._pause is None:
            self._reactor.removeReader(self)
            self._pause = self._reactor.callLater(max(0.0, self._read_since + 1.0 - now), self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._read = 0
        self._reactor.addReader(self)


def guard(transport: RtpTransport, reactor: Any, mode: StrictMode, probation: int) -> StrictRtp | None:
    """The pair's guard, or None where the kernel cannot: everything is let in then, and one codec agreed on."""
    try:
        return StrictRtp(transport, reactor, mode, probation)
    except MediaError as error:
        log.warn("strictrtp does not work here: {error}", error=error)
        return None
