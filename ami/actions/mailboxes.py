"""Actions on mailboxes (main/manager.c, res_mwi_external_ami.c)."""

from __future__ import annotations

import re

from ami.context import Context
from ami.encoding import headers_text
from ami.filters import posix_regex
from ami.numbers import leading_integer
from ami.replies import ActionError, Item, ListReply, Reply
from ami.table import action
from pbx.mwi import Mailbox, Mailboxes

_NOT_GIVEN = {"Mailbox": "Mailbox not specified"}
_MISSING = {"Mailbox": "Missing mailbox parameter in request"}
MODULE = "res_mwi_external_ami"


def _counts(ctx: Context) -> tuple[int, int]:
    """New and old messages of all mailboxes named; those that do not exist have none."""
    mailboxes = ctx.server.find(Mailboxes)
    new = old = 0
    for name in ctx.get("Mailbox").split(","):
        found = None if mailboxes is None else mailboxes.find(name.strip())
        if found is not None:
            new += found.msgs_new
            old += found.msgs_old
    return new, old


@action("MailboxStatus", "call,reporting", synopsis="Check mailbox.", required=_NOT_GIVEN)
def action_MailboxStatus(ctx: Context) -> Reply:
    new, _old = _counts(ctx)
    return Reply("Mailbox Status", headers=(("Mailbox", ctx.get("Mailbox")), ("Waiting", "1" if new else "0")))


@action("MailboxCount", "call,reporting", synopsis="Check Mailbox Message Count.", required=_NOT_GIVEN)
def action_MailboxCount(ctx: Context) -> Reply:
    new, old = _counts(ctx)
    counts = (("UrgMessages", "0"), ("NewMessages", str(new)), ("OldMessages", str(old)))
    return Reply("Mailbox Message Count", headers=(("Mailbox", ctx.get("Mailbox")), *counts))


def _named(ctx: Context) -> list[Mailbox]:
    """The mailbox of that name, or those that a ``/regex/`` finds."""
    mailboxes, name = ctx.server.require(Mailboxes), ctx.get("Mailbox")
    if not name.startswith("/"):
        found = mailboxes.find(name)
        return [] if found is None else [found]
    if len(name) < 3 or not name.endswith("/"):
        raise ActionError(f"Mailbox regex format invalid in: {name}")
    try:
        pattern = posix_regex(name[1:-1])
    except re.error:
        raise ActionError(f"Mailbox regex format invalid in: {name}") from None
    return [each for each in mailboxes.all() if pattern.search(each.id)]


@action(
    "MWIGet",
    "call,reporting",
    synopsis="Get selected mailboxes with message counts.",
    required=_MISSING,
    module=MODULE,
    list_events=("MWIGet", "MWIGetComplete"),
)
def action_MWIGet(ctx: Context) -> ListReply:
    items = [
        Item(
            "MWIGet",
            headers_text(
                (("Mailbox", each.id), ("OldMessages", str(each.msgs_old)), ("NewMessages", str(each.msgs_new)))
            ),
            id_last=True,
        )
        for each in _named(ctx)
    ]
    return ListReply("Mailboxes will follow", items, "MWIGetComplete")


@action("MWIDelete", "call", synopsis="Delete selected mailboxes.", required=_MISSING, module=MODULE)
def action_MWIDelete(ctx: Context) -> Reply:
    for each in _named(ctx):
        ctx.server.require(Mailboxes).delete(each.id)
    return Reply()


@action(
    "MWIUpdate",
    "call",
    synopsis="Update the mailbox message counts.",
    required=_MISSING,
    optional=("OldMessages", "NewMessages"),
    module=MODULE,
)
def action_MWIUpdate(ctx: Context) -> Reply:
    counts = []
    for name in ("NewMessages", "OldMessages"):
        text = ctx.get(name)
        count = leading_integer(text) if text else 0
        if count is None or count < 0:
            raise ActionError(f"Invalid {name}: {text}")
        counts.append(count)
    ctx.server.require(Mailboxes).set(ctx.get("Mailbox"), *counts)
    return Reply()
