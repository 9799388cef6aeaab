"""Channel states, with the words AMI and ARI print."""

from __future__ import annotations

from enum import IntEnum


class ChannelState(IntEnum):
    """Where a channel is in its life (``ChannelState`` on the wire)."""

    DOWN = 0
    RESERVED = 1
    OFF_HOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFFHOOK = 8
    PRERING = 9

    @property
    def text(self) -> str:
        """``ChannelStateDesc``: ``Up``, ``Ring``, ..."""
        return STATE_TEXTS[self]


STATE_TEXTS: dict[int, str] = {
    ChannelState.DOWN: "Down",
    ChannelState.RESERVED: "Rsrvd",
    ChannelState.OFF_HOOK: "OffHook",
    ChannelState.DIALING: "Dialing",
    ChannelState.RING: "Ring",
    ChannelState.RINGING: "Ringing",
    ChannelState.UP: "Up",
    ChannelState.BUSY: "Busy",
    ChannelState.DIALING_OFFHOOK: "Dialing Offhook",
    ChannelState.PRERING: "Pre-ring",
}
