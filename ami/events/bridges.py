"""Events of bridges (main/manager_bridges.c)."""

from __future__ import annotations

from ami.classes import CALL
from ami.encoding import clean
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker, bridge_text
from pbx.core import messages

TABLE = EncoderTable()
encodes = TABLE.encodes


@encodes(messages.BridgeCreated, CALL, events=("BridgeCreate",))
def bridge_created(make: EventMaker, message: messages.BridgeCreated) -> Event | None:
    return make.event("BridgeCreate", CALL, bridge_text(message.bridge))


@encodes(messages.BridgeChanged, CALL, events=("BridgeVideoSourceUpdate",))
def bridge_changed(make: EventMaker, message: messages.BridgeChanged) -> Event | None:
    if message.old.video_source == message.bridge.video_source:
        return None
    body = f"{bridge_text(message.bridge)}BridgePreviousVideoSource: {clean(message.old.video_source)}\r\n"
    return make.event("BridgeVideoSourceUpdate", CALL, body)


@encodes(messages.BridgeEntered, CALL, events=("BridgeEnter",))
def bridge_entered(make: EventMaker, message: messages.BridgeEntered) -> Event | None:
    channel = message.channel
    swap = "" if message.replaced is None else f"SwapUniqueid: {clean(message.replaced.uniqueid)}\r\n"
    return make.event("BridgeEnter", CALL, bridge_text(message.bridge) + make.channel(channel) + swap, channel.linkedid)


@encodes(messages.BridgeLeft, CALL, events=("BridgeLeave",))
def bridge_left(make: EventMaker, message: messages.BridgeLeft) -> Event | None:
    channel = message.channel
    return make.event("BridgeLeave", CALL, bridge_text(message.bridge) + make.channel(channel), channel.linkedid)


@encodes(messages.BridgeDestroyed, CALL, events=("BridgeDestroy",))
def bridge_destroyed(make: EventMaker, message: messages.BridgeDestroyed) -> Event | None:
    return make.event("BridgeDestroy", CALL, bridge_text(message.bridge))


@encodes(messages.BlindTransferred, CALL, events=("BlindTransfer",))
def blind_transferred(make: EventMaker, message: messages.BlindTransferred) -> Event | None:
    transferee = "" if message.transferee is None else make.channel(message.transferee, "Transferee")
    bridge = "" if message.bridge is None else bridge_text(message.bridge)
    body = (
        f"Result: {message.result}\r\n{make.channel(message.transferer, 'Transferer')}{transferee}{bridge}"
        f"IsExternal: {'Yes' if message.external else 'No'}\r\n"
        f"Context: {clean(message.context)}\r\nExtension: {clean(message.exten)}\r\n"
    )
    return make.event("BlindTransfer", CALL, body, message.transferer.linkedid)


@encodes(messages.AttendedTransferred, CALL, events=("AttendedTransfer",))
def attended_transferred(make: EventMaker, message: messages.AttendedTransferred) -> Event | None:
    parts = [f"Result: {message.result}\r\n", make.channel(message.first, "OrigTransferer")]
    if message.first_bridge is not None:
        parts.append(bridge_text(message.first_bridge, "Orig"))
    parts.append(make.channel(message.second, "SecondTransferer"))
    if message.second_bridge is not None:
        parts.append(bridge_text(message.second_bridge, "Second"))
    if message.transferee is not None:
        parts.append(make.channel(message.transferee, "Transferee"))
    if message.target is not None:
        parts.append(make.channel(message.target, "TransferTarget"))
    parts.append(f"IsExternal: {'Yes' if message.external else 'No'}\r\n")
    if message.bridge:
        parts.append(f"DestType: Bridge\r\nDestBridgeUniqueid: {clean(message.bridge)}\r\n")
    elif message.application:
        parts.append(f"DestType: App\r\nDestApp: {clean(message.application)}\r\n")
    else:
        parts.append("DestType: Fail\r\n")
    return make.event("AttendedTransfer", CALL, "".join(parts), message.first.linkedid)
