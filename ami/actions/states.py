"""Actions on states of extensions and devices (main/manager.c, main/pbx.c, res_manager_devicestate)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ami.context import Context
from ami.encoding import headers_text
from ami.replies import Item, ListReply, Reply
from ami.table import action
from pbx.core.device_state import DeviceState, aggregate
from pbx.pjsip.objects import Endpoint

if TYPE_CHECKING:
    from pbx.server import Server

NO_HINT = -1

#: ast_devstate_to_extenstate.
EXTENSION_STATES: dict[DeviceState, int] = {
    DeviceState.UNKNOWN: 0,
    DeviceState.NOT_INUSE: 0,
    DeviceState.INUSE: 1,
    DeviceState.BUSY: 2,
    DeviceState.INVALID: 4,
    DeviceState.UNAVAILABLE: 4,
    DeviceState.RINGING: 8,
    DeviceState.RINGINUSE: 9,
    DeviceState.ONHOLD: 16,
}
#: ast_extension_state2str.
EXTENSION_TEXTS: dict[int, str] = {
    0: "Idle",
    1: "InUse",
    2: "Busy",
    4: "Unavailable",
    8: "Ringing",
    9: "InUse&Ringing",
    16: "Hold",
    17: "InUse&Hold",
}


def device_state(server: Server, device: str) -> DeviceState:
    """A device's state: what its calls make of it, else what its technology says."""
    of_calls = server.channels.device_state(device)
    if of_calls is not None:
        return of_calls
    technology, _, resource = device.partition("/")
    found = server.technologies.find(technology)
    return DeviceState.INVALID if found is None or not resource else found.device_state(resource)


def hint_state(server: Server, hint: str) -> int:
    """The state of an extension whose hint is ``hint``; presence after a comma does not count."""
    devices: Iterable[str] = (each.strip() for each in hint.partition(",")[0].split("&"))
    return EXTENSION_STATES[aggregate(device_state(server, device) for device in devices if device)]


@action(
    "ExtensionState",
    "call,reporting",
    synopsis="Check Extension Status.",
    required={"Exten": "Extension not specified"},
    optional=("Context",),
)
def action_ExtensionState(ctx: Context) -> Reply:
    exten, context = ctx.get("Exten"), ctx.get("Context", "default")
    hint = ctx.server.dialplan.hint(context, exten)
    state = NO_HINT if hint is None else hint_state(ctx.server, hint)
    return Reply(
        "Extension Status",
        headers=(
            ("Exten", exten),
            ("Context", context),
            ("Hint", hint or ""),
            ("Status", str(state)),
            ("StatusText", EXTENSION_TEXTS.get(state, "Unknown")),
        ),
    )


@action(
    "DeviceStateList",
    "call,reporting",
    synopsis="List the current known device states.",
    module="res_pjsip",
    list_events=("DeviceStateChange", "DeviceStateListComplete"),
)
def action_DeviceStateList(ctx: Context) -> ListReply:
    devices = sorted(f"PJSIP/{each.id}" for each in ctx.server.sorcery.all(Endpoint))
    items = [
        Item(
            "DeviceStateChange",
            headers_text((("Device", device), ("State", device_state(ctx.server, device).name))),
        )
        for device in devices
    ]
    return ListReply("Device State Changes will follow", items, "DeviceStateListComplete")
