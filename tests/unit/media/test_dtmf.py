"""Digits put together from telephone events, whole or with holes."""

from __future__ import annotations

import pytest

from pbx.media.dtmf import LOST_END_SECONDS, DigitReceiver


class Heard:
    def __init__(self) -> None:
        self.events: list[tuple[str, int | None]] = []
        self.receiver = DigitReceiver()
        self.receiver.listener = lambda digit, duration: self.events.append((digit, duration))

    def packet(self, digit: str, timestamp: int, duration: int, *, end: bool = False, now: float = 0.0) -> None:
        self.receiver.receive(digit, timestamp, duration, end=end, now=now)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_begin_and_end(heard: Heard) -> None:
    heard.packet("5", 100, 20)
    heard.packet("5", 100, 60)
    heard.packet("5", 100, 80, end=True)
    assert heard.events == [("5", None), ("5", 80)]


def test_repeated_end_packets_are_one_end(heard: Heard) -> None:
    heard.packet("5", 100, 20)
    for _ in range(3):
        heard.packet("5", 100, 80, end=True)
    assert heard.events == [("5", None), ("5", 80)]


def test_only_the_end_arrives(heard: Heard) -> None:
    heard.packet("#", 100, 160, end=True)
    assert heard.events == [("#", None), ("#", 160)]


def test_the_same_digit_twice(heard: Heard) -> None:
    heard.packet("5", 100, 80, end=True)
    heard.packet("5", 300, 80, end=True)
    assert heard.events == [("5", None), ("5", 80)] * 2


def test_a_lost_end_is_made_up_by_the_next_digit(heard: Heard) -> None:
    heard.packet("1", 100, 40)
    heard.packet("2", 300, 40)
    assert heard.events == [("1", None), ("1", 40), ("2", None)]


def test_a_lost_end_is_made_up_by_time(heard: Heard) -> None:
    heard.packet("1", 100, 40, now=5.0)
    heard.packet("1", 100, 90, now=5.05)
    assert heard.receiver.expire(5.1) == pytest.approx(LOST_END_SECONDS - 0.05)
    assert heard.receiver.expire(5.05 + LOST_END_SECONDS) is None
    assert heard.events == [("1", None), ("1", 90)]
    heard.packet("1", 100, 140, end=True, now=5.9)
    assert len(heard.events) == 2


def test_the_end_of_the_stream_ends_the_digit(heard: Heard) -> None:
    heard.packet("D", 100, 40)
    heard.receiver.finish()
    heard.receiver.finish()
    assert heard.events == [("D", None), ("D", 40)]


def test_flash_is_no_digit(heard: Heard) -> None:
    heard.packet("R", 100, 40, end=True)
    assert heard.events == []
