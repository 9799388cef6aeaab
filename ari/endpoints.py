"""Endpoints as ARI shows them, whatever technology they are of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ari.models import EndpointSnapshot
from pbx.core.device_state import DeviceState
from pbx.pjsip.location import Location
from pbx.pjsip.objects import Endpoint

if TYPE_CHECKING:
    from pbx.server import Server

PJSIP = "PJSIP"


def endpoint_snapshot(server: Server, technology: str, resource: str) -> EndpointSnapshot:
    """An endpoint that is known to exist, or has existed until now."""
    state = "unknown"
    if technology == PJSIP:
        location = server.find(Location)
        if location is not None:
            state = "online" if location.is_online(resource) else "offline"
    ids = tuple(channel.uniqueid for channel in server.channels.of_device(f"{technology}/{resource}"))
    return EndpointSnapshot(technology, resource, state, ids)


def find_technology(server: Server, name: str) -> str | None:
    """A loaded technology's own name, or None."""
    found = server.technologies.find(name)
    return None if found is None else found.name


def find_endpoint(server: Server, technology: str, resource: str) -> EndpointSnapshot | None:
    """An endpoint by technology and name, or None."""
    found = server.technologies.find(technology)
    if found is None or not resource:
        return None
    if found.name == PJSIP and found.device_state(resource) is DeviceState.INVALID:
        return None
    if found.name != PJSIP and not server.channels.of_device(f"{found.name}/{resource}"):
        return None
    return endpoint_snapshot(server, found.name, resource)


def all_endpoints(server: Server, technology: str = "") -> Iterator[EndpointSnapshot]:
    """Every endpoint there is, or of one technology."""
    if technology in {"", PJSIP} and server.technologies.find(PJSIP) is not None:
        for each in sorted(server.sorcery.all(Endpoint), key=lambda each: each.id):
            yield endpoint_snapshot(server, PJSIP, each.id)
