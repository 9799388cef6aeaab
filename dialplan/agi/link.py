"""The connection to an AGI program, whatever carries it: lines in, text out, both bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from dialplan.agi.lines import Lines
from pbx.clock import cancel_timer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock

log = Logger()

#: Seconds a program may leave its answers unread once the buffers are full. Asterisk gives up one answer after 0.1 s.
UNREAD_SECONDS = 30.0


@implementer(IPushProducer)
class Link:
    """One conversation's connection. It is its transport's producer, to be told when answers are not read."""

    #: What to call the program in messages.
    name: str

    def __init__(self, clock: Clock) -> None:
        self.lines = Lines()
        #: Whether the program has said its last.
        self.ended = False
        #: Whether it was given up: the conversation failed.
        self.failed = False
        self._clock = clock
        self._waiting: Deferred[None] | None = None
        self._watcher: Callable[[], object] | None = None
        self._reading = True
        self._unread: IDelayedCall | None = None

    # For the conversation

    def send(self, text: str) -> None:
        """Give the program some text. What it cannot have any more is lost."""
        self._write(text.encode("utf-8", "surrogateescape"))

    def ready(self) -> Deferred[None]:
        """Fires once there is a line and the program reads its answers, or nothing more will come. One at a time."""
        waiting: Deferred[None] = Deferred()
        if self._is_ready():
            waiting.callback(None)
        else:
            self._waiting = waiting
        return waiting

    def take(self) -> str | None:
        """The next line, or None at the end of all."""
        if not self.lines:
            return None
        line = self.lines.take()
        if not self._reading and not self.lines.full:
            self._reading = True
            self._resume()
        return line

    def watch(self, listener: Callable[[], object] | None) -> None:
        """Call ``listener`` once when a line comes or the end does, now if it is so already; None: no longer."""
        self._watcher = listener
        if listener is not None and (self.lines or self.ended):
            self._watcher = None
            listener()

    def hung_up(self) -> None:
        """Tell the program that the call is over."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection. Idempotent."""
        raise NotImplementedError

    async def exit_status(self) -> int:
        """How the program ended, 0 for well; known after the last line."""
        return 0

    # For the transport

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        self.lines.feed(data)
        if self.lines.full and self._reading:
            self._reading = False
            self._pause()
        if self.lines:
            self._notify()

    def lost(self) -> None:
        """Nothing more will come. Idempotent."""
        if self.ended:
            return
        self.lines.end()
        self.ended = True
        self._now_read()
        self._notify()

    def _is_ready(self) -> bool:
        return self.ended or (bool(self.lines) and self._unread is None)

    def _notify(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher()
        waiting = self._waiting
        if waiting is not None and self._is_ready():
            self._waiting = None
            if not waiting.called:
                waiting.callback(None)

    def pauseProducing(self) -> None:
        """The transport's buffer is full: the program does not read."""
        if self._unread is None and not self.ended:
            self._unread = self._clock.call_later(UNREAD_SECONDS, self._give_up)

    def resumeProducing(self) -> None:
        self._now_read()
        self._notify()

    def stopProducing(self) -> None:
        """Nobody will read any more; what was said before still counts."""
        self._now_read()
        self._notify()

    def _now_read(self) -> None:
        cancel_timer(self._unread)
        self._unread = None

    def _give_up(self) -> None:
        log.warn("AGI {name} has not read its answers for {seconds:g} s", name=self.name, seconds=UNREAD_SECONDS)
        self.failed = True
        self.lines.clear()
        self.lost()

    def _write(self, data: bytes) -> None:
        raise NotImplementedError

    def _pause(self) -> None:
        raise NotImplementedError

    def _resume(self) -> None:
        raise NotImplementedError
