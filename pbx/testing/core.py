"""A core without SIP and sound: real channels, bridges and dials; the far ends are played by the test."""

from __future__ import annotations

from pbx.bus import Bus
from pbx.core.bridge import Bridges
from pbx.core.channels import Channels
from pbx.core.devices import DeviceStates
from pbx.core.hints import Hints
from pbx.core.local import LocalTechnology
from pbx.core.presence import Presences
from pbx.core.technology import Technologies
from pbx.testing.clock import FakeClock
from pbx.testing.fake_media import FakeSwitchboard
from pbx.testing.fake_technology import FakeTechnology


class FakeCore:
    """The core's parts, wired over a fake clock, a fake switchboard and the technology ``Fake``."""

    def __init__(self, switchboard: FakeSwitchboard | None = None) -> None:
        self.bus = Bus()
        self.clock = FakeClock()
        self.switchboard = switchboard or FakeSwitchboard()
        self.channels = Channels(self.bus, self.clock, self.switchboard)
        self.bridges = Bridges(self.bus, self.clock, self.switchboard)
        self.technologies = Technologies()
        self.fake = FakeTechnology(self.channels)
        self.technologies.register(self.fake)
        self.technologies.register(LocalTechnology(self.channels))
        self.devices = DeviceStates(self.bus, self.clock, self.channels, self.technologies)
        self.presences = Presences(self.bus)
        self.hints = Hints(self.bus, self.devices, self.presences)
