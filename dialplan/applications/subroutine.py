"""Gosub, and running a subroutine on a channel that an application or function holds, until it returns.

Source: apps/app_stack.c, gosub_exec and gosub_run (ast_app_run_sub). Dial's predial and ``U``, Originate's
PreDialGoSub, hangup handlers and EVAL_SUB come through `run_subroutine`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, split_arguments
from dialplan.locations import as_named, parse_location, split_location
from dialplan.run import KEY, Run, run_of
from dialplan.stack import MAX_ARGUMENTS, Frame, StackOverflow, made_stack
from dialplan.verbosity import verbose
from pbx.core.release import ask_release
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from pbx.core.channel import Channel

log = Logger()

#: Subroutines that something waits for, inside each other: each takes a part of Python's stack.
MAX_NESTED = 15


class Ending(Enum):
    """How a subroutine ended; false where it was not begun."""

    NOT_BEGUN = 0
    RETURNED = 1
    #: By a hangup, a redirect or an error.
    BROKEN_OFF = 2

    def __bool__(self) -> bool:
        return self is not Ending.NOT_BEGUN


def split_call(text: str) -> tuple[str, str | None]:
    """``place(arguments)`` apart; None where there are no parentheses."""
    place, parenthesis, rest = text.partition("(")
    if not parenthesis:
        return place, None
    arguments, closed, _ = rest.rpartition(")")
    if not closed:
        log.warn("Ouch.  No closing paren: '{text}'?", text=text)
        arguments = rest
    return place, arguments


def subroutine_of(channel: Channel, text: str) -> str:
    """``[[context^]exten^]priority[(arg1^arg2)]`` as Gosub takes it, with what is left out from ``channel``."""
    return expand_call(channel, text.replace("^", ","))


def expand_call(channel: Channel, text: str) -> str:
    """``[[context,]exten,]priority[(arguments)]`` with what is left out from where ``channel`` is."""
    place, arguments = split_call(text)
    context, exten, priority = split_location(channel, place)
    return f"{context},{exten},{priority}" + (f"({arguments})" if arguments else "")


def gosub(engine: Engine, channel: Channel, text: str) -> Frame:
    """Send a channel to ``[[context,]exten,]priority[(arg1,arg2)]``, to come back behind where it is now.

    Raises ArgumentError where there is no such place, StackOverflow where there is no room.
    """
    place, arguments = split_call(text)
    found = parse_location(engine, channel, place)
    context, exten, priority = found
    if engine.contexts.find(context, exten, priority, channel.caller.id.number, channel=channel) is None:
        raise ArgumentError(f"attempted to reach non-existent destination '{context},{exten},{priority}'")
    stack = made_stack(channel)
    stack.check(text)
    values = split_arguments(arguments, MAX_ARGUMENTS, raw=True) if arguments else []
    frame = stack.push(channel, (channel.context, channel.exten, channel.priority + 1), values)
    engine.goto(channel, *as_named(place, found))
    return frame


async def run_subroutine(
    engine: Engine,
    channel: Channel,
    location: str,
    *,
    ignores_hangup: bool = False,
    begun: Callable[[], object] | None = None,
) -> Ending:
    """Run ``context,exten,priority(args)`` on ``channel`` to its Return; ``begun`` is called before its first step.

    Raises nothing. The channel is where it was afterwards. GOSUB_RETVAL is what was returned, or empty where the
    subroutine ended otherwise: by a hangup, unless ``ignores_hangup``, by a redirect, by an error.
    """
    if engine.registry.application("Gosub") is None:
        log.warn(
            "{channel}: Cannot run 'Gosub({location})'. The app_stack module is not available.",
            channel=channel.name,
            location=location,
        )
        return Ending.NOT_BEGUN
    if not channel.alive:
        return Ending.NOT_BEGUN
    run = run_of(channel)
    if channel.waited_on and (run is None or not run.subroutines):
        # Two at once would send the channel to and fro between them: a function read from outside, or by a task.
        log.error("{where}: Gosub({text}): an application is busy here", where=engine.where(channel), text=location)
        return Ending.NOT_BEGUN
    held = channel.owner
    borrowed = run is None
    if run is None:
        # Nobody runs a dialplan on it: until the subroutine has ended, we do.
        run = channel.extra[KEY] = Run()
        run.borrowed = True
        channel.owner = "pbx"
    try:
        return await _run(engine, channel, run, location, ignores_hangup=ignores_hangup, begun=begun)
    finally:
        if borrowed:
            _give_back(channel, run, held)


async def _run(
    engine: Engine,
    channel: Channel,
    run: Run,
    location: str,
    *,
    ignores_hangup: bool,
    begun: Callable[[], object] | None,
) -> Ending:
    verbose(log, 3, "{channel} Internal Gosub({location}) start", channel=channel.name, location=location)
    place = channel.context, channel.exten, channel.priority
    application = channel.application, channel.application_data
    state = run.jumped, run.ignores_hangup, run.step
    # A redirect that came before is for later.
    redirect = channel.take_redirect()
    run.subroutines += 1
    try:
        try:
            if run.subroutines > MAX_NESTED:
                raise StackOverflow(f"{MAX_NESTED} subroutines wait for each other")
            frame = gosub(engine, channel, location)
        except ObeliskError as error:
            log.error("{where}: Gosub({text}): {error}", where=engine.where(channel), text=location, error=str(error))
            return Ending.NOT_BEGUN
        frame.special = True
        if begun is not None:
            begun()
        run.ignores_hangup = ignores_hangup
        if ignores_hangup or not channel.hangup_requested:
            try:
                await engine.loop.steps(channel, run)
            except Exception:  # a defect in a subroutine must not end what waits for it
                log.failure("{channel}: the subroutine {location} failed", channel=channel.name, location=location)
        if frame.returned:
            verbose(log, 3, "{channel} Internal Gosub({location}) complete", channel=channel.name, location=location)
        else:
            _unwind(channel, frame, location)
        return Ending.RETURNED if frame.returned else Ending.BROKEN_OFF
    finally:
        run.subroutines -= 1
        run.jumped, run.ignores_hangup, run.step = state
        if channel.alive:
            if redirect is not None and not channel.redirect_pending:
                channel.plan_redirect(*redirect)
            channel.set_position(*place)
            channel.forget_application(*application)


def _unwind(channel: Channel, frame: Frame, location: str) -> None:
    """Leave what a subroutine that did not return has left behind."""
    log.warn(
        "{channel} Abnormal 'Gosub({location})' exit.  Popping routine return locations.",
        channel=channel.name,
        location=location,
    )
    stack = made_stack(channel)
    while frame in stack.frames:
        stack.pop(channel)
    channel.set_variable("GOSUB_RETVAL", "")


def _give_back(channel: Channel, run: Run, owner: str) -> None:
    """The channel goes back to whoever had it, or to where it was sent meanwhile."""
    if channel.extra.get(KEY) is run:
        del channel.extra[KEY]
    released = run.released
    if not channel.alive:
        if released is not None and not released.called:
            released.callback(None)
        return
    channel.owner = owner
    if owner == "pbx":
        if released is not None:
            ask_release(channel).chainDeferred(released)
    elif released is not None:
        channel.take_redirect()
        channel.yanked = True
        channel.owner = ""
        released.callback(None)
    elif channel.redirect_pending and not channel.hangup_requested:
        channel.channels.yank(channel)
