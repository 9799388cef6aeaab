"""Device states and how several channels or devices add up to one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class DeviceState(IntEnum):
    """The states of a device, in Asterisk's order."""

    UNKNOWN = 0
    NOT_INUSE = 1
    INUSE = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RINGINUSE = 7
    ONHOLD = 8

    @property
    def text(self) -> str:
        """The words of the console."""
        return DEVICE_STATE_TEXTS[self]


DEVICE_STATE_TEXTS: dict[int, str] = {
    DeviceState.UNKNOWN: "Unknown",
    DeviceState.NOT_INUSE: "Not in use",
    DeviceState.INUSE: "In use",
    DeviceState.BUSY: "Busy",
    DeviceState.INVALID: "Invalid",
    DeviceState.UNAVAILABLE: "Unavailable",
    DeviceState.RINGING: "Ringing",
    DeviceState.RINGINUSE: "Ring+Inuse",
    DeviceState.ONHOLD: "On Hold",
}


def aggregate(states: Iterable[DeviceState]) -> DeviceState:
    """One state for several, as a hint with several devices shows it."""
    seen = set(states)
    if not seen:
        return DeviceState.UNKNOWN
    ringing = DeviceState.RINGING in seen
    in_use = DeviceState.INUSE in seen or DeviceState.ONHOLD in seen or DeviceState.BUSY in seen
    if DeviceState.RINGINUSE in seen or (ringing and in_use):
        return DeviceState.RINGINUSE
    if ringing:
        return DeviceState.RINGING
    if DeviceState.INUSE in seen:
        return DeviceState.INUSE
    if DeviceState.ONHOLD in seen:
        return DeviceState.ONHOLD
    if DeviceState.NOT_INUSE in seen:
        # A busy device beside a free one leaves the whole in use, not busy.
        return DeviceState.INUSE if DeviceState.BUSY in seen else DeviceState.NOT_INUSE
    for state in (DeviceState.BUSY, DeviceState.UNAVAILABLE, DeviceState.UNKNOWN, DeviceState.INVALID):
        if state in seen:
            return state
    return DeviceState.UNKNOWN
