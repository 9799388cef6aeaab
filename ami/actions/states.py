"""Actions on states of extensions, devices and presence (main/manager.c, main/pbx.c, res_manager_*state)."""

from __future__ import annotations

from ami.context import Context
from ami.events.states import device_text, extension_text, presence_change_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.core.device_state import EXTENSION_NO_HINT
from pbx.core.device_state import extension_text as state_text
from pbx.core.presence import PresenceState


@action(
    "ExtensionState",
    "call,reporting",
    synopsis="Check Extension Status.",
    required={"Exten": "Extension not specified"},
    optional=("Context",),
)
def action_ExtensionState(ctx: Context) -> Reply:
    exten, context = ctx.get("Exten"), ctx.get("Context", "default")
    hints = ctx.server.hints
    hint = hints.find(context, exten)
    state = EXTENSION_NO_HINT if hint is None else hints.state(context, exten)
    return Reply(
        "Extension Status",
        headers=(
            ("Exten", exten),
            ("Context", context),
            ("Hint", "" if hint is None else hint.text),
            ("Status", str(state)),
            ("StatusText", state_text(state)),
        ),
    )


@action(
    "ExtensionStateList",
    "call,reporting",
    synopsis="List the current known extension states.",
    list_events=("ExtensionStatus", "ExtensionStateListComplete"),
)
def action_ExtensionStateList(ctx: Context) -> ListReply:
    items = [
        Item("ExtensionStatus", extension_text(hint.exten, hint.context, hint.text, hint.state))
        for hint in ctx.server.hints
        if not hint.pattern
    ]
    return ListReply("Extension Statuses will follow", items, "ExtensionStateListComplete")


@action(
    "DeviceStateList",
    "call,reporting",
    synopsis="List the current known device states.",
    module="res_manager_devicestate",
    list_events=("DeviceStateChange", "DeviceStateListComplete"),
)
def action_DeviceStateList(ctx: Context) -> ListReply:
    items = [Item("DeviceStateChange", device_text(device, state.name)) for device, state in ctx.server.devices.all()]
    return ListReply("Device State Changes will follow", items, "DeviceStateListComplete")


@action(
    "PresenceState",
    "call,reporting",
    synopsis="Check Presence State",
    required={"Provider": "No provider specified"},
)
def action_PresenceState(ctx: Context) -> Reply:
    provider = ctx.get("Provider")
    presence = ctx.server.presences.get(provider)
    if presence.state is PresenceState.INVALID:
        raise ActionError(f"Invalid provider {provider} or provider in invalid state")
    headers = [("State", presence.state.text)]
    if presence.subtype:
        headers.append(("Subtype", presence.subtype))
    if presence.message:
        headers += [("Message", presence.message), ("PresenceMessage", presence.message)]
    return Reply("Presence State", headers=headers)


@action(
    "PresenceStateList",
    "call,reporting",
    synopsis="List the current known presence states.",
    module="res_manager_presencestate",
    list_events=("PresenceStateChange", "PresenceStateListComplete"),
)
def action_PresenceStateList(ctx: Context) -> ListReply:
    items = [
        Item("PresenceStateChange", presence_change_text(provider, presence))
        for provider, presence in ctx.server.presences.all()
    ]
    return ListReply("Presence State Changes will follow", items, "PresenceStateListComplete")
