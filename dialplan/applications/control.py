"""A sound that the caller steers by digits while it plays (main/app.c, control_streamfile)."""

from __future__ import annotations

from dataclasses import dataclass

from dialplan.applications.sound import SoundPlay
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.media import Switchboard

#: The position that stands for the file's end.
END = -1
DEFAULT_SKIP_MS = 3000
_FROM_END = ":end"


@dataclass(frozen=True, slots=True)
class Keys:
    """Which digits do what; each may be several."""

    forward: str = "#"
    reverse: str = "*"
    stop: str = ""
    suspend: str = ""
    restart: str = ""

    def steers(self, digit: str) -> bool:
        """Whether a digit does anything."""
        return any(digit in keys for keys in (self.forward, self.reverse, self.stop, self.suspend, self.restart))


class ControlledPlay:
    """One such playback; afterwards, however it ended, where it was."""

    def __init__(self, switchboard: Switchboard, channel: Channel, name: str, keys: Keys) -> None:
        """``name`` may end with ``:end``: the first position is then counted from there."""
        self._switchboard = switchboard
        self._channel = channel
        self._keys = keys
        self._from_end = name.lower().endswith(_FROM_END)
        self._name = name[: -len(_FROM_END)] if self._from_end else name
        self.position_ms = END

    async def run(self, offset_ms: int = 0, skip_ms: int = DEFAULT_SKIP_MS) -> str:
        """Play; the digit of ``keys.stop`` that ended it, or empty at the end. Raises as `SoundPlay.run`."""
        keys = self._keys
        offset = min(offset_ms, -1) if self._from_end else offset_ms
        while True:
            playing = SoundPlay(self._switchboard, self._channel, self._name, keys.steers, offset_ms=offset)
            try:
                await playing.run()
            except ChannelInterrupted:
                self.position_ms = playing.position_ms
                raise
            digit, position = playing.digit, playing.position_ms
            self.position_ms = position
            if not digit:
                self.position_ms = END
                return ""
            if digit in keys.forward:
                offset = position + skip_ms
                if offset >= playing.duration_ms:
                    self.position_ms = END
                    return ""
            elif digit in keys.reverse:
                offset = max(0, position - skip_ms)
            elif digit in keys.restart:
                offset = 0
            elif digit in keys.suspend:
                digit = await self._suspended()
                if digit in keys.stop:
                    return digit
                offset = position
            else:
                return digit

    async def _suspended(self) -> str:
        """Wait for the digit that goes on or ends."""
        keys = self._keys
        while True:
            digit = await self._channel.read_digit() or ""
            if digit in keys.suspend or digit in keys.stop:
                return digit
