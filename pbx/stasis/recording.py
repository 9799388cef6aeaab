"""Recordings: live ones, of a channel or a whole bridge, and the stored files they leave behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.media import RecordingHandle, Switchboard
from pbx.errors import ObeliskError
from pbx.media.recording_file import RECORDABLE
from pbx.stasis.errors import BadFormat, BadName, NameInUse, NotRecording
from pbx.stasis.events import StasisEvent
from pbx.stasis.media_uri import inside
from pbx.stasis.target import MediaTarget

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock

log = Logger()

#: Stored recordings that one listing names.
MAX_LISTED = 10_000
#: What may end a recording, by the words of ``terminateOn``.
TERMINATORS = {"none": "", "any": "0123456789*#ABCD", "*": "*", "#": "#"}
#: So much of the silence at the end is no silence yet.
KEPT_SILENCE_MS = 200
IF_EXISTS = ("fail", "overwrite", "append")


class RecordingState(Enum):
    """The words of the wire."""

    QUEUED = "queued"
    RECORDING = "recording"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class LiveRecordingSnapshot:
    """A recording at one moment; ``duration`` is seconds, once it has ended."""

    name: str
    format: str
    target_uri: str
    state: str
    duration: int | None = None
    #: Of the duration, when silence was to end it.
    talking_duration: int | None = None
    cause: str = ""

    def fields(self) -> dict[str, object]:
        """As ARI prints it, in order."""
        found: dict[str, object] = {
            "name": self.name,
            "format": self.format,
            "state": self.state,
            "target_uri": self.target_uri,
        }
        if self.cause:
            found["cause"] = self.cause
        if self.duration is not None:
            found["duration"] = self.duration
            if self.talking_duration is not None:
                found["talking_duration"] = self.talking_duration
                found["silence_duration"] = self.duration - self.talking_duration
        return found


@dataclass(frozen=True, slots=True)
class RecordingOrder:
    """What to record; times are seconds, 0 for no limit. The words are ARI's."""

    name: str
    format: str
    max_duration: int = 0
    max_silence: int = 0
    if_exists: str = "fail"
    beep: bool = False
    terminate_on: str = "none"


class LiveRecording:
    """One recording under way. Made by `LiveRecordings.record`."""

    def __init__(self, recordings: LiveRecordings, order: RecordingOrder, target: MediaTarget, path: Path) -> None:
        self._recordings = recordings
        self._order = order
        self._target = target
        self._path = path
        self.name = order.name
        self.state = RecordingState.QUEUED
        self._duration: int | None = None
        self._talking_duration: int | None = None
        #: Whether silence at the end is left out: the order's own limits ended it.
        self._trims = False
        self._cause = ""
        self._handle: RecordingHandle | None = None
        self._done: Deferred[None] = Deferred()
        self._outcome = RecordingState.DONE

    def snapshot(self) -> LiveRecordingSnapshot:
        return LiveRecordingSnapshot(
            self.name,
            self._order.format,
            self._target.uri,
            self.state.value,
            self._duration,
            self._talking_duration,
            self._cause,
        )

    async def run(self) -> None:
        """Record. Called by the target's queue when it is this recording's turn."""
        timer: IDelayedCall | None = None
        self._target.recordings += 1
        self._target.digit_listeners.append(self._digit)
        try:
            if self._order.beep:
                await self._beep()
            if not self._done.called:
                timer = self._begin()
                await self._done
        except ObeliskError as error:
            self._outcome, self._cause = RecordingState.FAILED, str(error)
            log.warn("{target}: {error}", target=self._target.uri, error=str(error))
        finally:
            cancel_timer(timer)
            self._target.digit_listeners.remove(self._digit)
            self._target.recordings -= 1
            await self._finish()

    async def _beep(self) -> None:
        switchboard = self._recordings.switchboard
        path = switchboard.find_sound("beep", self._target.language())
        if path is not None:
            handle = switchboard.play(self._target.leg, path)
            self._done.addCallback(lambda _nothing: handle.stop())
            await handle.finished

    def _begin(self) -> IDelayedCall | None:
        append = self._order.if_exists == "append"
        handle = self._recordings.switchboard.record(self._target.leg, self._path, append=append)
        self._handle = handle
        handle.closed.addCallback(self._file_closed)
        if self._order.max_silence:
            handle.set_silence_listener(self._order.max_silence, self._limit_reached)
        self.state = RecordingState.RECORDING
        self._recordings.publish(self, "RecordingStarted")
        if not self._order.max_duration:
            return None
        return self._recordings.clock.call_later(self._order.max_duration, self._limit_reached)

    def _limit_reached(self) -> None:
        self._trims = True
        self.stop()

    def _file_closed(self, length_ms: int) -> int:
        """Media may end a recording by itself: the disk is full, the file as long as a file may be."""
        self.stop()
        return length_ms

    async def _finish(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._measure(handle)
            await handle.closed
        if self._outcome is RecordingState.CANCELED:
            self._path.unlink(missing_ok=True)
        self.state = self._outcome
        if self.stop in self._target.stoppers:
            self._target.stoppers.remove(self.stop)
        self._recordings.ended(self)
        failed = self.state is RecordingState.FAILED
        self._recordings.publish(self, "RecordingFailed" if failed else "RecordingFinished")

    def _measure(self, handle: RecordingHandle) -> None:
        """End it and count its seconds. As Asterisk does: silence at the end never counts, but stays in what an
        application stopped."""
        silence, at_end = (max(0, each - KEPT_SILENCE_MS) for each in handle.silence_ms)
        whole = handle.duration_ms
        kept = handle.stop(at_end if self._trims else 0)
        self._duration = round((kept if self._trims else max(0, kept - at_end)) / 1000)
        if self._order.max_silence:
            self._talking_duration = min(self._duration, round(max(0, whole - silence) / 1000))

    def _digit(self, digit: str) -> None:
        if digit in TERMINATORS[self._order.terminate_on]:
            self._limit_reached()

    def stop(self) -> None:
        """End the recording and keep the file. Idempotent."""
        if not self._done.called:
            self._done.callback(None)

    def cancel(self) -> None:
        """End the recording and throw the file away."""
        self._outcome = RecordingState.CANCELED
        self.stop()

    def pause(self) -> None:
        """Leave out what is said from now on. Raises NotRecording."""
        self._running().pause()
        self.state = RecordingState.PAUSED

    def unpause(self) -> None:
        """Go on recording. Raises NotRecording."""
        self._running().resume()
        self.state = RecordingState.RECORDING

    def mute(self, muted: bool) -> None:
        """Record silence from now on, or what is said again. Raises NotRecording."""
        self._running().mute(muted)

    def _running(self) -> RecordingHandle:
        if self._handle is None:
            raise NotRecording("Recording not in session")
        return self._handle


class LiveRecordings:
    """The recordings under way and waiting, by name."""

    def __init__(
        self, clock: Clock, switchboard: Switchboard, root: Path, publish: Callable[[StasisEvent], object]
    ) -> None:
        self.clock = clock
        self.switchboard = switchboard
        self._root = root
        self._publish = publish
        self._by_name: dict[str, LiveRecording] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> LiveRecording | None:
        return self._by_name.get(name)

    def record(self, target: MediaTarget, order: RecordingOrder) -> LiveRecordingSnapshot:
        """Queue a recording and give it as it was then.

        Raises BadFormat, BadName, NameInUse for a recording that exists, StasisError when the target's queue is full.
        """
        if order.format not in RECORDABLE:
            raise BadFormat("specified format is unknown on this system")
        path = inside(self._root, order.name)
        path = path.with_name(f"{path.name}.{order.format}")
        taken = order.name in self._by_name
        if taken or (order.if_exists == "fail" and stored_path(self._root, order.name) is not None):
            raise NameInUse(f"Recording '{order.name}' already exists and can not be overwritten")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadName(f"Recording name invalid: {error.strerror}") from error
        recording = LiveRecording(self, order, target, path)
        queued = recording.snapshot()
        self._by_name[order.name] = recording
        target.stoppers.append(recording.stop)
        try:
            target.queue.put(recording.run)
        except ObeliskError:
            target.stoppers.remove(recording.stop)
            del self._by_name[order.name]
            raise
        return queued

    def ended(self, recording: LiveRecording) -> None:
        """Forget a recording that is over."""
        self._by_name.pop(recording.name, None)

    def publish(self, recording: LiveRecording, kind: str) -> None:
        """Tell the target's subscribers."""
        snapshot = recording.snapshot()
        self._publish(StasisEvent(kind, self.clock.now(), (("recording", snapshot),), (snapshot.target_uri,)))


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording on disk."""

    name: str
    format: str
    path: Path

    def fields(self) -> dict[str, object]:
        """As ARI prints it, in order."""
        return {"name": self.name, "format": self.format}


def stored_path(root: Path, name: str) -> Path | None:
    """The file of a recording's name, whatever its format, or None. Raises BadName."""
    base = inside(root, name)
    for kind in sorted(RECORDABLE):
        path = base.with_name(f"{base.name}.{kind}")
        if path.is_file():
            return path
    return None


class StoredRecordings:
    """The files below the recordings' directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __iter__(self) -> Iterator[StoredRecording]:
        """By name, at most MAX_LISTED; links that lead out of the directory are left out."""
        if not self.root.is_dir():
            return
        count = 0
        for path in sorted(self.root.rglob("*")):
            kind = path.suffix[1:]
            if kind in RECORDABLE and path.is_file() and not path.is_symlink():
                yield StoredRecording(str(path.relative_to(self.root).with_suffix("")), kind, path)
                count += 1
                if count >= MAX_LISTED:
                    return

    def find(self, name: str) -> StoredRecording | None:
        """By name; None also for a name that could not be one."""
        try:
            path = stored_path(self.root, name)
        except BadName:
            return None
        return None if path is None else StoredRecording(name, path.suffix[1:], path)

    def copy(self, recording: StoredRecording, name: str) -> StoredRecording:
        """Copy under another name. Raises NameInUse, BadName, OSError."""
        if stored_path(self.root, name) is not None:
            raise NameInUse("A recording with the same name already exists on the system")
        target = inside(self.root, name)
        target = target.with_name(f"{target.name}.{recording.format}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(recording.path, target)
        return StoredRecording(name, recording.format, target)

    @staticmethod
    def delete(recording: StoredRecording) -> None:
        """Remove the file. Raises OSError."""
        recording.path.unlink(missing_ok=True)
