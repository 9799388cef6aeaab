"""Sound files as the player can take them: a descriptor on a WAV file whose every field has been looked at.

WAV files of 16-bit PCM, u-law or A-law are played in place. Raw files (Asterisk's .ulaw, .alaw, .sln*) get a header in
an anonymous file in memory. PJMEDIA ends the process over some malformed files, so nothing reaches it unchecked.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pbx.media.coded_files import GSM_BLOCK_BYTES, GSM_WAVE
from pbx.media.errors import SoundError

#: Largest file copied into memory to get a header: an hour of u-law is 29 MB.
MAX_COPIED_BYTES = 64 * 1024 * 1024
#: Largest WAV file: its lengths are 32-bit.
MAX_WAVE_BYTES = 2**31 - 1
#: Chunks looked at before "data".
MAX_CHUNKS = 64
FRAME_MS = 20

PCM, ALAW, ULAW, EXTENSIBLE = 1, 6, 7, 0xFFFE
_BYTES_PER_SAMPLE = {PCM: 2, ALAW: 1, ULAW: 1}
_SILENCE = {PCM: b"\0", ALAW: b"\xd5", ULAW: b"\xff"}

#: Raw formats by file name extension: WAV format tag and sampling rate. All are mono, linear ones little-endian.
RAW_FORMATS: dict[str, tuple[int, int]] = {
    "ulaw": (ULAW, 8000),
    "ul": (ULAW, 8000),
    "mu": (ULAW, 8000),
    "ulw": (ULAW, 8000),
    "pcm": (ULAW, 8000),
    "alaw": (ALAW, 8000),
    "al": (ALAW, 8000),
    "alw": (ALAW, 8000),
    "sln": (PCM, 8000),
    "slin": (PCM, 8000),
    "raw": (PCM, 8000),
    "sln8": (PCM, 8000),
    "sln12": (PCM, 12000),
    "sln16": (PCM, 16000),
    "sln24": (PCM, 24000),
    "sln32": (PCM, 32000),
    "sln44": (PCM, 44100),
    "sln48": (PCM, 48000),
    "sln96": (PCM, 96000),
    "sln192": (PCM, 192000),
}
#: WAV under its names: wav16 is Asterisk's 16 kHz WAV; the last two usually hold GSM (`pbx.media.coded_files`).
WAVE_EXTENSIONS = ("wav", "wav16", "WAV", "wav49")


@dataclass(frozen=True, slots=True)
class WaveFormat:
    """What a WAV file's "fmt " chunk says."""

    tag: int
    channels: int
    rate: int

    @property
    def bytes_per_second(self) -> int:
        return self.rate * self.channels * _BYTES_PER_SAMPLE[self.tag]

    @property
    def bytes_per_frame(self) -> int:
        """Bytes of one 20 ms frame."""
        return self.bytes_per_second * FRAME_MS // 1000

    def bytes_of(self, milliseconds: int) -> int:
        """Bytes of so much time, whole samples."""
        return self.rate * milliseconds // 1000 * (self.bytes_per_second // self.rate)

    @property
    def least_bytes(self) -> int:
        """The shortest data that can be played: PJMEDIA's buffer must hold one frame counted as 16-bit samples."""
        return self.rate * self.channels * 2 * FRAME_MS // 1000

    @property
    def silence(self) -> bytes:
        return _SILENCE[self.tag]


class Sound:
    """An open, checked sound. `close` it; it may be closed as soon as the player has been made."""

    def __init__(self, descriptor: int, form: WaveFormat, data_bytes: int) -> None:
        self.descriptor = descriptor
        self.format = form
        self.data_bytes = data_bytes

    @property
    def path(self) -> str:
        """A name under which PJMEDIA can open the file while it is open here."""
        return f"/proc/self/fd/{self.descriptor}"

    @property
    def duration_ms(self) -> int:
        return self.data_bytes * 1000 // self.format.bytes_per_second

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def header(form: WaveFormat, data_bytes: int) -> bytes:
    """A 44-byte WAV header for so much data."""
    width = _BYTES_PER_SAMPLE[form.tag]
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + data_bytes,
        b"WAVE",
        b"fmt ",
        16,
        form.tag,
        form.channels,
        form.rate,
        form.bytes_per_second,
        width * form.channels,
        width * 8,
        b"data",
        data_bytes,
    )


def open_sound(path: Path) -> Sound:
    """Open and check a sound file. Raises SoundError naming it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SoundError(f"{str(path)!r}: {error}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SoundError(f"{path}: not a regular file")
        extension = path.suffix[1:]
        raw = RAW_FORMATS.get(extension)
        if raw is not None:
            form = WaveFormat(raw[0], 1, raw[1])
            return _copied(descriptor, path, form, 0, status.st_size)
        if extension in WAVE_EXTENSIONS:
            return _open_wave(descriptor, path, status.st_size)
        raise SoundError(f"{path}: no player for .{extension} files")
    except OSError as error:
        os.close(descriptor)
        raise SoundError(f"{path}: {error.strerror}") from error
    except SoundError:
        os.close(descriptor)
        raise


def _open_wave(descriptor: int, path: Path, size: int) -> Sound:
    form, start, length, plain = parse_wave(descriptor, path, size)
    if plain and length >= form.least_bytes:
        return Sound(descriptor, form, length)
    return _copied(descriptor, path, form, start, length)


class WaveData(NamedTuple):
    """Where a WAV file's data is, and what its "fmt " chunk says; ``plain``: whether PJMEDIA finds it as well."""

    form: bytes
    start: int
    length: int
    plain: bool

    @property
    def is_gsm(self) -> bool:
        """Whether it is GSM, two frames a block."""
        tag, channels, _rate, _, align = struct.unpack_from("<HHIIH", self.form)
        return (tag, channels, align) == (GSM_WAVE, 1, GSM_BLOCK_BYTES)


def find_data(descriptor: int, path: Path, size: int) -> WaveData:
    """The chunks of a WAV file that count. Raises SoundError naming it."""
    if size > MAX_WAVE_BYTES:
        raise SoundError(f"{path}: larger than {MAX_WAVE_BYTES} bytes")
    head = os.pread(descriptor, 12, 0)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise SoundError(f"{path}: not a WAV file")
    position, form, plain = 12, None, True
    for _ in range(MAX_CHUNKS):
        chunk = os.pread(descriptor, 8, position)
        if len(chunk) < 8:
            break
        name, length = struct.unpack("<4sI", chunk)
        position += 8
        if name == b"fmt ":
            form = os.pread(descriptor, min(length, 40), position)
            if len(form) < 16:
                raise SoundError(f'{path}: the "fmt " chunk is too short')
        elif name == b"data":
            if form is None:
                raise SoundError(f'{path}: "data" comes before "fmt "')
            return WaveData(form, position, min(length, size - position), plain)
        if length % 2:
            plain = False  # chunks are padded to even lengths, which PJMEDIA's parser does not know
        position += length + length % 2
    raise SoundError(f'{path}: no "data" chunk')


def parse_wave(descriptor: int, path: Path, size: int) -> tuple[WaveFormat, int, int, bool]:
    """Format, start and length of the data, and whether PJMEDIA's own parser reads the file the same way."""
    found = find_data(descriptor, path, size)
    form, usual = _parse_format(found.form, path)
    width = _BYTES_PER_SAMPLE[form.tag] * form.channels
    return form, found.start, found.length - found.length % width, found.plain and usual


def _parse_format(chunk: bytes, path: Path) -> tuple[WaveFormat, bool]:
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    usual = True
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag, usual = struct.unpack_from("<H", chunk, 24)[0], False
    width = _BYTES_PER_SAMPLE.get(tag)
    if width is None or bits != width * 8:
        raise SoundError(f"{path}: only 16-bit PCM, u-law and A-law can be played (format {tag}, {bits} bits)")
    if channels != 1 or align != width:
        raise SoundError(f"{path}: not mono ({channels} channels of {align} bytes)")
    if not 8000 <= rate <= 48000 or rate % 50:
        raise SoundError(f"{path}: {rate} Hz cannot be played")
    return WaveFormat(tag, channels, rate), usual


def _copied(descriptor: int, path: Path, form: WaveFormat, start: int, length: int) -> Sound:
    """A copy in memory with a plain header, long enough to be played. Closes ``descriptor``."""
    width = _BYTES_PER_SAMPLE[form.tag] * form.channels
    length -= length % width
    if length > MAX_COPIED_BYTES:
        raise SoundError(f"{path}: larger than {MAX_COPIED_BYTES} bytes")
    missing = max(0, form.least_bytes - length)
    copy = os.memfd_create("sound", os.MFD_CLOEXEC)
    try:
        os.write(copy, header(form, length + missing))
        offset = start
        while offset < start + length:
            sent = os.sendfile(copy, descriptor, offset, start + length - offset)
            if not sent:
                raise SoundError(f"{path}: the file became shorter while it was read")
            offset += sent
        if missing:
            os.write(copy, form.silence * missing)
    except BaseException:
        os.close(copy)
        raise
    with contextlib.suppress(OSError):
        os.close(descriptor)
    return Sound(copy, form, length + missing)


def sound_from_samples(samples: bytes, rate: int) -> Sound:
    """A sound made of 16-bit little-endian mono samples."""
    form = WaveFormat(PCM, 1, rate)
    samples += bytes(max(0, form.least_bytes - len(samples)))
    copy = os.memfd_create("sound", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(copy), "wb") as file:
            file.write(header(form, len(samples)) + samples)
    except BaseException:
        os.close(copy)
        raise
    return Sound(copy, form, len(samples))
