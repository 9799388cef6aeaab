"""Blind transfer: who talks to the transferer goes on elsewhere (Asterisk: ast_bridge_transfer_blind)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from pbx.core import messages

if TYPE_CHECKING:
    from pbx.core.channel import Channel


class TransferResult(Enum):
    """How a transfer ended, by the word that events have for it."""

    SUCCESS = "Success"
    FAIL = "Fail"
    #: The channel talks to nobody.
    INVALID = "Invalid"


def transferee_of(transferer: Channel) -> Channel | None:
    """Whom a transfer by this channel would send away; None where it talks to nobody, or to several."""
    return None if transferer.bridge is None else transferer.bridge.peer_of(transferer)


def blind_transfer(
    transferer: Channel,
    context: str,
    exten: str,
    prepare: Callable[[Channel], object] = lambda transferee: None,
) -> TransferResult:
    """Send whoever talks to ``transferer`` to an extension, and hang the transferer up.

    ``prepare`` gets the transferee right before it goes. Told as asked for from outside the call.
    """
    channels, bridge, transferee = transferer.channels, transferer.bridge, transferee_of(transferer)
    if bridge is None:
        return TransferResult.INVALID
    result = TransferResult.FAIL
    if transferee is None:
        result = TransferResult.INVALID if len(bridge.channels) < 2 else TransferResult.FAIL
    elif channels.dialplan is not None and channels.dialplan.exists(context, exten, 1, transferee.caller.id.number):
        result = TransferResult.SUCCESS
    if channels.bus.wanted(messages.BlindTransferred):
        gone = None if transferee is None else transferee.snapshot()
        channels.bus.publish(
            messages.BlindTransferred(
                result.value, transferer.snapshot(), gone, bridge.snapshot(), context, exten, external=True
            )
        )
    if result is TransferResult.SUCCESS and transferee is not None:
        for channel, other in ((transferer, transferee), (transferee, transferer)):
            channel.set_variable("BLINDTRANSFER", other.name)
            channel.unset_variable("ATTENDEDTRANSFER")
        prepare(transferee)
        channels.send_away(transferee, (context, exten, 1), transferer)
    return result
