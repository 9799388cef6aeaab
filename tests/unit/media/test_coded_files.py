"""GSM as Microsoft packs it, two frames of 33 bytes in 65."""

from __future__ import annotations

import random

import pytest

from pbx.media.coded_files import CODED, GSM_BLOCK_BYTES, GSM_HEADER_BYTES, gsm_header, pack_gsm, unpack_gsm


def frames(number: int) -> bytes:
    chance = random.Random(number)
    return b"".join(bytes([0xD0 | chance.randrange(16)]) + chance.randbytes(32) for _ in range(number))


def test_what_was_packed_is_found_again() -> None:
    given = frames(6)
    packed = pack_gsm(given)
    assert len(packed) == 3 * GSM_BLOCK_BYTES
    assert unpack_gsm(packed) == given
    assert unpack_gsm(packed + b"rest") == given
    assert pack_gsm(b"") == unpack_gsm(b"") == b""


def test_parameters_are_packed_by_their_lowest_bits() -> None:
    """The first log area ratio has 6 bits: behind the signature in a frame, at the bottom of a block's first byte."""
    first = bytearray(33)
    first[0], first[1] = 0xD0 | 0b1011, 0b01 << 6
    packed = pack_gsm(bytes(first) + bytes([0xD0]) + bytes(32))
    assert packed[0] == 0b101101
    assert not any(packed[1:])
    second = bytes([0xD0]) + bytes(32) + bytes(first)
    assert pack_gsm(second)[32] == 0b1101 << 4
    assert pack_gsm(second)[33] == 0b10


@pytest.mark.parametrize(("extension", "unit", "milliseconds"), [("gsm", 33, 20), ("WAV", 65, 40), ("ilbc", 50, 30)])
def test_units(extension: str, unit: int, milliseconds: int) -> None:
    assert (CODED[extension].unit_bytes, CODED[extension].unit_ms) == (unit, milliseconds)


def test_the_header_of_wav_with_gsm() -> None:
    made = gsm_header(130)
    assert len(made) == GSM_HEADER_BYTES
    assert made[:4] + made[8:16] == b"RIFFWAVEfmt "
    assert int.from_bytes(made[4:8], "little") == GSM_HEADER_BYTES + 130 - 8
    assert int.from_bytes(made[48:52], "little") == 640
    assert int.from_bytes(made[56:60], "little") == 130
