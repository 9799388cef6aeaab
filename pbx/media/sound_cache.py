"""Coded sound files (.gsm, .g722) made playable, and remembered: a prompt is decoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from pbx.media.errors import SoundError
from pbx.media.formats import FORMATS, Format
from pbx.media.wave_file import Sound, open_sound, sound_from_samples

#: Extension, format, bytes of one frame, longest file in seconds. Decoding holds up the reactor: it was measured at
#: 17,000 times real time for GSM and 800 times for G.722, so these lengths take 0.1 and 0.15 s, once.
_CODED = {"gsm": (FORMATS["gsm"], 33, 1800), "g722": (FORMATS["g722"], 80, 120)}
#: Decoded sounds kept, in bytes: 35 minutes at 8 kHz.
MAX_KEPT_BYTES = 32 * 1024 * 1024

#: Samples of (format, data, bytes of a frame).
Decoder = Callable[[Format, bytes, int], bytes]


class SoundCache:
    """Opens any sound file; those that must be decoded come from memory the next time, until the file changes."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._kept_bytes = 0

    def open(self, path: Path) -> Sound:
        """Raises SoundError naming the file."""
        coded = _CODED.get(path.suffix[1:])
        if coded is None:
            return open_sound(path)
        return sound_from_samples(self._samples(path, *coded), coded[0].sample_rate)

    def _samples(self, path: Path, form: Format, frame_bytes: int, longest: int) -> bytes:
        try:
            status = path.stat()
            if not path.is_file():
                raise SoundError(f"{path}: not a regular file")
            if status.st_size // frame_bytes * form.frame_ms > longest * 1000:
                raise SoundError(f"{path}: longer than {longest} seconds")
            key = (path, status.st_mtime_ns, status.st_size)
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
            data = path.read_bytes()
        except OSError as error:
            raise SoundError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise SoundError(f"{str(path)!r}: {error}") from error
        samples = self._decoder(form, data, frame_bytes)
        self._kept[key] = samples
        self._kept_bytes += len(samples)
        while self._kept_bytes > MAX_KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return samples
