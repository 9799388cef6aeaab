"""/bridges: rooms that applications make, fill, play to and record."""

from __future__ import annotations

from twisted.logger import Logger

from ari.replies import AriError, Created
from ari.request import Request
from ari.resources._bridge_variables import ID, RESOURCE
from ari.resources._calls import (
    BRIDGE_ERRORS,
    LANG,
    MEDIA,
    OFFSET,
    PLAYBACK_ID,
    RECORD,
    SKIP,
    bridge_of,
    control_of,
    play,
    record,
    variables_of,
)
from ari.table import body, path, query
from pbx.core.bridge import BridgeSnapshot
from pbx.media.formats import format_by_name
from pbx.stasis.control import ChannelControl
from pbx.stasis.errors import BadBridgeType, BadName, NameInUse, WrongState
from pbx.stasis.service import Stasis

log = Logger()

_TYPE = query("type", "Comma separated list of bridge type attributes; 'mixing' (the default) or 'holding' decides.")
_NAME = query("name", "Name to give to the bridge being created.")
_VARIABLES = body("variables", "Variables to set on the bridge on creation.")


@RESOURCE.operation("GET", "/bridges", "list", summary="List all active bridges.", response="List[Bridge]")
def list_bridges(request: Request) -> list[BridgeSnapshot]:
    return [bridge.snapshot() for bridge in request.server.bridges]


@RESOURCE.operation(
    "POST",
    "/bridges",
    "create",
    summary="Create a new bridge.",
    response="Bridge",
    parameters=(_TYPE, query("bridgeId", "Unique ID to give to the bridge being created."), _NAME, _VARIABLES),
    errors={409: "Bridge with the same bridgeId already exists"},
)
def create(request: Request) -> BridgeSnapshot:
    bridges, variables = request.require(Stasis).bridges, variables_of(request)
    try:
        bridge = bridges.create(
            request["type"] or "", request["bridgeId"] or "", request["name"] or "", dict(variables.pairs)
        )
    except NameInUse as error:
        raise AriError(409, str(error)) from error
    except BadName as error:
        raise AriError(400, str(error)) from error
    except BadBridgeType as error:  # Asterisk says 500, but it is the client's mistake
        raise AriError(400, f"Unable to create bridge: {error}") from error
    bridge.reported.update(dict.fromkeys(variables.reported))
    return bridge.snapshot()


RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}",
    "createWithId",
    summary="Create a new bridge with a given id.",
    response="Bridge",
    parameters=(_TYPE, path("bridgeId", "Unique ID to give to the bridge being created."), _NAME, _VARIABLES),
    errors={409: "Bridge with the same bridgeId already exists"},
    since=("12.2.0",),
)(create)


@RESOURCE.operation(
    "GET",
    "/bridges/{bridgeId}",
    "get",
    summary="Get bridge details.",
    response="Bridge",
    parameters=(ID,),
    errors={404: "Bridge not found"},
)
def get(request: Request) -> BridgeSnapshot:
    bridge = request.server.bridges.find(request["bridgeId"])
    if bridge is None:
        raise AriError(404, "Bridge not found")
    return bridge.snapshot()


@RESOURCE.operation(
    "DELETE",
    "/bridges/{bridgeId}",
    "destroy",
    summary="Shut down a bridge.",
    notes="If any channels are in this bridge, they will be removed and resume whatever they were doing beforehand.",
    parameters=(ID,),
    errors=BRIDGE_ERRORS,
)
async def destroy(request: Request) -> None:
    await request.require(Stasis).bridges.destroy(bridge_of(request))


def _controls(request: Request) -> list[ChannelControl]:
    """The controls of the channels named. Raises AriError: 400 for one that does not exist, 422 outside of Stasis."""
    names: list[str] = request["channel"]
    if not names:
        raise AriError(400, "Missing parameter channel")
    stasis, found = request.require(Stasis), []
    for name in names:
        channel = request.server.channels.find_id(name)
        if channel is None:
            raise AriError(400, "Channel not found")
        control = stasis.control(channel)
        if control is None:
            raise AriError(422, "Channel not in Stasis application")
        found.append(control)
    return found


_CHANNEL_ERRORS = {
    400: "Channel not found",
    404: "Bridge not found",
    409: "Bridge not in Stasis application; Channel currently recording",
    422: "Channel not in Stasis application",
}


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/addChannel",
    "addChannel",
    summary="Add a channel to a bridge.",
    parameters=(
        ID,
        query("channel", "Ids of channels to add to bridge.", required=True, multiple=True),
        query("role", "Channel's role in a holding bridge: announcer or participant."),
        query("absorbDTMF", "Absorb DTMF coming from this channel.", type="boolean", default=False),
        query("mute", "Mute audio from this channel while it is in the bridge.", type="boolean", default=False),
        query(
            "inhibitConnectedLineUpdates",
            "Do not tell a new bridge member who the other one is, and the other way round.",
            type="boolean",
            default=False,
        ),
    ),
    errors=_CHANNEL_ERRORS,
)
def add_channel(request: Request) -> None:
    bridge, controls = bridge_of(request).bridge, _controls(request)
    for control in controls:
        if control.target.recordings:
            raise AriError(409, f"Channel {control.channel.uniqueid} currently recording")
    for control in controls:
        try:
            control.enter_bridge(
                bridge,
                role=request["role"] or "",
                absorb_digits=request["absorbDTMF"],
                mute=request["mute"],
                introduce=not request["inhibitConnectedLineUpdates"],
            )
        except WrongState as error:
            raise AriError(409, str(error)) from error


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/removeChannel",
    "removeChannel",
    summary="Remove a channel from a bridge.",
    parameters=(ID, query("channel", "Ids of channels to remove from bridge.", required=True, multiple=True)),
    errors={**_CHANNEL_ERRORS, 409: "Bridge not in Stasis application", 422: "Channel not in this bridge"},
)
def remove_channel(request: Request) -> None:
    bridge, controls = bridge_of(request).bridge, _controls(request)
    if any(control.channel.bridge is not bridge for control in controls):
        raise AriError(422, "Channel not in this bridge")
    for control in controls:
        bridge.remove(control.channel)


#: The formats of the channels that Asterisk puts into a bridge to play and to record. Here it is the bridge itself that
#: is heard and that hears, at the rate at which its channels are mixed: a format is looked at, and changes nothing.
ANNOUNCER_FORMAT = query("announcer_format", "Format of the announcer; any that is known, without effect here.")
RECORDER_FORMAT = query("recorder_format", "Format of the recorder; any that is known, without effect here.")
_UNKNOWN_FORMAT = "specified {name} is unknown on this system"


def _check_format(request: Request, name: str) -> None:
    """Raises AriError 422 for a format that does not exist."""
    given = request[name]
    if given and format_by_name(given) is None:
        raise AriError(422, _UNKNOWN_FORMAT.format(name=name))


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/play",
    "play",
    summary="Start playback of media on a bridge.",
    response="Playback",
    parameters=(ID, MEDIA, ANNOUNCER_FORMAT, LANG, OFFSET, SKIP, PLAYBACK_ID),
    errors=BRIDGE_ERRORS,
    success=201,
)
def play_media(request: Request) -> Created:
    target = bridge_of(request).target
    _check_format(request, "announcer_format")
    return play(request, target)


RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/play/{playbackId}",
    "playWithId",
    summary="Start playback of media on a bridge and specify the playbackId.",
    response="Playback",
    parameters=(ID, path("playbackId", "Playback ID."), MEDIA, ANNOUNCER_FORMAT, LANG, OFFSET, SKIP),
    errors=BRIDGE_ERRORS,
    success=201,
    since=("12.3.0",),
)(play_media)


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/record",
    "record",
    summary="Start a recording.",
    notes="Records the mixed audio of all channels in the bridge.",
    response="LiveRecording",
    parameters=(ID, *RECORD[:2], RECORDER_FORMAT, *RECORD[2:]),
    errors={
        400: "Invalid parameters",
        404: "Bridge not found",
        409: "Bridge is not in a Stasis application, or a recording with the same name exists",
        422: "The format specified is unknown on this system",
    },
    success=201,
)
def record_bridge(request: Request) -> Created:
    target = bridge_of(request).target
    _check_format(request, "recorder_format")
    return record(request, target)


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/videoSource/{channelId}",
    "setVideoSource",
    summary="Set a channel as the video source in a multi-party mixing bridge.",
    notes="The exchange carries no video: the choice is kept, shown and told.",
    parameters=(ID, path("channelId", "Channel's id")),
    errors={
        404: "Bridge or Channel not found",
        409: "Channel not in Stasis application",
        422: "Channel not in this Bridge",
    },
    since=("13.13.0", "14.2.0"),
)
def set_video_source(request: Request) -> None:
    bridge, channel = bridge_of(request).bridge, control_of(request, any_state=True).channel
    if channel.bridge is not bridge:
        raise AriError(422, "Channel not in this bridge")
    bridge.choose_video_source(channel)


@RESOURCE.operation(
    "DELETE",
    "/bridges/{bridgeId}/videoSource",
    "clearVideoSource",
    summary="Removes any explicit video source in a multi-party mixing bridge.",
    parameters=(ID,),
    errors={404: "Bridge not found"},
    since=("13.13.0", "14.2.0"),
)
def clear_video_source(request: Request) -> None:
    bridge_of(request).bridge.choose_video_source(None)


@RESOURCE.operation(
    "POST",
    "/bridges/{bridgeId}/moh",
    "startMoh",
    summary="Play music on hold to a bridge or change the MOH class that is playing.",
    parameters=(ID, query("mohClass", "Music on hold class to use")),
    errors=BRIDGE_ERRORS,
)
def start_music(request: Request) -> None:
    own, music = bridge_of(request), request.server.channels.music
    if music is None or not own.start_music(music, request["mohClass"] or ""):
        # The client is not told, as by Asterisk: it asked for nothing wrong.
        log.warn("bridge {bridge} hears no music on hold: there is none", bridge=own.bridge.id)


@RESOURCE.operation(
    "DELETE",
    "/bridges/{bridgeId}/moh",
    "stopMoh",
    summary="Stop playing music on hold to a bridge.",
    notes="This will only stop music on hold being played via POST bridges/{bridgeId}/moh.",
    parameters=(ID,),
    errors={**BRIDGE_ERRORS, 409: "Bridge isn't playing music"},
)
def stop_music(request: Request) -> None:
    if not bridge_of(request).stop_music():
        raise AriError(409, "Bridge isn't playing music")


__all__ = ("RESOURCE",)
