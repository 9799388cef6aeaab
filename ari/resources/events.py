"""``/events``: the event socket, and events made by users (res/ari/resource_events.c)."""

from __future__ import annotations

from ari.endpoints import find_endpoint
from ari.events import Translator
from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, body, path, query
from ari.websocket import EventSocket
from pbx.core import messages
from pbx.core.snapshot import ChannelSnapshot
from pbx.http.messages import HttpResponse
from pbx.http.websocket import HandshakeRefused, accept
from pbx.stasis.applications import StasisApplications
from pbx.stasis.broadcast import AlreadyClaimed, NotOffered
from pbx.stasis.errors import BadName
from pbx.stasis.events import StasisEvent
from pbx.stasis.service import Stasis

RESOURCE = Resource("events", "WebSocket resource", module="res_ari_events")
#: Sub-protocols an event socket speaks.
PROTOCOLS = ("ari",)
#: The module without which there are no event sockets.
WEBSOCKET_MODULE = "res_http_websocket"


@RESOURCE.operation(
    "GET",
    "/events",
    "eventWebsocket",
    summary="WebSocket connection for events.",
    response="Message",
    parameters=(
        query("app", "Applications to subscribe to.", required="HTTP request is missing param: [app]", multiple=True),
        query(
            "subscribeAll",
            "Subscribe to all Asterisk events. If provided, the applications listed will be subscribed to all events, "
            "effectively disabling the application specific subscriptions. Default is 'false'.",
            type="boolean",
        ),
    ),
    websocket=True,
    success=101,
)
def event_websocket(request: Request) -> object:
    http = request.http
    if http is None:
        raise AriError(400, "A WebSocket cannot be opened over a WebSocket")
    if not request.server.modules.is_running(WEBSOCKET_MODULE):
        raise AriError(404, "Resource not found")
    request.require(StasisApplications)
    try:
        lines = accept(http, PROTOCOLS)
    except HandshakeRefused as refused:
        return request.ari.error(refused.status, str(refused), refused.headers)
    socket = EventSocket(request.ari, request.user, http.peer.host)
    try:
        socket.register(list(dict.fromkeys(request["app"])), subscribe_all=bool(request["subscribeAll"]))
    except BadName as error:
        raise AriError(400, str(error)) from None
    return HttpResponse(101, headers=lines, upgrade=socket.attach)


@RESOURCE.operation(
    "POST",
    "/events/user/{eventName}",
    "userEvent",
    summary="Generate a user event.",
    parameters=(
        path("eventName", "Event name"),
        query("application", "The name of the application that will receive this event", required=True),
        query(
            "source",
            "URI for event source (channel:{channelId}, bridge:{bridgeId}, endpoint:{tech}/{resource}, "
            "deviceState:{deviceName}",
            multiple=True,
        ),
        body(
            "variables", 'The "variables" key in the body object holds custom key/value pairs to add to the user event.'
        ),
    ),
    errors={
        400: "Invalid even tsource URI or userevent data.",
        404: "Application does not exist.",
        422: "Event source not found.",
    },
    since=("12.3.0",),
)
def user_event(request: Request) -> None:
    registry = request.require(StasisApplications)
    server, name = request.server, request["eventName"]
    if registry.find(request["application"]) is None:
        raise AriError(404)
    found: dict[str, object] = {}
    channel: ChannelSnapshot | None = None
    for source in request["source"]:
        kind, colon, value = source.partition(":")
        if kind == "channel" and colon:
            of_channel = server.channels.find_id(value)
            thing: object = None if of_channel is None else of_channel.snapshot()
            if of_channel is not None:
                channel = of_channel.snapshot()
        elif kind == "bridge" and colon:
            bridge = server.bridges.find(value)
            thing = None if bridge is None else bridge.snapshot()
        elif kind == "endpoint" and colon:
            technology, _, resource = value.partition("/")
            thing = find_endpoint(server, technology, resource)
        else:
            raise AriError(400, f"'{source[:80]}' is not a known kind of event source")
        if thing is None:
            raise AriError(422, f"There is no '{source[:80]}'")
        found[kind] = thing
    variables: dict[str, object] = dict(request["variables"] or {})
    event = StasisEvent(
        "ChannelUserevent",
        server.clock.now(),
        (
            ("eventname", name),
            *((kind, found.get(kind)) for kind in ("channel", "bridge", "endpoint")),
            ("userevent", {"eventname": name, **variables}),
        ),
    )
    registry.publish(event, request["application"])
    if channel is not None:
        # Managers hear of user events of channels; this application has heard of it already.
        translator = request.require(Translator)
        translator.user_event_in_hand = True
        try:
            texts = tuple((key, _text(value)) for key, value in variables.items())
            server.bus.publish(messages.UserEvent(name, texts, channel))
        finally:
            translator.user_event_in_hand = False


@RESOURCE.operation(
    "POST",
    "/events/claim",
    "claimChannel",
    summary="Claim a broadcast channel for this application.",
    notes="Only the first claim of a channel that StasisBroadcast() offers succeeds.",
    parameters=(
        query("channelId", "The ID of the channel to claim", required="channelId parameter is required"),
        query(
            "application",
            "The name of the application claiming the channel",
            required="application parameter is required",
        ),
    ),
    errors={
        404: "Channel not found or not in broadcast state",
        409: "Channel has already been claimed by another application",
    },
    since=("20.17.0", "22.7.0"),
)
def claim(request: Request) -> None:
    try:
        request.require(Stasis).broadcasts.claim(request["channelId"], request["application"])
    except NotOffered as error:
        raise AriError(404, str(error)) from error
    except AlreadyClaimed as error:
        raise AriError(409, str(error)) from error


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("value", "")
    return value if isinstance(value, str) else ""
