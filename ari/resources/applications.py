"""``/applications``: who is registered, and what each is subscribed to (res/ari/resource_applications.c)."""

from __future__ import annotations

from collections.abc import Callable

from ari.models import encodes
from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, body, path, query
from pbx.stasis.applications import StasisApplication, StasisApplications
from pbx.stasis.errors import BadFilter, BadSource, UnknownApplication, UnknownSource

RESOURCE = Resource("applications", "Stasis application resources", module="res_ari_applications")
NAME = path("applicationName", "Application's name")
SOURCES = query(
    "eventSource",
    "URI for event source (channel:{channelId}, bridge:{bridgeId}, endpoint:{tech}[/{resource}], "
    "deviceState:{deviceName})",
    required="Missing parameter eventSource",
    multiple=True,
)
NOT_FOUND = "Application does not exist."


@encodes(StasisApplication)
def application(value: StasisApplication) -> dict[str, object]:
    return {
        "name": value.name,
        "channel_ids": value.channel_ids,
        "bridge_ids": value.bridge_ids,
        "endpoint_ids": value.endpoint_ids,
        "device_names": value.device_names,
        "events_allowed": value.allowed,
        "events_disallowed": value.disallowed,
    }


@RESOURCE.operation("GET", "/applications", "list", summary="List all applications.", response="List[Application]")
def list_applications(request: Request) -> object:
    return list(request.require(StasisApplications))


@RESOURCE.operation(
    "GET",
    "/applications/{applicationName}",
    "get",
    summary="Get details of an application.",
    response="Application",
    parameters=(NAME,),
    errors={404: NOT_FOUND},
)
def get(request: Request) -> object:
    found = request.require(StasisApplications).find(request["applicationName"])
    if found is None:
        raise AriError(404)
    return found


def _changed(change: Callable[[], StasisApplication]) -> StasisApplication:
    try:
        return change()
    except UnknownApplication:
        raise AriError(404, NOT_FOUND) from None
    except (BadSource, BadFilter) as error:
        raise AriError(400, str(error)) from None
    except UnknownSource as error:
        raise AriError(422, str(error)) from None


@RESOURCE.operation(
    "POST",
    "/applications/{applicationName}/subscription",
    "subscribe",
    summary="Subscribe an application to a event source.",
    notes="Returns the state of the application after the subscriptions have changed",
    response="Application",
    parameters=(NAME, SOURCES),
    errors={400: "Missing parameter.", 404: NOT_FOUND, 422: "Event source does not exist."},
)
def subscribe(request: Request) -> object:
    registry = request.require(StasisApplications)
    return _changed(lambda: registry.subscribe(request["applicationName"], request["eventSource"]))


@RESOURCE.operation(
    "DELETE",
    "/applications/{applicationName}/subscription",
    "unsubscribe",
    summary="Unsubscribe an application from an event source.",
    notes="Returns the state of the application after the subscriptions have changed",
    response="Application",
    parameters=(NAME, SOURCES),
    errors={
        400: "Missing parameter; event source scheme not recognized.",
        404: NOT_FOUND,
        409: "Application not subscribed to event source.",
        422: "Event source does not exist.",
    },
)
def unsubscribe(request: Request) -> object:
    registry = request.require(StasisApplications)
    return _changed(lambda: registry.unsubscribe(request["applicationName"], request["eventSource"]))


@RESOURCE.operation(
    "PUT",
    "/applications/{applicationName}/eventFilter",
    "filter",
    summary="Filter application events types.",
    notes="Allowed and/or disallowed event types: a body such as "
    '{"allowed": [{"type": "StasisStart"}], "disallowed": []}. An empty object resets both; what is disallowed '
    "stays out even where it is allowed.",
    response="Application",
    parameters=(NAME, body("filter", "Specify which event types to allow/disallow", type="object")),
    errors={400: "Bad request.", 404: NOT_FOUND},
    since=("13.26.0",),
)
def set_filter(request: Request) -> object:
    registry = request.require(StasisApplications)
    given = request["filter"]
    allowed: object = None
    disallowed: object = None
    if not given:
        allowed, disallowed = [], []
    else:
        for key in ("allowed", "disallowed"):
            if key in given and not isinstance(given[key], list):
                raise AriError(400, f"{key} must be a list of objects with a type")
        allowed, disallowed = given.get("allowed"), given.get("disallowed")
        if allowed is None and disallowed is None:
            raise AriError(400, "The filter holds neither allowed nor disallowed")
    return _changed(lambda: registry.filter(request["applicationName"], _list(allowed), _list(disallowed)))


def _list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None
