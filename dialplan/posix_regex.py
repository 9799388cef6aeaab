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

#: What GNU's regcomp gives a meaning behind a backslash, as RE2 writes it.
_ESCAPES = {letter: b"\\" + letter for letter in (b"w", b"W", b"s", b"S")}
#: Those among them that match no character. The ends of words are bounds of words: one side is left open.
_BOUNDS = {b"b": rb"\b", b"B": rb"\B", b"<": rb"\b", b">": rb"\b", b"`": b"^", b"'": b"$"}


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
        options.one_line = True
        options.dot_nl = True
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


_TOKEN = re.compile(
    rb"\\(?P<escaped>.?)|\[(?P<bracket>\^?\]?(?:\[[:.=].*?[:.=]\]|[^\]])*)\]|(?P<interval>\{(\d*)(,?)(\d*)\})"
    rb"|(?P<operator>[(|)^$*+?{\[])|(?P<plain>[^\\(|)^$*+?{\[]+)",
    re.DOTALL,
)
#: RE_DUP_MAX.
_MAX_REPEAT = 0x7FFF


class _Translation:
    """A POSIX extended expression in RE2's words; what regcomp refuses is refused, in its words."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._open = 0
        #: Whether there is something that a repetition can follow.
        self._repeatable = False

    def of(self, pattern: bytes) -> bytes:
        for token in _TOKEN.finditer(pattern):
            kind = token.lastgroup
            if kind == "plain":
                self._atom(token[kind])
            elif kind == "bracket":
                # A backslash is a character like others in there.
                self._atom(b"[" + token[kind].replace(b"\\", b"\\\\") + b"]")
            elif kind == "escaped":
                self._escaped(token[kind])
            elif kind == "interval":
                self._interval(token)
            else:
                self._operator(token[0])
        if self._open:
            raise RegexError("Unmatched ( or \\(")
        return b"".join(self.parts)

    def _atom(self, text: bytes) -> None:
        self.parts.append(text)
        self._repeatable = True

    def _bound(self, text: bytes) -> None:
        self.parts.append(text)
        self._repeatable = False

    def _escaped(self, letter: bytes) -> None:
        if not letter:
            raise RegexError("Trailing backslash")
        if letter in _BOUNDS:
            self._bound(_BOUNDS[letter])
        elif b"1" <= letter <= b"9":
            raise RegexError("Invalid back reference")
        else:
            plain = letter if letter.isalnum() or not letter.isascii() else b"\\" + letter
            self._atom(_ESCAPES.get(letter, plain))

    def _interval(self, token: re.Match[bytes]) -> None:
        first, comma, last = token[4], token[5], token[6]
        if not self._repeatable:
            raise RegexError("Invalid preceding regular expression")
        if not first and not comma:
            raise RegexError("Invalid content of \\{\\}")
        low = int(first or b"0")
        high = int(last) if last else None
        if max(low, high or 0) > _MAX_REPEAT:
            raise RegexError("Regular expression too big")
        if high is not None and high < low:
            raise RegexError("Invalid content of \\{\\}")
        self.parts.append(b"{%d%s%s}" % (low, comma, last))

    def _operator(self, letter: bytes) -> None:
        if letter in b"*+?{":
            if not self._repeatable:
                raise RegexError("Invalid preceding regular expression")
            if letter == b"{":
                raise RegexError("Invalid content of \\{\\}")
            self.parts.append(letter)
        elif letter == b"(":
            self._open += 1
            self._bound(letter)
        elif letter == b")":
            # One that closes nothing is a character like others.
            self._atom(letter if self._open else rb"\)")
            self._open = max(0, self._open - 1)
        elif letter == b"[":
            raise RegexError("Unmatched [, [^, [:, [., or [=")
        else:
            self._bound(letter)


def _translate(pattern: bytes) -> bytes:
    if not _SPECIAL.search(pattern):
        return pattern
    return _Translation().of(pattern)


_SPECIAL = re.compile(rb"[\\(|)^$*+?{\[]")
