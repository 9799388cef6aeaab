"""The part of /bridges that is about variables, which events of the bridge may show."""

from __future__ import annotations

from ari.replies import AriError
from ari.request import Request
from ari.resources._calls import BRIDGE_ERRORS, bridge_of, variables_of
from ari.table import Resource, body, path, query
from pbx.core.bridge import Bridge

RESOURCE = Resource("bridges", "Bridge resources", module="res_ari_bridges")
ID = path("bridgeId", "Bridge's id")
SINCE = ("20.20.0", "22.10.0")
#: Variables of one bridge.
MAX_VARIABLES = 1024
_ERRORS = {**BRIDGE_ERRORS, 400: "Missing variable parameter.", 404: "Bridge or variable not found"}
_NAME = query("variable", "The bridge variable.", required="Variable name is required")


def _read(bridge: Bridge, name: str) -> str:
    value = bridge.variables.get(name)
    if value is None:
        raise AriError(404, "Provided variable was not found")
    return value


def _write(bridge: Bridge, name: str, value: str) -> None:
    if name not in bridge.variables and len(bridge.variables) >= MAX_VARIABLES:
        raise AriError(400, f"A bridge has at most {MAX_VARIABLES} variables")
    bridge.variables[name] = value


@RESOURCE.operation(
    "GET",
    "/bridges/{bridgeId}/variable",
    "getBridgeVar",
    summary="Get the value of a bridge variable.",
    response="Variable",
    parameters=(ID, _NAME),
    errors=_ERRORS,
    since=SINCE,
)
def get_variable(request: Request) -> dict[str, object]:
    return {"value": _read(bridge_of(request).bridge, request["variable"].strip())}


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/variable",
    "setBridgeVar",
    summary="Set the value of a bridge variable.",
    parameters=(
        ID,
        _NAME,
        query("value", "The value to set the variable to."),
        query("report_events", "Whether events of the bridge show the variable.", type="boolean", default=False),
    ),
    errors=_ERRORS,
    since=SINCE,
)
def set_variable(request: Request) -> None:
    bridge, name = bridge_of(request).bridge, request["variable"].strip()
    _write(bridge, name, request["value"] or "")
    if request["report_events"]:
        bridge.reported[name] = None


@RESOURCE.operation(
    "GET",
    "/bridges/{bridgeId}/variables",
    "getBridgeVars",
    summary="Get the values of several bridge variables.",
    response="Variables",
    parameters=(ID, query("variables", "The names.", required="At least one variable name is required", multiple=True)),
    errors=_ERRORS,
    since=SINCE,
)
def get_variables(request: Request) -> dict[str, object]:
    bridge = bridge_of(request).bridge
    return {"variables": {name: _read(bridge, name) for name in request["variables"]}}


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/variables",
    "setBridgeVars",
    summary="Set several bridge variables.",
    parameters=(ID, body("variables", "Names and values.", required="The 'variables' field is required")),
    errors=_ERRORS,
    since=SINCE,
)
def set_variables(request: Request) -> None:
    bridge, variables = bridge_of(request).bridge, variables_of(request)
    for name, value in variables.pairs:
        _write(bridge, name, value)
    bridge.reported.update(dict.fromkeys(variables.reported))
