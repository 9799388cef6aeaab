"""POSIX extended expressions: what GNU's regcomp takes and refuses, what it finds."""

from __future__ import annotations

import pytest

from dialplan.posix_regex import RegexError, compile_posix


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("*a", "preceding"),
        ("^*a", "preceding"),
        ("^+?[0-9]+", "preceding"),
        ("a|*b", "preceding"),
        ("(*a)", "preceding"),
        ("$?", "preceding"),
        ("{1}", "preceding"),
        ("a{2,1}", "content"),
        ("a{x}", "content"),
        ("a{40000}", "too big"),
        ("(a", "Unmatched"),
        ("[a", "Unmatched"),
        ("a\\", "Trailing"),
        ("(a)\\1", "back reference"),
    ],
)
def test_what_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(RegexError, match=reason):
        compile_posix(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a)", "xa)", (1, 3)),
        ("a{,2}", "aaa", (0, 2)),
        ("a**", "aa", (0, 2)),
        ("a}", "a}", (0, 2)),
        ("^a", "b\na", None),
        ("a$", "a\nb", None),
        ("a.b", "a\nb", (0, 3)),
        ("\\<b", "ab b", (3, 4)),
        ("b\\>", "ba b", (3, 4)),
        ("\\`a", "ba", None),
        ("\\d", "1d", (1, 2)),
        ("[a\\]", "\\", (0, 1)),
        ("[]a]+", "]a", (0, 2)),
        ("[[:digit:]*]+", "1*", (0, 2)),
        ("(|a)b", "ab", (0, 2)),
        ("()", "x", (0, 0)),
    ],
)
def test_what_is_found(pattern: str, text: str, found: tuple[int, int] | None) -> None:
    match = compile_posix(pattern).search(text.encode())
    assert (None if match is None else tuple(match[0])) == found
