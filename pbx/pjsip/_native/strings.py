"""pj_str_t in and out. A pj_str_t borrows its bytes: say who keeps them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pbx.pjsip._abi import ffi, open_library

CData = Any


def raw(value: CData) -> bytes:
    """A copy of a pj_str_t's bytes; b"" when empty."""
    length = value.slen
    return ffi.buffer(value.ptr, length)[:] if length > 0 else b""


def text(value: CData) -> str:
    """A copy of a pj_str_t as text; UTF-8, and Latin-1 where it is not."""
    data = raw(value)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def encoded(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8")


def borrowed(value: str | bytes) -> tuple[CData, CData]:
    """(pointer to a pj_str_t, its bytes); both must be kept while C may read them: for arguments that C copies."""
    data = encoded(value)
    kept = ffi.new("char[]", data)
    return ffi.new("pj_str_t *", (kept, len(data))), kept


def dup(pool: CData, value: str | bytes) -> CData:
    """A pointer to a pj_str_t, both it and its bytes in ``pool``; NUL-terminated."""
    data = encoded(value)
    length = len(data)
    memory = open_library().pj_pool_alloc(pool, 16 + length + 1)
    string = ffi.cast("pj_str_t *", memory)
    string.ptr = ffi.cast("char *", memory) + 16
    string.slen = length
    ffi.memmove(string.ptr, data, length)
    string.ptr[length] = b"\0"
    return string


@cache
def _constant(value: bytes) -> tuple[CData, CData]:
    return borrowed(value)


def const(value: bytes) -> CData:
    """A pointer to a pj_str_t that lives as long as the process: for literals only."""
    return _constant(value)[0]
