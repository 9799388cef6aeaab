"""Actions that list channels, with what is known of each (main/manager.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ami.context import Context
from ami.encoding import clean, headers_text, or_unknown
from ami.lists import split_list
from ami.manager import read_now
from ami.replies import Item, ListReply
from ami.table import action
from pbx.config.types import is_true
from pbx.core.local import LocalHalf

if TYPE_CHECKING:
    from pbx.core.channel import Channel


#: Variables Status reads for each channel.
MAX_STATUS_VARIABLES = 100


def duration_text(seconds: float) -> str:
    """``HH:MM:SS``."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


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
