"""Saying prompts one after the other to a channel (main/say.c, say_filenames): SAY * of AGI and whoever else says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from dialplan.applications.sound import SoundMissing, SoundPlay
from pbx.core.channel import Channel
from pbx.core.media import Switchboard

log = Logger()


class Saying:
    """Prompts being said; afterwards, what became of it."""

    def __init__(
        self,
        switchboard: Switchboard,
        channel: Channel,
        names: Sequence[str],
        stop: Callable[[str], bool] | None = None,
        *,
        watch: Callable[[Callable[[], object] | None], object] | None = None,
    ) -> None:
        """As `SoundPlay`, for several."""
        self._switchboard = switchboard
        self._channel = channel
        self._names = names
        self._stop = stop
        self._watch = watch
        #: The digit that ended it, or empty.
        self.digit = ""
        #: Whether `watch`'s function was called.
        self.cut = False

    async def run(self) -> None:
        """Say all. The first prompt that is missing ends it with SoundMissing. Raises ChannelInterrupted too."""
        for name in self._names:
            playing = SoundPlay(self._switchboard, self._channel, name, self._stop, watch=self._watch)
            await playing.run()
            if playing.digit or playing.cut:
                self.digit, self.cut = playing.digit, playing.cut
                return


def existing(switchboard: Switchboard, channel: Channel, names: Sequence[str]) -> list[str]:
    """Those of which there is a prompt: digits, letters and phonetic words that have none are not said."""
    found = []
    for name in names:
        if switchboard.find_sound(name, channel.language) is not None:
            found.append(name)
        else:
            log.warn("{channel}: File {name} does not exist in any format", channel=channel.name, name=name)
    return found


__all__ = ["Saying", "SoundMissing", "existing"]
