"""Actions about the session itself: login, ping, masks and filters (main/manager.c)."""

from __future__ import annotations

from collections.abc import Awaitable

from ami.classes import ALL, class_text, parse_event_mask
from ami.context import Context
from ami.encoding import clean, to_bytes
from ami.filters import FilterError, FilterSet, parse_filter
from ami.login import log_in, refused_in_use
from ami.replies import ActionError, AnyReply, RawReply, Reply
from ami.table import action
from pbx.clock import cancel_timer
from pbx.core import messages

#: Seconds WaitEvent waits when it is told to wait forever.
FOREVER = 86_400.0


@action(
    "Login",
    synopsis="Login Manager.",
    optional=("Username", "AuthType", "Secret", "Key", "Events"),
    before_login=True,
)
def action_Login(ctx: Context) -> Awaitable[None] | Reply | None:
    session = ctx.session
    if session.authenticated:
        return Reply("Already authenticated")
    if refused_in_use(ctx):
        return None
    return log_in(ctx)


@action(
    "Challenge",
    synopsis="Generate Challenge for MD5 Auth.",
    required={"AuthType": "Must specify AuthType"},
    optional=("Username",),
    before_login=True,
)
def action_Challenge(ctx: Context) -> Reply | None:
    session = ctx.session
    if not session.authenticated and refused_in_use(ctx):
        return None
    if ctx.get("AuthType").lower() != "md5":
        raise ActionError("Must specify AuthType")
    return Reply(headers=(("Challenge", session.new_challenge()),))


@action("Logoff", synopsis="Logoff Manager.", before_login=True)
def action_Logoff(ctx: Context) -> None:
    ctx.session.log_off(ctx)


@action("Ping", synopsis="Keepalive command.")
def action_Ping(ctx: Context) -> RawReply:
    action_id = ctx.request.get("ActionID")
    identity = f"ActionID: {clean(action_id)}\r\n" if action_id else ""
    return RawReply(
        to_bytes(f"Response: Success\r\n{identity}Ping: Pong\r\nTimestamp: {ctx.server.clock.now():.6f}\r\n\r\n")
    )


@action("ListCommands", synopsis="List available manager commands.")
def action_ListCommands(ctx: Context) -> Reply:
    write = ctx.write
    return Reply(
        headers=[
            (each.name, f"{each.synopsis} (Priv: {class_text(each.privilege)})")
            for each in ctx.manager.available()
            if not each.privilege or each.privilege & write
        ]
    )


@action("Events", synopsis="Control Event Flow.", optional=("EventMask",))
def action_Events(ctx: Context) -> Reply | None:
    mask = parse_event_mask(ctx.get("EventMask"))
    broken = ctx.manager.general.brokeneventsaction
    if mask is None:
        if broken:
            return None
        raise ActionError("Invalid event mask")
    ctx.session.set_event_mask(mask)
    if broken and mask == ALL:
        return None
    return Reply(headers=(("Events", "On" if mask else "Off"),))


@action(
    "Filter",
    "system",
    synopsis="Dynamically add filters for the current manager session.",
    optional=("Operation", "Filter", "MatchCriteria"),
)
def action_Filter(ctx: Context) -> Reply:
    if ctx.get("Operation").lower() != "add":
        raise ActionError("Unknown operation")
    session = ctx.session
    filters = FilterSet() if session.filters is None else session.filters
    try:
        filters.add(parse_filter(ctx.get("MatchCriteria") or None, ctx.get("Filter")))
    except FilterError as error:
        raise ActionError(str(error)) from error
    session.filters = filters
    return Reply("Success")


@action(
    "WaitEvent",
    synopsis="Wait for an event to occur.",
    optional=("Timeout",),
    list_events=("WaitEventComplete",),
)
async def action_WaitEvent(ctx: Context) -> AnyReply:
    """Answered at the next event or after Timeout seconds, over HTTP with what has happened since the last time.

    On a connection of its own the events themselves come as ever.
    """
    text = ctx.get("Timeout", "-1")
    try:
        seconds = float(text)
    except ValueError:
        raise ActionError("Invalid timeout") from None
    events = ctx.session.take_events()
    if not events:
        waiter = ctx.session.next_event()
        timer = ctx.server.clock.call_later(seconds if 0 <= seconds < FOREVER else FOREVER, waiter.callback, None)
        try:
            await waiter
        finally:
            cancel_timer(timer)
        events = ctx.session.take_events()
    identity = f"ActionID: {clean(ctx.action_id)}\r\n" if ctx.action_id else ""
    return RawReply(
        to_bytes(f"Response: Success\r\n{identity}Message: Waiting for Event completed.\r\n\r\n")
        + events
        + to_bytes(f"Event: WaitEventComplete\r\n{identity}\r\n")
    )


@action("UserEvent", "user", synopsis="Send an arbitrary event.", optional=("UserEvent", "Channel"))
def action_UserEvent(ctx: Context) -> Reply:
    """Every header but Action and UserEvent goes into the event, in its order."""
    bus = ctx.server.bus
    if bus.wanted(messages.UserEvent):
        fields = tuple(
            (name, value) for name, value in ctx.request.headers() if name.lower() not in ("action", "userevent")
        )
        bus.publish(messages.UserEvent(ctx.get("UserEvent"), fields))
    return Reply("Event Sent")
