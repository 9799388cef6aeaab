"""A leg being recorded into a file.

PJMEDIA's writer does not write the file: it writes into a pipe that the reactor reads. So the conference's clock thread
never waits for a disk, headers and formats are ours, and appending works. The writer is connected to the conference's
silence too: a recording advances in real time whether sound arrives or not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pbx.clock import cancel_timer
from pbx.media._native import wav
from pbx.media.errors import MediaError
from pbx.media.mixer import Band
from pbx.media.recording_file import RecordingFile
from pbx.media.wave_file import ALAW, PCM, ULAW

if TYPE_CHECKING:
    from pbx.media.engine import MediaEngine
    from pbx.media.leg import Leg

log = Logger()

#: The writer hands over so much at a time: 128 ms at 8 kHz.
WRITER_BUFFER_BYTES = 2048
#: What the pipe holds while the reactor is busy: 16 s at 8 kHz. Beyond that the clock thread would have to wait.
PIPE_BYTES = 256 * 1024
#: A recording ends by itself at this size: WAV lengths are 32-bit. 37 hours at 8 kHz.
MAX_BYTES = 2**31 - 4096
READ_BYTES = 65536
#: Levels are read so often while silence is awaited.
SILENCE_POLL_SECONDS = 0.06
#: Asterisk's default silence threshold (dsp.conf: mean amplitude 256), on the conference's u-law level scale.
SILENCE_LEVEL = 24
#: Descriptors below 1024 are for RTP sockets, which PJLIB polls with select().
HIGH_DESCRIPTOR = 2048

_ENCODINGS = {PCM: wav.PCM16, ALAW: wav.ALAW, ULAW: wav.ULAW}


def open_writer(engine: MediaEngine, rate: int, encoding: int, buffer_bytes: int) -> tuple[int, wav.WavWriter]:
    """A pipe's reading end, not blocking, and the port that writes into it. Raises MediaError."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    pipe = read_end
    with contextlib.suppress(OSError):  # no descriptor that high is allowed: a low one will do
        pipe = fcntl.fcntl(read_end, fcntl.F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR)
        os.close(read_end)
    with contextlib.suppress(OSError):  # the user's share of pipe memory is used up: the default size will do
        fcntl.fcntl(pipe, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
    try:
        return pipe, engine.make_writer(f"/proc/self/fd/{write_end}", rate, encoding, buffer_bytes)
    except BaseException:
        os.close(pipe)
        raise
    finally:
        os.close(write_end)


@implementer(IReadDescriptor)
class Recording:
    """Implements core's RecordingHandle.

    `stop` returns the length at once. The last tenth of a second is still on its way: the file is whole when `closed`
    fires, one tick (20 ms) later. `MediaEngine.play` of the same path waits for that by itself.
    """

    def __init__(
        self,
        engine: MediaEngine,
        leg: Leg,
        path: Path,
        *,
        both_directions: bool,
        append: bool,
        keep_ms: int | None = None,
    ) -> None:
        """Starts at once. Raises SoundError, or MediaError when the conference is full."""
        self.path = path
        self.leg = leg
        #: Fires with the length in ms when the file is whole.
        self.closed: Deferred[int] = Deferred()
        self._engine = engine
        self._both = both_directions
        self._file = RecordingFile(path, append=append, keep_ms=keep_ms, encoder=engine.make_codec)
        self._before = self._file.source_bytes
        self._header_left = wav.HEADER_BYTES[_ENCODINGS[self._file.source.tag]]
        self._taken = 0
        self._limit: int | None = None
        self._paused = self._muted = False
        self._finished = False
        self._silence_timer: IDelayedCall | None = None
        self._silent_since = 0.0
        #: Seconds of silence heard, and when that was last looked at; 0 when nobody waits for silence.
        self._silence = 0.0
        self._looked_at = 0.0
        self._pipe = -1
        self._writer: wav.WavWriter | None = self._open_writer()
        try:
            self._slot = engine.mixer.add(
                self._writer.port, b"record " + path.name.encode("utf-8", "replace")[:20], Band.EITHER
            )
        except BaseException:
            self._writer.destroy()
            os.close(self._pipe)
            self._file.close()
            raise
        self._connect()
        leg.recordings.add(self)
        engine.reactor.addReader(self)

    def _open_writer(self) -> wav.WavWriter:
        form = self._file.source
        # A writer's buffer must hold a frame of 20 ms.
        room = max(WRITER_BUFFER_BYTES, form.least_bytes)
        try:
            self._pipe, writer = open_writer(self._engine, form.rate, _ENCODINGS[form.tag], room)
        except BaseException:
            self._file.close()
            raise
        return writer

    # -- RecordingHandle -----------------------------------------------------------------------------------------

    @property
    def duration_ms(self) -> int:
        """Length of the file in ms, what was there before an appended recording included."""
        taken = self._writer.data_bytes if self._writer is not None else self._limit or 0
        return (self._before + taken) * 1000 // self._file.source.bytes_per_second

    def set_silence_listener(self, seconds: float, listener: Callable[[], object]) -> None:
        """Call ``listener`` once after ``seconds`` of unbroken silence; a later call replaces it."""
        cancel_timer(self._silence_timer)
        self._silent_since = self._looked_at = self._engine.reactor.seconds()
        self._silence = 0.0
        self._watch_silence(seconds, listener)

    @property
    def silence_ms(self) -> tuple[int, int]:
        """Silence since a listener was set: all of it, and the unbroken part at the end."""
        return round(self._silence * 1000), round((self._looked_at - self._silent_since) * 1000)

    def _look_for_silence(self) -> None:
        now = self._engine.reactor.seconds()
        if self._paused or self._muted or self._engine.mixer.level_to(self._slot) >= SILENCE_LEVEL:
            self._silent_since = now
        else:
            self._silence += now - self._looked_at
        self._looked_at = now

    def _watch_silence(self, seconds: float, listener: Callable[[], object]) -> None:
        self._silence_timer = None
        if self._writer is None:
            return
        self._look_for_silence()
        if self._silent_since < self._looked_at and self._looked_at - self._silent_since >= seconds:
            listener()
            return
        self._silence_timer = self._engine.reactor.callLater(
            SILENCE_POLL_SECONDS, self._watch_silence, seconds, listener
        )

    def pause(self) -> None:
        if self._writer is not None and not self._paused:
            self._paused = True
            self._engine.graph.remove_recorder(self.leg.node, self._slot)

    def resume(self) -> None:
        if self._writer is not None and self._paused:
            self._paused = False
            self._connect()

    def mute(self, muted: bool) -> None:
        self._muted = muted
        if self._writer is not None and not self._paused:
            self._connect()

    def _connect(self) -> None:
        self._engine.graph.add_recorder(self.leg.node, self._slot, both=self._both, muted=self._muted)

    def stop(self, rewind_ms: int = 0) -> int:
        """End the recording and return its length in ms; see the class for when the file is whole. Idempotent.

        ``rewind_ms`` of what was taken last are left out, such as the beginning of a digit.
        """
        writer = self._writer
        if writer is not None:
            self._limit = max(0, writer.data_bytes - self._file.source.bytes_of(rewind_ms))
            self._writer = None
            cancel_timer(self._silence_timer)
            self._engine.graph.remove_recorder(self.leg.node, self._slot)
            self._engine.mixer.remove(self._slot)
            self.leg.recordings.discard(self)
            self._engine.closing_recordings[self.path] = self
            writer.destroy()
        return self.duration_ms

    def finish_now(self) -> None:
        """Close the file with what has arrived: another recording of the same file begins. Up to 0.4 s may be lost."""
        self.doRead()
        self._finish()

    # -- IReadDescriptor -----------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._pipe

    def logPrefix(self) -> str:
        return f"recording {self.path.name}"

    def doRead(self) -> Failure | None:
        """Carry what the writer wrote into the file."""
        while not self._finished:
            try:
                data = os.read(self._pipe, READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return None
            except OSError as error:
                log.error("{path}: {error}", path=self.path, error=error)
                data = b""
            if not data:
                self._finish()
            else:
                self._take(data)
        return None

    def connectionLost(self, reason: Failure) -> None:
        self._finish()

    def _take(self, data: bytes) -> None:
        if self._header_left:
            skipped = min(self._header_left, len(data))
            self._header_left -= skipped
            data = data[skipped:]
        if self._limit is not None:
            data = data[: max(0, self._limit - self._taken)]
        if not data:
            return
        self._taken += len(data)
        try:
            self._file.write(data)
        except (OSError, MediaError) as error:
            log.error("{path}: recording ends: {error}", path=self.path, error=str(error))
            self._limit = 0
            self.stop()
        if self._file.data_bytes > MAX_BYTES:
            log.warn("{path}: recording ends: the file is full", path=self.path)
            self.stop()

    def _finish(self) -> None:
        """The writer has closed its end: everything has arrived."""
        if self._finished:
            return
        self._finished = True
        self.stop()
        if self._limit is not None and self._taken > self._limit:
            self._file.cut(self._taken - self._limit)
            self._taken = self._limit
        self._limit = self._taken
        self._engine.reactor.removeReader(self)
        os.close(self._pipe)
        try:
            self._file.close()
        except (OSError, MediaError) as error:
            log.error("{path}: {error}", path=self.path, error=str(error))
        if self._engine.closing_recordings.get(self.path) is self:
            del self._engine.closing_recordings[self.path]
        self.closed.callback(self.duration_ms)
