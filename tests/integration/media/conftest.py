"""A media engine over a real PJLIB, and far ends on loopback ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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
async def kit(core: PjCore, tmp_path: Path) -> AsyncIterator[MediaKit]:
    settings = MediaSettings(rtp_start=RTP_START, rtp_end=RTP_END, sound_directories=(tmp_path / "sounds",))
    engine = MediaEngine(core, settings, core.reactor)
    engine.start()
    kit = MediaKit(engine, core.reactor)
    yield kit
    await kit.clean_up()
    engine.stop()
