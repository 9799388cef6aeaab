"""Playing files to a channel and hearing digits meanwhile: what Playback, BackGround, Read and Record share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.arguments import split_quoted
from pbx.core.channel import Channel
from pbx.core.frames import DigitEnd, Frame
from pbx.core.media import PlaybackHandle, Switchboard
from pbx.core.messages import SoundStarted
from pbx.core.party import strip_quoted
from pbx.errors import ObeliskError
from pbx.media.wave_file import RAW_FORMATS

log = Logger()

#: Files one playback may name.
MAX_FILES = 128


class SoundMissing(ObeliskError):
    """There is no such sound, or it cannot be read."""


def file_names(text: str) -> list[str]:
    """The names of ``one&two&three``: at least one, and as many as there are ``&`` divide, empty ones too."""
    return [strip_quoted(part, "'\"").strip() for part in split_quoted(text, "&")[:MAX_FILES]]


class SoundPlay:
    """A sound to be played to a channel; afterwards, however it ended, what became of it."""

    def __init__(
        self,
        switchboard: Switchboard,
        channel: Channel,
        name: str,
        stop: Callable[[str], bool] | None = None,
        *,
        language: str = "",
        offset_ms: int = 0,
        watch: Callable[[Callable[[], object] | None], object] | None = None,
    ) -> None:
        """``stop`` says which digits end it; others are forgotten, as Asterisk does while it plays.

        ``watch`` is given a function whose call ends it, and None afterwards. A negative offset counts from the end.
        """
        self._switchboard = switchboard
        self._channel = channel
        self._name = name
        self._stop = stop
        self._language = language
        self._offset_ms = offset_ms
        self._watch = watch
        #: The digit that cut it short, or empty.
        self.digit = ""
        #: Whether `watch`'s function was called.
        self.cut = False
        #: Where it ended, and the file's samples a second.
        self.position_ms = max(0, offset_ms)
        self.duration_ms = 0
        self.rate = 8000
        #: Whether it was heard to the end.
        self.complete = False

    async def run(self) -> None:
        """Play to the end or until something ends it. Raises SoundMissing, ChannelInterrupted like every wait."""
        channel, switchboard = self._channel, self._switchboard
        path = switchboard.find_sound(self._name, self._language or channel.language) if self._name else None
        if path is None:
            raise SoundMissing(f"File {self._name} does not exist in any format")
        channel.check()
        self.rate = sample_rate(path)
        music = channel.channels.music
        if music is not None:
            music.stop(channel)
        handle = self._start(path)
        bus = channel.channels.bus
        if bus.wanted(SoundStarted):
            bus.publish(SoundStarted(channel.name, self._name))
        done: Deferred[None] = Deferred()

        def finish() -> None:
            if not done.called:
                done.callback(None)

        def heard(frame: Frame) -> None:
            if not done.called and self._stop is not None and isinstance(frame, DigitEnd) and self._stop(frame.digit):
                self.digit = frame.digit
                finish()

        def cut_off() -> None:
            self.cut = True
            finish()

        def ended(complete: object) -> None:
            self.complete = self.complete or (complete is True and not done.called)
            finish()

        handle.finished.addCallbacks(ended, ended)
        channel.set_reader(heard)
        if self._watch is not None:
            self._watch(cut_off)
        try:
            await channel.wait_for(done)
        finally:
            if self._watch is not None:
                self._watch(None)
            if channel.alive:
                channel.set_reader(None)
            self.duration_ms = handle.duration_ms
            self.position_ms = handle.duration_ms if self.complete else handle.position_ms
            handle.stop()

    def _start(self, path: Path) -> PlaybackHandle:
        sink = self._channel.audio
        try:
            handle = self._switchboard.play(sink, path, offset_ms=max(0, self._offset_ms))
            if self._offset_ms < 0:
                start = max(0, handle.duration_ms + self._offset_ms)
                handle.stop()
                handle = self._switchboard.play(sink, path, offset_ms=start)
        except ObeliskError as error:
            raise SoundMissing(str(error)) from error
        return handle


async def play(
    switchboard: Switchboard,
    channel: Channel,
    name: str,
    stop: Callable[[str], bool] | None = None,
    *,
    language: str = "",
) -> str:
    """Play a sound as `SoundPlay` does; the digit that cut it short, or empty."""
    playing = SoundPlay(switchboard, channel, name, stop, language=language)
    await playing.run()
    return playing.digit


def sample_rate(path: Path) -> int:
    """The samples a second of a sound file of that name, as Asterisk counts them.

    WAV is 8 kHz, wav16 16 kHz; G.722 is counted by its RTP clock.
    """
    if path.suffix == ".wav16":
        return 16000
    raw = RAW_FORMATS.get(path.suffix[1:])
    return 8000 if raw is None else raw[1]


async def play_all(
    switchboard: Switchboard,
    channel: Channel,
    names: list[str],
    stop: Callable[[str], bool] | None = None,
    *,
    language: str = "",
    until_missing: bool = False,
    missing: list[str] | None = None,
) -> str:
    """Play several sounds: the digit that cut them short, or empty. Those that cannot be played go to ``missing``.

    ``until_missing``: the first that cannot be played is the last. Raises ChannelInterrupted.
    """
    for name in names:
        try:
            digit = await play(switchboard, channel, name, stop, language=language)
        except SoundMissing as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
            if missing is not None:
                missing.append(name)
            if until_missing:
                break
            continue
        if digit:
            return digit
    return ""


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
