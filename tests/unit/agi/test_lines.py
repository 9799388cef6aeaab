"""Lines and words of what a program sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.agi.lines import MAX_LINE, MAX_LINES, OVERLONG, Lines
from pbx.core.agi import MAX_WORDS, split_command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ANSWER", ["ANSWER"]),
        ("  noop \t x  ", ["noop", "x"]),
        ('STREAM FILE hello ""', ["STREAM", "FILE", "hello", ""]),
        ('VERBOSE "two words" 3', ["VERBOSE", "two words", "3"]),
        (r"SET VARIABLE A two\ words", ["SET", "VARIABLE", "A", "two words"]),
        (r'X "a \"quoted\" word"', ["X", 'a "quoted" word']),
        (r'X a"b c"d', ["X", "ab cd"]),
        (r"X a\\b", ["X", r"a\b"]),
        ('X "not closed', ["X", "not closed"]),
        ("", []),
        ('EXEC Dial "PJSIP/x,20"', ["EXEC", "Dial", "PJSIP/x,20"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split_command(line) == words


def test_too_many_words_are_dropped() -> None:
    assert len(split_command("a " * 500)) == MAX_WORDS
    assert len(split_command('"a" ' * 500)) == MAX_WORDS


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20), min_size=1, max_size=20))
def test_quoted_words_come_back(words: list[str]) -> None:
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    assert split_command(" ".join(quoted)) == words


@given(st.lists(st.binary(max_size=50).map(lambda data: data.replace(b"\n", b"").replace(b"\0", b""))), st.data())
def test_lines_come_out_however_they_are_cut(texts: list[bytes], data: st.DataObject) -> None:
    lines, sent = Lines(), b"".join(text + b"\n" for text in texts)
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        lines.feed(sent[:size])
        sent = sent[size:]
    found = []
    while lines:
        found.append(lines.take().encode("utf-8", "surrogateescape"))
    assert found == texts


def test_a_line_that_is_too_long_is_one_line() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(b"x" * 1000)
    lines.feed(b"tail\nNOOP\n")
    assert [lines.take(), lines.take()] == [OVERLONG, "NOOP"]
    lines.feed(b"y" * (MAX_LINE + 1) + b"\nNOOP")
    lines.end()
    assert [lines.take(), lines.take()] == [OVERLONG, "NOOP"]


def test_nul_ends_a_line_and_what_waits_is_bounded() -> None:
    lines = Lines()
    lines.feed(b"NOOP\0ANSWER\n\0\n\n")
    assert [lines.take(), lines.take(), lines.take()] == ["NOOP", "", ""]
    full = [lines.full]
    lines.feed(b"NOOP\n" * 1000)
    full.append(lines.full)
    for _ in range(1000 - MAX_LINES):
        lines.take()
    full.append(lines.full)
    lines.clear()
    assert (full, len(list(iter(lines.__bool__, False)))) == ([False, True, False], 0)
