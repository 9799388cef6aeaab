"""Work in stages: a generator that yields where something else may take its turn, and returns the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

T = TypeVar("T")


def at_once(stages: Generator[None, None, T]) -> T:
    """All of it, without giving way; what it comes to. Raises what the work raises."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            result: T = end.value
            return result


async def gently(stages: Generator[None, None, T], pause: Callable[[], Awaitable[None]]) -> T:
    """All of it, with a ``pause`` after each stage; what it comes to. Raises what the work raises."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            result: T = end.value
            return result
        await pause()
