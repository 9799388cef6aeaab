"""Actions on the AstDB (main/db.c)."""

from __future__ import annotations

from ami.context import Context
from ami.encoding import headers_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.errors import ObeliskError

_BOTH = {"Family": "No family specified.", "Key": "No key specified."}


@action(
    "DBGet",
    "system,reporting",
    synopsis="Get DB Entry.",
    required=_BOTH,
    list_events=("DBGetResponse", "DBGetComplete"),
)
def action_DBGet(ctx: Context) -> ListReply:
    family, key = ctx.get("Family"), ctx.get("Key")
    value = ctx.server.astdb.get(family, key)
    if value is None:
        raise ActionError("Database entry not found")
    item = Item("DBGetResponse", headers_text((("Family", family), ("Key", key), ("Val", value))), id_last=True)
    return ListReply("Result will follow", [item], "DBGetComplete")


@action(
    "DBGetTree",
    "system,reporting",
    synopsis="Get DB entries, optionally at a particular family/key",
    optional=("Family", "Key"),
    list_events=("DBGetTreeResponse", "DBGetTreeComplete"),
)
def action_DBGetTree(ctx: Context) -> ListReply:
    items = [
        Item("DBGetTreeResponse", headers_text((("Key", path), ("Val", value))), id_last=True)
        for path, value in ctx.server.astdb.show(ctx.get("Family"), ctx.get("Key"))
    ]
    return ListReply("Result will follow", items, "DBGetTreeComplete")


@action(
    "DBPut",
    "system",
    synopsis="Put DB entry.",
    required={"Family": "No family specified", "Key": "No key specified"},
    optional=("Val",),
)
def action_DBPut(ctx: Context) -> Reply:
    try:
        ctx.server.astdb.put(ctx.get("Family"), ctx.get("Key"), ctx.get("Val"))
    except (ObeliskError, ValueError) as error:
        raise ActionError("Failed to update entry") from error
    return Reply("Updated database successfully")


@action("DBDel", "system", synopsis="Delete DB entry.", required=_BOTH)
def action_DBDel(ctx: Context) -> Reply:
    if not ctx.server.astdb.delete(ctx.get("Family"), ctx.get("Key")):
        raise ActionError("Database entry could not be deleted")
    return Reply("Key deleted successfully")


@action(
    "DBDelTree",
    "system",
    synopsis="Delete DB Tree.",
    required={"Family": "No family specified."},
    optional=("Key",),
)
def action_DBDelTree(ctx: Context) -> Reply:
    if not ctx.server.astdb.delete_tree(ctx.get("Family"), ctx.get("Key")):
        raise ActionError("Database entry not found")
    return Reply("Key tree deleted successfully")
