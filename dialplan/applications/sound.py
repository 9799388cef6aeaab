"""Playing files to a channel and hearing digits meanwhile: what Playback, BackGround, Read and Record share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core.channel import Channel
from pbx.core.frames import DigitEnd, Frame
from pbx.core.media import Switchboard
from pbx.errors import ObeliskError

log = Logger()

#: Files one playback may name.
MAX_FILES = 128


class SoundMissing(ObeliskError):
    """There is no such sound, or it cannot be read."""


def file_names(text: str) -> list[str]:
    """The names of ``one&two&three``."""
    return [name for part in text.split("&", MAX_FILES)[:MAX_FILES] if (name := part.strip())]


async def play(
    switchboard: Switchboard,
    channel: Channel,
    name: str,
    stop: Callable[[str], bool] | None = None,
    *,
    language: str = "",
) -> str:
    """Play a sound to its end; the digit that cut it short, or empty.

    ``stop`` says which digits do; others are forgotten, as Asterisk does while it plays. Raises SoundMissing, and
    ChannelInterrupted like every wait.
    """
    channel.check()
    path = switchboard.find_sound(name, language or channel.language)
    if path is None:
        raise SoundMissing(f"File {name} does not exist in any format")
    music = channel.channels.music
    if music is not None:
        music.stop(channel)
    done: Deferred[str] = Deferred()

    def finish(digit: str) -> None:
        if not done.called:
            done.callback(digit)

    try:
        handle = switchboard.play(channel.audio, path)
    except ObeliskError as error:
        raise SoundMissing(str(error)) from error

    def heard(frame: Frame) -> None:
        if not done.called and stop is not None and isinstance(frame, DigitEnd) and stop(frame.digit):
            done.callback(frame.digit)

    def ended(_result: object) -> None:
        finish("")

    handle.finished.addCallbacks(ended, ended)
    channel.set_reader(heard)
    try:
        return await channel.wait_for(done)
    finally:
        if channel.alive:
            channel.set_reader(None)
        handle.stop()


async def play_all(
    switchboard: Switchboard,
    channel: Channel,
    names: list[str],
    stop: Callable[[str], bool] | None = None,
    *,
    language: str = "",
) -> tuple[str, bool]:
    """Play several sounds: the digit that cut them short, and whether each could be played."""
    complete = True
    for name in names:
        try:
            digit = await play(switchboard, channel, name, stop, language=language)
        except SoundMissing as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
            complete = False
            continue
        if digit:
            return digit, complete
    return "", complete


def announce(switchboard: Switchboard, channel: Channel, names: Sequence[str]) -> Deferred[None]:
    """Play sounds to a channel among what else it hears and does; fires when all have been played. Never fails.

    Sounds that are missing are left out.
    """
    return Deferred.fromCoroutine(_announce(switchboard, channel, names))


async def _announce(switchboard: Switchboard, channel: Channel, names: Sequence[str]) -> None:
    for name in names:
        path = switchboard.find_sound(name, channel.language)
        if path is None:
            log.warn("{channel}: File {name} does not exist in any format", channel=channel.name, name=name)
            continue
        if not channel.alive:
            return
        try:
            await switchboard.play(channel.audio, path).finished
        except ObeliskError as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
