"""Arguments and option letters, taken apart as Asterisk does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.arguments import Arguments, Grammar, parse_options, split_arguments, split_quoted
from dialplan.variables import slice_value, split_slice
from pbx.core.party import strip_quoted


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b,,c", ["a", "b", "", "c"]),
        (",", ["", ""]),
        ('"a,b",c', ["a,b", "c"]),
        ("f(a,b),c", ["f(a,b)", "c"]),
        ("[a,b],c", ["[a,b]", "c"]),
        ("a\\,b,c", ["a,b", "c"]),
        ('say \\"x\\",c', ['say "x"', "c"]),
        ("a),b", ["a)", "b"]),
        ("(a,b", ["(a,b"]),
        ("a\\", ["a"]),
    ],
)
def test_splitting(text: str, parts: list[str]) -> None:
    assert split_arguments(text) == parts


def test_the_last_keeps_the_rest() -> None:
    assert split_arguments("a,b,c,d", 2) == ["a", "b,c,d"]
    assert split_arguments('"a",\\"b,c",d', 2) == ["a", '\\"b,c",d']
    assert split_arguments('"a"', 1) == ['"a"']
    assert split_arguments("(a),", 2) == ["(a)", ""]


@given(st.lists(st.text("ab ", min_size=1), min_size=1, max_size=5))
def test_plain_text_comes_back(parts: list[str]) -> None:
    assert split_arguments(",".join(parts)) == parts


def test_options() -> None:
    options = parse_options('tL(5000:1000)rD("12)3")g?', "tLrDg")
    assert "t" in options
    assert "x" not in options
    assert options.argument("L") == "5000:1000"
    assert options.argument("D") == "12)3"
    assert options.argument("r") is None
    assert options.unknown == ("?",)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("b(x^1^1(a^b))r", "x^1^1(a^b)"),
        (r"b(a\)b)r", "a)b"),
        (r'b("a\"(b")r', 'a"(b'),
        (r'b("a\b")r', r"a\b"),
        ('b(a"b"c)r', 'a"b"c'),
        ("b()r", ""),
    ],
)
def test_what_an_option_is_given(text: str, argument: str) -> None:
    options = parse_options(text, "br")
    assert options.argument("b") == argument
    assert "r" in options
    assert not options.unknown


@pytest.mark.parametrize("text", ["gL(500", "gb(x(1)", 'gb("x)'])
def test_an_open_parenthesis_ends_the_options(text: str) -> None:
    options = parse_options(text, "Lgb")
    assert "Missing closing parenthesis for argument" in options.problem
    assert ("g" in options, "L" in options, "b" in options) == (True, False, False)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("a&b", ["a", "b"]),
        ("a&&b&", ["a", "", "b", ""]),
        ("'a&b'&c", ["'a&b'", "c"]),
        ("\"a'&'b\"&c", ["\"a'&'b\"", "c"]),
        ("a\\&b&c", ["a\\&b", "c"]),
        ("'a&b", ["'a&b"]),
    ],
)
def test_parts_between_quotes_stay_together(text: str, parts: list[str]) -> None:
    assert split_quoted(text, "&") == parts


def test_one_pair_of_quotes_is_taken_off() -> None:
    assert [strip_quoted(text, "'\"") for text in (" 'a' ", '"a"', "'a\"", "'", "")] == ["a", "a", "'a\"", "'", ""]


def test_arguments_by_name() -> None:
    grammar = Grammar("filenames[,options[,langoverride[,context]]]", "s;n;m(x)")
    arguments = Arguments(grammar, "a&b,sm(y),de")
    assert (arguments["filenames"], arguments["langoverride"], arguments["context"]) == ("a&b", "de", "")
    assert arguments.options.argument("m") == "y"
    assert len(arguments) == 3


@pytest.mark.parametrize(
    ("offset", "length", "part"),
    [(0, None, "abcdef"), (1, 3, "bcd"), (-2, None, "ef"), (-3, 2, "de"), (1, -1, "bcde"), (9, 2, ""), (-9, 2, "ab")],
)
def test_slices(offset: int, length: int | None, part: str) -> None:
    assert slice_value("abcdef", offset, length) == part


def test_slices_in_names() -> None:
    assert split_slice("NAME:1:-2") == ("NAME", 1, -2, True)
    assert split_slice("NAME") == ("NAME", 0, None, False)
    assert split_slice("F(a:b):2") == ("F(a:b)", 2, None, True)
