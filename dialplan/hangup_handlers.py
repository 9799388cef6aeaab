"""Hangup handlers: subroutines that run on a channel once it is hung up, after ``h``, the one pushed last first.

Source: main/pbx_hangup_handler.c. ``CHANNEL(hangup_handler_push)`` and its kin keep them. They run on every channel,
also on one that has no dialplan: such a channel ends when they have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.subroutine import expand_call, run_subroutine
from dialplan.registry import FunctionError
from dialplan.run import run_of
from pbx.core import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from dialplan.engine import Engine
    from pbx.core.channel import Channel

log = Logger()

#: Where a channel keeps them (`Channel.extra`), the newest last.
KEY = "hangup_handlers"
#: Handlers that wait on a channel at once, and that run on it: a handler may push another one.
MAX_HANDLERS = 100
MAX_RUNS = 1000


def handlers_of(channel: Channel) -> list[str]:
    """The handlers of a channel, the one that runs first in front."""
    return list(reversed(_list(channel)))


def _list(channel: Channel) -> list[str]:
    found = channel.extra.get(KEY)
    return found if isinstance(found, list) else []


def _tell(channel: Channel, action: str, handler: str) -> None:
    bus = channel.channels.bus
    if bus.wanted(messages.HangupHandler):
        bus.publish(messages.HangupHandler(channel.told(), action, handler))


def push(engine: Engine, channel: Channel, text: str) -> None:
    """Let ``[[context,]exten,]priority[(arguments)]`` run first; nothing where the text is empty. Raises FunctionError.

    What is left out is where the channel is now.
    """
    if not text:
        return
    if engine.registry.application("Gosub") is None:
        raise FunctionError(f"Cannot expand 'Gosub({text})' arguments.  The app_stack module is not available.")
    handlers = _list(channel)
    if len(handlers) >= MAX_HANDLERS:
        raise FunctionError(f"{MAX_HANDLERS} hangup handlers are all that one channel may have")
    if not handlers:
        channel.extra[KEY] = handlers
        channel.before_end = _Before(engine)
    handlers.append(expand_call(channel, text))
    _tell(channel, "push", handlers[-1])


def pop(channel: Channel) -> bool:
    """Take the newest away; whether there was one."""
    handlers = _list(channel)
    if not handlers:
        return False
    _tell(channel, "pop", handlers.pop())
    return True


def _pop(engine: Engine, channel: Channel, text: str) -> None:
    pop(channel)
    push(engine, channel, text)


def _wipe(engine: Engine, channel: Channel, text: str) -> None:
    while pop(channel):
        pass
    push(engine, channel, text)


#: What writing an item of CHANNEL() does.
WRITERS: dict[str, Callable[[Engine, Channel, str], None]] = {
    "hangup_handler_push": push,
    "hangup_handler_pop": _pop,
    "hangup_handler_wipe": _wipe,
}


async def run_handlers(engine: Engine, channel: Channel) -> None:
    """Run what there is on a channel that is hung up but has not ended. Raises nothing."""
    handlers = _list(channel)
    runs = 0
    while handlers and channel.alive:
        channel.hangup_requested = channel.in_hangup = True
        location = handlers.pop()
        runs += 1
        if runs > MAX_RUNS:
            log.error("{channel}: more than {most} hangup handlers ran", channel=channel.name, most=MAX_RUNS)
            handlers.clear()
            return
        _tell(channel, "run", location)
        await run_subroutine(engine, channel, location, ignores_hangup=True)


class _Before:
    """Runs the handlers of a channel before it ends."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, channel: Channel) -> Deferred[None]:
        if run_of(channel) is not None:
            # Whoever ends it under a dialplan that runs on it does not wait for handlers.
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return Deferred.fromCoroutine(run_handlers(self._engine, channel))
