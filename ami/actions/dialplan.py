"""Actions on the dialplan (main/pbx.c, pbx/pbx_config.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ami.context import Context
from ami.encoding import headers_text
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.config.types import is_true
from pbx.core.dialplan import AlreadyThere, ListedContext
from pbx.errors import ObeliskError

REGISTRAR = "pbx_config"
HINT = -1

_NEEDED = "Context, Extension, Priority, and Application must be defined for DialplanExtensionAdd."
_NEEDED_TO_REMOVE = "Context and Extension must be provided for DialplanExtensionRemove"
_NUMBER = re.compile(r"\s*([+-]?\d+)")


@action(
    "ShowDialPlan",
    "config,reporting",
    synopsis="Show dialplan contexts and extensions",
    optional=("Extension", "Context"),
    list_events=("ListDialplan", "ShowDialPlanComplete"),
)
def action_ShowDialPlan(ctx: Context) -> ListReply:
    exten, context = ctx.get("Extension"), ctx.get("Context")
    found = list(ctx.server.dialplan.list_contexts(context, exten))
    if context and not found:
        raise ActionError(f"Did not find context {context}")
    extensions = sum(len(each.extensions) for each in found)
    if exten and not extensions:
        where = f"extension {exten}@{context}" if context else f"extension {exten} in any context"
        raise ActionError(f"Did not find {where}")
    trailer = (
        ("ListExtensions", str(extensions)),
        ("ListPriorities", str(sum(len(row.priorities) for each in found for row in each.extensions))),
        ("ListContexts", str(len(found))),
    )
    items = (Item("ListDialplan", headers_text(row)) for each in found for row in _rows(each, bool(exten)))
    return ListReply("DialPlan list will follow", items, "ShowDialPlanComplete", trailer)


def _rows(each: ListedContext, filtered: bool) -> Iterator[list[tuple[str, str]]]:
    context = ("Context", each.name)
    for extension in each.extensions:
        registrar = ("Registrar", extension.priorities[0].registrar)
        for step in extension.priorities:
            row = [context, ("Extension", extension.name)]
            if step.label:
                row.append(("ExtensionLabel", step.label))
            if step.number == HINT:
                row += [("Priority", "hint"), ("Application", step.application)]
            else:
                row += [("Priority", str(step.number)), ("Application", step.application), ("AppData", step.data)]
            yield [*row, registrar]
    for name, registrar_of in each.includes if not filtered else ():
        yield [context, ("IncludeContext", name), ("Registrar", registrar_of)]
    for pattern, registrar_of in each.ignore_patterns:
        yield [context, ("IgnorePattern", pattern), ("Registrar", registrar_of)]
    for text, registrar_of in each.switches if not each.included else ():
        yield [context, ("Switch", text), ("Registrar", registrar_of)]


def _priority(text: str, least: int) -> int:
    if text == "hint":
        return HINT
    match = _NUMBER.match(text)
    if match is None or int(match[1]) < least:
        raise ActionError("The priority specified was invalid.")
    return int(match[1])


@action(
    "DialplanExtensionAdd",
    "system",
    synopsis="Add an extension to the dialplan",
    required={"Context": _NEEDED, "Extension": _NEEDED, "Priority": _NEEDED, "Application": _NEEDED},
    optional=("ApplicationData", "Replace"),
    module="pbx_config",
)
def action_DialplanExtensionAdd(ctx: Context) -> Reply:
    priority = _priority(ctx.get("Priority"), 1)
    exten, slash, caller = ctx.get("Extension").partition("/")
    try:
        ctx.server.dialplan.editor(REGISTRAR).add_extension(
            ctx.get("Context"),
            exten,
            priority,
            ctx.get("Application"),
            ctx.get("ApplicationData"),
            caller_match=caller if slash else None,
            replace=is_true(ctx.get("Replace")),
        )
    except AlreadyThere:
        raise ActionError("That extension and priority already exist at that context") from None
    except ObeliskError as error:
        raise ActionError("Failed to add extension") from error
    return Reply("Added requested extension")


@action(
    "DialplanExtensionRemove",
    "system",
    synopsis="Remove an extension from the dialplan",
    required={"Context": _NEEDED_TO_REMOVE, "Extension": _NEEDED_TO_REMOVE},
    optional=("Priority",),
    module="pbx_config",
)
def action_DialplanExtensionRemove(ctx: Context) -> Reply:
    text = ctx.get("Priority")
    priority = _priority(text, 1) if text else 0
    exten, _, caller = ctx.get("Extension").partition("/")
    editor = ctx.server.dialplan.editor(REGISTRAR)
    if not editor.remove_extension(ctx.get("Context"), exten, priority, caller_match=caller or None):
        raise ActionError("Failed to remove requested extension")
    if priority:
        return Reply("Removed the requested priority from the extension")
    return Reply("Removed the requested extension")
