"""Originate (main/manager.c, action_originate): a call to a channel, then an application or the dialplan on it."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ami.authorisation import may_run
from ami.context import Context
from ami.lists import parse_variables
from ami.numbers import leading_integer
from ami.replies import ActionError, Reply
from ami.session import SHUTTING_DOWN
from ami.table import action
from pbx.config.types import CODECS, is_true
from pbx.core import messages
from pbx.core.channels import MAX_UNIQUEID
from pbx.core.dial import Destination
from pbx.core.originate import REASON_FAILURE, Originate, OriginateError, OriginateResult, Origination
from pbx.core.party import PartyId, parse_callerid

log = Logger()

#: Milliseconds to answer unless told otherwise, and the most that is taken.
DEFAULT_TIMEOUT_MS = 30_000
MAX_TIMEOUT_MS = 86_400_000

QUEUED = "Originate successfully queued"
FAILED = "Originate failed"
FORBIDDEN = "Originate Access Forbidden: app or data blacklisted"


@action(
    "Originate",
    "originate",
    synopsis="Originate a call.",
    required={"Channel": "Channel not specified"},
    optional=(
        "Exten",
        "Context",
        "Priority",
        "Application",
        "Data",
        "Timeout",
        "CallerID",
        "Variable",
        "Account",
        "EarlyMedia",
        "Async",
        "Codecs",
        "ChannelId",
        "OtherChannelId",
        "PreDialGoSub",
    ),
    list_events=("OriginateResponse",),
)
def action_Originate(ctx: Context) -> Reply | Awaitable[Reply]:
    order = _order(ctx)
    if not ctx.server.accepts_calls:
        raise ActionError(SHUTTING_DOWN)
    if is_true(ctx.get("Async")):
        # The reply goes out before the events of what is begun here: they are held back until this returns.
        _start_async(ctx, order)
        return Reply(QUEUED)
    return _start_and_wait(ctx, order)


def _order(ctx: Context) -> Originate:
    """The request as an order. Raises ActionError for anything that is wrong with it."""
    for name in ("ChannelId", "OtherChannelId"):
        if len(ctx.get(name)) > MAX_UNIQUEID:
            raise ActionError(f"Uniqueid length exceeds maximum of {MAX_UNIQUEID}")
    subroutine = ctx.get("PreDialGoSub")
    exten, context = ctx.get("Exten"), ctx.get("Context")
    priority = _priority(ctx, context, exten)
    timeout_ms = DEFAULT_TIMEOUT_MS
    if ctx.get("Timeout"):
        given = leading_integer(ctx.get("Timeout"))
        if given is None:
            raise ActionError("Invalid timeout")
        timeout_ms = min(given, MAX_TIMEOUT_MS) if given > 0 else MAX_TIMEOUT_MS
    technology, slash, address = ctx.get("Channel").partition("/")
    if not slash or not technology or not address:
        raise ActionError("Invalid channel")
    formats: tuple[str, ...] = ()
    if ctx.get("Codecs"):
        try:
            formats = CODECS.parse(ctx.get("Codecs")).names
        except ValueError as error:
            raise ActionError(f"Invalid codecs: {error}") from None
    identity = _identity(ctx)
    application, data = ctx.get("Application"), ctx.get("Data")
    if application and not may_run(ctx.write, application, data, ctx.server.dialplan):
        raise ActionError(FORBIDDEN)
    variables = parse_variables(ctx.request.get_all("Variable"))
    for name, value in variables:
        # What a variable holds may be substituted later, with the rights of the dialplan.
        ctx.check_function(f"{name} {value}", FORBIDDEN)
    ctx.check_function(subroutine, FORBIDDEN)
    number = "" if identity is None else identity.number
    if priority and not ctx.server.dialplan.exists(context, exten, priority, number):
        raise ActionError("Extension does not exist.")
    if not application and not (exten and context and priority):
        raise ActionError("Originate with 'Exten' requires 'Context' and 'Priority'")
    return Originate(
        Destination(technology, address),
        application=application,
        data=data,
        authorised=lambda: may_run(ctx.rights_now(), application, data, ctx.server.dialplan),
        context=context or "default",
        exten=exten,
        priority=priority or 1,
        timeout=timeout_ms / 1000,
        identity=identity,
        # The last one first, as Asterisk: of several with one name the first counts.
        variables=tuple(reversed((*ctx.session.variables, *variables))),
        account=ctx.get("Account"),
        early_media=is_true(ctx.get("EarlyMedia")),
        uniqueid=ctx.get("ChannelId") or None,
        other_uniqueid=ctx.get("OtherChannelId") or None,
        formats=formats,
        before_call=(lambda called: ctx.server.dialplan.run_subroutine(called, subroutine)) if subroutine else None,
    )


def _priority(ctx: Context, context: str, exten: str) -> int:
    text = ctx.get("Priority")
    if not text:
        return 0
    priority = leading_integer(text)
    if priority is None:
        priority = ctx.server.dialplan.find_priority(context, exten, text)
    if priority is None or priority < 1:
        raise ActionError("Invalid priority")
    return priority


def _identity(ctx: Context) -> PartyId | None:
    text = ctx.get("CallerID")
    party = parse_callerid(text) if text else None
    return party if party is not None and (party.name or party.number) else None


async def _start_and_wait(ctx: Context, order: Originate) -> Reply:
    try:
        started = ctx.server.originator.start(order)
    except OriginateError as error:
        log.info("manager action Originate: {error}", error=str(error))
        raise ActionError(FAILED) from error
    ctx.hold_call(started.channel.linkedid)
    outcome = await started.result
    if not outcome.success:
        raise ActionError(FAILED)
    return Reply(QUEUED)


def _start_async(ctx: Context, order: Originate) -> None:
    try:
        started = ctx.server.originator.start(order)
    except OriginateError as error:
        log.info("manager action Originate: {error}", error=str(error))
        _tell(ctx, order, OriginateResult(False, REASON_FAILURE), None)
        return
    Deferred.fromCoroutine(_follow(ctx, order, started)).addErrback(
        lambda failure: log.failure("following an origination failed", failure=failure)
    )


async def _follow(ctx: Context, order: Originate, started: Origination) -> None:
    outcome = await started.result
    _tell(ctx, order, outcome, started)


def _tell(ctx: Context, order: Originate, outcome: OriginateResult, started: Origination | None) -> None:
    """Publish how it went; the reader makes OriginateResponse of it."""
    bus = ctx.server.bus
    if not bus.wanted(messages.OriginateEnded):
        return
    identity = order.identity
    bus.publish(
        messages.OriginateEnded(
            success=outcome.success,
            reason=outcome.reason,
            dial_string=str(order.destination),
            context=ctx.get("Context"),
            exten=ctx.get("Exten"),
            application=order.application,
            data=order.data,
            channel=started.channel.snapshot() if started is not None and outcome.success else None,
            caller_number="" if identity is None else identity.number,
            caller_name="" if identity is None else identity.name,
            tags={"ActionID": ctx.action_id, "ChannelId": ctx.get("ChannelId")},
        )
    )
