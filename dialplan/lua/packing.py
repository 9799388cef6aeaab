"""Values on their way between scripts and the exchange: numbers, texts, tables of them. Pure.

A letter for the type comes first: ``n`` nil, ``t`` and ``f`` booleans, ``i`` integer of 8 bytes, ``d`` double, ``s``
counted bytes, ``{`` keys and values to ``}``, ``[`` values to ``]``; numbers are little endian. pbx.lua has the other
end.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from pbx.errors import ObeliskError

_INTEGER = struct.Struct("<q")
_DOUBLE = struct.Struct("<d")
_COUNT = struct.Struct("<I")
_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1

_RIGHT_BRACE = ord("}")


class PackingError(ObeliskError):
    """A value that Lua cannot have."""


def unpack_value(packed: bytes) -> Any:
    """The value a script gave: None, bool, int, float, str, or dict for a table."""
    return _take(packed, 0)[0]


def _take(packed: bytes, at: int) -> tuple[Any, int]:
    letter = packed[at : at + 1]
    at += 1
    match letter:
        case b"s":
            (length,) = _COUNT.unpack_from(packed, at)
            end = at + 4 + length
            return packed[at + 4 : end].decode("utf-8", "surrogateescape"), end
        case b"i":
            return _INTEGER.unpack_from(packed, at)[0], at + 8
        case b"d":
            return _DOUBLE.unpack_from(packed, at)[0], at + 8
        case b"t":
            return True, at
        case b"f":
            return False, at
        case b"{":
            found = {}
            while packed[at] != _RIGHT_BRACE:
                key, at = _take(packed, at)
                found[key], at = _take(packed, at)
            return found, at + 1
    return None, at


def as_list(table: Mapping[Any, Any], count: int | None = None) -> list[Any] | None:
    """A table as the list it is, with ``count`` places if given; None when it has other keys than 1, 2, 3 ..."""
    length = len(table) if count is None else count
    if any(key.__class__ is not int or not 1 <= key <= length for key in table):
        return None
    return [table.get(number) for number in range(1, length + 1)]


def pack_value(value: Any) -> bytes:
    """A value for a script: also lists, and anything that has a text (dates, decimals). Raises PackingError."""
    out: list[bytes] = []
    _put(out, value)
    return b"".join(out)


def _put(out: list[bytes], value: Any) -> None:
    if value is None:
        out.append(b"n")
    elif value is True or value is False:
        out.append(b"t" if value else b"f")
    elif isinstance(value, str | bytes):
        text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        out.append(b"s" + _COUNT.pack(len(text)) + text)
    elif isinstance(value, int) and _SMALLEST <= value <= _LARGEST:
        out.append(b"i" + _INTEGER.pack(value))
    elif isinstance(value, int | float):
        out.append(b"d" + _DOUBLE.pack(float(value)))
    elif isinstance(value, list | tuple):
        out.append(b"[")
        for each in value:
            _put(out, each)
        out.append(b"]")
    elif isinstance(value, dict):
        out.append(b"{")
        for key, each in value.items():
            if key is None or key != key:  # noqa: PLR0124 - neither nil nor NaN is a key
                raise PackingError(f"{key!r} cannot be a key of a table")
            _put(out, key)
            _put(out, each)
        out.append(b"}")
    else:
        _put(out, str(value))
