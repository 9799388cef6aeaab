"""Actions on channels: hanging up, moving them, texts and digits (main/manager.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ami.context import Context
from ami.encoding import clean
from ami.filters import posix_regex
from ami.numbers import leading_integer
from ami.replies import ActionError, AnyReply, Item, ListReply, Reply
from ami.table import action
from pbx.config.types import is_true
from pbx.core.causes import Cause
from pbx.core.channel import settle
from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS, DigitBegin, DigitEnd
from pbx.core.local import LocalHalf, LocalTechnology
from pbx.core.transfer import TransferResult, blind_transfer, transferee_of
from pbx.logs import verbose

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.channels import Place

log = Logger()

MAX_DIGIT_MS = 10_000

#: ``type/subtype`` with parameters, of visible ASCII.
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;[ -~]*)?", re.ASCII)


# Ending


@action(
    "Hangup",
    "system,call",
    synopsis="Hangup channel.",
    required={"Channel": "No channel specified"},
    optional=("Cause",),
    list_events=("ChannelHungup", "ChannelsHungupListComplete"),
)
def action_Hangup(ctx: Context) -> AnyReply:
    return _hang_up(ctx, technology="")


@action(
    "PJSIPHangup",
    "system,call",
    synopsis="Hangup PJSIP channels by name or regular expression.",
    required={"Channel": "No channel specified"},
    optional=("Cause",),
    module="chan_pjsip",
    list_events=("ChannelHungup", "ChannelsHungupListComplete"),
)
def action_PJSIPHangup(ctx: Context) -> AnyReply:
    return _hang_up(ctx, technology="PJSIP")


def _hang_up(ctx: Context, technology: str) -> AnyReply:
    wanted = ctx.get("Channel")
    cause = _cause(ctx)
    if not wanted.startswith("/"):
        channel = ctx.channel()
        if technology and channel.technology != technology:
            raise ActionError("No such channel")
        _log_hangup(ctx, channel)
        channel.request_hangup(cause, quiet=True)
        return Reply("Channel Hungup")
    if len(wanted) < 3 or not wanted.endswith("/"):
        raise ActionError("Regex format invalid, Channel param should be /regex/")
    try:
        pattern = posix_regex(wanted[1:-1])
    except re.error:
        raise ActionError(f"Regex compile failed on: {wanted}") from None
    items = []
    for channel in ctx.server.channels:
        if pattern.search(channel.name) and (not technology or channel.technology == technology):
            _log_hangup(ctx, channel)
            items.append(Item("ChannelHungup", f"Channel: {clean(channel.name)}\r\n", id_last=True))
            channel.request_hangup(cause, quiet=True)
    return ListReply("Channels hung up will follow", items, "ChannelsHungupListComplete")


def _cause(ctx: Context) -> int:
    """The cause asked for; as in Asterisk a bad one does not keep the channel from being hung up."""
    text = ctx.get("Cause")
    if text.isascii() and text.isdecimal() and 0 < int(text) <= 127:
        return int(text)
    if text:
        log.info("Invalid 'Cause: {cause}' in manager action Hangup", cause=text)
    return Cause.NOT_DEFINED


def _log_hangup(ctx: Context, channel: Channel) -> None:
    verbose(
        log,
        3,
        "Manager '{user}' from {peer}, hanging up channel: {channel}",
        user=ctx.session.username,
        peer=ctx.session.address,
        channel=channel.name,
    )


# Moving


@action(
    "Redirect",
    "call",
    synopsis="Redirect (transfer) a call.",
    required={
        "Channel": "Channel not specified",
        "Context": "Context not specified",
        "Exten": "Exten not specified",
        "Priority": "Priority not specified",
    },
    optional=("ExtraChannel", "ExtraExten", "ExtraContext", "ExtraPriority"),
)
def action_Redirect(ctx: Context) -> Reply:
    place = _place(ctx, "")
    extra_name = ctx.get("ExtraChannel")
    extra_place = place
    if extra_name and ctx.get("ExtraContext"):
        for part in ("ExtraExten", "ExtraPriority"):
            if not ctx.get(part):
                raise ActionError(f"{part} not specified")
        extra_place = _place(ctx, "Extra")
    channel = ctx.channel(missing=f"Channel does not exist: {ctx.get('Channel')}")
    if channel.hangup_requested:
        raise ActionError("Redirect failed, channel not up.")
    ctx.server.dialplan.set_after_bridge(channel, None)
    if not extra_name:
        channel.redirect(*place)
        return Reply("Redirect successful")
    extra = ctx.channel("ExtraChannel", missing=f"ExtraChannel does not exist: {extra_name}")
    if extra.hangup_requested:
        raise ActionError("Redirect failed, extra channel not up.")
    if extra is channel:
        raise ActionError("Secondary redirect failed")
    ctx.server.dialplan.set_after_bridge(extra, None)
    ctx.server.channels.redirect_both(channel, place, extra, extra_place)
    return Reply("Dual Redirect successful")


def _place(ctx: Context, prefix: str) -> Place:
    context, exten, text = (ctx.get(f"{prefix}{part}") for part in ("Context", "Exten", "Priority"))
    priority = leading_integer(text)
    if priority is None:
        priority = ctx.server.dialplan.find_priority(context, exten, text)
    if priority is None or priority < 1:
        raise ActionError(f"{prefix}Priority is invalid")
    return context, exten, priority


@action(
    "BlindTransfer",
    "call",
    synopsis="Blind transfer channel(s) to the given destination.",
    required={"Channel": "No channel specified", "Exten": "No extension specified"},
    optional=("Context",),
)
def action_BlindTransfer(ctx: Context) -> Reply:
    """The channel's party goes to the extension; the channel itself is hung up."""
    channel = ctx.channel(missing="Channel specified does not exist")
    context, exten = ctx.get("Context") or channel.context, ctx.get("Exten")
    if transferee_of(channel) is None:
        raise ActionError("Transfer invalid")
    if blind_transfer(channel, context, exten) is not TransferResult.SUCCESS:
        raise ActionError("Transfer failed")
    return Reply("Transfer succeeded")


@action(
    "AbsoluteTimeout",
    "system,call",
    synopsis="Set absolute timeout.",
    required={"Channel": "No channel specified", "Timeout": "No timeout specified"},
)
async def action_AbsoluteTimeout(ctx: Context) -> Reply:
    seconds = leading_integer(ctx.get("Timeout"))
    if not seconds or seconds < 0:
        raise ActionError("No timeout specified")
    channel = ctx.channel()
    try:
        await settle(ctx.server.dialplan.write_function(channel, "TIMEOUT(absolute)", str(seconds)))
    except LookupError as error:
        raise ActionError("func_timeout is not loaded") from error
    return Reply("Timeout Set")


@action(
    "LocalOptimizeAway",
    "system,call",
    synopsis="Optimize away a local channel when possible.",
    required={"Channel": "'Channel' not specified."},
)
def action_LocalOptimizeAway(ctx: Context) -> Reply:
    channel = ctx.channel(missing="Channel does not exist.")
    technology = ctx.server.technologies.find("Local")
    if not isinstance(channel.driver, LocalHalf) or not isinstance(technology, LocalTechnology):
        raise ActionError("Unable to find channel")
    technology.allow_optimizing(channel)
    return Reply("Queued channel to be optimized away")


# Texts and digits


@action(
    "SendText",
    "call",
    synopsis="Sends a text message to channel. A content type can be optionally specified.",
    required={"Channel": "No channel specified", "Message": "No Message specified"},
    optional=("Content-Type",),
)
def action_SendText(ctx: Context) -> Reply:
    channel = ctx.channel()
    kind = ctx.get("Content-Type").strip()
    if kind and not _CONTENT_TYPE.fullmatch(kind):
        raise ActionError("Failure")
    if not channel.send_text(ctx.get("Message"), kind):
        raise ActionError("Failure")
    return Reply("Success")


@action(
    "PlayDTMF",
    "call",
    synopsis="Play DTMF signal on a specific channel.",
    required={"Channel": "Channel not specified", "Digit": "No digit specified"},
    optional=("Duration", "Receive"),
    module="app_senddtmf",
)
def action_PlayDTMF(ctx: Context) -> Reply:
    channel = ctx.channel(missing="Channel not found")
    digit = ctx.get("Digit")[:1].upper()
    if digit not in DIGITS:
        raise ActionError("No digit specified")
    duration = DEFAULT_DIGIT_MS
    if ctx.get("Duration"):
        given = leading_integer(ctx.get("Duration"))
        if given is None or not 0 <= given <= MAX_DIGIT_MS:
            raise ActionError("Could not convert Duration parameter")
        duration = given
    if is_true(ctx.get("Receive")):
        channel.queue_frame(DigitBegin(digit))
        channel.queue_frame(DigitEnd(digit, duration))
        return Reply("DTMF successfully queued")
    channel.send_digit(digit, duration)
    return Reply("DTMF successfully queued")
