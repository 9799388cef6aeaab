"""Devices whose state ARI applications set: ``Stasis:NAME``, kept in the AstDB across restarts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pbx.core.device_state import DeviceState

if TYPE_CHECKING:
    from pbx.astdb import AstDb
    from pbx.core.devices import DeviceStates

#: What the names of devices that applications control begin with.
PREFIX = "Stasis:"
#: Where they are kept in the AstDB.
FAMILY = "StasisDeviceState"


class StasisDevices:
    """The devices applications control."""

    def __init__(self, astdb: AstDb, devices: DeviceStates) -> None:
        self._astdb = astdb
        self._devices = devices

    def provide(self) -> Callable[[], None]:
        """Answer for the devices, and list them; the result ends that."""
        withdraw = self._devices.add_provider("Stasis", self.state)
        for name in self.all():
            self._devices.remember(name)
        return withdraw

    def state(self, name: str) -> DeviceState:
        """The state of ``Stasis:NAME``; UNKNOWN where none was set."""
        kept = self._astdb.get(FAMILY, name.removeprefix(PREFIX))
        return DeviceState.__members__.get(kept or "", DeviceState.UNKNOWN)

    def all(self) -> list[str]:
        """Every device's full name, in order."""
        return [PREFIX + path.removeprefix(f"/{FAMILY}/") for path, _ in self._astdb.show(FAMILY)]

    def set(self, name: str, state: DeviceState) -> None:
        """Set a device's state and tell everybody."""
        self._astdb.put(FAMILY, name.removeprefix(PREFIX), state.name)
        self._devices.set(name, state)

    def delete(self, name: str) -> None:
        """Forget a device, whose state is UNKNOWN then."""
        if self._astdb.delete(FAMILY, name.removeprefix(PREFIX)):
            self._devices.forget(name)
