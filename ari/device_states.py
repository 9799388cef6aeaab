"""Devices whose state ARI applications set: ``Stasis:NAME``, kept in the AstDB across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.core import messages
from pbx.core.device_state import DeviceState

if TYPE_CHECKING:
    from pbx.astdb import AstDb
    from pbx.bus import Bus
    from pbx.server import Server

#: What the names of devices that applications control begin with.
PREFIX = "Stasis:"
#: Where they are kept in the AstDB.
FAMILY = "StasisDeviceState"


class StasisDevices:
    """The devices applications control."""

    def __init__(self, astdb: AstDb, bus: Bus) -> None:
        self._astdb = astdb
        self._bus = bus

    def state(self, name: str) -> DeviceState:
        """The state of ``Stasis:NAME``; UNKNOWN where none was set."""
        kept = self._astdb.get(FAMILY, name.removeprefix(PREFIX))
        return DeviceState.__members__.get(kept or "", DeviceState.UNKNOWN)

    def known(self, name: str) -> bool:
        """Whether a state was set."""
        return self._astdb.get(FAMILY, name.removeprefix(PREFIX)) is not None

    def all(self) -> list[str]:
        """Every device's full name, in order."""
        return [PREFIX + path.removeprefix(f"/{FAMILY}/") for path, _ in self._astdb.show(FAMILY)]

    def set(self, name: str, state: DeviceState) -> None:
        """Set a device's state and tell everybody."""
        changed = not self.known(name) or self.state(name) is not state
        self._astdb.put(FAMILY, name.removeprefix(PREFIX), state.name)
        if changed:
            self._bus.publish(messages.DeviceStateChanged(name, state.name))

    def delete(self, name: str) -> None:
        """Forget a device, whose state is UNKNOWN then."""
        if self._astdb.delete(FAMILY, name.removeprefix(PREFIX)):
            self._bus.publish(messages.DeviceStateChanged(name, DeviceState.UNKNOWN.name))


def device_state(server: Server, name: str) -> DeviceState:
    """Any device's state: one of ours, what its calls make of it, else what its technology says."""
    if name.startswith(PREFIX):
        devices = server.find(StasisDevices)
        return DeviceState.UNKNOWN if devices is None else devices.state(name)
    of_calls = server.channels.device_state(name)
    if of_calls is not None:
        return of_calls
    technology, _, resource = name.partition("/")
    found = server.technologies.find(technology)
    return DeviceState.UNKNOWN if found is None or not resource else found.device_state(resource)
