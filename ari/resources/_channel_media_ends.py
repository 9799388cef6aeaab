"""The part of /channels that makes channels of another kind: snooping on a call, and media from outside."""

from __future__ import annotations

import json
from dataclasses import replace

from ari.replies import AriError
from ari.request import Request
from ari.resources._calls import arguments_of, channel_of, order_of, variables_of
from ari.resources._channel_media import RESOURCE
from ari.table import body, path, query
from pbx.core.channels import MAX_UNIQUEID, DuplicateChannel
from pbx.core.originate import OriginateError
from pbx.core.snapshot import ChannelSnapshot
from pbx.stasis.service import Stasis
from pbx.stasis.snoop import DIRECTIONS

_SNOOP = (
    query("spy", "Direction of audio to spy on", default="none", allowed=DIRECTIONS),
    query("whisper", "Direction of audio to whisper into", default="none", allowed=DIRECTIONS),
    query("app", "Application the snooping channel is placed into", required="Application name is required"),
    query("appArgs", "The application arguments to pass to the Stasis application"),
)
_SNOOP_ERRORS = {400: "Invalid parameters", 404: "Channel not found", 409: "The chosen id is in use"}


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/snoop",
    "snoopChannel",
    summary="Start snooping.",
    notes="Snoop (spy/whisper) on a specific channel.",
    response="Channel",
    parameters=(
        path("channelId", "Channel's id"),
        *_SNOOP,
        query("snoopId", "Unique ID to assign to snooping channel"),
    ),
    errors=_SNOOP_ERRORS,
)
def snoop(request: Request) -> ChannelSnapshot:
    if request["spy"] == request["whisper"] == "none":
        raise AriError(400, "Direction must be specified for at least spy or whisper")
    if len(request["snoopId"] or "") > MAX_UNIQUEID:
        raise AriError(400, f"Uniqueid length exceeds maximum of {MAX_UNIQUEID}")
    spied = channel_of(request)
    args = arguments_of(request["appArgs"] or "")
    try:
        channel = request.require(Stasis).snoop(
            spied, request["spy"], request["whisper"], request["app"], args, request["snoopId"] or ""
        )
    except DuplicateChannel as error:
        raise AriError(409, "Channel with given unique ID already exists") from error
    return channel.snapshot()


RESOURCE.operation(
    "POST",
    "/channels/{channelId}/snoop/{snoopId}",
    "snoopChannelWithId",
    summary="Start snooping.",
    notes="Snoop (spy/whisper) on a specific channel.",
    response="Channel",
    parameters=(
        path("channelId", "Channel's id"),
        path("snoopId", "Unique ID to assign to snooping channel"),
        *_SNOOP,
    ),
    errors=_SNOOP_ERRORS,
    since=("12.2.0",),
)(snoop)


@RESOURCE.operation(
    "POST",
    "/channels/externalMedia",
    "externalMedia",
    summary="Start an External Media session.",
    notes="Create a channel to an External Media source/sink: RTP over UDP.",
    response="Channel",
    parameters=(
        query("channelId", "The unique id to assign the channel on creation."),
        query("app", "Stasis Application to place channel into", required="app cannot be empty"),
        query("external_host", "Hostname/ip:port of external host"),
        query("encapsulation", "Payload encapsulation protocol", default="rtp", allowed=("rtp", "audiosocket", "none")),
        query("transport", "Transport protocol", default="udp", allowed=("udp", "tcp", "websocket")),
        query("connection_type", "Connection type", default="client", allowed=("client", "server")),
        query("format", "Format to encode audio in", required="format cannot be empty"),
        query("direction", "External media direction", default="both", allowed=("both",)),
        query("data", "An arbitrary data field"),
        query("transport_data", "Transport-specific data."),
        body("variables", "Variables to set on the channel on creation."),
    ),
    errors={400: "Invalid parameters", 409: "Channel with given unique ID already exists.", 501: "Not there"},
    since=("16.6.0", "17.1.0"),
)
def external_media(request: Request) -> dict[str, object]:
    if request["encapsulation"] != "rtp" or request["transport"] != "udp":
        raise AriError(501, "The encapsulation and/or transport is not supported")
    if not request["external_host"]:
        raise AriError(400, "external_host cannot be empty")
    request.values.update(
        endpoint=f"UnicastRTP/{request['external_host']}/c({request['format']})",
        originator=None,
        formats=request["format"],
        otherChannelId=None,
    )
    variables = variables_of(request)
    order = replace(order_of(request), timeout=None, reported=variables.reported)
    try:
        channel = request.require(Stasis).originate(order, request["app"], arguments_of(request["data"] or ""))
    except OriginateError as error:
        if isinstance(error.__cause__, DuplicateChannel):
            raise AriError(409, "Channel with given unique ID already exists") from error
        raise AriError(500, str(error)) from error
    shown: dict[str, object] = json.loads(request.ari.models.channel(channel.snapshot()))
    return {**shown, "channelvars": dict(channel.variables)}


__all__ = ("RESOURCE",)
