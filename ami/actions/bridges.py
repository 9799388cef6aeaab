"""Actions on bridges (main/manager_bridges.c)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ami.context import Context
from ami.events.event import bridge_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.config.types import is_true
from pbx.core.bridge.pull import bridge_pulled
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.bridge import Bridge

_NOT_GIVEN = {"BridgeUniqueid": "BridgeUniqueid must be provided"}


def _bridge(ctx: Context, missing: str = "Specified BridgeUniqueid not found") -> Bridge:
    found = ctx.server.bridges.find(ctx.get("BridgeUniqueid"))
    if found is None:
        raise ActionError(missing)
    return found


@action(
    "BridgeList",
    synopsis="Get a list of bridges in the system.",
    optional=("BridgeType",),
    list_events=("BridgeListItem", "BridgeListComplete"),
)
def action_BridgeList(ctx: Context) -> ListReply:
    wanted = ctx.get("BridgeType").lower()
    snapshots = [bridge.snapshot() for bridge in ctx.server.bridges]
    items = [Item("BridgeListItem", bridge_text(each)) for each in snapshots if wanted in ("", each.type)]
    return ListReply("Bridge listing will follow", items, "BridgeListComplete")


@action(
    "BridgeInfo",
    synopsis="Get information about a bridge.",
    required=_NOT_GIVEN,
    list_events=("BridgeInfoChannel", "BridgeInfoComplete"),
)
def action_BridgeInfo(ctx: Context) -> ListReply:
    bridge = _bridge(ctx)
    maker = ctx.manager.maker
    items = [Item("BridgeInfoChannel", maker.channel(channel.snapshot())) for channel in bridge.channels]
    return ListReply(
        "Bridge channel listing will follow",
        items,
        "BridgeInfoComplete",
        trailer_text=bridge_text(bridge.snapshot()),
    )


@action("BridgeDestroy", synopsis="Destroy a bridge.", required=_NOT_GIVEN)
def action_BridgeDestroy(ctx: Context) -> Reply:
    """The bridge ends and, as in Asterisk, so do the calls in it."""
    bridge = _bridge(ctx)
    channels = bridge.channels
    bridge.dissolve()
    for channel in channels:
        channel.request_hangup()
    return Reply("Bridge has been destroyed")


_TONES = {"channel1": (True, False), "channel2": (False, True), "both": (True, True)}


@action(
    "Bridge",
    "call",
    synopsis="Bridge two channels already in the PBX.",
    required={
        "Channel1": "Missing channel parameter in request",
        "Channel2": "Missing channel parameter in request",
    },
    optional=("Tone",),
)
async def action_Bridge(ctx: Context) -> Reply:
    """Both leave what they are doing, and whoever is left over goes on in the dialplan afterwards."""
    channels = []
    for name in ("Channel1", "Channel2"):
        channel = ctx.channel(name, missing=f"{name} does not exist: {ctx.get(name)}")
        if channel.hangup_requested:
            raise ActionError(f"Unable to add {name} to bridge: {channel.name}")
        channels.append(channel)
    one, two = channels
    if one is two:
        raise ActionError(f"Unable to add Channel2 to bridge: {two.name}")
    server, tone = ctx.server, ctx.get("Tone").lower()
    try:
        await bridge_pulled(server.bridges, server.dialplan, one, two)
    except ObeliskError as error:
        raise ActionError(f"Unable to bridge the channels: {error}") from error
    asked = _TONES.get(tone, (is_true(tone),) * 2)
    for channel, wanted in zip(channels, asked, strict=True):
        path = server.switchboard.find_sound("beep", channel.language) if wanted else None
        if path is not None and channel.alive:
            with contextlib.suppress(ObeliskError):
                server.switchboard.play(channel.audio, path)
    return Reply("Channels have been bridged")


@action(
    "BridgeKick",
    synopsis="Kick a channel from a bridge.",
    required={"Channel": "Channel must be provided"},
    optional=("BridgeUniqueid",),
)
def action_BridgeKick(ctx: Context) -> Reply:
    channel = ctx.channel(missing="Channel does not exist")
    if ctx.get("BridgeUniqueid"):
        bridge = _bridge(ctx, "Bridge not found")
    elif channel.bridge is None:
        raise ActionError("Channel is not in a bridge")
    else:
        bridge = channel.bridge
    if not bridge.remove(channel):
        raise ActionError("Channel kick from bridge failed")
    channel.request_hangup()
    return Reply("Channel has been kicked")
