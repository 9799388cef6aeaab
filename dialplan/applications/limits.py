"""The option L(x:y:z) of Dial and Bridge: a call that ends after some time, with warnings before it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from dialplan.applications.sound import announce
from dialplan.arguments import ArgumentError
from dialplan.say import number_names
from pbx.clock import cancel_timer
from pbx.config.types import is_true
from pbx.core.channel import Channel

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.server import Server

log = Logger()

#: Milliseconds a call may be limited to.
MAX_LIMIT_MS = 10_000_000_000
#: Warnings closer together than this would overlap.
MIN_REPEAT_MS = 1000
#: The name that stands for the time left, as words.
TIME_LEFT = "timeleft"


@dataclass(frozen=True, slots=True)
class Limit:
    """Milliseconds: of the call, left at the first warning, between warnings; 0 for none."""

    length: int
    warning: int = 0
    repeat: int = 0


def parse_limit(text: str | None, application: str) -> Limit | None:
    """From ``x[:y[:z]]``; None without any. Raises ArgumentError."""
    if not text:
        return None
    values = []
    for part in text.split(":")[:3]:
        part = part.strip()
        if part and not part.isdecimal():
            raise ArgumentError(f"{application} does not accept L({text}): '{part}' is not a number of milliseconds")
        values.append(min(int(part), MAX_LIMIT_MS) if part else 0)
    length, warning, repeat = (*values, 0, 0, 0)[:3]
    if not length:
        raise ArgumentError(f"{application} does not accept L({text})")
    late = warning - length
    if late > 0:
        # The first warning is one that falls into the call, if they repeat; else there is none.
        warning = max(0, warning - repeat * (1 + (late - 1) // repeat)) if repeat else 0
        repeat = repeat if warning else 0
    return Limit(length, warning, max(repeat, MIN_REPEAT_MS) if repeat else 0)


class CallLimit:
    """A limit on one call; without one, nothing ever happens.

    The caller's LIMIT_PLAYAUDIO_CALLER and LIMIT_PLAYAUDIO_CALLEE say who hears LIMIT_CONNECT_FILE at the start,
    LIMIT_WARNING_FILE at each warning and LIMIT_TIMEOUT_FILE at the end.
    """

    def __init__(self, server: Server, caller: Channel, peer: Channel, limit: Limit | None) -> None:
        self._server = server
        self._caller = caller
        self._peer = peer
        self._limit = limit
        self._timers: list[IDelayedCall] = []
        self._ends_at = 0.0
        self._ended = False
        if limit is None:
            return
        self._hearers = [
            channel
            for channel, who, default in ((caller, "CALLER", True), (peer, "CALLEE", False))
            if self._flag(f"LIMIT_PLAYAUDIO_{who}", default=default)
        ] or [caller]
        self._warning_file = self._name("LIMIT_WARNING_FILE") or TIME_LEFT
        self._timeout_file = self._name("LIMIT_TIMEOUT_FILE")

    def _name(self, variable: str) -> str:
        return self._caller.get_variable(variable) or ""

    def _flag(self, variable: str, *, default: bool) -> bool:
        value = self._caller.get_variable(variable)
        return default if value is None else is_true(value)

    def start(self) -> None:
        """The call has begun."""
        limit = self._limit
        if limit is None:
            return
        clock = self._server.clock
        self._ends_at = clock.monotonic() + limit.length / 1000
        self._timers.append(clock.call_later(limit.length / 1000, self._time_is_up))
        if limit.warning:
            wait = (limit.length - limit.warning) / 1000
            self._timers.append(clock.call_later(wait, self._warn, limit.warning, limit.repeat))
        connect = self._name("LIMIT_CONNECT_FILE")
        if connect:
            self._play(connect)

    def stop(self) -> None:
        """The call is over."""
        self._ended = True
        for timer in self._timers:
            cancel_timer(timer)
        self._timers.clear()

    def _warn(self, left: int, repeat: int) -> None:
        self._play(self._warning_file)
        following = left - repeat
        if repeat and following > 0:
            self._timers.append(self._server.clock.call_later(repeat / 1000, self._warn, following, repeat))

    def _time_is_up(self) -> None:
        if self._timeout_file:
            self._play(self._timeout_file).addBoth(lambda _result: self._leave())
        else:
            self._leave()

    def _leave(self) -> None:
        bridge = self._caller.bridge
        if not self._ended and bridge is not None:
            bridge.remove(self._caller)

    def _play(self, name: str) -> Deferred[object]:
        names = self._time_left() if name.lower() == TIME_LEFT else [name]
        board = self._server.switchboard
        playing: Deferred[object] = gatherResults(  # type: ignore[assignment]
            [announce(board, channel, names) for channel in self._hearers if channel.alive]
        )
        return playing

    def _time_left(self) -> list[str]:
        """The seconds left as sounds: minutes are said from two on; a beep where the words are not installed."""
        left = max(0, round(self._ends_at - self._server.clock.monotonic()))
        if not left:
            return []
        if self._server.switchboard.find_sound("vm-youhave", self._caller.language) is None:
            return ["beep"]
        minutes, rest = (left // 60, left % 60) if left >= 120 else (0, left)
        names = ["vm-youhave"]
        if minutes:
            names += [*number_names(minutes), "queue-minutes"]
        if rest:
            names += [*number_names(rest), "queue-seconds"]
        return names
