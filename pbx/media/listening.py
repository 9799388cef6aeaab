"""What a leg's far end says, handed to somebody in this process: for programs that hear a call (EAGI).

Without Python in PJMEDIA's threads audio leaves them as RTP: whoever listens is the far end of a stream on the loopback
interface, and gets 20 ms at a time. It takes one of the RTP pairs, as a call does.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from pbx.media.errors import SoundError
from pbx.media.formats import format_by_name
from pbx.media.parameters import StreamParameters
from pbx.media.sdp import Direction

if TYPE_CHECKING:
    from pbx.media.engine import MediaEngine
    from pbx.media.leg import Leg
    from pbx.media.transport_pool import RtpTransport

LOOPBACK = "127.0.0.1"
#: RTP's fixed header; PJMEDIA adds nothing to it (RFC 3550, 5.1).
HEADER_BYTES = 12
MAX_PACKET = 2048
_LINEAR = frozenset(("slin", "slin16"))


class Listening(DatagramProtocol):
    """Implements core's ListeningHandle."""

    def __init__(self, engine: MediaEngine, leg: Leg, take: Callable[[bytes], object], form: str) -> None:
        """Starts at once. Raises SoundError for an unknown form or without a port, MediaError as a stream does."""
        found = format_by_name(form)
        if found is None or not found.transcodable:
            raise SoundError(f"{leg.name}: audio cannot be had as {form}")
        self._engine = engine
        self._leg = leg
        self._take = take
        self._swap = found.name in _LINEAR and sys.byteorder == "little"
        self._stopped = False
        self._transport: RtpTransport = engine.lend_transport(address=LOOPBACK)
        self._ear = engine.create_leg(f"{leg.name} heard")
        self._port: Any = None
        try:
            self._port = engine.reactor.listenUDP(0, self, interface=LOOPBACK, maxPacketSize=MAX_PACKET)
            engine.attach_stream(
                self._ear,
                self._transport,
                StreamParameters(
                    remote_address=LOOPBACK,
                    remote_port=self._port.getHost().port,
                    codec=found.name,
                    send_payload_type=found.offered_payload_type,
                    receive_payload_type=found.offered_payload_type,
                    direction=Direction.SENDONLY,
                ),
            )
        except CannotListenError as error:
            self._release()
            raise SoundError(f"{leg.name}: no port to listen at: {error}") from error
        except BaseException:
            self._release()
            raise
        leg.listenings.add(self)
        engine.connect(leg, self._ear)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if self._stopped or addr[1] != self._transport.rtp_port or len(datagram) <= HEADER_BYTES:
            return
        samples = datagram[HEADER_BYTES:]
        if self._swap:
            # L16 is big-endian (RFC 3551, 4.5.11); Asterisk's slin is the machine's.
            words = array.array("h", samples[: len(samples) & ~1])
            words.byteswap()
            samples = words.tobytes()
        self._take(samples)

    def stop(self) -> None:
        """Idempotent."""
        if not self._stopped:
            self._leg.listenings.discard(self)
            self._release()

    def _release(self) -> None:
        self._stopped = True
        self._ear.close()
        # Nobody ever sends to it, so it may be lent again at once.
        self._transport.used = False
        self._transport.release()
        if self._port is not None:
            self._port.stopListening()
