"""Text messages (main/message.c)."""

from __future__ import annotations

import base64
import binascii

from ami.context import Context
from ami.lists import parse_variables
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages, UnknownTechnology
from pbx.errors import ObeliskError


@action(
    "MessageSend",
    "message",
    synopsis="Send an out of call message to an endpoint.",
    optional=("Destination", "To", "From", "Body", "Base64Body", "Variable"),
)
def action_MessageSend(ctx: Context) -> Reply:
    destination, to = ctx.get("Destination"), ctx.get("To")
    if not destination and not to:
        raise ActionError("No 'To' address specified.")
    message = TextMessage(to=to if destination else "", body=_body(ctx))
    try:
        for name, value in parse_variables(ctx.request.get_all("Variable")):
            message.set_data(name, value, outbound=True)
        ctx.server.require(TextMessages).send(message, destination or to, ctx.get("From"))
    except UnknownTechnology:
        raise ActionError("Message technology not found.") from None
    except MessageNotSent as error:
        raise ActionError("Message failed to send.") from error
    except ObeliskError as error:
        raise ActionError(str(error)) from error
    return Reply("Message successfully sent")


def _body(ctx: Context) -> str:
    encoded = ctx.get("Base64Body")
    if not encoded:
        return ctx.get("Body")
    try:
        return base64.b64decode(encoded, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise ActionError("Base64Body cannot be decoded.") from None
