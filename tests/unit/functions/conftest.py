"""A call, and the reading and writing of functions on it as a dialplan does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.core.channel import Channel, settle
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness, extensions


class Functions:
    """Reads and writes functions on one call."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.harness = harness
        self.call: DialplanCall = harness.call("100")

    @property
    def channel(self) -> Channel:
        return self.call.channel

    def read(self, expression: str, channel: Channel | None = None) -> str:
        """What a function gives. Raises what it raises."""
        return result_of(start(self._read(expression, channel or self.channel)))

    def read_globally(self, expression: str) -> str:
        """Without a channel."""
        return result_of(start(self._read(expression, None)))

    async def _read(self, expression: str, channel: Channel | None) -> str:
        return await settle(self.harness.engine.read_function(channel, expression))

    def write(self, expression: str, value: str, channel: Channel | None = None) -> None:
        """Write a function, or a variable."""
        target = channel or self.channel
        if expression.endswith(")"):
            result_of(start(self._write(expression, value, target)))
        else:
            target.set_variable(expression, value)

    def write_globally(self, expression: str, value: str) -> None:
        """Without a channel."""
        result_of(start(self._write(expression, value, None)))

    async def _write(self, expression: str, value: str, channel: Channel | None) -> None:
        waiting = self.harness.engine.write_function(channel, expression, value)
        if waiting is not None:
            await waiting

    def variable(self, name: str) -> str | None:
        return self.channel.get_variable(name)


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    harness = DialplanHarness(tmp_path / "etc", {"extensions.lua": extensions("app.Answer() app.Wait(600)")})
    result_of(start(harness.start()))
    yield Functions(harness)
    result_of(start(harness.stop()))
    assert len(harness.core.channels) == 0
