"""What a leg's far end says, handed to somebody in this process: for programs that hear a call (EAGI).

As a recording, PJMEDIA's writer writes into a pipe that the reactor reads, so that its clock thread never waits. The
writer's C library hands over 4096 bytes at a time: slin comes 256 ms at a time, slin16 128 ms, ulaw and alaw 512 ms.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pbx.media._native import wav
from pbx.media.errors import SoundError
from pbx.media.mixer import Band
from pbx.media.recording import READ_BYTES, open_writer

if TYPE_CHECKING:
    from pbx.media.engine import MediaEngine
    from pbx.media.leg import Leg

log = Logger()

#: What the writer itself keeps, as 16-bit samples.
BUFFER_MS = 40

_FORMS = {
    "slin": (wav.PCM16, 8000),
    "slin16": (wav.PCM16, 16000),
    "ulaw": (wav.ULAW, 8000),
    "alaw": (wav.ALAW, 8000),
}


@implementer(IReadDescriptor)
class Listening:
    """Implements core's ListeningHandle."""

    def __init__(self, engine: MediaEngine, leg: Leg, take: Callable[[bytes], object], form: str) -> None:
        """Starts at once. Raises SoundError for an unknown form, MediaError when the conference is full."""
        found = _FORMS.get(form)
        if found is None:
            raise SoundError(f"{leg.name}: audio cannot be had as {form}")
        encoding, rate = found
        self._engine = engine
        self._leg = leg
        self._take = take
        self._header_left = wav.HEADER_BYTES[encoding]
        self._finished = False
        self._pipe, writer = open_writer(engine, rate, encoding, rate * 2 * BUFFER_MS // 1000)
        self._writer: wav.WavWriter | None = writer
        try:
            self._slot = engine.mixer.add(writer.port, b"listen", Band.EITHER)
        except BaseException:
            writer.destroy()
            os.close(self._pipe)
            raise
        engine.graph.add_recorder(leg.node, self._slot, both=False)
        leg.listenings.add(self)
        engine.reactor.addReader(self)

    def stop(self) -> None:
        """Idempotent. The pipe stays until the writer has closed its end: a write into a closed one would fail."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._engine.graph.remove_recorder(self._leg.node, self._slot)
        self._engine.mixer.remove(self._slot)
        self._leg.listenings.discard(self)
        self._engine.closing_listenings.add(self)
        writer.destroy()

    def fileno(self) -> int:
        return self._pipe

    def logPrefix(self) -> str:
        return f"listening to {self._leg.name}"

    def doRead(self) -> Failure | None:
        """Carry what the writer wrote to whoever listens."""
        while not self._finished:
            try:
                data = os.read(self._pipe, READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return None
            except OSError as error:
                log.error("{name}: listening ends: {error}", name=self._leg.name, error=error)
                data = b""
            if not data:
                self._finish()
                return None
            skipped = min(self._header_left, len(data))
            self._header_left -= skipped
            if len(data) > skipped and self._writer is not None:
                self._take(data[skipped:])
        return None

    def connectionLost(self, reason: Failure) -> None:
        self._finish()

    def _finish(self) -> None:
        """The writer has closed its end."""
        if self._finished:
            return
        self._finished = True
        self.stop()
        self._engine.closing_listenings.discard(self)
        self._engine.reactor.removeReader(self)
        os.close(self._pipe)
