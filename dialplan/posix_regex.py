"""POSIX extended regular expressions as ``regcomp`` and ``regexec`` have them, over RE2: no pattern takes long. Pure.

The longest of the leftmost matches counts. What the two do not share: RE2 has no back references.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import re2

from pbx.errors import ObeliskError

#: Bytes a compiled pattern may need.
_MAX_MEMORY = 1 << 20
#: Patterns kept compiled.
_KEPT = 256

#: Letters that GNU's regcomp gives a meaning behind a backslash, and RE2 has too.
_ESCAPES = frozenset("wWsSbB")


class RegexError(ObeliskError):
    """A pattern is wrong; the text says how."""


class PosixRegex:
    """A compiled pattern. Offsets and lengths are in bytes."""

    __slots__ = ("_compiled", "groups")

    def __init__(self, pattern: bytes, *, ignore_case: bool = False) -> None:
        """Compile; raises RegexError."""
        options = re2.Options()
        options.posix_syntax = True
        options.longest_match = True
        options.perl_classes = True
        options.word_boundary = True
        options.log_errors = False
        options.case_sensitive = not ignore_case
        options.max_mem = _MAX_MEMORY
        try:
            self._compiled = re2.compile(_translate(pattern), options)
        except re2.error as error:
            reason = error.args[0] if error.args else b"invalid"
            raise RegexError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
        self.groups: int = self._compiled.groups

    def search(self, text: bytes) -> Sequence[tuple[int, int]] | None:
        """The bounds of the first match and of its groups, (-1, -1) for one that took no part; None without a match."""
        found = self._compiled.search(text)
        return None if found is None else [found.span(group) for group in range(self.groups + 1)]


@lru_cache(maxsize=_KEPT)
def compile_posix(pattern: str, *, ignore_case: bool = False) -> PosixRegex:
    """The pattern compiled, or kept from before. Raises RegexError."""
    return PosixRegex(pattern.encode("utf-8", "surrogateescape"), ignore_case=ignore_case)


_PIECE = re.compile(rb"\\(.)|\[(\^?\]?(?:\[[:.=].*?[:.=]\]|[^\]])*)\]", re.DOTALL)


def _translate(pattern: bytes) -> bytes:
    """A backslash is plain inside brackets, and outside it protects letters that have no meaning of their own."""
    if b"\\" not in pattern:
        return pattern

    def piece(match: re.Match[bytes]) -> bytes:
        letter, inside = match[1], match[2]
        if letter is not None:
            return letter if letter.isalnum() and letter.decode("latin-1") not in _ESCAPES else match[0]
        return b"[" + inside.replace(b"\\", b"\\\\") + b"]"

    return _PIECE.sub(piece, pattern)
