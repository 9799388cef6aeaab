"""Framing: what counts as a message, and what happens to those that break a limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami.codec import (
    LINE_TOO_LONG,
    MAX_LINE_BYTES,
    MAX_LINES,
    NUL_IN_LINE,
    TOO_MANY_LINES,
    BadMessage,
    Codec,
    Message,
    encode_message,
)


def read(*chunks: bytes) -> list[Message]:
    codec = Codec()
    found = []
    for chunk in chunks:
        codec.receive_data(chunk)
        while (message := codec.next_event()) is not None:
            found.append(message)
    return found


def test_crlf_and_bare_lf_both_end_lines() -> None:
    one, two = read(b"Action: Ping\r\nActionID: 1\r\n\r\nAction: Ping\nActionID: 2\n\n")
    assert [one.get("actionid"), two.get("ACTIONID")] == ["1", "2"]


def test_names_ignore_case_values_lose_leading_blanks_only() -> None:
    (message,) = read(b"aCtIoN:   Ping  \r\nX:y\r\nX : z\r\nnothing\r\n\r\n")
    assert message.get("Action") == "Ping  "
    assert message.get("x") == "y"
    assert list(message.headers())[-1] == ("X ", "z")


def test_the_first_header_counts_but_an_empty_action_is_passed_over() -> None:
    (message,) = read(b"Action:\r\nAction: Ping\r\nVariable: a=1\r\nVariable: b=2\r\n\r\n")
    assert message.get("Action") == "Ping"
    assert message.get("Variable") == "a=1"
    assert message.get_all("variable") == ["a=1", "b=2"]


def test_an_empty_line_is_an_empty_message() -> None:
    (message,) = read(b"\r\n")
    assert message.lines == []


def test_a_line_of_2_kb_spoils_its_message_only() -> None:
    bad, good = read(b"Action: Ping\r\nActionID: 7\r\nX: " + b"y" * 2048 + b"\r\n\r\nAction: Ping\r\n\r\n")
    assert isinstance(bad, BadMessage)
    assert (bad.reason, bad.get("ActionID")) == (LINE_TOO_LONG, "7")
    assert type(good) is Message


def test_a_line_without_end_is_not_kept() -> None:
    codec = Codec()
    for _ in range(1000):
        codec.receive_data(b"x" * 1000)
        assert codec.next_event() is None
        assert codec.unread <= MAX_LINE_BYTES + 1
    codec.receive_data(b"\r\n\r\n")
    message = codec.next_event()
    assert isinstance(message, BadMessage)
    assert message.reason == LINE_TOO_LONG


def test_the_longest_line_and_the_most_lines_are_taken() -> None:
    line = b"X: " + b"y" * (MAX_LINE_BYTES - 3)
    (message,) = read((line + b"\r\n") * MAX_LINES + b"\r\n")
    assert type(message) is Message
    assert len(message.lines) == MAX_LINES


def test_200_lines_are_too_many() -> None:
    (message,) = read(b"Action: Ping\r\n" + b"X: y\r\n" * 200 + b"\r\n")
    assert isinstance(message, BadMessage)
    assert message.reason == TOO_MANY_LINES


def test_a_nul_spoils_the_message() -> None:
    (message,) = read(b"Action: Ping\r\nActionID: a\0b\r\n\r\n")
    assert isinstance(message, BadMessage)
    assert message.reason == NUL_IN_LINE


def test_bytes_that_are_no_utf8_survive() -> None:
    (message,) = read(b"Action: Ping\r\nActionID: \xff\xfe\r\n\r\n")
    assert message.get("ActionID").encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_a_message_shows_no_values() -> None:
    (message,) = read(b"Action: Login\r\nSecret: hush\r\n\r\n")
    assert "hush" not in repr(message)


@given(st.binary(max_size=4000), st.lists(st.integers(1, 400), max_size=30))
def test_how_the_stream_is_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    data += b"\n\n"
    chunks, rest = [], data
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    whole, parts = read(data), read(*chunks, rest)
    assert [type(each) for each in whole] == [type(each) for each in parts]
    good = [(a.lines, b.lines) for a, b in zip(whole, parts, strict=True) if type(a) is Message]
    assert all(a == b for a, b in good)


HEADERS = st.lists(
    st.tuples(
        st.from_regex(r"[A-Za-z][A-Za-z-]{0,20}", fullmatch=True),
        st.text(st.characters(exclude_categories=("Cc", "Zs", "Cs")), max_size=100),
    ),
    min_size=1,
    max_size=30,
)


@given(HEADERS)
def test_what_is_written_is_read_again(headers: list[tuple[str, str]]) -> None:
    (message,) = read(encode_message(headers))
    assert [(name, value.lstrip()) for name, value in headers] == list(message.headers())


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", "\r"])
def test_nothing_that_breaks_the_framing_is_written(value: str) -> None:
    with pytest.raises(ValueError, match="line break or NUL"):
        encode_message([("X", value)])
