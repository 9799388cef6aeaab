"""Regular expressions as dialplans write them: POSIX extended, matched byte by byte in time linear in the text.

RE2 does the matching, so that no expression and no text that a caller sends can hold up the exchange.
"""

from __future__ import annotations

import functools
from typing import Any

from pbx.errors import ObeliskError

#: Length of an expression, in characters.
MAX_EXPRESSION = 4096
#: Compiled expressions kept.
MAX_KEPT = 256


class ExpressionError(ObeliskError):
    """A regular expression is malformed or too long."""


class Regular:
    """A compiled expression."""

    __slots__ = ("_compiled", "groups")

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        #: How many parts in parentheses it has.
        self.groups: int = compiled.groups

    def search(self, text: str) -> tuple[int, int, str | None] | None:
        """The first match anywhere in ``text``: begin and end in bytes, and its first group; None without one."""
        found = self._compiled.search(text.encode("utf-8", "surrogateescape"))
        if found is None:
            return None
        group = found.group(1) if self.groups else None
        return found.start(), found.end(), None if group is None else group.decode("utf-8", "surrogateescape")

    def matches(self, text: str) -> bool:
        """Whether it matches anywhere in ``text``."""
        return self._compiled.search(text.encode("utf-8", "surrogateescape")) is not None


@functools.lru_cache(maxsize=MAX_KEPT)
def compile_expression(text: str, *, ignore_case: bool = False) -> Regular:
    """Compile, or find what was compiled before. Raises ExpressionError."""
    import re2  # at the first use: most dialplans have none

    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"a regular expression of {len(text)} characters is longer than {MAX_EXPRESSION}")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.longest_match = True
    options.case_sensitive = not ignore_case
    options.dot_nl = True
    try:
        return Regular(re2.compile(text.encode("utf-8", "surrogateescape"), options))
    except re2.error as error:
        reason = error.args[0] if error.args else error
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ExpressionError(f"malformed regular expression '{text}': {shown}") from None
