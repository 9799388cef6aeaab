"""The scanner that ``dialplan check`` reads Lua with sees what Lua itself sees."""

from __future__ import annotations

import pytest

from dialplan.lint.lua_source import Source
from dialplan.lint.lua_tokens import tokens


def texts(source: str) -> list[str]:
    return [token.text for token in tokens(source)]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('"a"', "a"),
        ("'a\"b'", 'a"b'),
        (r'"a\"b\\"', 'a"b\\'),
        (r'"\65\x42\u{43}\n"', "ABC\n"),
        ('"a\\z  \n  b"', "ab"),
        ("[[a\nb]]", "a\nb"),
        ("[==[\na]]b]==]", "a]]b"),
        ("[[]]", ""),
    ],
)
def test_strings(source: str, value: str) -> None:
    (token,) = tokens(source)
    assert (token.kind, token.text) == ("string", value)


def test_comments_and_lines() -> None:
    found = list(tokens("#!/usr/bin/lua\n-- one\n--[[ two\n three ]] a\n--[==[ ]] ]==] b --[ c\nd"))
    assert [(token.text, token.line) for token in found] == [("a", 4), ("b", 5), ("d", 6)]


def test_numbers_and_operators() -> None:
    assert texts("a..b ... 1 .2 0x1F 1e5 3.5 a==b ~= <= // ::x::") == [
        *("a", "..", "b", "...", "1", ".2", "0x1F", "1e5", "3.5", "a", "==", "b", "~=", "<=", "//", "::", "x", "::"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("a + b c", 3),
        ("not a.b[c](d){e} 'x' f", 14),
        ("function() if x then y() end end z", 11),
        ("{ a, { b } } z", 7),
        ("a:b(c) .. d\ne = 1", 8),
        ("-1 z", 2),
    ],
)
def test_where_an_expression_ends(source: str, end: int) -> None:
    found = Source(list(tokens(source)))
    assert found.expression_end(0) == end


def test_expressions_in_a_list() -> None:
    found = Source(list(tokens("a, f(b, c), function() return d, e end)")))
    assert found.listed(0, len(found.tokens) - 1) == [(0, 1), (2, 8), (9, 17)]
    assert found.joined(0, 1) == [(0, 1)]
    assert Source(list(tokens("a .. b(c) .. 'd'"))).joined(0, 8) == [(0, 1), (2, 6), (7, 8)]
    assert Source(list(tokens("a + b"))).joined(0, 3) is None
