"""Actions on bridges (main/manager_bridges.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ami.context import Context
from ami.events.event import bridge_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action

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
