"""The states of all devices: who knows a device's state, and who is told of a change.

A device is ``Technology/resource``, asked of its technology, or ``Provider:name``, asked of a provider such as
``Custom``. Changes made in one turn of the reactor are told once, after it; while nobody reads them they cost a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pbx.core import messages
from pbx.core.device_state import DeviceState, calls_state

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.core.channels import Channels
    from pbx.core.technology import Technologies

Provider = Callable[[str], DeviceState]

#: Technologies whose devices come and go with calls: told of, but not remembered (AST_DEVSTATE_NOT_CACHABLE).
PASSING = frozenset(("Local",))


class DeviceStates:
    """The states of all devices."""

    def __init__(self, bus: Bus, clock: Clock, channels: Channels, technologies: Technologies) -> None:
        self._bus = bus
        self._clock = clock
        self._channels = channels
        self._technologies = technologies
        self._providers: dict[str, Provider] = {}
        #: What was told last of each device that is remembered; None where it changed while nobody read.
        self._last: dict[str, DeviceState | None] = {}
        #: Devices to look at when this turn of the reactor is over, in order, with how often they changed.
        self._pending: dict[str, int] = {}
        channels.on_device_changed = self.changed

    def add_provider(self, label: str, state: Provider) -> Callable[[], None]:
        """Let ``state`` answer for ``label:...``; the result withdraws it. Raises ValueError when it is taken."""
        key = label.lower()
        if key in self._providers:
            raise ValueError(f"device state provider '{label}' is registered twice")
        self._providers[key] = state

        def withdraw() -> None:
            if self._providers.get(key) is state:
                del self._providers[key]

        return withdraw

    def state(self, device: str) -> DeviceState:
        """A device's state now; INVALID where there is no such technology, provider or device."""
        technology, slash, resource = device.partition("/")
        if not slash:
            label, colon, name = device.partition(":")
            provider = self._providers.get(label.lower()) if colon else None
            return DeviceState.INVALID if provider is None else provider(name)
        found = self._technologies.find(technology)
        if found is None:
            return DeviceState.INVALID
        state = found.device_state(resource)
        return self._of_channels(device) if state is DeviceState.UNKNOWN else state

    def _of_channels(self, device: str) -> DeviceState:
        """For technologies that do not know: by the oldest call (ast_parse_device_state)."""
        return calls_state(self._channels.of_device(device)[:1], DeviceState.UNKNOWN)

    def changed(self, device: str) -> None:
        """Something happened that may have changed a device's state."""
        if not self._bus.wanted(messages.DeviceStateChanged):
            if device in self._last:
                self._last[device] = None
            return
        if not self._pending:
            self._clock.call_later(0, self._tell)
        self._pending[device] = self._pending.get(device, 0) + 1

    def remember(self, device: str) -> None:
        """Count a device among those that are listed, and tell its state."""
        self._last.setdefault(device, None)
        self.changed(device)

    def set(self, device: str, state: DeviceState) -> None:
        """A provider's device has this state from now on."""
        if self._last.get(device) is not state:
            self._last[device] = state
            self._bus.publish(messages.DeviceStateChanged(device, state.name))

    def forget(self, device: str) -> None:
        """A provider's device is no more; its state is told as UNKNOWN."""
        self._last.pop(device, None)
        self._bus.publish(messages.DeviceStateChanged(device, DeviceState.UNKNOWN.name))

    def _tell(self) -> None:
        pending, self._pending = self._pending, {}
        for device, changes in pending.items():
            state = self.state(device)
            if device.partition("/")[0] in PASSING:
                # Each change is told, as what is not remembered has no state before.
                for _ in range(changes - 1):
                    self._bus.publish(messages.DeviceStateChanged(device, state.name))
            else:
                if self._last.get(device) is state:
                    continue
                if device in self._last or self._channels.of_device(device):
                    self._last[device] = state
                if state is DeviceState.UNKNOWN:
                    # Known by its calls only, which have ended.
                    self._last.pop(device, None)
            self._bus.publish(messages.DeviceStateChanged(device, state.name))

    def all(self) -> Iterator[tuple[str, DeviceState]]:
        """Every device that is remembered, in the order they became known, with its state now."""
        for device in list(self._last):
            yield device, self.state(device)
