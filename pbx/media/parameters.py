"""What a stream is asked to be, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from pbx.media.sdp import Direction


class AgreedCodec(NamedTuple):
    """A codec the far end may turn to, with its payload types."""

    codec: str
    send_payload_type: int
    receive_payload_type: int


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """One negotiated audio stream (RFC 3264), as values.

    ``codec`` is an Asterisk format name of `pbx.media.formats`. Addresses are literal; port and payload types as in the
    SDP. ``remote_address`` 0.0.0.0 (the old way to hold, RFC 2543) sends nothing. ``direction`` is ours: SENDONLY means
    that we send and do not listen. ``others`` are further codecs that were agreed on: the stream is made anew with one
    of them when the far end sends it. Without an event payload type, telephone-event (RFC 4733) is off that way.
    """

    remote_address: str
    remote_port: int
    codec: str
    send_payload_type: int
    receive_payload_type: int
    remote_rtcp_address: str | None = None
    remote_rtcp_port: int | None = None
    ptime_ms: int = 20
    send_event_payload_type: int | None = None
    receive_event_payload_type: int | None = None
    direction: Direction = Direction.SENDRECV
    others: tuple[AgreedCodec, ...] = ()

    def turned_to(self, payload_type: int) -> StreamParameters | None:
        """The same stream with the codec of ``others`` that is received as ``payload_type``, if there is one."""
        for other in self.others:
            if other.receive_payload_type == payload_type:
                present = AgreedCodec(self.codec, self.send_payload_type, self.receive_payload_type)
                rest = (present, *(each for each in self.others if each is not other))
                return replace(
                    self,
                    codec=other.codec,
                    send_payload_type=other.send_payload_type,
                    receive_payload_type=other.receive_payload_type,
                    others=rest,
                )
        return None

    @property
    def received_payload_types(self) -> tuple[int, ...]:
        """What PJMEDIA is to receive; empty for everything, where nothing else was agreed on."""
        if not self.others:
            return ()
        events = self.receive_event_payload_type
        return (self.receive_payload_type,) if events is None else (self.receive_payload_type, events)

    def differs_in_direction_only(self, other: StreamParameters) -> bool:
        """Whether a stream of ``self`` can become one of ``other`` without being made anew."""
        return self != other and replace(self, direction=other.direction) == other


@dataclass(frozen=True, slots=True)
class Spread:
    """How a figure of a stream has varied, in ms."""

    least: float = 0.0
    most: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """Counters since the stream began. "remote" is what the far end says of our packets in its RTCP reports."""

    ssrc: int = 0
    #: The far end's, 0 until a packet of its has come.
    remote_ssrc: int = 0
    packets_received: int = 0
    bytes_received: int = 0
    packets_lost: int = 0
    packets_discarded: int = 0
    packets_reordered: int = 0
    packets_duplicated: int = 0
    jitter: Spread = Spread()
    packets_sent: int = 0
    bytes_sent: int = 0
    remote_packets_lost: int = 0
    remote_jitter: Spread = Spread()
    round_trip: Spread = Spread()
    round_trip_samples: int = 0
