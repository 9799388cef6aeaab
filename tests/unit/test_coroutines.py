"""Coroutines run without Deferred.fromCoroutine."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from pbx.coroutines import run
from pbx.testing.deferreds import failure_of, result_of


def test_a_result_comes_at_once_or_when_what_is_waited_for_has_fired() -> None:
    first, second = Deferred[int](), Deferred[int]()

    async def add(*waiting: Deferred[int]) -> int:
        return sum([await each for each in waiting])

    assert result_of(run(add())) == 0
    running = run(add(first, succeed(2), second))
    first.callback(1)
    assert not running.called
    second.callback(3)
    assert result_of(running) == 6


def test_a_failure_is_raised_where_it_was_waited_for_and_told_where_it_is_not_caught() -> None:
    waiting = Deferred[None]()

    async def wait() -> str:
        try:
            await waiting
        except KeyError as error:
            raise ValueError("from", error.args[0]) from error
        return "nothing"

    running = run(wait())
    waiting.errback(KeyError("there"))
    failure = failure_of(running)
    assert isinstance(failure, ValueError)
    assert failure.args == ("from", "there")


def test_a_wait_that_is_cancelled_is_a_failure_inside() -> None:
    waiting = Deferred[None]()

    async def wait() -> str:
        with pytest.raises(CancelledError):
            await waiting
        return "cancelled"

    running = run(wait())
    waiting.cancel()
    assert result_of(running) == "cancelled"


def test_any_number_of_waits_that_have_fired_and_of_waits_that_fire_later() -> None:
    pending: list[Deferred[None]] = []

    async def wait() -> int:
        for _ in range(5_000):
            await succeed(None)
            pending.append(Deferred())
            await pending[-1]
        return len(pending)

    running = run(wait())
    while not running.called:
        pending[-1].callback(None)
    assert result_of(running) == 5_000
