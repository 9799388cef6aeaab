"""Whoever accompanies calls sees the channels themselves, not snapshots of them that the bus tells.

A snapshot of a channel for each step of its dialplan is dear. What an observer needs of it, it takes by itself; call
detail records do (`pbx.cdr.ledger`). An observer is told after the bus, and must not change what it sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from pbx.core import messages

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channel import Channel
    from pbx.core.channel_record import ChannelRecord
    from pbx.core.channels import Channels

log = Logger()


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


def failed(what: str) -> None:
    """Log the exception that an observer let out: its defect must not reach the call."""
    log.failure("the observer of calls failed when told that {what}", what=what)


def tell_dial_began(channels: Channels, caller: Channel | None, peer: Channel, dial_string: str) -> None:
    """A dial to ``peer`` has begun; without a caller it is an origination."""
    bus = channels.bus
    if bus.wanted(messages.DialBegan):
        bus.publish(messages.DialBegan(None if caller is None else caller.snapshot(), peer.snapshot(), dial_string))
    observer = channels.observer
    if observer is not None:
        try:
            observer.dial_began(caller, peer)
        except Exception:  # see `failed`
            failed("a dial began")


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
        bus.publish(
            messages.DialEnded(
                None if caller is None else caller.snapshot(),
                peer.snapshot(),
                status,
                forward,
                None if forwarded is None else forwarded.snapshot(),
                dial_string,
            )
        )
    observer = channels.observer
    if observer is not None:
        try:
            observer.dial_ended(caller, peer, status)
        except Exception:  # see `failed`
            failed("a dial ended")


def tell_bridge_entered(channels: Channels, bridge: Bridge, channel: Channel, replaced: Channel | None = None) -> None:
    """A channel is in a bridge now, perhaps to take the place of another."""
    bus = channels.bus
    if bus.wanted(messages.BridgeEntered):
        swapped = None if replaced is None else replaced.snapshot()
        bus.publish(messages.BridgeEntered(bridge.snapshot(), channel.snapshot(), swapped))
    observer = channels.observer
    if observer is not None:
        try:
            observer.bridge_entered(bridge, channel)
        except Exception:  # see `failed`
            failed("a bridge was entered")


def tell_bridge_left(channels: Channels, bridge: Bridge, channel: Channel) -> None:
    """A channel is no longer in a bridge."""
    bus = channels.bus
    if bus.wanted(messages.BridgeLeft):
        bus.publish(messages.BridgeLeft(bridge.snapshot(), channel.snapshot()))
    observer = channels.observer
    if observer is not None:
        try:
            observer.bridge_left(bridge, channel)
        except Exception:  # see `failed`
            failed("a bridge was left")
