"""How calls are offered: SIPp's scenarios, and the exchange beside SIPp's own UAS under the same load."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import cpu_seconds
from pbx.testing.addresses import process_address
from pbx.testing.server import LiveServer
from pbx.testing.sipp import SippProcess, SippResult

SCENARIOS = Path(__file__).parent / "sipp"
RTP_PORTS = (10000, 31999)
QUIET_LOGGER = "[general]\n\n[logfiles]\nfull.txt => notice,warning,error\n"


def caller() -> str:
    """The address that calls come from."""
    return process_address(os.getpid(), 1)


async def load(
    reactor: Any, scenario: str, target: str, *, rate: float, seconds: float, host: str | None = None, **options: Any
) -> SippResult:
    """Offer ``rate`` calls a second for so long; failed calls are counted, not raised."""
    running = await SippProcess.start(
        SCENARIOS / scenario,
        target,
        reactor=reactor,
        calls=round(rate * seconds),
        rate=rate,
        limit=5000,
        host=host or caller(),
        timeout=seconds + 40,
        trace=False,
        **options,
    )
    return await running.finish(seconds + 50, tolerate_failed_calls=True)


@dataclass(frozen=True)
class Beside:
    """CPU of a call in seconds, ours and SIPp's, and what SIPp said of our calls."""

    ours: float
    theirs: float
    result: SippResult

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else 0.0


async def beside_sipp(reactor: Any, server: LiveServer, service: str, *, rate: float, seconds: float) -> Beside:
    """Calls to ``service`` that are answered and hung up, between two halves of the same calls to SIPp's own UAS.

    A machine changes its speed within minutes: what both are compared by is taken before and after.
    """
    scenario = "uac_until_bye.xml"
    await load(reactor, scenario, server.address, rate=50, seconds=1, service=service)
    uas = await SippProcess.start(
        SCENARIOS / "uas_bye.xml", reactor=reactor, calls=None, timeout=3 * seconds + 120, trace=False
    )

    async def half() -> int:
        done = await load(reactor, scenario, uas.address, rate=rate, seconds=seconds / 2)
        return done.successful

    started = cpu_seconds(uas.pid)
    taken = await half()
    before = cpu_seconds(server.pid)
    ours = await load(reactor, scenario, server.address, rate=rate, seconds=seconds, service=service)
    await server.wait_no_channels()
    used = cpu_seconds(server.pid) - before
    taken += await half()
    theirs = cpu_seconds(uas.pid) - started
    await uas.stop()
    return Beside(used / max(1, ours.successful), theirs / max(1, taken), ours)
