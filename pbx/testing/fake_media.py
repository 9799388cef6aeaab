"""A switchboard without sound, for tests of dialplans and of the core: it remembers who would hear whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred

from pbx.core.media import AudioLeg, DigitListener
from pbx.media.errors import SoundError
from pbx.media.recording_file import RECORDABLE


class FakeLeg:
    """An `AudioLeg` that keeps what it was told."""

    def __init__(self, switchboard: FakeSwitchboard, name: str) -> None:
        self._switchboard = switchboard
        self.name = name
        self.listener: DigitListener | None = None
        self.digits_sent: list[tuple[str, int]] = []
        self.muted = (False, False)
        self.closed = False
        self.frames_received = 0

    def set_digit_listener(self, listener: DigitListener | None) -> None:
        self.listener = listener

    def send_digit(self, digit: str, duration_ms: int) -> None:
        self.digits_sent.append((digit, duration_ms))

    def set_muted(self, *, inbound: bool, outbound: bool) -> None:
        self.muted = (inbound, outbound)

    def close(self) -> None:
        self.closed = True
        self._switchboard.drop(self)


class FakePlayback:
    """A file that plays until the test finishes or the caller stops it."""

    def __init__(self, sink: AudioLeg, path: Path) -> None:
        self.sink = sink
        self.path = path
        self.finished: Deferred[bool] = Deferred()
        self.position_ms = 0
        self.duration_ms = 0
        self.paused = False
        self.alone = False
        self.loop = False

    def finish(self) -> None:
        """The file has been played to its end."""
        if not self.finished.called:
            self.finished.callback(True)

    def stop(self) -> None:
        if not self.finished.called:
            self.finished.callback(False)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class FakeRecording:
    """A recording that writes nothing."""

    def __init__(self, leg: AudioLeg, path: Path) -> None:
        self.leg = leg
        self.path = path
        self.duration_ms = 0
        self.closed: Deferred[int] = Deferred()
        self.stopped = False
        self.paused = False
        self.muted = False
        #: What was left out at the end.
        self.rewound_ms = 0
        self.silence: tuple[float, Callable[[], object]] | None = None
        self.silence_ms = (0, 0)

    def set_silence_listener(self, seconds: float, listener: Callable[[], object]) -> None:
        self.silence = (seconds, listener)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def mute(self, muted: bool) -> None:
        self.muted = muted

    def stop(self, rewind_ms: int = 0) -> int:
        if not self.stopped:
            self.rewound_ms = rewind_ms
            self.duration_ms = max(0, self.duration_ms - rewind_ms)
        self.stopped = True
        if not self.closed.called:
            self.closed.callback(self.duration_ms)
        return self.duration_ms


class FakeListening:
    """Audio that the test gives by calling ``take``."""

    def __init__(self, leg: AudioLeg, take: Callable[[bytes], object], form: str) -> None:
        self.leg = leg
        self.take = take
        self.form = form
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class FakeSwitchboard:
    """Edges are ``(source, sink)`` pairs of leg names in ``edges``; sounds exist when their name is in ``sounds``."""

    def __init__(self) -> None:
        self.legs: dict[str, FakeLeg] = {}
        self.edges: set[tuple[str, str]] = set()
        self.pipes: set[tuple[str, str]] = set()
        self.taps: set[tuple[str, str]] = set()
        self.voices: set[tuple[str, str]] = set()
        self.playbacks: list[FakePlayback] = []
        self.recordings: list[FakeRecording] = []
        self.listenings: list[FakeListening] = []
        self.sounds: dict[str, Path] = {}
        #: When set, playbacks end as soon as they begin.
        self.instant = False

    def create_leg(self, name: str) -> AudioLeg:
        leg = self.legs[name] = FakeLeg(self, name)
        return leg

    def drop(self, leg: FakeLeg) -> None:
        """A leg has closed."""
        self.edges = {edge for edge in self.edges if leg.name not in edge}
        self.taps = {tap for tap in self.taps if leg.name not in tap}
        self.voices = {voice for voice in self.voices if leg.name not in voice}
        self.pipes = {pipe for pipe in self.pipes if leg.name not in pipe}
        self.legs.pop(leg.name, None)

    def connect(self, source: AudioLeg, sink: AudioLeg) -> None:
        self.edges.add((source.name, sink.name))

    def disconnect(self, source: AudioLeg, sink: AudioLeg) -> None:
        self.edges.discard((source.name, sink.name))

    def join(self, one: AudioLeg, other: AudioLeg) -> None:
        self.connect(one, other)
        self.connect(other, one)

    def part(self, one: AudioLeg, other: AudioLeg) -> None:
        self.disconnect(one, other)
        self.disconnect(other, one)

    def tap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        self.taps.add((leg.name, sink.name))

    def untap(self, leg: AudioLeg, sink: AudioLeg) -> None:
        self.taps.discard((leg.name, sink.name))

    def add_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        self.voices.add((voice.name, host.name))

    def remove_voice(self, voice: AudioLeg, host: AudioLeg) -> None:
        self.voices.discard((voice.name, host.name))

    def pipe(self, one: AudioLeg, other: AudioLeg) -> None:
        self.pipes.add((one.name, other.name))

    def play(
        self, sink: AudioLeg, path: Path, *, offset_ms: int = 0, alone: bool = False, loop: bool = False
    ) -> FakePlayback:
        playback = FakePlayback(sink, path)
        playback.alone = alone
        playback.loop = loop
        playback.position_ms = offset_ms
        self.playbacks.append(playback)
        if self.instant:
            playback.finish()
        return playback

    def play_samples(
        self, sink: AudioLeg, samples: bytes, rate: int, *, alone: bool = False, loop: bool = False
    ) -> FakePlayback:
        return self.play(sink, Path(f"/samples/{len(samples)}"), alone=alone, loop=loop)

    def record(
        self,
        leg: AudioLeg,
        path: Path,
        *,
        both_directions: bool = False,
        append: bool = False,
        keep_ms: int | None = None,
    ) -> FakeRecording:
        if path.suffix[1:] not in RECORDABLE:
            raise SoundError(f"{path}: cannot record {path.suffix} files")
        recording = FakeRecording(leg, path)
        recording.duration_ms = keep_ms or 0
        self.recordings.append(recording)
        return recording

    def listen(self, leg: AudioLeg, take: Callable[[bytes], object], form: str = "slin") -> FakeListening:
        listening = FakeListening(leg, take, form)
        self.listenings.append(listening)
        return listening

    def find_sound(self, name: str, language: str) -> Path | None:
        return self.sounds.get(name)
