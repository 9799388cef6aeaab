"""Transfers that a party of a call asks for (Asterisk: ast_bridge_transfer_blind, ast_bridge_transfer_attended).

Blind: who talks to the transferer goes on elsewhere in the dialplan. Attended: the transferer has two calls, and the
others of them are connected; where one of its calls is no conversation, the other takes its place there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core import messages
from pbx.core.bridge.swap import take_from, take_place
from pbx.core.frames import Control, ControlFrame
from pbx.core.masquerade import masquerade
from pbx.core.party import Connected
from pbx.errors import ObeliskError

log = Logger()

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


async def attended_transfer(first: Channel, second: Channel) -> TransferResult:
    """Connect who talks to ``first`` with who talks to ``second``, both of them the transferer's, and hang these up.

    Told as asked for from outside the calls. Of two conversations one must be of two parties.
    """
    transferee, target = transferee_of(first), transferee_of(second)
    told = messages.AttendedTransferred(
        TransferResult.SUCCESS.value,
        first.snapshot(),
        None if first.bridge is None else first.bridge.snapshot(),
        second.snapshot(),
        None if second.bridge is None else second.bridge.snapshot(),
        None if transferee is None else transferee.snapshot(),
        None if target is None else target.snapshot(),
        external=True,
    )
    bus = first.channels.bus

    def tell(result: TransferResult, *, bridge: str = "", application: str = "") -> TransferResult:
        if bus.wanted(messages.AttendedTransferred):
            bus.publish(replace(told, result=result.value, bridge=bridge, application=application))
        return result

    if first is second or (first.bridge is None and second.bridge is None):
        return tell(TransferResult.INVALID)
    if first.bridge is second.bridge or (transferee is None and target is None):
        return tell(TransferResult.FAIL)
    _note_attended(first)
    try:
        if first.bridge is not None and second.bridge is not None:
            return tell(TransferResult.SUCCESS, bridge=await _join(first, transferee, second, target))
    except ObeliskError as error:
        log.warn("{channel}: attended transfer failed: {error}", channel=first.name, error=str(error))
        return tell(TransferResult.FAIL)
    moves, left, place = (transferee, first, second) if transferee is not None else (target, second, first)
    # Told before it happens, as by Asterisk: what becomes of the channels after it belongs to the transfer.
    tell(TransferResult.SUCCESS, application=place.application or "unknown")
    try:
        if moves is not None:
            await _put_before(place, moves, left)
    except ObeliskError as error:
        log.warn("{channel}: attended transfer failed: {error}", channel=first.name, error=str(error))
        return TransferResult.FAIL
    return TransferResult.SUCCESS


def _note_attended(first: Channel) -> None:
    """ATTENDEDTRANSFER names the transferer to the others of its first call, and them to it."""
    for channel in () if first.bridge is None else first.bridge.channels:
        name = (first.get_variable("BRIDGEPEER") or "") if channel is first else first.name
        channel.set_variable("ATTENDEDTRANSFER", name)
        channel.unset_variable("BLINDTRANSFER")


async def _join(first: Channel, transferee: Channel | None, second: Channel, target: Channel | None) -> str:
    """The id of the bridge in which they talk now. Raises ObeliskError."""
    if transferee is not None:
        moves, replaced = transferee, second
        await take_from(transferee, first)
    elif target is not None:
        moves, replaced = target, first
        await take_from(target, second)
    else:
        raise ObeliskError("neither call is one of two")
    try:
        await take_place(moves, replaced)
    except ObeliskError:
        moves.hangup()
        raise
    return "" if moves.bridge is None else moves.bridge.id


async def _put_before(channel: Channel, moves: Channel, left: Channel) -> None:
    """Let the far end of ``moves``, which talked to ``left``, be ``channel``'s. Raises ObeliskError."""
    whom = channel.connected
    await take_from(moves, left)
    try:
        masquerade(channel, moves)
    finally:
        # With what there was before ``channel``, or with its own far end where that could not be moved.
        moves.hangup()
    # Each side learns whom it has now: who came at once, and whoever is dialled by way of whoever dials.
    channel.indicate(Control.CONNECTED_LINE, whom)
    caller = channel.caller
    channel.queue_frame(ControlFrame(Control.CONNECTED_LINE, Connected(id=caller.id, ani=caller.ani)))
