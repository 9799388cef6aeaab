"""RFC 4733 both ways through real streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_twisted import ensureDeferred

if TYPE_CHECKING:
    from pbx.testing.media import MediaKit


@ensureDeferred
async def test_received(kit: MediaKit) -> None:
    a = kit.party("a")
    heard: list[tuple[str, int | None]] = []
    a.leg.set_digit_listener(lambda digit, duration: heard.append((digit, duration)))
    for digit in "1*#D":
        a.peer.send_digit(digit, 120)
    await kit.until(lambda: len(heard) == 8)
    assert heard == [(digit, length) for digit in "1*#D" for length in (None, 120)]


@ensureDeferred
async def test_a_lost_end(kit: MediaKit) -> None:
    a = kit.party("a")
    heard: list[tuple[str, int | None]] = []
    a.leg.set_digit_listener(lambda digit, duration: heard.append((digit, duration)))
    a.peer.send_digit("7", 200, ends=0)
    await kit.until(lambda: len(heard) == 2)
    assert heard == [("7", None), ("7", 180)]


@ensureDeferred
async def test_g722_counts_time_the_same(kit: MediaKit) -> None:
    a = kit.party("a", "g722")
    heard: list[tuple[str, int | None]] = []
    a.leg.set_digit_listener(lambda digit, duration: heard.append((digit, duration)))
    a.peer.send_digit("3", 160)
    await kit.until(lambda: len(heard) == 2)
    assert heard == [("3", None), ("3", 160)]
    a.leg.send_digit("9", 160)
    await kit.until(lambda: a.peer.digits() == [("9", 160)])


@ensureDeferred
async def test_sent_in_order_with_their_own_lengths(kit: MediaKit) -> None:
    a = kit.party("a")
    for digit, duration in (("1", 100), ("1", 200), ("a", 60)):
        a.leg.send_digit(digit, duration)
    await kit.until(lambda: a.peer.digits() == [("1", 100), ("1", 200), ("A", 60)])
    events = [packet for packet in a.peer.packets if packet.payload_type == 101]
    assert [packet.marker for packet in events].count(True) == 3


@ensureDeferred
async def test_not_sent(kit: MediaKit) -> None:
    a, b = kit.party("a", send_event_payload_type=None), kit.engine.create_leg("b")
    a.leg.send_digit("1", 100)
    b.send_digit("1", 100)
    with pytest.raises(ValueError, match="is not a digit"):
        a.leg.send_digit("x", 100)
    await kit.wait(0.1)
    assert a.peer.digits() == []
    b.close()
