"""Device states, how several add up to one, and what an extension's state is made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.core.channel import Channel


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

    @classmethod
    def parse(cls, text: str) -> DeviceState:
        """By name in any letter case; UNKNOWN for every other word (ast_devstate_val)."""
        return cls.__members__.get(text.upper(), cls.UNKNOWN)


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

#: Which state wins over which when several add up; indexed by state.
_RANK: tuple[int, ...] = (1, 3, 6, 7, 0, 2, 5, 8, 4)
_ACTIVE = frozenset((DeviceState.INUSE, DeviceState.ONHOLD, DeviceState.BUSY))

#: What the state of a channel makes of its device (ast_state_chan2dev).
_OF_CHANNEL: dict[ChannelState, DeviceState] = {
    ChannelState.DOWN: DeviceState.NOT_INUSE,
    ChannelState.RINGING: DeviceState.RINGING,
    ChannelState.PRERING: DeviceState.RINGING,
    ChannelState.BUSY: DeviceState.BUSY,
}


def aggregate(states: Iterable[DeviceState]) -> DeviceState:
    """One state for several (ast_devstate_aggregate_add): INVALID for none at all.

    Each state takes the place of what came before when it ranks higher, but one that rings beside one that is active
    makes RINGINUSE, whatever comes after.
    """
    result = DeviceState.INVALID
    ringing = active = False
    for state in states:
        if state is DeviceState.RINGING:
            ringing = True
        elif state in _ACTIVE:
            active = True
        if ringing and active:
            result = DeviceState.RINGINUSE
        elif _RANK[state] > _RANK[result]:
            result = state
    return result


def channel_state(channel: Channel) -> DeviceState:
    """What one channel makes of its device; a party that was put on hold counts as on hold."""
    if channel.on_hold:
        return DeviceState.ONHOLD
    return _OF_CHANNEL.get(channel.state, DeviceState.INUSE)


def calls_state(channels: Iterable[Channel], idle: DeviceState, busy_at: int = 0) -> DeviceState:
    """What a device's channels make of its state (chan_pjsip_devicestate).

    ``idle`` is its state without calls; with ``busy_at`` calls or more it is BUSY, unless ``busy_at`` is 0.
    """
    states: list[DeviceState] = []
    in_use = 0
    for channel in channels:
        states.append(channel_state(channel))
        in_use += channel.state not in (ChannelState.DOWN, ChannelState.RESERVED)
    if not states:
        return idle
    if busy_at and in_use >= busy_at:
        return DeviceState.BUSY
    result = aggregate(states)
    return idle if result is DeviceState.INVALID else result


#: The states of an extension that is no more, and of one that never had a hint.
EXTENSION_REMOVED = -2
EXTENSION_NO_HINT = -1

#: The state of an extension whose devices add up to a state (ast_devstate_to_extenstate).
EXTENSION_STATES: dict[DeviceState, int] = {
    DeviceState.UNKNOWN: 0,
    DeviceState.NOT_INUSE: 0,
    DeviceState.INUSE: 1,
    DeviceState.BUSY: 2,
    DeviceState.INVALID: 4,
    DeviceState.UNAVAILABLE: 4,
    DeviceState.RINGING: 8,
    DeviceState.RINGINUSE: 9,
    DeviceState.ONHOLD: 16,
}
#: Bits of an extension's state.
EXTENSION_IN_USE, EXTENSION_BUSY, EXTENSION_UNAVAILABLE, EXTENSION_RINGING, EXTENSION_ON_HOLD = 1, 2, 4, 8, 16

#: The manager's words (ast_extension_state2str).
EXTENSION_TEXTS: dict[int, str] = {
    0: "Idle",
    1: "InUse",
    2: "Busy",
    4: "Unavailable",
    8: "Ringing",
    9: "InUse&Ringing",
    16: "Hold",
    17: "InUse&Hold",
}


def extension_text(state: int) -> str:
    """The manager's word for an extension's state."""
    return EXTENSION_TEXTS.get(state, "Unknown")
