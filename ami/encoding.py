"""How the manager writes headers: ``Name: value`` and CRLF, with nothing in a value that could end its line."""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN = "<unknown>"

_BREAKS = re.compile(r"[\r\n\0]")
_BREAK_ESCAPES = {"\r": "\\r", "\n": "\\n", "\0": "\\0"}
#: What ast_escape_c escapes.
_C_SPECIAL = re.compile(r"[\a\b\f\n\r\t\v\\'\"?\0]")
_C_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "?": "\\?",
    "\0": "\\0",
}


def clean(value: str) -> str:
    """``value`` with its line breaks and NULs as ``\\n``, ``\\r``, ``\\0``; all else untouched."""
    if _BREAKS.search(value) is None:
        return value
    return _BREAKS.sub(lambda match: _BREAK_ESCAPES[match[0]], value)


def escape_c(value: str) -> str:
    """``value`` as Asterisk's ast_escape_c writes caller names and variables."""
    if _C_SPECIAL.search(value) is None:
        return value
    return _C_SPECIAL.sub(lambda match: _C_ESCAPES[match[0]], value)


def or_unknown(value: str) -> str:
    """``<unknown>`` for an empty value."""
    return value or UNKNOWN


def headers_text(headers: Iterable[tuple[str, str]]) -> str:
    """Headers as lines."""
    return "".join([f"{name}: {clean(value)}\r\n" for name, value in headers])


def to_bytes(text: str) -> bytes:
    """The wire's bytes; what came in undecodable goes out as it came."""
    return text.encode("utf-8", "surrogateescape")
