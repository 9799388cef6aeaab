"""``/deviceStates``: devices that applications control (res/ari/resource_device_states.c)."""

from __future__ import annotations

from ari.device_states import PREFIX, StasisDevices
from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, path, query
from pbx.core.device_state import DeviceState

RESOURCE = Resource("deviceStates", "Device state resources", module="res_ari_device_states")
NAME = path("deviceName", "Name of the device")
SETTABLE = ("NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD")
#: Longest name that the AstDB keeps well.
MAX_NAME = 255


def _shown(name: str, state: DeviceState) -> dict[str, object]:
    return {"name": name, "state": state.name}


def _controlled(request: Request, missing_text: str) -> str:
    name: str = request["deviceName"]
    if not name.startswith(PREFIX):
        raise AriError(409, "Uncontrolled device specified")
    if len(name) == len(PREFIX):
        raise AriError(404, missing_text)
    if len(name) > MAX_NAME or "/" in name:
        raise AriError(400, "The name of a device has no slash and is not that long")
    return name


@RESOURCE.operation(
    "GET", "/deviceStates", "list", summary="List all ARI controlled device states.", response="List[DeviceState]"
)
def list_states(request: Request) -> object:
    devices = request.require(StasisDevices)
    return [_shown(name, devices.state(name)) for name in devices.all()]


@RESOURCE.operation(
    "GET",
    "/deviceStates/{deviceName}",
    "get",
    summary="Retrieve the current state of a device.",
    response="DeviceState",
    parameters=(NAME,),
)
def get(request: Request) -> object:
    return _shown(request["deviceName"], request.server.devices.state(request["deviceName"]))


@RESOURCE.operation(
    "PUT",
    "/deviceStates/{deviceName}",
    "update",
    summary="Change the state of a device controlled by ARI. (Note - implicitly creates the device state).",
    parameters=(
        NAME,
        query("deviceState", "Device state value", required=True, allowed=SETTABLE),
    ),
    errors={404: "Device name is missing", 409: "Uncontrolled device specified"},
)
def update(request: Request) -> None:
    name = _controlled(request, "Device name is missing")
    request.require(StasisDevices).set(name, DeviceState[request["deviceState"]])


@RESOURCE.operation(
    "DELETE",
    "/deviceStates/{deviceName}",
    "delete",
    summary="Destroy a device-state controlled by ARI.",
    parameters=(NAME,),
    errors={404: "Device name is missing", 409: "Uncontrolled device specified"},
)
def delete(request: Request) -> None:
    name = _controlled(request, "Device name is missing")
    request.require(StasisDevices).delete(name)
