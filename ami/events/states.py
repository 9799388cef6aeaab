"""Events of the states of devices, extensions and presence providers."""

from __future__ import annotations

from ami.classes import CALL
from ami.encoding import clean, escape_c
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker
from pbx.core import messages
from pbx.core.device_state import extension_text as state_text
from pbx.core.presence import Presence

TABLE = EncoderTable()
encodes = TABLE.encodes


def device_text(device: str, state: str) -> str:
    """The fields of DeviceStateChange."""
    return f"Device: {clean(device)}\r\nState: {state}\r\n"


def extension_text(exten: str, context: str, hint: str, state: int) -> str:
    """The fields of ExtensionStatus."""
    return (
        f"Exten: {clean(exten)}\r\nContext: {clean(context)}\r\nHint: {clean(hint)}\r\n"
        f"Status: {state}\r\nStatusText: {state_text(state)}\r\n"
    )


def presence_change_text(provider: str, presence: Presence) -> str:
    """The fields of PresenceStateChange."""
    return (
        f"Presentity: {clean(provider)}\r\nStatus: {presence.state.text}\r\n"
        f"Subtype: {escape_c(presence.subtype)}\r\nMessage: {escape_c(presence.message)}\r\n"
    )


@encodes(messages.DeviceStateChanged, CALL, events=("DeviceStateChange",))
def device_state_changed(make: EventMaker, message: messages.DeviceStateChanged) -> Event | None:
    return make.event("DeviceStateChange", CALL, device_text(message.device, message.state))


@encodes(messages.ExtensionStateChanged, CALL, events=("ExtensionStatus",))
def extension_state_changed(make: EventMaker, message: messages.ExtensionStateChanged) -> Event | None:
    body = extension_text(message.exten, message.context, message.hint, message.state)
    return make.event("ExtensionStatus", CALL, body)


@encodes(messages.PresenceStateChanged, CALL, events=("PresenceStateChange",))
def presence_state_changed(make: EventMaker, message: messages.PresenceStateChanged) -> Event | None:
    return make.event("PresenceStateChange", CALL, presence_change_text(message.provider, message.presence))


@encodes(messages.ExtensionPresenceChanged, CALL, events=("PresenceStatus",))
def extension_presence_changed(make: EventMaker, message: messages.ExtensionPresenceChanged) -> Event | None:
    presence = message.presence
    body = (
        f"Exten: {clean(message.exten)}\r\nContext: {clean(message.context)}\r\nHint: {clean(message.hint)}\r\n"
        f"Status: {presence.state.text}\r\nSubtype: {clean(presence.subtype)}\r\n"
        f"Message: {clean(presence.message)}\r\n"
    )
    return make.event("PresenceStatus", CALL, body)
