"""Waiting for conditions and processes with a deadline: what phones, servers and SIPp have in common."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

PATIENCE_SECONDS = 15.0
"""How long waits last when a test does not say. They end with what they wait for: a busy machine needs the rest."""


class Changes:
    """Things that change by events; tests wait until a condition on them holds."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def changed(self) -> None:
        """Look again at every condition that is waited for."""
        for entry in list(self._waiting):
            condition, waiting = entry
            try:
                holds = condition()
            except AssertionError as error:
                failure = Failure(error)  # type: ignore[no-untyped-call]
                if entry in self._waiting:
                    self._waiting.remove(entry)
                    waiting.errback(failure)
                continue
            if holds and entry in self._waiting:
                self._waiting.remove(entry)
                waiting.callback(None)

    async def until(self, condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
        """Return once ``condition()`` is true.

        A condition may raise AssertionError to end the wait early. Raises TimeoutError with ``what()`` when too late.
        """
        if condition():
            return
        waiting: Deferred[None] = Deferred()
        entry = (condition, waiting)

        def give_up() -> None:
            self._waiting.remove(entry)
            waiting.errback(TimeoutError(f"after {seconds:g} s: {what()}"))

        self._waiting.append(entry)
        timer = self._reactor.callLater(seconds, give_up)
        try:
            await waiting
        finally:
            if timer.active():
                timer.cancel()


def pause(reactor: IReactorTime, seconds: float) -> Deferred[None]:
    """Fires after ``seconds``; for live tests, where things take their own time."""
    done: Deferred[None] = Deferred()
    reactor.callLater(seconds, done.callback, None)
    return done


class KeptProcess(ProcessProtocol):
    """A child process whose output is kept (to a bound) and whose end can be waited for."""

    MAX_KEPT_BYTES = 8_000_000

    def __init__(self, reactor: IReactorTime, on_line: Callable[[bytes], None] | None = None) -> None:
        self.changes = Changes(reactor)
        self.output = bytearray()
        self.errors = bytearray()
        self.ended = False
        self.exit_code: int | None = None
        self.signal_number: int | None = None
        self._on_line = on_line
        self._partial = b""

    @property
    def pid(self) -> int:
        return int(self.transport.pid) if self.transport is not None and self.transport.pid else 0

    def outReceived(self, data: bytes) -> None:
        if self._on_line is None:
            self._keep(self.output, data)
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._on_line(line)

    def errReceived(self, data: bytes) -> None:
        self._keep(self.errors, data)

    def _keep(self, where: bytearray, data: bytes) -> None:
        where += data
        if len(where) > self.MAX_KEPT_BYTES:
            del where[: len(where) - self.MAX_KEPT_BYTES]

    def processEnded(self, reason: Any) -> None:
        self.ended = True
        self.exit_code = reason.value.exitCode
        self.signal_number = reason.value.signal
        self.changes.changed()

    def send_signal(self, name: str) -> None:
        """Send KILL, TERM, ...; nothing if the process has ended."""
        if not self.ended and self.transport is not None:
            self.transport.signalProcess(signal.Signals[f"SIG{name}"])

    async def wait(self, seconds: float) -> int | None:
        """The exit code (None when killed by a signal); TimeoutError if it is still running after ``seconds``."""
        await self.changes.until(lambda: self.ended, seconds, lambda: "the process has not ended")
        return self.exit_code

    async def end(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Kill it if it has not ended within ``seconds``; returns when it is gone."""
        try:
            await self.wait(seconds)
        except TimeoutError:
            self.send_signal("KILL")
            await self.wait(PATIENCE_SECONDS)
