"""``/endpoints`` (res/ari/resource_endpoints.c)."""

from __future__ import annotations

from ari.endpoints import all_endpoints, find_endpoint, find_technology
from ari.replies import Accepted, AriError
from ari.request import Request
from ari.table import Resource, body, path, query
from pbx.core.text_messages import MessageNotSent, TextMessage, TextMessages
from pbx.errors import ObeliskError

RESOURCE = Resource("endpoints", "Endpoint resources", module="res_ari_endpoints")
TECH = path("tech", "Technology of the endpoint")


@RESOURCE.operation("GET", "/endpoints", "list", summary="List all endpoints.", response="List[Endpoint]")
def list_endpoints(request: Request) -> object:
    return list(all_endpoints(request.server))


@RESOURCE.operation(
    "GET",
    "/endpoints/{tech}",
    "listByTech",
    summary="List available endpoints for a given endpoint technology.",
    response="List[Endpoint]",
    parameters=(path("tech", "Technology of the endpoints (pjsip,iax2,...)"),),
    errors={404: "Endpoints not found"},
)
def list_by_technology(request: Request) -> object:
    technology = find_technology(request.server, request["tech"])
    if technology is None:
        raise AriError(404)
    return list(all_endpoints(request.server, technology))


@RESOURCE.operation(
    "GET",
    "/endpoints/{tech}/{resource}",
    "get",
    summary="Details for an endpoint.",
    response="Endpoint",
    parameters=(TECH, path("resource", "ID of the endpoint")),
    errors={400: "Invalid parameters for sending a message.", 404: "Endpoints not found"},
)
def get(request: Request) -> object:
    found = find_endpoint(request.server, request["tech"], request["resource"])
    if found is None:
        raise AriError(404)
    return found


_SENT = (
    query("from", "The endpoint resource or technology specific identity to send this message from.", required=True),
    query("body", "The body of the message"),
    body("variables", "Technology specific key/value pairs to set as headers of the message."),
)
_SEND_ERRORS = {400: "Invalid parameters for sending a message.", 404: "Endpoint not found"}


def _send(request: Request, to: str) -> Accepted:
    message = TextMessage(to=to, sender=request["from"], body=request["body"] or "")
    try:
        for name, value in (request["variables"] or {}).items():
            message.set_data(name, value if isinstance(value, str) else "", outbound=True)
        request.require(TextMessages).send(message, to, request["from"])
    except MessageNotSent as error:
        raise AriError(404, "Endpoint not found") from error
    except ObeliskError as error:
        raise AriError(400, str(error)) from error
    return Accepted()


@RESOURCE.operation(
    "PUT",
    "/endpoints/sendMessage",
    "sendMessage",
    summary="Send a message to some technology URI or endpoint.",
    parameters=(
        query("to", "The endpoint resource or technology specific URI to send the message to.", required=True),
        *_SENT,
    ),
    errors=_SEND_ERRORS,
    success=202,
    since=("13.0.0",),
)
def send_message(request: Request) -> Accepted:
    return _send(request, request["to"])


@RESOURCE.operation(
    "PUT",
    "/endpoints/{tech}/{resource}/sendMessage",
    "sendMessageToEndpoint",
    summary="Send a message to some endpoint in a technology.",
    parameters=(TECH, path("resource", "ID of the endpoint"), *_SENT),
    errors=_SEND_ERRORS,
    success=202,
    since=("13.0.0",),
)
def send_message_to_endpoint(request: Request) -> Accepted:
    return _send(request, f"{request['tech'].lower()}:{request['resource']}")
