"""What a stream is asked to be, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pbx.media.sdp import Direction


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """One negotiated audio stream (RFC 3264), as values.

    ``codec`` is an Asterisk format name of `pbx.media.formats`. Addresses are literal; port and payload types as in the
    SDP. ``remote_address`` 0.0.0.0 (the old way to hold, RFC 2543) sends nothing. ``direction`` is ours: SENDONLY means
    that we send and do not listen. Without an event payload type, telephone-event (RFC 4733) is off that way.
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

    def differs_in_direction_only(self, other: StreamParameters) -> bool:
        """Whether a stream of ``self`` can become one of ``other`` without being made anew."""
        return self != other and replace(self, direction=other.direction) == other


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """Counters since the stream began. "remote" is what the far end says of our packets in its RTCP reports."""

    ssrc: int
    #: The far end's, 0 until a packet of its has come.
    remote_ssrc: int
    packets_received: int
    bytes_received: int
    packets_lost: int
    packets_discarded: int
    packets_reordered: int
    packets_duplicated: int
    jitter_ms: float
    packets_sent: int
    bytes_sent: int
    remote_packets_lost: int
    remote_jitter_ms: float
    round_trip_ms: float
    round_trip_samples: int
