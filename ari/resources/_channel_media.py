"""The part of /channels that is about sound, digits and variables of a call."""

from __future__ import annotations

from ari.replies import AriError, Created
from ari.request import Request
from ari.resources._calls import (
    CHANNEL_ERRORS,
    LANG,
    MEDIA,
    OFFSET,
    PLAYBACK_ID,
    RECORD,
    SKIP,
    STATE_ERRORS,
    channel_of,
    control_of,
    play,
    read_variable,
    record,
    variables_of,
    write_variable,
)
from ari.table import Resource, body, path, query
from pbx.media import Leg
from pbx.stasis.control import DigitOrder

RESOURCE = Resource("channels", "Channel resources", module="res_ari_channels")
ID = path("channelId", "Channel's id")


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/dtmf",
    "sendDTMF",
    summary="Send provided DTMF to a given channel.",
    parameters=(
        ID,
        query("dtmf", "DTMF to send."),
        query("before", "Milliseconds to wait before DTMF digits start.", type="int", default=0),
        query("between", "Milliseconds between DTMF digits.", type="int", default=100),
        query("duration", "Length of each DTMF digit in milliseconds.", type="int", default=100),
        query("after", "Milliseconds to wait after DTMF digits end.", type="int", default=0),
    ),
    errors={400: "DTMF is required", **STATE_ERRORS},
)
def send_dtmf(request: Request) -> None:
    control = control_of(request)
    if not request["dtmf"]:
        raise AriError(400, "DTMF is required")
    times = (request[name] for name in ("before", "between", "duration", "after"))
    try:
        control.send_digits(DigitOrder(request["dtmf"], *times))
    except ValueError as error:
        raise AriError(400, str(error)) from error


_DIRECTION = query("direction", "Direction of audio.", default="both", allowed=("both", "in", "out"))


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/mute",
    "mute",
    summary="Mute a channel.",
    parameters=(ID, _DIRECTION),
    errors=STATE_ERRORS,
)
def mute(request: Request) -> None:
    control_of(request).mute(request["direction"])


@RESOURCE.operation(
    "DELETE",
    "/channels/{channelId}/mute",
    "unmute",
    summary="Unmute a channel.",
    parameters=(ID, _DIRECTION),
    errors=STATE_ERRORS,
)
def unmute(request: Request) -> None:
    control_of(request).unmute(request["direction"])


# Playing and recording


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/play",
    "play",
    summary="Start playback of media.",
    notes="Playbacks to a channel wait for one another.",
    response="Playback",
    parameters=(ID, MEDIA, LANG, OFFSET, SKIP, PLAYBACK_ID),
    errors=STATE_ERRORS,
    success=201,
)
def play_media(request: Request) -> Created:
    return play(request, control_of(request).target)


RESOURCE.operation(
    "POST",
    "/channels/{channelId}/play/{playbackId}",
    "playWithId",
    summary="Start playback of media and specify the playbackId.",
    notes="Playbacks to a channel wait for one another.",
    response="Playback",
    parameters=(ID, path("playbackId", "Playback ID."), MEDIA, LANG, OFFSET, SKIP),
    errors=STATE_ERRORS,
    success=201,
    since=("12.2.0",),
)(play_media)


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/record",
    "record",
    summary="Start a recording.",
    notes="Records what the channel's far end says, until it is stopped.",
    response="LiveRecording",
    parameters=(ID, *RECORD),
    errors={
        400: "Invalid parameters",
        404: "Channel not found",
        409: "Channel is not in a Stasis application, or a recording with the same name exists",
        422: "The format specified is unknown on this system",
    },
    success=201,
)
def record_channel(request: Request) -> Created:
    return record(request, control_of(request, any_state=True).target)


@RESOURCE.operation(
    "GET",
    "/channels/{channelId}/rtp_statistics",
    "rtpstatistics",
    summary="RTP stats on a channel.",
    response="RTPstat",
    parameters=(ID,),
    errors={403: "Unsupported channel type", 404: "Channel cannot be found."},
    since=("13.27.0", "16.4.0"),
)
def rtp_statistics(request: Request) -> dict[str, object]:
    channel = channel_of(request)
    leg = channel.audio
    if not isinstance(leg, Leg):
        raise AriError(403, "Unsupported channel type")
    counted = leg.statistics()
    if counted is None:
        raise AriError(404, "RTP info not found")
    return {
        "txcount": counted.packets_sent,
        "rxcount": counted.packets_received,
        "txjitter": counted.remote_jitter.mean / 1000,
        "rxjitter": counted.jitter.mean / 1000,
        "txploss": counted.remote_packets_lost,
        "rxploss": counted.packets_lost,
        "rtt": counted.round_trip.mean / 1000,
        "local_ssrc": counted.ssrc,
        "remote_ssrc": counted.remote_ssrc,
        "txoctetcount": counted.bytes_sent,
        "rxoctetcount": counted.bytes_received,
        "channel_uniqueid": channel.uniqueid,
    }


# Variables

_VARIABLE_ERRORS = {400: "Missing variable parameter.", 404: "Channel or variable not found", 409: CHANNEL_ERRORS[409]}
REPORT = query("report_events", "Whether events of the channel show the variable.", type="boolean", default=False)
_NAME = query("variable", "The channel variable or function.", required="Variable name is required")


@RESOURCE.operation(
    "GET",
    "/channels/{channelId}/variable",
    "getChannelVar",
    summary="Get the value of a channel variable or function.",
    response="Variable",
    parameters=(ID, _NAME),
    errors=_VARIABLE_ERRORS,
)
async def get_variable(request: Request) -> dict[str, object]:
    return {"value": await read_variable(request, channel_of(request), request["variable"])}


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/variable",
    "setChannelVar",
    summary="Set the value of a channel variable or function.",
    parameters=(ID, _NAME, query("value", "The value to set the variable to."), REPORT),
    errors=_VARIABLE_ERRORS,
)
async def set_variable(request: Request) -> None:
    channel = control_of(request, any_state=True).channel
    if request["report_events"] and not request["variable"].endswith(")"):
        channel.report(request["variable"])
    await write_variable(request, channel, request["variable"], request["value"] or "")


@RESOURCE.operation(
    "GET",
    "/channels/{channelId}/variables",
    "getChannelVars",
    summary="Get the values of several channel variables or functions.",
    response="Variables",
    parameters=(
        ID,
        query("variables", "The names.", required="At least one variable name is required", multiple=True),
    ),
    errors=_VARIABLE_ERRORS,
    since=("20.20.0",),
)
async def get_variables(request: Request) -> dict[str, object]:
    channel = channel_of(request)
    return {"variables": {name: await read_variable(request, channel, name) for name in request["variables"]}}


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/variables",
    "setChannelVars",
    summary="Set several channel variables or functions.",
    parameters=(ID, body("variables", "Names and values.", required="The 'variables' field is required")),
    errors=_VARIABLE_ERRORS,
    since=("20.20.0",),
)
async def set_variables(request: Request) -> None:
    channel = control_of(request, any_state=True).channel
    variables = variables_of(request)
    for name in variables.reported:
        channel.report(name)
    for name, value in variables.pairs:
        await write_variable(request, channel, name, value)
