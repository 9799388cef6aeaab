"""Playbacks: a list of media URIs played one after the other to a channel or a bridge, and steered meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.media import PlaybackHandle, Switchboard
from pbx.core.messages import PlaybackControlled
from pbx.errors import ObeliskError
from pbx.stasis.errors import BadName, NameInUse, NotPlaying
from pbx.stasis.events import StasisEvent
from pbx.stasis.media_uri import sounds_of
from pbx.stasis.target import MediaTarget

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.media.tones import Tones

log = Logger()

#: Media URIs of one playback, and the length of an id that a client chooses.
MAX_MEDIA = 128
MAX_ID = 255
#: Milliseconds that ``forward`` and ``reverse`` move unless told otherwise.
DEFAULT_SKIP_MS = 3000
#: The scheme of tones among media URIs.
TONE = "tone:"


class PlaybackState(Enum):
    """The words of the wire."""

    QUEUED = "queued"
    PLAYING = "playing"
    PAUSED = "paused"
    CONTINUING = "continuing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlaybackSnapshot:
    """A playback at one moment."""

    id: str
    media_uri: str
    next_media_uri: str | None
    target_uri: str
    language: str
    state: str

    def fields(self) -> dict[str, object]:
        """As ARI prints it, in order."""
        found: dict[str, object] = {"id": self.id, "media_uri": self.media_uri}
        if self.next_media_uri is not None:
            found["next_media_uri"] = self.next_media_uri
        found |= {"target_uri": self.target_uri, "language": self.language, "state": self.state}
        return found


@dataclass(frozen=True, slots=True)
class PlaybackOrder:
    """What to play: ``offset_ms`` into the first sound, in steps of ``skip_ms`` when told to move."""

    media: Sequence[str]
    language: str = ""
    offset_ms: int = 0
    skip_ms: int = DEFAULT_SKIP_MS
    id: str = ""


class Playback:
    """One playback. Made by `Playbacks.play`."""

    def __init__(self, playbacks: Playbacks, order: PlaybackOrder, target: MediaTarget) -> None:
        self._playbacks = playbacks
        self._order = order
        self._target = target
        self.id = order.id or str(uuid.uuid4())
        self.language = order.language or target.language()
        self.state = PlaybackState.QUEUED
        self._index = 0
        self._handle: PlaybackHandle | None = None
        self._seek: int | None = None
        self._paused = False
        self._stopped = False

    def snapshot(self) -> PlaybackSnapshot:
        media = self._order.media
        following = media[self._index + 1] if self._index + 1 < len(media) else None
        return PlaybackSnapshot(
            self.id, media[self._index], following, self._target.uri, self.language, self.state.value
        )

    def _over(self) -> bool:
        """Whether `stop` was called, perhaps while something was played."""
        return self._stopped

    async def run(self) -> None:
        """Play everything. Called by the target's queue when it is this playback's turn."""
        complete = True
        self._target.before_play()
        try:
            for index in range(len(self._order.media)):
                if self._stopped:
                    break
                self._index = index
                self._enter(PlaybackState.PLAYING)
                complete = await self._play_uri(self._order.media[index])
                if not self._over() and index + 1 < len(self._order.media):
                    # Told at the end of each but the last, with what has just been played.
                    self._enter(PlaybackState.CONTINUING)
        finally:
            self._playbacks.ended(self)
            if self.stop in self._target.stoppers:
                self._target.stoppers.remove(self.stop)
            self._enter(PlaybackState.DONE if complete or self._stopped else PlaybackState.FAILED)

    def _enter(self, state: PlaybackState) -> None:
        self.state = state
        self._playbacks.publish(self, self._target)

    async def _play_uri(self, uri: str) -> bool:
        if uri.startswith(TONE):
            return await self._play_tone(uri.removeprefix(TONE))
        try:
            names = sounds_of(uri, self._playbacks.recordings)
        except ValueError as error:
            log.warn("{target}: {error}", target=self._target.uri, error=str(error))
            return False
        complete = True
        offset = self._order.offset_ms
        for name in names:
            path = self._playbacks.switchboard.find_sound(name, self.language)
            if path is None:
                log.warn("{target}: {name} does not exist in any format", target=self._target.uri, name=name)
                complete = False
            elif not self._stopped:
                complete = await self._play_file(path, offset) and complete
            offset = 0
        return complete

    async def _play_tone(self, text: str) -> bool:
        """``ring``, ``ring;tonezone=fr`` or ``440+480/1000``: until it ends by itself, or it is stopped."""
        name, _, options = text.partition(";")
        zone = options.partition("tonezone=")[2]
        while True:
            try:
                tone = self._playbacks.tones.play(self._target.leg, name, zone, alone=False)
            except ValueError as error:
                log.warn("{target}: {error}", target=self._target.uri, error=str(error))
                return False
            self._handle = tone
            try:
                complete = await tone.finished
            finally:
                self._handle = None
            # A tone has no places to go to: however it was moved, it begins anew.
            if self._take_seek() is None or self._stopped:
                return complete

    async def _play_file(self, path: Path, offset_ms: int) -> bool:
        while not self._stopped:
            try:
                handle = self._playbacks.switchboard.play(self._target.leg, path, offset_ms=offset_ms)
            except ObeliskError as error:
                log.warn("{target}: {error}", target=self._target.uri, error=str(error))
                return False
            self._handle = handle
            if self._paused:
                handle.pause()
            try:
                complete = await handle.finished
            finally:
                self._handle = None
            target = self._take_seek()
            if target is None:
                return complete
            offset_ms = target
        return False

    def _take_seek(self) -> int | None:
        target, self._seek = self._seek, None
        return target

    def stop(self) -> None:
        """End the playback, or take it out of the queue. Idempotent."""
        self._stopped = True
        if self._handle is not None:
            self._handle.stop()
            self._playbacks.controlled(self._target, "stop", self._order.skip_ms)

    def control(self, operation: str) -> None:
        """``restart``, ``pause``, ``unpause``, ``reverse`` or ``forward``.

        Raises NotPlaying while nothing is played, ValueError for another word.
        """
        steer = OPERATIONS.get(operation)
        if steer is None:
            raise ValueError(f"unknown operation '{operation}'")
        handle = self._handle
        if handle is None or self._stopped:
            raise NotPlaying(f"Can only {operation} while media is playing")
        steer(self, handle)
        self._playbacks.controlled(self._target, operation, self._order.skip_ms)

    def _pause(self, handle: PlaybackHandle) -> None:
        self._paused = True
        self.state = PlaybackState.PAUSED
        handle.pause()

    def _unpause(self, handle: PlaybackHandle) -> None:
        handle.resume()
        if self._paused:
            # Asterisk tells of this as of a start.
            self._paused = False
            self._enter(PlaybackState.PLAYING)

    def _restart(self, handle: PlaybackHandle) -> None:
        self._move(handle, 0)

    def _forward(self, handle: PlaybackHandle) -> None:
        self._move(handle, handle.position_ms + self._order.skip_ms)

    def _reverse(self, handle: PlaybackHandle) -> None:
        self._move(handle, max(0, handle.position_ms - self._order.skip_ms))

    def _move(self, handle: PlaybackHandle, position_ms: int) -> None:
        self._seek = position_ms
        handle.stop()


OPERATIONS: dict[str, Callable[[Playback, PlaybackHandle], None]] = {
    "restart": Playback._restart,
    "pause": Playback._pause,
    "unpause": Playback._unpause,
    "reverse": Playback._reverse,
    "forward": Playback._forward,
}


class Playbacks:
    """The playbacks under way and waiting."""

    def __init__(
        self,
        clock: Clock,
        switchboard: Switchboard,
        recordings: Path,
        publish: Callable[[StasisEvent], object],
        tones: Tones,
        bus: Bus,
    ) -> None:
        self._bus = bus
        self.tones = tones
        self._clock = clock
        self.switchboard = switchboard
        self.recordings = recordings
        self._publish = publish
        self._by_id: dict[str, Playback] = {}

    def __iter__(self) -> Iterator[Playback]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, playback_id: str) -> Playback | None:
        return self._by_id.get(playback_id)

    def play(self, target: MediaTarget, order: PlaybackOrder) -> PlaybackSnapshot:
        """Queue a playback and give it as it was then.

        Raises NameInUse for an id that is taken, BadName for one too long or for no media or too many, StasisError
        when the target's queue is full.
        """
        if not order.media or len(order.media) > MAX_MEDIA:
            raise BadName(f"a playback has 1 to {MAX_MEDIA} media")
        if len(order.id) > MAX_ID:
            raise BadName(f"a playback's id has at most {MAX_ID} characters")
        if order.id in self._by_id:
            raise NameInUse(f"a playback with id '{order.id}' exists already")
        playback = Playback(self, order, target)
        queued = playback.snapshot()
        self._by_id[playback.id] = playback
        target.stoppers.append(playback.stop)
        try:
            target.queue.put(playback.run)
        except ObeliskError:
            target.stoppers.remove(playback.stop)
            del self._by_id[playback.id]
            raise
        return queued

    def ended(self, playback: Playback) -> None:
        """Forget a playback that is over."""
        self._by_id.pop(playback.id, None)

    def controlled(self, target: MediaTarget, operation: str, skip_ms: int) -> None:
        """Say on the bus what a playback was told to do."""
        if self._bus.wanted(PlaybackControlled):
            self._bus.publish(PlaybackControlled(target.leg.name, operation, skip_ms))

    def publish(self, playback: Playback, target: MediaTarget) -> None:
        """Tell the target's subscribers of a playback's state."""
        kind = _EVENTS[playback.state]
        fields = (("playback", playback.snapshot()),)
        self._publish(StasisEvent(kind, self._clock.now(), fields, (target.uri,)))


_EVENTS = {
    PlaybackState.PLAYING: "PlaybackStarted",
    PlaybackState.CONTINUING: "PlaybackContinuing",
    PlaybackState.DONE: "PlaybackFinished",
    PlaybackState.FAILED: "PlaybackFinished",
}
