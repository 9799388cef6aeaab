"""A media engine over a real PJLIB, and far ends on loopback ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted

from pbx.media import MediaEngine, MediaSettings
from pbx.pjsip._native.core import PjCore
from pbx.testing.media import MediaKit

RTP_START, RTP_END = 31000, 31399


@pytest.fixture
def core() -> Iterator[PjCore]:
    from twisted.internet import reactor

    core = PjCore(reactor)
    core.start()
    yield core
    core.stop()


@pytest_twisted.async_yield_fixture
async def kits(core: PjCore) -> AsyncIterator[Callable[[MediaSettings], MediaKit]]:
    """Makes engines that run, and ends them: one that outlives PJLIB, of a test that failed, ends the process."""
    made: list[MediaKit] = []

    def make(settings: MediaSettings) -> MediaKit:
        engine = MediaEngine(core, settings, core.reactor)
        engine.start()
        made.append(MediaKit(engine, core.reactor))
        return made[-1]

    yield make
    for kit in made:
        try:
            await kit.clean_up()
        finally:
            kit.engine.stop()


@pytest.fixture
def kit(kits: Callable[[MediaSettings], MediaKit], tmp_path: Path) -> MediaKit:
    return kits(MediaSettings(rtp_start=RTP_START, rtp_end=RTP_END, sound_directories=(tmp_path / "sounds",)))
