"""The operations of ARI, one file for each resource as in Asterisk's ``rest-api/api-docs``."""

from __future__ import annotations

from ari.resources import (
    applications,
    asterisk,
    bridges,
    channels,
    device_states,
    endpoints,
    events,
    mailboxes,
    playbacks,
    recordings,
)
from ari.table import Resource

RESOURCES: tuple[Resource, ...] = (
    applications.RESOURCE,
    asterisk.RESOURCE,
    bridges.RESOURCE,
    channels.RESOURCE,
    device_states.RESOURCE,
    endpoints.RESOURCE,
    events.RESOURCE,
    mailboxes.RESOURCE,
    playbacks.RESOURCE,
    recordings.RESOURCE,
)
