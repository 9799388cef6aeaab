"""The files that recordings are written to, by extension: what each wants of the writer, and what it makes of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from pbx.media.coded_files import CODED, GSM_HEADER_BYTES, Codec, CodedFormat, gsm_header
from pbx.media.errors import SoundError
from pbx.media.wave_file import PCM, RAW_FORMATS, WaveFormat, find_data, header, parse_wave

#: So much of a file that is appended to is coded once more for the codec's sake.
RESUMED_MS = 400
_WAVE_RATES = {"wav": 8000, "wav16": 16000}
#: The extensions that can be written.
RECORDABLE = frozenset((*_WAVE_RATES, *RAW_FORMATS, *CODED))


class RecordingFile:
    """The file itself: opened, appended to, and closed with right lengths in its header.

    ``source`` is the audio it takes. All of it is counted in bytes of that, whatever the file is coded in.
    """

    def __init__(
        self,
        path: Path,
        *,
        append: bool,
        keep_ms: int | None = None,
        encoder: Callable[[CodedFormat], Codec],
    ) -> None:
        """Raises SoundError naming the file: unknown extension, cannot be written, or cannot be appended to."""
        self.path = path
        extension = path.suffix[1:]
        self._coded = CODED.get(extension)
        self._wave = extension in _WAVE_RATES
        if self._coded is not None:
            self.source = WaveFormat(PCM, 1, self._coded.codec.sample_rate)
        elif self._wave:
            self.source = WaveFormat(PCM, 1, _WAVE_RATES[extension])
        elif extension in RAW_FORMATS:
            tag, rate = RAW_FORMATS[extension]
            self.source = WaveFormat(tag, 1, rate)
        else:
            raise SoundError(f"{path}: cannot record .{extension} files")
        self.data_bytes = 0
        self._data_start = len(self._header())
        #: What does not fill a unit of coded audio yet.
        self._pending = b""
        self._encoder: Codec | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            self._descriptor = os.open(path, flags if append else flags | os.O_TRUNC, 0o644)
        except OSError as error:
            raise SoundError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise SoundError(f"{str(path)!r}: {error}") from error
        try:
            status = os.fstat(self._descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SoundError(f"{path}: not a regular file")
            self._prepare(status.st_size, keep_ms)
            if self._coded is not None:
                self._encoder = encoder(self._coded)
                self._resume(self._coded, self._encoder)
        except OSError as error:
            os.close(self._descriptor)
            raise SoundError(f"{path}: {error.strerror}") from error
        except BaseException:
            os.close(self._descriptor)
            raise

    def _header(self) -> bytes:
        """What stands before the data, for as much of it as there is."""
        if self._wave:
            return header(self.source, self.data_bytes)
        return gsm_header(self.data_bytes) if self._coded is not None and self._coded.wave else b""

    def _prepare(self, size: int, keep_ms: int | None) -> None:
        if size and self._data_start:
            self._data_start, self.data_bytes = self._found(size)
        elif size:
            self.data_bytes = size
        else:
            os.write(self._descriptor, self._header())
        if self._coded is not None:
            self.data_bytes -= self.data_bytes % self._coded.unit_bytes
        if keep_ms is not None:
            self.data_bytes = min(self.data_bytes, self._bytes_of(keep_ms))
        os.lseek(self._descriptor, self._data_start + self.data_bytes, os.SEEK_SET)

    def _resume(self, coded: CodedFormat, encoder: Codec) -> None:
        """Let the codec remember how the file ends: what is appended then begins without a crack."""
        length = min(self.data_bytes, self._bytes_of(RESUMED_MS))
        end = os.pread(self._descriptor, length, self._data_start + self.data_bytes - length)
        encoder.encode(encoder.decode(coded.unpacked(end)))

    def _found(self, size: int) -> tuple[int, int]:
        """Where the data of the file that is there begins, and its length. Raises SoundError."""
        if self._wave:
            form, start, length, _ = parse_wave(self._descriptor, self.path, size)
            same = form == self.source
        else:
            found = find_data(self._descriptor, self.path, size)
            start, length = found.start, found.length
            same = found.is_gsm and start == GSM_HEADER_BYTES
        if not same or start + length + length % 2 < size:
            raise SoundError(f"{self.path}: cannot append to a file of another format")
        return start, length

    def _bytes_of(self, milliseconds: int) -> int:
        if self._coded is None:
            return self.source.bytes_of(milliseconds)
        return milliseconds // self._coded.unit_ms * self._coded.unit_bytes

    @property
    def _unit_source_bytes(self) -> int:
        """What a unit of coded audio is made of."""
        return 0 if self._coded is None else self.source.bytes_of(self._coded.unit_ms)

    @property
    def source_bytes(self) -> int:
        """How much there is, counted as audio of ``source``."""
        if self._coded is None:
            return self.data_bytes
        return self.data_bytes // self._coded.unit_bytes * self._unit_source_bytes + len(self._pending)

    def write(self, data: bytes) -> None:
        """Add audio. Raises OSError (disk full), MediaError."""
        if self._coded is None or self._encoder is None:
            self._put(data)
            return
        data = self._pending + data
        whole = len(data) - len(data) % self._unit_source_bytes
        self._pending = data[whole:]
        if whole:
            self._put(self._coded.packed(self._encoder.encode(data[:whole])))

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            self.data_bytes += written
            view = view[written:]

    def cut(self, source_bytes: int) -> None:
        """Leave out so much of what was added last; of coded audio a unit that is left in part stays."""
        if self._coded is None:
            self.data_bytes -= source_bytes
            return
        pending = min(len(self._pending), source_bytes)
        self._pending = self._pending[: len(self._pending) - pending]
        self.data_bytes -= (source_bytes - pending) // self._unit_source_bytes * self._coded.unit_bytes

    def close(self) -> None:
        """Write the rest and the lengths, and close. Raises OSError, MediaError."""
        try:
            os.lseek(self._descriptor, self._data_start + self.data_bytes, os.SEEK_SET)
            if self._pending:
                self.write(bytes(self._unit_source_bytes - len(self._pending)))
            os.ftruncate(self._descriptor, self._data_start + self.data_bytes)
            if self._wave:
                end = self._data_start + self.data_bytes
                os.pwrite(self._descriptor, (end - 8).to_bytes(4, "little"), 4)
                os.pwrite(self._descriptor, self.data_bytes.to_bytes(4, "little"), self._data_start - 4)
            else:
                os.pwrite(self._descriptor, self._header(), 0)
        finally:
            os.close(self._descriptor)
            if self._encoder is not None:
                self._encoder.close()
