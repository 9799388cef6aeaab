"""Where blocking calls run: in threads, or at once where time is virtual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")

#: Threads that wait for databases.
MAX_THREADS = 8


class Runner(Protocol):
    """Runs a blocking call and gives its result, or failure, to the reactor's thread."""

    def run(self, call: Callable[[], T]) -> Deferred[T]: ...

    def stop(self) -> None: ...


class ThreadRunner:
    """A few threads of their own, so that a slow database holds up nothing that others wait for."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool: Any = None

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        from twisted.internet.threads import deferToThreadPool
        from twisted.python.threadpool import ThreadPool

        if self._pool is None:
            self._pool = ThreadPool(0, MAX_THREADS, "sql")
            self._pool.start()
        result: Deferred[T] = deferToThreadPool(self._reactor, self._pool, call)
        return result

    def stop(self) -> None:
        """Wait for what runs; every statement has been interrupted by then."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


class _Inline:
    """Runs calls at once, in the thread that asks: for tests, whose time stands still meanwhile."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        return maybeDeferred(call)

    def stop(self) -> None:
        """Nothing runs."""


run_inline: Runner = _Inline()
