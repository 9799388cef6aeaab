"""A sound being played into one leg."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.media._native.wav import WavPlayer
from pbx.media.errors import MediaError, SoundError
from pbx.media.mixer import NULL, Band
from pbx.media.wave_file import sound_from_samples

if TYPE_CHECKING:
    from pbx.media.engine import MediaEngine
    from pbx.media.leg import Leg
    from pbx.media.wave_file import Sound

log = Logger()

#: A file is read in pieces of this size, the first by the reactor, others by the conference's clock thread.
BUFFER_BYTES = 512 * 1024


class Playback:
    """Implements core's PlaybackHandle.

    The player is also connected to the mixer's null port, so it advances in real time whether anybody hears it or
    not. The position is the clock's: playing began, minus pauses, within the sound's length.
    """

    def __init__(
        self,
        engine: MediaEngine,
        leg: Leg,
        path: Path,
        offset_ms: int,
        *,
        alone: bool = False,
        loop: bool = False,
        samples: tuple[bytes, int] | None = None,
    ) -> None:
        """Begins with `begin`, or with `begin_later` once a recording of the same file is whole.

        ``samples`` (16 bit, and their rate) are played in place of the file.
        """
        self.path = path
        self.leg = leg
        self.finished: Deferred[bool] = Deferred()
        self.duration_ms = 0
        self._engine = engine
        self._alone = alone
        self._loop = loop
        self._samples = samples
        self._offset_ms = max(0, offset_ms)
        self._player: WavPlayer | None = None
        self._slot = -1
        self._key = 0
        self._over = False
        self._paused = False
        self._played_ms = float(self._offset_ms)
        self._resumed_at = 0.0

    # -- for the engine ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Open the file and start. Raises SoundError."""
        self._key = self._engine.new_key(self)
        try:
            self._open()
        except MediaError as error:
            raise SoundError(f"{self.path}: {error}") from error
        finally:
            if self._slot < 0:
                self._engine.forget_key(self._key)
        self.leg.playbacks.add(self)
        self._resumed_at = self._engine.reactor.seconds()
        if not self._paused:
            self._connect()

    def _open(self) -> None:
        given = self._samples
        sound = self._engine.open_sound(self.path) if given is None else sound_from_samples(*given)
        try:
            self.duration_ms = sound.duration_ms
            player = self._engine.make_player(sound, self._key, BUFFER_BYTES, loop=self._loop)
            try:
                self._seek(sound, player)
                name = b"play " + self.path.name.encode("utf-8", "replace")[:20]
                self._slot = self._engine.mixer.add(player.port, name, Band.EITHER)
            except MediaError:
                player.destroy()
                raise
            self._player = player
        finally:
            sound.close()

    def _seek(self, sound: Sound, player: WavPlayer) -> None:
        if self._offset_ms:
            width = sound.format.bytes_per_second // sound.format.rate
            wanted = self._offset_ms * sound.format.rate // 1000 * width
            last = sound.data_bytes - sound.format.bytes_per_frame
            position = min(wanted, last - last % width)
            player.seek(position)
            self._played_ms = position * 1000 / sound.format.bytes_per_second

    def begin_later(self) -> None:
        """`begin`, told by the `finished` Deferred when it fails."""
        if self._over:
            return
        try:
            self.begin()
        except SoundError as error:
            log.warn("{error}", error=error)
            self._finish(completed=False)

    def ended(self) -> None:
        """PJMEDIA has played the last frame."""
        self._played_ms = self.duration_ms
        self._finish(completed=True)

    # -- PlaybackHandle ------------------------------------------------------------------------------------------

    @property
    def position_ms(self) -> int:
        played = self._played_ms
        if self._player is not None and not self._paused:
            played += (self._engine.reactor.seconds() - self._resumed_at) * 1000
        return int(played) % self.duration_ms if self._loop and self.duration_ms else min(int(played), self.duration_ms)

    def stop(self) -> None:
        """Stop; `finished` gives False. Idempotent."""
        if not self._over:
            self._played_ms = self.position_ms
            self._finish(completed=False)

    def pause(self) -> None:
        if self._over or self._paused:
            return
        self._played_ms = self.position_ms if self._player is not None else self._played_ms
        self._paused = True
        if self._player is not None:
            self._engine.graph.remove_player(self.leg.node, self._slot)
            self._engine.mixer.disconnect(self._slot, NULL)

    def resume(self) -> None:
        if self._over or not self._paused:
            return
        self._paused = False
        self._resumed_at = self._engine.reactor.seconds()
        if self._player is not None:
            self._connect()

    def _connect(self) -> None:
        self._engine.mixer.connect(self._slot, NULL)
        self._engine.graph.add_player(self.leg.node, self._slot, alone=self._alone)

    def _finish(self, *, completed: bool) -> None:
        if self._over:
            return
        self._over = True
        player, self._player = self._player, None
        if player is not None:
            self._engine.forget_key(self._key)
            self.leg.playbacks.discard(self)
            self._engine.graph.remove_player(self.leg.node, self._slot)
            self._engine.mixer.remove(self._slot)
            player.destroy()
        self.finished.callback(completed)
