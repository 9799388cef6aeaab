"""TIMEOUT(absolute): when a call is to end, whatever it does. Kept with the channel, with or without a dialplan on it.

As Asterisk's ast_channel_setwhentohangup. A dialplan that runs on the channel goes to ``T`` or ``e`` of its context
where it has them; any other channel is hung up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialplan.run import RaisedException, run_of
from pbx.clock import cancel_timer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from dialplan.engine import Engine
    from pbx.core.channel import Channel

#: Where a channel keeps its limit (`Channel.extra`).
KEY = "absolute_timeout"


@dataclass(frozen=True, slots=True)
class _Limit:
    timer: IDelayedCall
    #: By the monotonic clock.
    deadline: float


def seconds_left(channel: Channel) -> float | None:
    """Until the call is to end; None where it has no limit."""
    limit = channel.extra.get(KEY)
    return limit.deadline - channel.channels.clock.monotonic() if isinstance(limit, _Limit) else None


def set_absolute_timeout(engine: Engine, channel: Channel, seconds: float) -> None:
    """End the call after ``seconds``; 0 takes the limit away."""
    cancel(channel)
    if seconds <= 0 or not channel.alive:
        return
    clock = engine.channels.clock
    timer = clock.call_later(seconds, _time_is_up, engine, channel)
    channel.extra[KEY] = _Limit(timer, clock.monotonic() + seconds)
    if cancel not in channel.on_end:
        channel.on_end.append(cancel)


def cancel(channel: Channel) -> None:
    """Take the limit away."""
    limit = channel.extra.pop(KEY, None)
    if isinstance(limit, _Limit):
        cancel_timer(limit.timer)


def _time_is_up(engine: Engine, channel: Channel) -> None:
    channel.extra.pop(KEY, None)
    if channel.hangup_requested or not channel.alive:
        return
    run = run_of(channel)
    if run is None or run.borrowed:
        channel.request_hangup()
    elif engine.loop.here(channel, "T"):
        channel.redirect(channel.context, "T", 1)
    elif engine.loop.here(channel, "e"):
        run.exception = RaisedException("ABSOLUTETIMEOUT", channel.context, channel.exten, channel.priority)
        channel.redirect(channel.context, "e", 1)
    else:
        channel.request_hangup()
