"""SIP messages out of a stream of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.pjsip.screen import MAX_HEAD
from pbx.pjsip.transports.framing import Framer, FramingError


def message(number: int, body: bytes = b"", length: str = "Content-Length") -> bytes:
    return b"OPTIONS sip:x SIP/2.0\r\nCall-ID: %d\r\n%s: %d\r\n\r\n" % (number, length.encode(), len(body)) + body


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
def test_any_chunking_gives_the_same_messages(bodies: list[bytes], data: st.DataObject) -> None:
    sent = [message(number, body) for number, body in enumerate(bodies)]
    stream = b"".join(sent)
    framer = Framer()
    received: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += framer.feed(stream[:size])
        stream = stream[size:]
    assert received == sent
    assert not framer.is_midway


def test_compact_and_odd_spellings_of_content_length() -> None:
    framer = Framer()
    raw = message(1, b"abc", "l ")
    assert list(framer.feed(raw)) == [raw]
    raw = message(1, b"abc", "CONTENT-LENGTH")
    assert list(framer.feed(raw)) == [raw]


def test_keep_alives_between_messages() -> None:
    framer = Framer()
    assert list(framer.feed(b"\r\n\r\n" + message(1) + b"\r\n" + message(2) + b"\r\n\r\n\r")) == [
        message(1),
        message(2),
    ]
    assert framer.pings == 2
    assert not framer.is_midway
    assert list(framer.feed(b"\n" + message(3))) == [message(3)]


def test_a_split_ping_is_one() -> None:
    framer = Framer()
    for byte in b"\r\n\r\n":
        assert list(framer.feed(bytes([byte]))) == []
    assert framer.pings == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (message(1).replace(b"Content-Length: 0", b"Content-Length: 99999999999"), 400),
        (message(1).replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
        (message(1).replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 5"), 400),
        (message(1).replace(b"Content-Length: 0", b"Content-Length: 999999"), 513),
        (b"x" * (MAX_HEAD + 1), 513),
    ],
)
def test_a_stream_that_cannot_be_cut(raw: bytes, code: int) -> None:
    framer = Framer()
    with pytest.raises(FramingError) as error:
        list(framer.feed(raw))
    assert error.value.code == code
    assert raw.startswith(error.value.head)


def test_a_message_begun_is_midway() -> None:
    framer = Framer()
    assert list(framer.feed(b"OPTIONS")) == []
    assert framer.is_midway
