"""``/mailboxes``: counts of messages that applications set (res/ari/resource_mailboxes.c)."""

from __future__ import annotations

from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, path, query
from pbx.mwi import MAX_COUNT, Mailbox, MailboxError, Mailboxes

RESOURCE = Resource("mailboxes", "Mailboxes resources", module="res_ari_mailboxes")
NAME = path("mailboxName", "Name of the mailbox")
NOT_FOUND = {404: "Mailbox does not exist"}


def _shown(mailbox: Mailbox) -> dict[str, object]:
    return {"name": mailbox.id, "old_messages": mailbox.msgs_old, "new_messages": mailbox.msgs_new}


@RESOURCE.operation("GET", "/mailboxes", "list", summary="List all mailboxes.", response="List[Mailbox]")
def list_mailboxes(request: Request) -> object:
    return [_shown(each) for each in request.require(Mailboxes).all()]


@RESOURCE.operation(
    "GET",
    "/mailboxes/{mailboxName}",
    "get",
    summary="Retrieve the current state of a mailbox.",
    response="Mailbox",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def get(request: Request) -> object:
    found = request.require(Mailboxes).find(request["mailboxName"])
    if found is None:
        raise AriError(404)
    return _shown(found)


@RESOURCE.operation(
    "PUT",
    "/mailboxes/{mailboxName}",
    "update",
    summary="Change the state of a mailbox. (Note - implicitly creates the mailbox).",
    parameters=(
        NAME,
        query("oldMessages", "Count of old messages", type="int", required=True, minimum=0, maximum=MAX_COUNT),
        query("newMessages", "Count of new messages", type="int", required=True, minimum=0, maximum=MAX_COUNT),
    ),
    errors=NOT_FOUND,
)
def update(request: Request) -> None:
    try:
        request.require(Mailboxes).set(request["mailboxName"], request["newMessages"], request["oldMessages"])
    except MailboxError as error:
        raise AriError(400, str(error)) from error


@RESOURCE.operation(
    "DELETE",
    "/mailboxes/{mailboxName}",
    "delete",
    summary="Destroy a mailbox.",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def delete(request: Request) -> None:
    if not request.require(Mailboxes).delete(request["mailboxName"]):
        raise AriError(404)
