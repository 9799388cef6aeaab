"""The harness with an application connected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pbx.core.channel import Channel
from pbx.core.messages import (
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelDestroyed,
    VariableSet,
)
from pbx.stasis.control import ChannelControl
from pbx.stasis.events import StasisEvent
from pbx.stasis.service import Stasis
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness
from pbx.testing.stasis import KeptEvents

LUA = """
extensions = { default = {
  ["100"] = function()
    app.Stasis("hello", "one", "two")
    channel.AFTER = channel.STASISSTATUS:get()
    app.Wait(60)
  end,
  ["200"] = function() channel.ELSEWHERE = "yes" app.Wait(60) end,
  h = function() end,
} }
"""


class Exchange:
    """The harness with an application connected."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.harness = harness
        self.core = harness.core
        self.stasis = harness.server.require(Stasis)
        self.sink = KeptEvents()
        self.stasis.applications.register("hello", self.sink)
        self._translate()

    def _translate(self) -> None:
        def about(kind: str, message: Any) -> StasisEvent:
            sources = [f"channel:{message.channel.uniqueid}"]
            if hasattr(message, "bridge"):
                sources.append(f"bridge:{message.bridge.id}")
            return StasisEvent(kind, 0.0, (("message", message),), tuple(sources))

        kinds: tuple[type, ...] = (ChannelCreated, ChannelDestroyed, VariableSet, BridgeEntered, BridgeLeft)
        for kind in kinds:
            self.stasis.applications.translate(kind, partial(about, kind.__name__))

    def call(self, exten: str = "100", resource: str = "phone") -> tuple[DialplanCall, ChannelControl]:
        call = self.harness.call(exten, resource=resource)
        control = self.control(call.channel)
        return call, control

    def control(self, channel: Channel) -> ChannelControl:
        control = self.stasis.control(channel)
        assert control is not None
        return control

    def sounds(self, *names: str) -> None:
        for name in names:
            self.core.switchboard.sounds[name] = Path(f"/sounds/{name}.wav")


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    harness = DialplanHarness(tmp_path, {"extensions.lua": LUA})
    result_of(start(harness.start()))
    made = Exchange(harness)
    yield made
    result_of(start(harness.stop()))


def without_variables(types: list[str]) -> list[str]:
    return [each for each in types if each != "VariableSet"]
