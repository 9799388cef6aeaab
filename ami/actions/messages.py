"""Text messages (main/message.c) and NOTIFY (res_pjsip_notify)."""

from __future__ import annotations

import base64
import binascii

from ami.context import Context
from ami.lists import parse_variables
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages, UnknownTechnology
from pbx.errors import ObeliskError
from pbx.pjsip.notify import Notifier, UnknownPeer


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


@action(
    "PJSIPNotify",
    "system",
    synopsis="Send a NOTIFY to either an endpoint, an arbitrary URI, or inside a SIP dialog.",
    optional=("Endpoint", "URI", "Channel", "Option", "Variable"),
    module="res_pjsip_notify",
)
def action_PJSIPNotify(ctx: Context) -> Reply:
    notifier = ctx.server.require(Notifier)
    option, variables = ctx.get("Option"), ctx.request.get_all("Variable")
    endpoint, uri, channel = ctx.get("Endpoint"), ctx.get("URI"), ctx.get("Channel")
    if bool(option) == any(variables):
        raise ActionError("PJSIPNotify requires either an Option or Variable(s).You must use only one of them.")
    targets = "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel."
    if sum(map(bool, (endpoint, uri, channel))) > 1:
        raise ActionError(f"{targets}  You must use only one of them.")
    try:
        fields = notifier.option(option) if option else parse_variables(variables)
        if endpoint:
            for prefix in ("sip/", "pjsip/"):
                if endpoint.lower().startswith(prefix):
                    endpoint = endpoint[len(prefix) :]
            notifier.endpoint(endpoint, fields)
        elif uri:
            notifier.uri(uri, fields)
        elif channel:
            notifier.channel(ctx.server.channels.find(channel), fields, channel)
        else:
            raise ActionError(targets)
    except UnknownPeer as error:
        raise ActionError("Channel not found" if channel else str(error)) from error
    except ActionError:
        raise
    except ObeliskError as error:
        raise ActionError(str(error)) from error
    return Reply("NOTIFY sent")
