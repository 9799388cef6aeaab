"""Whoever accompanies calls sees the channels themselves, not snapshots of them that the bus tells.

A snapshot of a channel for each step of its dialplan is dear. What an observer needs of it, it takes by itself; call
detail records do (`pbx.cdr.ledger`). An observer is told after the bus, and must not change what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from twisted.logger import Logger

from pbx.core import messages

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channel import Channel
    from pbx.core.channel_record import ChannelRecord
    from pbx.core.channels import Channels
    from pbx.core.snapshot import ChannelSnapshot

log = Logger()
T = TypeVar("T")


class ChannelObserver(Protocol):
    """Accompanies one channel."""

    def changed(self) -> None:
        """The channel runs another application, is in another state, or has been hung up."""

    def destroyed(self) -> None:
        """The channel has ended."""


class CallObserver(Protocol):
    """Accompanies all channels; at most one does, see `Channels.observer`."""

    def created(self, channel: ChannelRecord) -> ChannelObserver | None:
        """A channel exists now: who shall accompany it."""

    def exchanged(self, one: ChannelRecord, other: ChannelRecord) -> None:
        """Two channels have changed their names and ids, and who accompanies them."""

    def dial_began(self, caller: ChannelRecord | None, peer: ChannelRecord) -> None:
        """See `messages.DialBegan`."""

    def dial_ended(self, caller: ChannelRecord | None, peer: ChannelRecord, status: str) -> None:
        """See `messages.DialEnded`."""

    def bridge_entered(self, bridge: Bridge, channel: ChannelRecord) -> None:
        """See `messages.BridgeEntered`."""

    def bridge_left(self, bridge: Bridge, channel: ChannelRecord) -> None:
        """See `messages.BridgeLeft`."""


def tell(call: Callable[..., T], *facts: object) -> T | None:
    """Call an observer. What it lets out is logged, and None given: its defect must not reach the call."""
    try:
        return call(*facts)
    except Exception:  # see above
        log.failure("the observer of calls failed in {call}", call=call.__qualname__)
        return None


def tell_dial_began(channels: Channels, caller: Channel | None, peer: Channel, dial_string: str) -> None:
    """A dial to ``peer`` has begun; without a caller it is an origination."""
    bus = channels.bus
    if bus.wanted(messages.DialBegan):
        bus.publish(messages.DialBegan(_seen(caller), peer.snapshot(), dial_string))
    if channels.observer is not None:
        tell(channels.observer.dial_began, caller, peer)


def tell_dial_progress(
    channels: Channels, caller: Channel | None, peer: Channel, status: str, dial_string: str = ""
) -> None:
    """A dial has come so far; fields as those of `messages.DialStateChanged`. Observers are not told."""
    bus = channels.bus
    if bus.wanted(messages.DialStateChanged):
        bus.publish(messages.DialStateChanged(_seen(caller), peer.snapshot(), status, dial_string))


def tell_dial_ended(
    channels: Channels,
    caller: Channel | None,
    peer: Channel,
    status: str,
    forward: str = "",
    forwarded: Channel | None = None,
    dial_string: str = "",
) -> None:
    """A dial came to its end; fields as those of `messages.DialEnded`."""
    bus = channels.bus
    if bus.wanted(messages.DialEnded):
        bus.publish(messages.DialEnded(_seen(caller), peer.snapshot(), status, forward, _seen(forwarded), dial_string))
    if channels.observer is not None:
        tell(channels.observer.dial_ended, caller, peer, status)


def tell_bridge_entered(channels: Channels, bridge: Bridge, channel: Channel, replaced: Channel | None = None) -> None:
    """A channel is in a bridge now, perhaps to take the place of another."""
    bus = channels.bus
    if bus.wanted(messages.BridgeEntered):
        bus.publish(messages.BridgeEntered(bridge.snapshot(), channel.snapshot(), _seen(replaced)))
    if channels.observer is not None:
        tell(channels.observer.bridge_entered, bridge, channel)


def tell_bridge_left(channels: Channels, bridge: Bridge, channel: Channel) -> None:
    """A channel is no longer in a bridge."""
    bus = channels.bus
    if bus.wanted(messages.BridgeLeft):
        bus.publish(messages.BridgeLeft(bridge.snapshot(), channel.snapshot()))
    if channels.observer is not None:
        tell(channels.observer.bridge_left, bridge, channel)


def _seen(channel: Channel | None) -> ChannelSnapshot | None:
    return None if channel is None else channel.snapshot()
