"""Actions that steer endpoints and calls of PJSIP: maintenance mode."""

from __future__ import annotations

from ami.context import Context
from ami.encoding import headers_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.pjsip.maintenance import Maintenance


@action(
    "PJSIPSetMaintenance",
    "system",
    synopsis="Set maintenance mode for a PJSIP endpoint.",
    required={"Endpoint": "Endpoint parameter missing", "State": "State parameter missing"},
    module="res_pjsip_maintenance",
)
def action_PJSIPSetMaintenance(ctx: Context) -> Reply:
    name, state = ctx.get("Endpoint"), ctx.get("State").lower()
    if state not in ("on", "off"):
        raise ActionError("State must be 'on' or 'off'")
    try:
        ctx.server.require(Maintenance).set(name, state == "on")
    except LookupError as error:
        raise ActionError(str(error.args[0])) from error
    word = "enabled" if state == "on" else "disabled"
    return Reply(f"Maintenance mode {word}{' for all endpoints' if name.lower() == 'all' else ''}")


@action(
    "PJSIPShowMaintenance",
    "system,reporting",
    synopsis="Show maintenance mode status for PJSIP endpoints.",
    module="res_pjsip_maintenance",
    list_events=("PJSIPMaintenanceStatus", "PJSIPMaintenanceStatusComplete"),
)
def action_PJSIPShowMaintenance(ctx: Context) -> ListReply:
    maintenance = ctx.server.require(Maintenance)
    name = ctx.get("Endpoint")
    states = {name: name in maintenance} if name else dict.fromkeys(maintenance.names, True)
    items = [
        Item(
            "PJSIPMaintenanceStatus",
            headers_text((("Endpoint", each), ("Status", "enabled" if enabled else "disabled"))),
        )
        for each, enabled in states.items()
    ]
    return ListReply("Maintenance status events follow", items, "PJSIPMaintenanceStatusComplete")
