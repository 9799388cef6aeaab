"""What a scripted dialplan is made of: telephones that do as they are told, and sounds that take time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall

from pbx.clock import Clock, cancel_timer
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Channels
from pbx.core.frames import Control
from pbx.core.media import AudioLeg
from pbx.core.states import ChannelState
from pbx.testing.fake_media import FakePlayback, FakeSwitchboard
from pbx.testing.fake_technology import FakeDriver, FakeTechnology

#: Seconds that a sound lasts unless the test says otherwise.
SOUND_SECONDS = 1.0
_ROOT = Path("/sounds")


class ScriptedSwitchboard(FakeSwitchboard):
    """Every sound exists, unless it is in ``missing``, and lasts as long as `lengths` says."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Clock
        self.lengths: dict[str, float] = {}
        self.missing: set[str] = set()
        #: Told of each sound that begins: the leg's name and the sound's.
        self.observer: Callable[[str, str], object] = lambda _leg, _name: None

    def find_sound(self, name: str, language: str) -> Path | None:
        """A path that stands for the sound."""
        return None if name in self.missing else _ROOT / name.lstrip("/")

    def play(
        self, sink: AudioLeg, path: Path, *, offset_ms: int = 0, alone: bool = False, loop: bool = False
    ) -> FakePlayback:
        """A playback that ends by itself."""
        name = str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else str(path)
        playback = super().play(sink, path, offset_ms=offset_ms, alone=alone, loop=loop)
        self.observer(getattr(sink, "name", ""), name)
        if not loop:
            self._end_after(playback, self.lengths.get(name, SOUND_SECONDS) - offset_ms / 1000)
        return playback

    def play_samples(
        self, sink: AudioLeg, samples: bytes, rate: int, *, alone: bool = False, loop: bool = False
    ) -> FakePlayback:
        """A tone: no sound that a test would name."""
        playback = super().play(sink, Path(f"/samples/{len(samples)}"), alone=alone, loop=loop)
        if not loop:
            self._end_after(playback, len(samples) / 2 / rate)
        return playback

    def _end_after(self, playback: FakePlayback, seconds: float) -> None:
        timer = self.clock.call_later(max(0.0, seconds), playback.finish)

        def stopped(result: bool) -> bool:
            cancel_timer(timer)
            return result

        playback.finished.addCallback(stopped)


class ScriptedDriver(FakeDriver):
    """The far end of a channel to a telephone: it does what the telephone was told once it is called."""

    def __init__(self, channel: Channel, phone: ScriptedPhone) -> None:
        super().__init__(channel)
        self.phone = phone
        self._timer: IDelayedCall | None = None

    def call(self) -> None:
        """The telephone is called."""
        super().call()
        self.phone.rung(self)

    def hangup(self) -> None:
        super().hangup()
        cancel_timer(self._timer)

    def do(self, action: Callable[[], object], after: float) -> None:
        """Do something later, in the place of what it would have done."""
        cancel_timer(self._timer)
        self._timer = self.channel.channels.clock.call_later(after, action)

    @property
    def ringing(self) -> bool:
        return self.channel.alive and not self.channel.hangup_requested and self.channel.state is not ChannelState.UP


class ScriptedPhone:
    """A telephone, or whatever else has an address: what it does when it is called. Left alone it rings.

    What it is told counts for the call it has, and for those to come until it is told something else.
    """

    def __init__(self, technology: ScriptedTechnology, resource: str) -> None:
        self._technology = technology
        self.resource = resource
        #: Every call to it, the newest last.
        self.legs: list[ScriptedDriver] = []
        self._act: Callable[[ScriptedDriver], object] = lambda _leg: None
        self._after = 0.0
        self._rings = True

    @property
    def name(self) -> str:
        """Its address, such as ``PJSIP/alice``."""
        return f"{self._technology.name}/{self.resource}"

    def rung(self, leg: ScriptedDriver) -> None:
        """It is called."""
        self.legs.append(leg)
        if self._rings:
            leg.say(Control.RINGING)
        leg.do(lambda: self._act(leg), self._after)

    def _will(self, act: Callable[[ScriptedDriver], object], after: float, *, rings: bool = True) -> None:
        self._act, self._after, self._rings = act, after, rings
        self._technology.refused.pop(self.resource, None)
        for leg in self.legs:
            if leg.ringing:
                leg.do(lambda leg=leg: act(leg), after)  # type: ignore[misc]

    # What it does

    def rings(self) -> None:
        """It rings, and nobody answers."""
        self._will(lambda _leg: None, 0.0)

    def answers(self, after: float = 0.0) -> None:
        """It is answered ``after`` seconds of ringing."""
        self._will(lambda leg: leg.say(Control.ANSWER), after)

    def busy(self, after: float = 0.0) -> None:
        """It is busy: at once without ringing, else somebody declines ``after`` so many seconds."""
        self._will(lambda leg: self._hang_up(leg, Cause.USER_BUSY, Control.BUSY), after, rings=after > 0)

    def congested(self, after: float = 0.0) -> None:
        """The network does not reach it."""
        cause = Cause.NORMAL_CIRCUIT_CONGESTION
        self._will(lambda leg: self._hang_up(leg, cause, Control.CONGESTION), after, rings=False)

    def rejects(self, cause: int = Cause.CALL_REJECTED, after: float = 0.0) -> None:
        """It ends the call without an answer, with a cause of Q.850."""
        self._will(lambda leg: self._hang_up(leg, cause), after)

    def is_away(self, cause: int = Cause.SUBSCRIBER_ABSENT) -> None:
        """It is not there: no call to it can be begun (a telephone that is not registered)."""
        self.rings()
        self._technology.refused[self.resource] = Cause(cause)

    @staticmethod
    def _hang_up(leg: ScriptedDriver, cause: int, control: Control | None = None) -> None:
        if control is not None:
            leg.say(control)
        if leg.channel.alive:
            leg.hang_up(cause)

    # The call it has

    @property
    def leg(self) -> ScriptedDriver | None:
        """The call it has now, ringing or answered."""
        return next((leg for leg in reversed(self.legs) if leg.channel.alive), None)

    def _current(self) -> ScriptedDriver:
        leg = self.leg
        if leg is None:
            raise AssertionError(f"{self.name} has no call")
        return leg

    @property
    def ringing(self) -> bool:
        leg = self.leg
        return leg is not None and leg.ringing

    @property
    def talking(self) -> bool:
        leg = self.leg
        return leg is not None and leg.channel.bridge is not None

    def press(self, digits: str) -> None:
        """Press digits. Raises AssertionError without a call."""
        self._current().press(digits)

    def hang_up(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """End its call. Raises AssertionError without one."""
        self._current().hang_up(cause)


class ScriptedTechnology(FakeTechnology):
    """The technology of scripted telephones; any resource is one."""

    def __init__(self, channels: Channels, name: str) -> None:
        super().__init__(channels, name)
        self._phones: dict[str, ScriptedPhone] = {}

    def phone(self, resource: str) -> ScriptedPhone:
        """The telephone of that name."""
        return self._phones.setdefault(resource, ScriptedPhone(self, resource))

    def make_driver(self, channel: Channel, resource: str) -> ScriptedDriver:
        return ScriptedDriver(channel, self.phone(resource))
