"""A far end for media tests: sends and receives RTP (RFC 3550) on a loopback port, and measures what it hears."""

from __future__ import annotations

import math
import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall

FRAME_SECONDS = 0.02
#: RFC 4733 event codes.
EVENTS = {digit: code for code, digit in enumerate("0123456789*#ABCD")}


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    value = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return (0x84 - value) if code & 0x80 else (value - 0x84)


def _alaw_to_linear(code: int) -> int:
    code ^= 0x55
    value, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    value += 8 if segment == 0 else 0x108
    if segment > 1:
        value <<= segment - 1
    return value if code & 0x80 else -value


_DECODERS = {0: [_ulaw_to_linear(code) for code in range(256)], 8: [_alaw_to_linear(code) for code in range(256)]}


def _encoder(table: Sequence[int]) -> bytes:
    """For each 16-bit sample / 16 (offset by 2048), the code that decodes nearest to it."""
    codes = sorted(range(256), key=lambda code: table[code])
    levels = [table[code] for code in codes]
    result, index = bytearray(), 0
    for sample in range(-32768, 32768, 16):
        while index < 255 and abs(levels[index + 1] - sample) <= abs(levels[index] - sample):
            index += 1
        result.append(codes[index])
    return bytes(result)


_ENCODERS = {payload_type: _encoder(table) for payload_type, table in _DECODERS.items()}


def encode(payload_type: int, samples: Iterable[int]) -> bytes:
    """G.711: payload type 0 u-law, 8 A-law."""
    table = _ENCODERS[payload_type]
    return bytes(table[(min(max(sample, -32768), 32767) + 32768) >> 4] for sample in samples)


def decode(payload_type: int, payload: bytes) -> list[int]:
    """G.711: payload type 0 u-law, 8 A-law."""
    table = _DECODERS[payload_type]
    return [table[code] for code in payload]


def tone(frequency: float, seconds: float, *, amplitude: int = 8000, rate: int = 8000) -> list[int]:
    """Samples of a sine."""
    step = 2 * math.pi * frequency / rate
    return [round(amplitude * math.sin(step * n)) for n in range(int(seconds * rate))]


def amplitude_at(samples: Sequence[int], frequency: float, rate: int = 8000) -> float:
    """Amplitude of a sine of that frequency in the samples (one bin of a Fourier transform, by Goertzel's method)."""
    if not samples:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def loudest(samples: Sequence[int], frequency: float, rate: int = 8000) -> float:
    """The greatest `amplitude_at` of any tenth of a second: that a sound is *not* there."""
    window = rate // 10
    starts = range(0, max(1, len(samples) - window), window // 2)
    return max(amplitude_at(samples[start : start + window], frequency, rate) for start in starts)


def throughout(samples: Sequence[int], frequency: float, seconds: float, rate: int = 8000) -> float:
    """The least amplitude of a sine that is heard for ``seconds``: a gap in it, or an end too soon, makes it 0.

    Amplitudes of 20 ms each, from the first to the last that reaches half of the greatest; those two, which hold the
    sine's ends, are left out. One in ten may be less than what is returned: the jitter buffer conceals a frame or two
    while it finds its depth.
    """
    window = int(FRAME_SECONDS * rate)
    starts = range(0, len(samples) - window + 1, window)
    amplitudes = [amplitude_at(samples[start : start + window], frequency, rate) for start in starts]
    there = [index for index, each in enumerate(amplitudes) if each >= max(amplitudes) / 2]
    if not there or (there[-1] - there[0] + 1) * FRAME_SECONDS < seconds:
        return 0.0
    inner = sorted(amplitudes[there[0] + 1 : there[-1]])
    return inner[len(inner) // 10] if inner else 0.0


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet as it arrived."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        return cls(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[12 + 4 * (first & 0x0F) :])


class RtpPeer(DatagramProtocol):
    """One far end. `start` opens a port; `aim` says where to send; everything received is in `packets`."""

    def __init__(self, *, payload_type: int = 0, event_payload_type: int = 101) -> None:
        self.payload_type = payload_type
        self.event_payload_type = event_payload_type
        self.packets: list[RtpPacket] = []
        self.sources: list[tuple[str, int]] = []
        self.port = 0
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(15)
        self.timestamp = secrets.randbits(30)
        self._target = ("127.0.0.1", 0)
        self._listening: IListeningPort | None = None
        self._sending: LoopingCall | None = None

    def start(self, reactor: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self._reactor = reactor
        self._listening = reactor.listenUDP(port, self, interface=host)
        self.port = self._listening.getHost().port  # type: ignore[union-attr]

    def aim(self, host: str, port: int) -> None:
        self._target = (host, port)

    async def stop(self) -> None:
        if self._sending is not None and self._sending.running:
            self._sending.stop()
        if self._listening is not None:
            stopping = self._listening.stopListening()
            if stopping is not None:
                await stopping

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if len(datagram) >= 12:
            self.packets.append(RtpPacket.parse(datagram))
            self.sources.append(addr)

    def send(
        self, payload: bytes, *, payload_type: int | None = None, marker: bool = False, advance: int = 160
    ) -> None:
        """One packet now; ``advance`` is added to the timestamp afterwards."""
        kind = self.payload_type if payload_type is None else payload_type
        header = struct.pack(
            "!BBHII",
            0x80,
            kind | (0x80 if marker else 0),
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        self.sequence += 1
        self.timestamp += advance
        if self.transport is not None:
            self.transport.write(header + payload, self._target)

    def send_frames(self, payloads: Sequence[bytes]) -> Deferred[LoopingCall]:
        """One payload every 20 ms; fires 20 ms after the last."""

        def due(count: int) -> None:
            if len(payloads) == sent[0]:
                loop.stop()
            # Who is called late sends what it owes: a gap in what is heard is then not the sender's.
            for payload in payloads[sent[0] : sent[0] + count]:
                self.send(payload)
            sent[0] = min(sent[0] + count, len(payloads))

        sent = [0]
        self._sending = loop = LoopingCall.withCount(due)
        loop.clock = self._reactor
        return loop.start(FRAME_SECONDS)

    def send_samples(self, samples: Sequence[int]) -> Deferred[LoopingCall]:
        """G.711 audio in real time; fires after the last frame."""
        data = encode(self.payload_type, samples)
        return self.send_frames([data[start : start + 160] for start in range(0, len(data) - 159, 160)])

    def send_digit(self, digit: str, duration_ms: int = 100, *, ends: int = 3, updates: bool = True) -> None:
        """RFC 4733: a whole event at once. ``ends`` is how many end packets are sent, 0 for a lost end."""
        code, stop = EVENTS[digit], duration_ms * 8
        for index, duration in enumerate(range(160, stop, 160) if updates else []):
            payload = struct.pack("!BBH", code, 10, duration)
            self.send(payload, payload_type=self.event_payload_type, marker=index == 0, advance=0)
        for _ in range(ends):
            self.send(struct.pack("!BBH", code, 0x80 | 10, stop), payload_type=self.event_payload_type, advance=0)
        self.timestamp += stop

    def heard(self) -> list[int]:
        """All G.711 audio received, decoded, in the order of sequence numbers' arrival."""
        return [
            sample
            for packet in self.packets
            if packet.payload_type == self.payload_type
            for sample in decode(self.payload_type, packet.payload)
        ]

    def digits(self) -> list[tuple[str, int]]:
        """Digits received, each with its final duration in ms."""
        events: dict[int, tuple[str, int]] = {}
        for packet in self.packets:
            if packet.payload_type == self.event_payload_type and len(packet.payload) >= 4:
                code, _, duration = struct.unpack_from("!BBH", packet.payload)
                events[packet.timestamp] = ("0123456789*#ABCD"[code & 15], duration // 8)
        return list(events.values())
