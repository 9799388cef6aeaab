"""One channel's audio: core's AudioLeg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.media import DigitListener
from pbx.media.dtmf import DIGITS, DigitReceiver
from pbx.media.errors import MediaError
from pbx.media.graph import Node
from pbx.media.parameters import StreamParameters, StreamStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.media._native.stream import Stream
    from pbx.media.engine import MediaEngine
    from pbx.media.listening import Listening
    from pbx.media.playback import Playback
    from pbx.media.recording import Recording
    from pbx.media.transport_pool import RtpTransport

log = Logger()

#: RFC 4733 durations are 16 bits of 1/8000 s.
MAX_DIGIT_MS = 8000
MIN_DIGIT_MS = 40


class Leg:
    """A node of the switchboard. Made by `MediaEngine.create_leg`; `MediaEngine.attach_stream` gives it a far end."""

    def __init__(self, engine: MediaEngine, name: str) -> None:
        self.name = name
        self.node = Node(name)
        self.closed = False
        self.playbacks: set[Playback] = set()
        self.recordings: set[Recording] = set()
        self.listenings: set[Listening] = set()
        self.stream: Stream | None = None
        self.transport: RtpTransport | None = None
        self.stream_parameters: StreamParameters | None = None
        self.key = 0
        self._engine = engine
        self._digits = DigitReceiver()
        self._digit_timer: IDelayedCall | None = None
        self._packets_seen = 0
        self._heard_at = 0.0

    # -- AudioLeg ------------------------------------------------------------------------------------------------

    def set_digit_listener(self, listener: DigitListener | None) -> None:
        self._digits.listener = listener

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Queue a digit (RFC 4733); several are sent one after the other, each for its own ``duration_ms``.

        Raises ValueError for a digit that does not exist. Dropped without a stream, or where telephone-event was not
        negotiated.
        """
        upper = digit.upper()
        if upper not in DIGITS:
            raise ValueError(f"{digit!r} is not a digit")
        if self.stream is None or self.stream_parameters is None:
            return
        if self.stream_parameters.send_event_payload_type is None:
            log.debug("{leg}: digit {digit} dropped: no telephone-event", leg=self.name, digit=digit)
        elif not self.stream.send_digit(upper, min(max(duration_ms, MIN_DIGIT_MS), MAX_DIGIT_MS)):
            log.warn("{leg}: digit {digit} dropped: too many are waiting", leg=self.name, digit=digit)

    def set_muted(self, *, inbound: bool, outbound: bool) -> None:
        self._engine.graph.mute(self.node, inbound=inbound, outbound=outbound)

    @property
    def frames_received(self) -> int:
        return self.stream.packets_received if self.stream is not None else 0

    def close(self) -> None:
        self._engine.close_leg(self)

    # -- for the session -----------------------------------------------------------------------------------------

    def statistics(self) -> StreamStatistics | None:
        """RTP counters of the present stream, None without one."""
        return self.stream.count()() if self.stream is not None else None

    def count(self) -> Callable[[], StreamStatistics] | None:
        """The counters as they are now, to be read later."""
        return self.stream.count() if self.stream is not None else None

    def seconds_since_rtp(self) -> float:
        """Seconds since a packet last arrived, or since the stream began; 0 without a stream.

        As exact as it is often asked: the counter is looked at when this is called.
        """
        now = self._engine.reactor.seconds()
        received = self.frames_received
        if self.stream is None or received != self._packets_seen:
            self._packets_seen = received
            self._heard_at = now
        return float(now - self._heard_at)

    # -- for the engine ------------------------------------------------------------------------------------------

    def attached(self, stream: Stream, transport: RtpTransport, parameters: StreamParameters, key: int) -> None:
        self.stream, self.transport, self.stream_parameters, self.key = stream, transport, parameters, key
        self._packets_seen = 0
        self._heard_at = self._engine.reactor.seconds()

    def turn_to(self, payload_type: int) -> bool:
        """The far end sends this payload type: go on with its codec. False when it was not agreed on."""
        parameters = None if self.stream_parameters is None else self.stream_parameters.turned_to(payload_type)
        if parameters is None or self.transport is None:
            return False
        log.debug("{leg}: the far end turned to {codec}", leg=self.name, codec=parameters.codec)
        try:
            self._engine.attach_stream(self, self.transport, parameters)
        except (MediaError, ValueError) as error:
            log.warn("{leg}: no stream of {codec}: {error}", leg=self.name, codec=parameters.codec, error=str(error))
        return True

    def detached(self) -> None:
        self.stream = self.transport = self.stream_parameters = None
        self.key = 0
        cancel_timer(self._digit_timer)
        self._digit_timer = None
        self._digits.finish()

    def digit_received(self, digit: str, timestamp: int, duration_ms: int, end: bool) -> None:
        """One telephone-event packet, already on the reactor thread."""
        self._digits.receive(digit, timestamp, duration_ms, end=end, now=self._engine.reactor.seconds())
        if self._digits.pressed and self._digit_timer is None:
            self._expire_digit()

    def _expire_digit(self) -> None:
        self._digit_timer = None
        left = self._digits.expire(self._engine.reactor.seconds())
        if left is not None:
            self._digit_timer = self._engine.reactor.callLater(left, self._expire_digit)

    def __repr__(self) -> str:
        return f"<Leg {self.name}{' closed' if self.closed else ''}>"
