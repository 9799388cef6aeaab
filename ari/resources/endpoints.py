"""``/endpoints`` (res/ari/resource_endpoints.c)."""

from __future__ import annotations

from ari.endpoints import all_endpoints, find_endpoint, find_technology
from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, path

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
