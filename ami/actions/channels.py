"""Actions on channels: listing, hanging up, redirecting, variables, texts and digits (main/manager.c)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ami.authorisation import is_dangerous
from ami.classes import SYSTEM
from ami.context import Context
from ami.encoding import clean, headers_text, or_unknown
from ami.filters import posix_regex
from ami.lists import split_list
from ami.manager import read_now
from ami.replies import ActionError, AnyReply, Item, ListReply, Reply
from ami.table import action
from pbx.config.types import is_true
from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import settle
from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS, DigitBegin, DigitEnd
from pbx.core.local import LocalHalf, LocalTechnology
from pbx.errors import ObeliskError
from pbx.logs import verbose

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.channels import Place

log = Logger()

#: Variables Status reads for each channel.
MAX_STATUS_VARIABLES = 100
MAX_DIGIT_MS = 10_000

#: ``type/subtype`` with parameters, of visible ASCII.
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;[ -~]*)?", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?\d{1,18})")


def leading_integer(text: str) -> int | None:
    """The number a text begins with, as sscanf's %d reads it."""
    found = _INTEGER.match(text)
    return None if found is None else int(found[1])


def duration_text(seconds: float) -> str:
    """``HH:MM:SS``."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


# Listing


@action(
    "CoreShowChannels",
    "system,reporting",
    synopsis="List currently active channels.",
    list_events=("CoreShowChannel", "CoreShowChannelsComplete"),
)
def action_CoreShowChannels(ctx: Context) -> ListReply:
    maker = ctx.manager.maker
    now = ctx.server.clock.now()

    def items() -> Iterator[Item]:
        for channel in ctx.server.channels:
            snapshot = channel.snapshot()
            rest = headers_text(
                (
                    ("Application", snapshot.application),
                    ("ApplicationData", snapshot.application_data),
                    ("Duration", duration_text(now - snapshot.created)),
                    ("BridgeId", snapshot.bridge_id or ""),
                )
            )
            yield Item("CoreShowChannel", maker.channel(snapshot) + rest)

    return ListReply("Channels will follow", items(), "CoreShowChannelsComplete")


@action(
    "Status",
    "system,call,reporting",
    synopsis="List channel status.",
    optional=("Channel", "Variables", "AllVariables"),
    list_events=("Status", "StatusComplete"),
)
def action_Status(ctx: Context) -> ListReply:
    ctx.check_function(ctx.get("Variables"), "Status Access Forbidden: Variables")
    channels = [ctx.channel()] if ctx.get("Channel") else list(ctx.server.channels)
    names = [name.strip() for name in split_list(ctx.get("Variables"), MAX_STATUS_VARIABLES) if name.strip()]
    everything = is_true(ctx.get("AllVariables"))
    return ListReply(
        "Channel status will follow",
        [Item("Status", _status_text(ctx, channel, names, everything), id_last=True) for channel in channels],
        "StatusComplete",
        (("Items", str(len(channels))),),
    )


def _status_text(ctx: Context, channel: Channel, names: list[str], everything: bool) -> str:
    formats = channel.formats or ("slin",)
    variables = [("Variable", f"{name}={read_now(ctx.server, channel, name)}") for name in names]
    if everything:
        variables += [("Variable", f"{name}={value}") for name, value in channel.variables]
    connected = channel.connected.id
    headers = [
        ("Type", channel.technology),
        ("DNID", channel.dialed.number),
        ("EffectiveConnectedLineNum", or_unknown(connected.number)),
        ("EffectiveConnectedLineName", or_unknown(connected.name)),
        ("TimeToHangup", "0"),
        ("BridgeID", "" if channel.bridge is None else channel.bridge.id),
        ("Application", channel.application),
        ("Data", channel.application_data),
        ("Nativeformats", f"({'|'.join(formats)})"),
        ("Readformat", formats[0]),
        ("Readtrans", ""),
        ("Writeformat", formats[0]),
        ("Writetrans", ""),
        ("Callgroup", "0"),
        ("Pickupgroup", "0"),
        ("Seconds", str(int(ctx.server.clock.now() - channel.created))),
        *variables,
    ]
    return f"Privilege: Call\r\n{ctx.manager.maker.channel(channel.snapshot())}{headers_text(headers)}"


@action(
    "CoreShowChannelMap",
    "system,reporting",
    synopsis="List all channels connected to the specified channel.",
    required={"Channel": "CoreShowChannelMap requires a channel."},
    list_events=("CoreShowChannelMap", "CoreShowChannelMapComplete"),
)
def action_CoreShowChannelMap(ctx: Context) -> ListReply:
    start = ctx.channel(missing="Could not get channel snapshot")
    found: dict[str, Channel] = {start.uniqueid: start}
    waiting = [start]
    while waiting:
        channel = waiting.pop()
        near = [] if channel.bridge is None else list(channel.bridge.channels)
        if channel is not start and (other := _other_half(ctx, channel)) is not None:
            near.append(other)
        for each in near:
            if each.uniqueid not in found:
                found[each.uniqueid] = each
                waiting.append(each)
    del found[start.uniqueid]
    items = [
        Item(
            "CoreShowChannelMap",
            f"Channel: {clean(start.name)}\r\nConnectedChannel: {clean(each.name)}\r\n",
        )
        for each in found.values()
    ]
    return ListReply("Channel map will follow", items, "CoreShowChannelMapComplete")


def _other_half(ctx: Context, channel: Channel) -> Channel | None:
    if not isinstance(channel.driver, LocalHalf):
        return None
    base, number = channel.name[:-1], channel.name[-1:]
    return ctx.server.channels.find(f"{base}{'2' if number == '1' else '1'}")


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
    if not extra_name:
        channel.redirect(*place)
        return Reply("Redirect successful")
    extra = ctx.channel("ExtraChannel", missing=f"ExtraChannel does not exist: {extra_name}")
    if extra.hangup_requested:
        raise ActionError("Redirect failed, extra channel not up.")
    if extra is channel:
        raise ActionError("Secondary redirect failed")
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
    bridge = channel.bridge
    peer = None if bridge is None else bridge.peer_of(channel)
    if bridge is None or peer is None:
        raise ActionError("Transfer invalid")
    bus = ctx.server.bus
    snapshots = channel.snapshot(), peer.snapshot(), bridge.snapshot()
    exists = ctx.server.dialplan.exists(context, exten, 1, peer.caller.id.number)
    if bus.wanted(messages.BlindTransferred):
        bus.publish(
            messages.BlindTransferred("Success" if exists else "Fail", *snapshots, context, exten, external=True)
        )
    if not exists:
        raise ActionError("Transfer failed")
    peer.set_variable("BLINDTRANSFER", channel.name)
    ctx.server.channels.send_away(peer, (context, exten, 1), channel)
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


# Variables


@action(
    "Getvar",
    "call,reporting",
    synopsis="Gets a channel variable or function value.",
    required={"Variable": "No variable specified"},
    optional=("Channel",),
)
def action_Getvar(ctx: Context) -> Reply | Awaitable[Reply]:
    name = ctx.get("Variable")
    if ctx.write & SYSTEM and is_dangerous(name, ctx.server.dialplan):
        # Whoever may use every function gets nothing of those that asterisk.conf keeps to the dialplan.
        log.warn("manager action Getvar: dangerous function {expression} read blocked", expression=name)
        return _value(name, "")
    ctx.check_function(name, "GetVar Access Forbidden: Variable")
    channel = ctx.channel() if ctx.get("Channel") else None
    if name.endswith(")"):
        return _read_function(ctx, channel, name)
    return _value(name, read_now(ctx.server, channel, name))


async def _read_function(ctx: Context, channel: Channel | None, expression: str) -> Reply:
    try:
        value = await settle(ctx.server.dialplan.read_function(channel, expression))
    except (ObeliskError, LookupError) as error:
        # An error in reading is an empty value, as in Asterisk; the log says why.
        log.info("manager action Getvar: {expression}: {error}", expression=expression, error=str(error))
        value = ""
    return _value(expression, value)


def _value(name: str, value: str) -> Reply:
    return Reply(headers=(("Variable", name), ("Value", value)))


@action(
    "Setvar",
    "call",
    synopsis="Sets a channel variable or function value.",
    required={"Variable": "No variable specified"},
    optional=("Channel", "Value"),
)
def action_Setvar(ctx: Context) -> Reply | Awaitable[Reply]:
    name, value = ctx.get("Variable"), ctx.get("Value")
    ctx.check_function(name, "SetVar Access Forbidden: Variable")
    channel = ctx.channel() if ctx.get("Channel") else None
    if name.endswith(")"):
        return _write_function(ctx, channel, name, value)
    if channel is None:
        ctx.server.channels.set_global(name, value)
    else:
        channel.set_variable(name, value)
    return Reply("Variable Set")


async def _write_function(ctx: Context, channel: Channel | None, expression: str, value: str) -> Reply:
    try:
        await settle(ctx.server.dialplan.write_function(channel, expression, value))
    except (ObeliskError, LookupError) as error:
        log.info("manager action Setvar: {expression}: {error}", expression=expression, error=str(error))
        raise ActionError("Variable not set") from error
    return Reply("Variable Set")


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
