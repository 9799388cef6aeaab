"""Looking into Deferreds and coroutines that a test expects to have ended by now."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def start(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Run a coroutine until it waits."""
    return Deferred.fromCoroutine(coroutine)


def result_of(waiting: Deferred[T]) -> T:
    """The value of a Deferred that has fired. Raises its failure, or AssertionError when it still waits."""
    values: list[T] = []
    failures: list[Failure] = []

    def keep(value: T) -> T:
        values.append(value)
        return value

    def catch(failure: Failure) -> None:
        failures.append(failure)

    if not waiting.called:
        raise AssertionError(f"{waiting!r} still waits")
    waiting.addCallback(keep)
    if not values:
        waiting.addErrback(catch)
        if failures:
            failures[0].raiseException()
        raise AssertionError(f"{waiting!r} still waits")
    return values[0]


def failure_of(waiting: Deferred[Any]) -> BaseException:
    """The exception of a Deferred that has failed. Raises AssertionError otherwise."""
    try:
        value = result_of(waiting)
    except AssertionError:
        raise
    except BaseException as error:
        return error
    raise AssertionError(f"succeeded with {value!r}")
