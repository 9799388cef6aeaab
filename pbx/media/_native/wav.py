"""PJMEDIA's WAV player and writer as ports of the conference."""

from __future__ import annotations

import os

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

_NO_LOOP = 1
_PTIME_MS = 20
#: Writer formats.
PCM16, ALAW, ULAW = 0, 1, 2
#: Bytes of header the writer puts before the data.
HEADER_BYTES = {PCM16: 44, ALAW: 56, ULAW: 56}


class WavPlayer:
    """A player port. ``path``: a mono WAV file, long enough and of a kind PJMEDIA plays (wave_file.py)."""

    def __init__(
        self,
        library: PjLibrary,
        path: str,
        *,
        data_bytes: int,
        least_bytes: int,
        buffer_bytes: int,
        eof_callback: CData | None,
        key: int,
    ) -> None:
        """The file is read ``buffer_bytes`` at a time: now, and later by the conference's clock thread.

        ``eof_callback`` is called with ``key`` from PJMEDIA's event thread once everything was played; without one it
        is played again and again.
        """
        self._lib = library.lib
        self._data_bytes = data_bytes
        if data_bytes < least_bytes:
            raise MediaError("the sound is too short to be played")
        scratch = pool(library, b"player")
        made = ffi.new("pjmedia_port **")
        try:
            size = max(least_bytes, min(buffer_bytes, data_bytes))
            status = self._lib.pjmedia_wav_player_port_create(
                scratch, os.fsencode(path), _PTIME_MS, 0 if eof_callback is None else _NO_LOOP, size, made
            )
            check(self._lib, status, "pjmedia_wav_player_port_create")
        finally:
            self._lib.pj_pool_release(scratch)
        self.port: CData = made[0]
        if eof_callback is not None:
            status = self._lib.pjmedia_wav_player_set_eof_cb2(self.port, ffi.cast("void *", key), eof_callback)
            check(self._lib, status, "pjmedia_wav_player_set_eof_cb2")

    def seek(self, position: int) -> None:
        """Go to a byte of the data, before the port is in the conference."""
        if not 0 <= position < self._data_bytes:
            raise MediaError(f"byte {position} is beyond the sound's {self._data_bytes}")
        check(self._lib, self._lib.pjmedia_wav_player_port_set_pos(self.port, position), "wav_player_port_set_pos")

    def destroy(self) -> None:
        """Give up our reference. Once."""
        self._lib.pjmedia_port_destroy(self.port)


class WavWriter:
    """A writer port: WAV header, then 16-bit, u-law or A-law data. The file is whole when the port is gone."""

    def __init__(self, library: PjLibrary, path: str, *, rate: int, encoding: int, buffer_bytes: int) -> None:
        self._lib = library.lib
        samples = rate * _PTIME_MS // 1000
        if buffer_bytes < samples * 2:
            raise MediaError("a writer's buffer must hold one frame")
        scratch = pool(library, b"writer")
        made = ffi.new("pjmedia_port **")
        try:
            status = self._lib.pjmedia_wav_writer_port_create(
                scratch, os.fsencode(path), rate, 1, samples, 16, encoding, buffer_bytes, made
            )
            check(self._lib, status, "pjmedia_wav_writer_port_create")
        finally:
            self._lib.pj_pool_release(scratch)
        self.port: CData = made[0]

    @property
    def data_bytes(self) -> int:
        """Bytes of audio taken so far, those in the buffer included."""
        return int(self._lib.pjmedia_wav_writer_port_get_pos(self.port))

    def destroy(self) -> None:
        """Give up our reference: the conference's clock thread then writes the rest and closes the file. Once."""
        self._lib.pjmedia_port_destroy(self.port)
