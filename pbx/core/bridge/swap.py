"""A channel takes another one's place in its bridge (Asterisk: ast_bridge_impart with a channel to swap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.core.bridge.bridge import LeaveReason
from pbx.core.bridge.pull import left, pull
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channel import Channel

#: Owners that leave the hanging up of a channel to whoever takes it from them.
_PASSIVE = frozenset(("dial", "bridge"))


async def take_place(channel: Channel, replaced: Channel) -> None:
    """Let ``channel``, which nobody services, talk where ``replaced`` does, which is hung up.

    Where the call between two was made by the dialplan of the one that goes, the other is taken from it: the call ends
    with either of them then. Raises ObeliskError when the bridge is gone before that.
    """
    bridge = replaced.bridge
    if bridge is None:
        raise ObeliskError(f"{replaced.name} talks to nobody any more")
    peer = bridge.peer_of(replaced)
    channel.owner = "bridge"
    if peer is None or not bridge.dissolve_on_hangup or replaced.owner != "pbx":
        _enter(bridge, channel, replaced)
        bridge.remove(replaced, LeaveReason.REMOVED)
        if replaced.owner in _PASSIVE:
            replaced.hangup()
        else:
            replaced.request_hangup()
    else:
        await take_from(peer, replaced)
        bridges = bridge.registry
        bridge = bridges.create(kind="basic", dissolve_on_hangup=True)
        _enter(bridge, peer)
        _enter(bridge, channel)
    bridge.introduce(channel)


async def take_from(peer: Channel, replaced: Channel) -> None:
    """Take ``peer`` from the call it has with ``replaced``, which is hung up; nobody services it afterwards.

    Raises ObeliskError when it is gone.
    """
    if peer.owner == "pbx":
        dialplan = peer.channels.dialplan
        if dialplan is None:
            raise ObeliskError("there is no dialplan")
        await pull(peer, dialplan)
        replaced.request_hangup()
    else:
        peer.yanked = True
        replaced.request_hangup()
        if peer.bridge is not None:
            peer.bridge.remove(peer)
        peer.set_reader(None)
        peer.yanked = peer.originated = False
    if not peer.alive or peer.hangup_requested:
        raise ObeliskError(f"{peer.name} is gone")
    peer.owner = "bridge"


def _enter(bridge: Bridge, channel: Channel, replaced: Channel | None = None) -> None:
    bridge.enter(channel, replacing=replaced).addCallback(left, channel, channel.channels.dialplan)
