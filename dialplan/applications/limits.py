"""The option L(x:y:z) of Dial and Bridge: a call that ends after some time, with warnings before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.arguments import ArgumentError
from pbx.clock import cancel_timer
from pbx.core.channel import Channel
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.server import Server

log = Logger()

#: Milliseconds a call may be limited to.
MAX_LIMIT_MS = 10_000_000_000
#: Warnings closer together than this would overlap.
MIN_REPEAT_MS = 1000


class CallLimit:
    """A limit on one call; without one, nothing ever happens."""

    def __init__(self, server: Server, caller: Channel, peer: Channel, limit: int, warning: int, repeat: int) -> None:
        self._server = server
        self._caller = caller
        self._peer = peer
        self._limit = limit
        self._warning = warning
        self._repeat = repeat
        self._timers: list[IDelayedCall] = []

    @classmethod
    def parse(cls, server: Server, caller: Channel, peer: Channel, text: str | None) -> CallLimit:
        """From ``x[:y[:z]]`` in milliseconds; None and empty give no limit. Raises ArgumentError."""
        if not text:
            return cls(server, caller, peer, 0, 0, 0)
        values = []
        for part in text.split(":"):
            part = part.strip()
            if part and not part.isdecimal():
                raise ArgumentError(f"L({text}): '{part}' is not a number of milliseconds")
            values.append(min(int(part), MAX_LIMIT_MS) if part else 0)
        limit, warning, repeat = (*values, 0, 0, 0)[:3]
        return cls(server, caller, peer, limit, min(warning, limit), max(repeat, MIN_REPEAT_MS) if repeat else 0)

    def start(self) -> None:
        """The call has begun."""
        if not self._limit:
            return
        clock = self._server.clock
        self._timers.append(clock.call_later(self._limit / 1000, self._peer.request_hangup))
        if self._warning:
            self._timers.append(clock.call_later((self._limit - self._warning) / 1000, self._warn, self._warning))

    def stop(self) -> None:
        """The call is over."""
        for timer in self._timers:
            cancel_timer(timer)
        self._timers.clear()

    def _warn(self, left: int) -> None:
        for channel, who in ((self._caller, "CALLER"), (self._peer, "CALLEE")):
            default = "yes" if who == "CALLER" else "no"
            wanted = (self._caller.get_variable(f"LIMIT_PLAYAUDIO_{who}") or default).lower()
            if wanted in ("yes", "true", "1", "on"):
                self._play(channel)
        following = left - self._repeat
        if self._repeat and following > 0:
            self._timers.append(self._server.clock.call_later(self._repeat / 1000, self._warn, following))

    def _play(self, channel: Channel) -> None:
        name = self._caller.get_variable("LIMIT_WARNING_FILE") or "beep"
        path = self._server.switchboard.find_sound(name, channel.language)
        if path is None or not channel.alive:
            return
        try:
            self._server.switchboard.play(channel.audio, path)
        except ObeliskError as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
