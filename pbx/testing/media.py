"""A kit for media tests: legs of a real engine with far ends on loopback ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from pbx.media import Leg, MediaEngine, RtpTransport, StreamParameters
from pbx.testing._waiting import PATIENCE_SECONDS
from pbx.testing.rtp import RtpPeer

PAYLOAD_TYPES = {"ulaw": 0, "alaw": 8, "g722": 9, "gsm": 3}


def open_descriptors() -> int:
    """How many file descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@dataclass
class Party:
    """A leg with a stream, and the far end at its other side."""

    leg: Leg
    peer: RtpPeer
    transport: RtpTransport
    parameters: StreamParameters


class MediaKit:
    """Makes parties and cleans up after them."""

    def __init__(self, engine: MediaEngine, reactor: Any) -> None:
        self.engine = engine
        self.reactor = reactor
        self._parties: list[Party] = []

    def party(self, name: str, codec: str = "ulaw", *, symmetric: bool = False, **changes: Any) -> Party:
        payload_type = PAYLOAD_TYPES[codec]
        peer = RtpPeer(payload_type=payload_type)
        peer.start(self.reactor)
        transport = self.engine.lend_transport(symmetric=symmetric)
        peer.aim(transport.address, transport.rtp_port)
        parameters = replace(
            StreamParameters(
                "127.0.0.1",
                peer.port,
                codec,
                payload_type,
                payload_type,
                send_event_payload_type=101,
                receive_event_payload_type=101,
            ),
            **changes,
        )
        party = Party(self.engine.create_leg(name), peer, transport, parameters)
        self.engine.attach_stream(party.leg, transport, parameters)
        self._parties.append(party)
        return party

    async def wait(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)

    def watch(self) -> Callable[[], float]:
        """What it gives says how many milliseconds have passed: on a busy machine more than were waited for."""
        begun = self.reactor.seconds()
        return lambda: 1000 * float(self.reactor.seconds() - begun)

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until ``condition()``; AssertionError after ``seconds``."""
        deadline = self.reactor.seconds() + seconds
        while not condition():
            assert self.reactor.seconds() < deadline, "it did not come true"
            await deferLater(self.reactor, 0.01)

    async def clean_up(self) -> None:
        while self._parties:
            party = self._parties.pop()
            party.leg.close()
            party.transport.release()
            await party.peer.stop()
