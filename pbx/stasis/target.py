"""What media is played to and recorded from, a channel or a bridge, and the queue of what is to be done there.

As in Asterisk, playbacks, recordings, digits and leaving wait for one another on the same target; everything else
happens at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core.media import AudioLeg
from pbx.errors import ObeliskError
from pbx.stasis.errors import StasisError

log = Logger()

#: Commands that may wait on one target.
MAX_WAITING = 1000

Command = Callable[[], Awaitable[object]]


def _nothing() -> None:
    """Nothing was to be heard."""


class CommandQueue:
    """Commands run one after the other; on an idle queue a command begins before `put` returns."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Command] = deque()
        self._busy = False
        self._closed = False
        self._idle: list[Deferred[None]] = []

    def put(self, command: Command) -> None:
        """Add a command. Raises StasisError when too many wait or the target is gone."""
        if self._closed:
            raise StasisError(f"{self._name} is gone")
        if len(self._waiting) >= MAX_WAITING:
            raise StasisError(f"{MAX_WAITING} commands wait on {self._name} already")
        self._waiting.append(command)
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._drain()).addErrback(
                lambda failure: log.failure("the commands of {name} failed", failure=failure, name=self._name)
            )

    async def _drain(self) -> None:
        while self._waiting:
            command = self._waiting.popleft()
            try:
                await command()
            except ObeliskError as error:
                log.warn("{name}: {error}", name=self._name, error=str(error))
            except Exception:  # one command's defect must not keep the others from running
                log.failure("a command of {name} failed", name=self._name)
        self._busy = False
        waiters, self._idle = self._idle, []
        for waiter in waiters:
            if not waiter.called:
                waiter.callback(None)

    def close(self) -> Deferred[None]:
        """Take no more commands; fires when those that wait have run (being stopped, they end soon)."""
        self._closed = True
        done: Deferred[None] = Deferred()
        if self._busy:
            self._idle.append(done)
        else:
            done.callback(None)
        return done


class MediaTarget:
    """A channel or a bridge as seen by playbacks and recordings.

    Sound is played into ``leg`` and recorded from it. ``uri`` is ``channel:ID`` or ``bridge:ID``.
    """

    def __init__(self, uri: str, leg: AudioLeg, language: Callable[[], str]) -> None:
        self.uri = uri
        self.leg = leg
        self.language = language
        self.queue = CommandQueue(uri)
        #: Called with each digit that the target's far end has pressed.
        self.digit_listeners: list[Callable[[str], object]] = []
        #: Stop what runs or waits; called when the target ends.
        self.stoppers: list[Callable[[], object]] = []
        #: Called before something is played: what else the far end heard from us ends.
        self.before_play: Callable[[], object] = _nothing
        #: Recordings under way: a channel being recorded does not enter a bridge.
        self.recordings = 0

    def digit(self, digit: str) -> None:
        for listener in list(self.digit_listeners):
            listener(digit)

    def close(self) -> Deferred[None]:
        """Stop everything; fires once it has stopped."""
        done = self.queue.close()
        # The last first, so that nothing that waits begins when what runs has stopped.
        for stop in reversed(list(self.stoppers)):
            stop()
        return done
