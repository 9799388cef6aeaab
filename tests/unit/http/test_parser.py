"""Bytes to requests, however they are cut."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.http.messages import HttpRequest
from pbx.http.parser import MAX_BODY_BYTES, MAX_HEAD_BYTES, Refused, RequestParser
from pbx.security_events import SecurityAddress

ADDRESS = SecurityAddress("TCP", "192.0.2.1", 5000)
TWO = (
    b"POST /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Length: 4\r\n\r\nbody"
    b"GET http://h/c HTTP/1.0\r\n\r\n"
)


def parser() -> RequestParser:
    return RequestParser(ADDRESS, ADDRESS)


def all_of(*pieces: bytes) -> list[tuple[HttpRequest, bool]]:
    reading = parser()
    return [each for piece in pieces for each in reading.feed(piece)]


@given(st.lists(st.integers(1, len(TWO) - 1), max_size=8))
def test_requests_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(TWO)]
    (first, stays), (second, goes) = all_of(*(TWO[a:b] for a, b in itertools.pairwise(places)))
    assert (first.method, first.path, first.query, first.body) == ("POST", "/a%20b", "x=1&y", b"body")
    assert first.header(b"x-twice") == "1, 2"
    assert (stays, goes) == (True, False)
    assert (second.method, second.path, second.peer) == ("GET", "/c", ADDRESS)


@given(st.binary(max_size=300))
def test_any_bytes_are_requests_or_refused(data: bytes) -> None:
    reading = parser()
    with contextlib.suppress(Refused):
        for start in range(0, len(data), 50):
            reading.feed(data[start : start + 50])
    assert reading.refused is None or 400 <= reading.refused.status <= 501


def test_what_is_complete_comes_before_what_is_broken() -> None:
    reading = parser()
    assert len(reading.feed(b"GET /a HTTP/1.1\r\n\r\nnonsense\r\n\r\n")) == 1
    assert reading.refused is not None
    with pytest.raises(Refused):
        reading.feed(b"GET /b HTTP/1.1\r\n\r\n")


def test_a_head_without_end_is_refused() -> None:
    reading = parser()
    reading.feed(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(MAX_HEAD_BYTES // 100 - 1):
        assert reading.feed(b"y" * 100) == []
    with pytest.raises(Refused) as refused:
        reading.feed(b"y" * 200)
    assert refused.value.status == 431


def test_a_body_is_refused_by_its_announcement_and_by_its_size() -> None:
    for request in (
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY_BYTES + 1)
        + b"x" * (MAX_BODY_BYTES + 1),
    ):
        with pytest.raises(Refused) as refused:
            parser().feed(request)
        assert refused.value.status == 413


def test_idle_says_whether_a_request_has_begun() -> None:
    reading = parser()
    seen = [reading.idle]
    for piece in (b"GET / HT", b"TP/1.1\r\n\r\n"):
        reading.feed(piece)
        seen.append(reading.idle)
    assert seen == [True, False, True]


def test_an_upgrade_stops_the_parser() -> None:
    reading = parser()
    head = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    ((request, _),) = reading.feed(head + b"GET /next HTTP/1.1\r\n\r\n")
    assert request.upgrade
    assert reading.trailing.startswith(b"GET /next")
    ((following, _),) = reading.resume()
    assert following.path == "/next"
    assert reading.trailing == b""


def test_100_continue_is_asked_for_by_the_head_only() -> None:
    reading = parser()
    reading.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert reading.continue_wanted
    assert [request.body for request, _ in reading.feed(b"x")] == [b"x"]
    assert (reading.continue_wanted, reading.idle) == (False, True)
