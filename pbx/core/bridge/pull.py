"""Bringing two calls together from outside: each leaves what it is doing, and goes on in the dialplan afterwards.

Asterisk: action_bridge, ast_bridge_add_channel with ast_bridge_set_after_goto, ast_bridge_run_after_goto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.clock import cancel_timer
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge, LeaveReason
    from pbx.core.bridge.bridges import Bridges
    from pbx.core.channel import Channel
    from pbx.core.channels import Place
    from pbx.core.dialplan import Dialplan

#: Seconds given to whoever has a channel to let go of it.
TAKE_SECONDS = 5.0
#: Where a channel says that it is being taken, so that who had it knows why it leaves (`Channel.extra`).
TAKEN = "taken"


async def pull(channel: Channel, dialplan: Dialplan) -> Place:
    """Take a channel from whoever services it; nobody owns it then. Gives where its dialplan would go on.

    Raises ObeliskError when it has ended or is not let go of.
    """
    channel.extra[TAKEN] = True
    try:
        return await _taken(channel, dialplan)
    finally:
        channel.extra.pop(TAKEN, None)


async def _taken(channel: Channel, dialplan: Dialplan) -> Place:
    runs = dialplan.runs(channel)
    place = (channel.context, channel.exten, channel.priority + 1 if runs else channel.priority)
    if channel.owner == "pbx":
        released = dialplan.take(channel)
        waiting: Deferred[None] = Deferred()
        released.addBoth(lambda _result: None if waiting.called else waiting.callback(None))
        timer = channel.channels.clock.call_later(TAKE_SECONDS, waiting.callback, None)
        try:
            await waiting
        finally:
            cancel_timer(timer)
    else:
        channel.yanked = True
        if channel.bridge is not None:
            channel.bridge.remove(channel)
        channel.set_reader(None)
        channel.owner = ""
    if not channel.alive or channel.hangup_requested or channel.owner:
        raise ObeliskError(f"{channel.name} is gone, or not let go of")
    channel.yanked = channel.originated = False
    return place


async def bridge_pulled(bridges: Bridges, dialplan: Dialplan, one: Channel, two: Channel) -> Bridge:
    """Pull two channels into a bridge of their own; who is left over goes on where it was in the dialplan.

    Raises ObeliskError naming the one that could not be had; the other goes on.
    """
    places = [await pull(one, dialplan)]
    one.owner = "bridge"
    try:
        places.append(await pull(two, dialplan))
    except ObeliskError:
        _go_on(one, places[0], dialplan)
        raise
    two.owner = "bridge"
    # In a turn of its own, so that whoever hears of both hears first that they left what they were doing.
    await one.channels.clock.sleep(0)
    for gone, other, place in ((one, two, places[1]), (two, one, places[0])):
        if gone.hangup_requested or not gone.alive:
            _go_on(gone, place, dialplan)
            _go_on(other, place, dialplan)
            raise ObeliskError(f"{gone.name} is gone")
    bridge = bridges.create(kind="basic", dissolve_on_hangup=True)
    for channel, place in zip((one, two), places, strict=True):
        dialplan.set_after_bridge(channel, place)
        bridge.enter(channel).addCallback(left, channel, dialplan)
    return bridge


def left(_reason: LeaveReason, channel: Channel, dialplan: Dialplan | None) -> None:
    """A channel that nobody waits for has left a bridge: it goes on where it was told to, or is hung up."""
    # In a turn of its own: the bridge is still being left, and whoever took the channel out says so by its owner.
    channel.channels.clock.call_later(0, _after_bridge, channel, dialplan)


def _after_bridge(channel: Channel, dialplan: Dialplan | None) -> None:
    if not channel.alive or channel.owner != "bridge" or channel.bridge is not None or channel.yanked:
        return
    place = None if dialplan is None else dialplan.take_after_bridge(channel)
    if place is None or dialplan is None:
        channel.hangup()
    else:
        _go_on(channel, place, dialplan)


def _go_on(channel: Channel, place: Place, dialplan: Dialplan) -> None:
    if not channel.alive or channel.owner != "bridge" or channel.bridge is not None:
        return
    if channel.hangup_requested:
        channel.hangup()
        return
    channel.owner = ""
    channel.set_position(*place)
    dialplan.start(channel)
