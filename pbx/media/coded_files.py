"""Kinds of sound files whose audio is coded in frames: .gsm, .g722, .ilbc, and .WAV or .wav49. Pure.

The last is WAV with GSM in it as Microsoft packs it (format tag 49): two frames of 260 bits make 65 bytes, the lowest
bit of each parameter first, where RFC 3551 section 4.5.8.1 has each in 33 bytes, the highest bit first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from pbx.media.formats import FORMATS, Format

#: WAV's format tag of GSM, its block and what a block holds.
GSM_WAVE = 49
GSM_BLOCK_BYTES = 65
_GSM_BLOCK_SAMPLES = 320
_GSM_FRAME_BYTES = 33
#: Bits of a frame's parameters, in order: eight log area ratios, then four subframes.
_GSM_WIDTHS = (6, 6, 5, 5, 4, 4, 3, 3) + 4 * (7, 2, 2, 6, *(13 * (3,)))
_GSM_BITS = sum(_GSM_WIDTHS)
_GSM_SIGNATURE = 0xD
_MASK = (1 << _GSM_BITS) - 1


@dataclass(frozen=True, slots=True)
class CodedFormat:
    """How a kind of file is coded. Its smallest part is a unit: a frame of the codec, or two of them packed as one."""

    codec: Format
    #: Bytes of a frame as the codec makes it.
    frame_bytes: int
    #: Longest file that is played, in seconds: decoding holds up the reactor. It was measured at 17,000 times real
    #: time for GSM, 1,000 times where it is packed, and 800 times for G.722.
    longest_seconds: int
    #: Whether it is WAV, with GSM packed two frames at a time.
    wave: bool = False

    @property
    def unit_frames(self) -> int:
        return 2 if self.wave else 1

    @property
    def unit_bytes(self) -> int:
        return GSM_BLOCK_BYTES if self.wave else self.frame_bytes

    @property
    def unit_ms(self) -> int:
        return self.codec.frame_ms * self.unit_frames

    def packed(self, frames: bytes) -> bytes:
        """Whole units of the codec's frames, as the file has them."""
        return pack_gsm(frames) if self.wave else frames

    def unpacked(self, units: bytes) -> bytes:
        """Undo `packed`."""
        return unpack_gsm(units) if self.wave else units


class Codec(Protocol):
    """`pbx.media._native.codec.Codec` as files use it."""

    def decode(self, data: bytes) -> bytes: ...
    def encode(self, samples: bytes) -> bytes: ...
    def close(self) -> None: ...


_GSM_IN_WAVE = CodedFormat(FORMATS["gsm"], _GSM_FRAME_BYTES, 120, wave=True)
#: By extension.
CODED = {
    "gsm": CodedFormat(FORMATS["gsm"], _GSM_FRAME_BYTES, 1800),
    "g722": CodedFormat(FORMATS["g722"], 80, 120),
    "ilbc": CodedFormat(FORMATS["ilbc"], 50, 120),
    "WAV": _GSM_IN_WAVE,
    "wav49": _GSM_IN_WAVE,
}


def pack_gsm(frames: bytes) -> bytes:
    """Frames of 33 bytes, an even number of them, as Microsoft packs them."""
    packed = bytearray()
    for start in range(0, len(frames) - _GSM_FRAME_BYTES, 2 * _GSM_FRAME_BYTES):
        block = shift = 0
        for frame in (start, start + _GSM_FRAME_BYTES):
            bits = int.from_bytes(frames[frame : frame + _GSM_FRAME_BYTES], "big")
            place = _GSM_BITS
            for width in _GSM_WIDTHS:
                place -= width
                block |= (bits >> place & (1 << width) - 1) << shift
                shift += width
        packed += block.to_bytes(GSM_BLOCK_BYTES, "little")
    return bytes(packed)


def unpack_gsm(blocks: bytes) -> bytes:
    """Undo `pack_gsm`; a broken rest is left out."""
    frames = bytearray()
    for start in range(0, len(blocks) - GSM_BLOCK_BYTES + 1, GSM_BLOCK_BYTES):
        block = int.from_bytes(blocks[start : start + GSM_BLOCK_BYTES], "little")
        for packed in (block & _MASK, block >> _GSM_BITS):
            bits, left = _GSM_SIGNATURE, packed
            for width in _GSM_WIDTHS:
                bits = bits << width | left & (1 << width) - 1
                left >>= width
            frames += bits.to_bytes(_GSM_FRAME_BYTES, "big")
    return bytes(frames)


#: Bytes before the data of WAV with GSM.
GSM_HEADER_BYTES = 60


def gsm_header(data_bytes: int) -> bytes:
    """The header of a WAV file with so many bytes of GSM."""
    samples = data_bytes // GSM_BLOCK_BYTES * _GSM_BLOCK_SAMPLES
    rate = FORMATS["gsm"].sample_rate
    return struct.pack(
        "<4sI4s4sIHHIIHHHH4sII4sI",
        b"RIFF",
        GSM_HEADER_BYTES - 8 + data_bytes,
        b"WAVE",
        b"fmt ",
        20,
        GSM_WAVE,
        1,
        rate,
        rate * GSM_BLOCK_BYTES // _GSM_BLOCK_SAMPLES,
        GSM_BLOCK_BYTES,
        0,
        2,
        _GSM_BLOCK_SAMPLES,
        b"fact",
        4,
        samples,
        b"data",
        data_bytes,
    )
