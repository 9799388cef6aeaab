"""A media engine over a real PJLIB, and far ends on loopback ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from pbx.media import Leg, MediaEngine, MediaSettings, RtpTransport, StreamParameters
from pbx.pjsip._native.core import PjCore
from pbx.testing.rtp import RtpPeer
from twisted.internet.task import deferLater

RTP_START, RTP_END = 31000, 31399
PAYLOAD_TYPES = {"ulaw": 0, "alaw": 8, "g722": 9}


@dataclass
class Party:
    """A leg with a stream, and the far end at its other side."""

    leg: Leg
    peer: RtpPeer
    transport: RtpTransport
    parameters: StreamParameters


class Kit:
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

    async def until(self, condition: Any, seconds: float = 3.0) -> None:
        """Wait until ``condition()``; fail after ``seconds``."""
        for _ in range(int(seconds * 100)):
            if condition():
                return
            await deferLater(self.reactor, 0.01)
        pytest.fail("it did not come true")

    async def clean_up(self) -> None:
        for party in self._parties:
            party.leg.close()
            party.transport.release()
            await party.peer.stop()


@pytest.fixture
def core() -> Iterator[PjCore]:
    from twisted.internet import reactor

    core = PjCore(reactor)
    core.start()
    yield core
    core.stop()


@pytest_twisted.async_yield_fixture
async def kit(core: PjCore, tmp_path: Path) -> AsyncIterator[Kit]:
    settings = MediaSettings(rtp_start=RTP_START, rtp_end=RTP_END, sound_directories=(tmp_path / "sounds",))
    engine = MediaEngine(core, settings, core.reactor)
    engine.start()
    kit = Kit(engine, core.reactor)
    yield kit
    await kit.clean_up()
    engine.stop()
