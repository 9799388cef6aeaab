"""Plays classes of music to channels and legs, file after file, until told to stop.

A channel that is put on hold again goes on where its music was (Asterisk: moh_files_state).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core import messages
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError
from pbx.media.music_on_hold.config import DEFAULT_CLASS, Mode, MusicClass, MusicSettings, Sort

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.core.channel import Channel
    from pbx.core.media import AudioLeg, PlaybackHandle, Switchboard

log = Logger()

#: Where a channel keeps its music (`Channel.extra`): what plays, and where it was when it last stopped.
_PLAYING = "music"
_POSITION = "music position"
#: Seconds before the next try when no file of a class could be played.
RETRY_SECONDS = 5.0
#: A file that is over sooner holds nothing to hear: were it begun anew at once, nothing else would ever happen.
LEAST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Position:
    """Where a class was left: the file by its number, and milliseconds into it."""

    music_class: str
    index: int
    offset_ms: int


class LoopedMusic:
    """A class played into one leg, over and over. Implements core's Tune."""

    def __init__(
        self,
        music: MusicClass,
        leg: AudioLeg,
        service: MusicOnHold,
        *,
        alone: bool = False,
        start: Position | None = None,
        language: str = "",
    ) -> None:
        self.music = music
        self._leg = leg
        self._service = service
        self._alone = alone
        self._language = language
        self._order = service.order(music)
        self._index = start.index if start is not None and start.index < len(self._order) else 0
        self._offset_ms = start.offset_ms if start is not None else 0
        self._handle: PlaybackHandle | None = None
        self._waiting: Deferred[None] | None = None
        self._ended = False
        Deferred.fromCoroutine(self._run()).addErrback(
            lambda failure: log.failure("music class {name} failed", failure=failure, name=music.id)
        )

    @property
    def position(self) -> Position:
        """Where it is now."""
        return Position(self.music.id, self._index, 0 if self._handle is None else self._handle.position_ms)

    def _over(self) -> bool:
        """Whether `stop` was called, perhaps while something was waited for."""
        return self._ended

    def _stays(self) -> bool:
        """Whether nothing but the present file follows on it."""
        last = self._index == len(self._order) - 1
        return not self.music.announcement and last and (self.music.loop_last or len(self._order) == 1)

    async def _run(self) -> None:
        misses = 0
        while not self._over():
            if self.music.announcement:
                announcement = self._service.find(self.music.announcement, self._language)
                if announcement is not None:
                    await self._play(announcement, 0)
            if self._over():
                return
            offset, self._offset_ms = self._offset_ms, 0
            played = await self._play(self._order[self._index], offset, loop=self._stays())
            if self._over():
                return
            misses = 0 if played else misses + 1
            if misses >= len(self._order):
                misses = 0
                self._waiting = self._service.clock.sleep(RETRY_SECONDS)
                self._waiting.addErrback(lambda _failure: None)
                await self._waiting
            last = self._index == len(self._order) - 1
            if not (last and self.music.loop_last):
                self._index = 0 if last else self._index + 1

    async def _play(self, path: Path, offset_ms: int, *, loop: bool = False) -> bool:
        """Whether anything was heard."""
        began = self._service.clock.monotonic()
        try:
            self._handle = self._service.switchboard.play(
                self._leg, path, offset_ms=offset_ms, alone=self._alone, loop=loop
            )
        except ObeliskError as error:
            log.warn("music on hold: {error}", error=str(error))
            return False
        try:
            return await self._handle.finished and self._service.clock.monotonic() - began >= LEAST_SECONDS
        finally:
            if not self._over():
                self._handle = None

    def stop(self) -> None:
        """End it. Idempotent."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._handle is not None:
            self._handle.stop()


class MusicOnHold:
    """Implements core's Music."""

    def __init__(self, settings: MusicSettings, bus: Bus, clock: Clock, switchboard: Switchboard) -> None:
        self.settings = settings
        self.clock = clock
        self.switchboard = switchboard
        self._bus = bus
        self._missing: set[str] = set()

    def configure(self, settings: MusicSettings) -> None:
        """Take other classes; what plays goes on until it is stopped."""
        self.settings = settings
        self._missing.clear()

    def find(self, name: str, language: str) -> Path | None:
        """A sound by name."""
        return self.switchboard.find_sound(name, language)

    def order(self, music: MusicClass) -> list[Path]:
        """The files of a class in the order to play them."""
        if music.mode is Mode.PLAYLIST:
            files = [path for name in music.entry if (path := self.find(name, "")) is not None]
        else:
            files = list(music.files)
        if music.sort is Sort.RANDOM:
            random.shuffle(files)
        elif music.sort is Sort.RANDSTART and files:
            first = random.randrange(len(files))
            files = files[first:] + files[:first]
        return files

    def class_of(self, *names: str) -> MusicClass | None:
        """The first of ``names``, then ``default``, that is a class with something to play."""
        for name in (*names, DEFAULT_CLASS):
            if not name:
                continue
            found = self.settings.classes.get(name)
            if found is not None and self.order(found):
                return found
            if name not in self._missing:
                self._missing.add(name)
                log.warn("music on hold class '{name}' not found, or it has no files", name=name)
        return None

    # Music

    def start(self, channel: Channel, suggested: str = "", interpreted: str = "") -> bool:
        if not channel.alive:
            return False
        own = channel.music_class
        first = (own, suggested) if self.settings.general.preferchannelclass else (suggested, own)
        music = self.class_of(*first, interpreted)
        if music is None or (music.answeredonly and channel.state is not ChannelState.UP):
            return False
        present = channel.extra.get(_PLAYING)
        if isinstance(present, LoopedMusic):
            if present.music.id == music.id:
                return True
            self._end(channel, present)
        left = channel.extra.get(_POSITION)
        position = left if isinstance(left, Position) and left.music_class == music.id else None
        tune = LoopedMusic(music, channel.audio, self, alone=True, start=position, language=channel.language)
        if _PLAYING not in channel.extra:
            channel.on_end.append(self.stop)
        channel.extra[_PLAYING] = tune
        if self._bus.wanted(messages.MusicStarted):
            self._bus.publish(messages.MusicStarted(channel.snapshot(), music.id))
        return True

    def stop(self, channel: Channel) -> None:
        present = channel.extra.get(_PLAYING)
        if isinstance(present, LoopedMusic):
            self._end(channel, present)

    def _end(self, channel: Channel, tune: LoopedMusic) -> None:
        channel.extra[_POSITION] = tune.position
        tune.stop()
        channel.extra[_PLAYING] = None
        if self._bus.wanted(messages.MusicStopped):
            self._bus.publish(messages.MusicStopped(channel.snapshot()))

    def play(self, leg: AudioLeg, music_class: str = "") -> LoopedMusic | None:
        music = self.class_of(music_class)
        return None if music is None else LoopedMusic(music, leg, self)
