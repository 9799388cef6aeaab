"""Coded sound files (.gsm, .g722, .ilbc, .WAV) made playable, and remembered: a prompt is decoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from pbx.media.coded_files import CODED, Codec, CodedFormat
from pbx.media.errors import SoundError
from pbx.media.wave_file import Sound, find_data, open_sound, sound_from_samples

#: Decoded sounds kept, in bytes: 35 minutes at 8 kHz.
MAX_KEPT_BYTES = 32 * 1024 * 1024


class SoundCache:
    """Opens any sound file; those that must be decoded come from memory the next time, until the file changes."""

    def __init__(self, decoder: Callable[[CodedFormat], Codec]) -> None:
        self._decoder = decoder
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._kept_bytes = 0

    def open(self, path: Path) -> Sound:
        """Raises SoundError naming the file."""
        coded = CODED.get(path.suffix[1:])
        samples = None if coded is None else self._samples(path, coded)
        if coded is None or samples is None:
            return open_sound(path)
        return sound_from_samples(samples, coded.codec.sample_rate)

    def _samples(self, path: Path, coded: CodedFormat) -> bytes | None:
        """What the file holds, decoded; None where it is WAV of another kind. Raises SoundError."""
        try:
            status = path.stat()
            if not path.is_file():
                raise SoundError(f"{path}: not a regular file")
            key = (path, status.st_mtime_ns, status.st_size)
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
            start, length = 0, status.st_size
            with path.open("rb") as file:
                if coded.wave:
                    found = find_data(file.fileno(), path, length)
                    if not found.is_gsm:
                        return None
                    start, length = found.start, found.length
                if length // coded.unit_bytes * coded.unit_ms > coded.longest_seconds * 1000:
                    raise SoundError(f"{path}: longer than {coded.longest_seconds} seconds")
                file.seek(start)
                data = file.read(length)
        except OSError as error:
            raise SoundError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise SoundError(f"{str(path)!r}: {error}") from error
        decoder = self._decoder(coded)
        try:
            samples = decoder.decode(coded.unpacked(data))
        finally:
            decoder.close()
        self._kept[key] = samples
        self._kept_bytes += len(samples)
        while self._kept_bytes > MAX_KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return samples
