"""Music on hold as the core asks for it; `pbx.media.music_on_hold` plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.media import AudioLeg


class Tune(Protocol):
    """Music being played into a leg."""

    def stop(self) -> None:
        """End it. Idempotent."""


class Music(Protocol):
    """Plays music to whoever waits."""

    def start(self, channel: Channel, suggested: str = "", interpreted: str = "") -> bool:
        """Play to a channel's far end, which hears nothing else meanwhile; False where no class can be played.

        The class is the channel's own, else ``suggested`` (who put it on hold), else ``interpreted``, else
        ``default`` (Asterisk: ast_moh_start).
        """

    def stop(self, channel: Channel) -> None:
        """End the music of a channel; nothing where none is played."""

    def play(self, leg: AudioLeg, music_class: str = "") -> Tune | None:
        """Play a class into a leg among what else it hears; None where it cannot be played."""
