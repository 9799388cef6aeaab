"""A channel technology whose far end is the test: it remembers what it was told and says what the test wants."""

from __future__ import annotations

from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Channels
from pbx.core.device_state import DeviceState, calls_state
from pbx.core.frames import Control, ControlFrame, DigitBegin, DigitEnd
from pbx.core.states import ChannelState
from pbx.core.technology import ChannelRequest, RequestFailed


class FakeDriver:
    """One fake channel's far end; ``told`` lists what the core asked of it, in order."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.told: list[str] = []
        #: Whether the far end is told of hold; where not, the core plays music.
        self.conveys_hold = True

    # What the core calls

    def call(self) -> None:
        self.told.append("call")

    def answer(self) -> None:
        self.told.append("answer")

    def indicate(self, kind: Control, data: object) -> bool:
        self.told.append(kind.value)
        return self.conveys_hold or kind not in (Control.HOLD, Control.UNHOLD)

    def hangup(self) -> None:
        self.told.append(f"hangup {self.channel.hangup_cause}")

    def send_digit(self, digit: str, duration_ms: int) -> None:
        self.told.append(f"digit {digit}")

    def send_text(self, text: str, content_type: str = "") -> bool:
        self.told.append(f"text {content_type} {text}" if content_type else f"text {text}")
        return True

    def transfer(self, target: str) -> bool:
        self.told.append(f"transfer {target}")
        return True

    def fixup(self, old: Channel, new: Channel) -> None:
        self.channel = new

    # What the test does

    def say(self, kind: Control, data: object = None) -> None:
        """The far end signals ``kind``."""
        self.channel.queue_frame(ControlFrame(kind, data))

    def press(self, digits: str, duration_ms: int = 100) -> None:
        """The far end presses ``digits`` one after the other."""
        for digit in digits:
            self.channel.queue_frame(DigitBegin(digit))
            self.channel.queue_frame(DigitEnd(digit, duration_ms))

    def hang_up(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """The far end hangs up."""
        self.channel.remote_hangup(cause)


class FakeTechnology:
    """A technology for tests; ``drivers`` by resource, the newest last. A resource in ``refused`` gives that cause."""

    description = "Channels for tests"

    def __init__(self, channels: Channels, name: str = "Fake") -> None:
        self.name = name
        self._channels = channels
        self.drivers: dict[str, list[FakeDriver]] = {}
        self.refused: dict[str, Cause] = {}

    def _create(
        self, resource: str, state: ChannelState, linkedid: str | None, uniqueid: str | None = None
    ) -> FakeDriver:
        name = f"{self.name}/{resource}-{self._channels.next_number(self.name):08x}"
        channel = self._channels.create(self.name, name, linkedid=linkedid, uniqueid=uniqueid, state=state)
        driver = self.make_driver(channel, resource)
        channel.attach(driver)
        self.drivers.setdefault(resource, []).append(driver)
        return driver

    def make_driver(self, channel: Channel, resource: str) -> FakeDriver:
        """The far end of a new channel."""
        return FakeDriver(channel)

    def incoming(self, resource: str, context: str = "default", exten: str = "s") -> FakeDriver:
        """A call from the far end; nothing runs on it until the test starts something."""
        driver = self._create(resource, ChannelState.RING, None)
        driver.channel.set_position(context, exten, 1)
        return driver

    def request(self, request: ChannelRequest) -> Channel:
        """An outgoing channel. Raises RequestFailed for refused resources."""
        if request.address in self.refused:
            raise RequestFailed(f"{self.name}/{request.address} is refused", self.refused[request.address])
        return self._create(request.address, ChannelState.DOWN, request.linkedid, request.uniqueid).channel

    def device_state(self, resource: str) -> DeviceState:
        return calls_state(self._channels.of_device(f"{self.name}/{resource}"), DeviceState.NOT_INUSE)
