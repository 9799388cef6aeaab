"""/playbacks: what is being played, and steering it."""

from __future__ import annotations

from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, path, query
from pbx.stasis.errors import NotPlaying
from pbx.stasis.playback import OPERATIONS, Playback, PlaybackSnapshot
from pbx.stasis.service import Stasis

RESOURCE = Resource("playbacks", "Playback control resources", module="res_ari_playbacks")
ID = path("playbackId", "Playback's id")
NOT_FOUND = {404: "The playback cannot be found"}


def playback_of(request: Request) -> Playback:
    """The playback that the path names. Raises AriError 404."""
    found = request.require(Stasis).playbacks.find(request["playbackId"])
    if found is None:
        raise AriError(404, "Playback not found")
    return found


@RESOURCE.operation(
    "GET",
    "/playbacks/{playbackId}",
    "get",
    summary="Get a playback's details.",
    response="Playback",
    parameters=(ID,),
    errors=NOT_FOUND,
)
def get(request: Request) -> PlaybackSnapshot:
    return playback_of(request).snapshot()


@RESOURCE.operation(
    "DELETE", "/playbacks/{playbackId}", "stop", summary="Stop a playback.", parameters=(ID,), errors=NOT_FOUND
)
def stop(request: Request) -> None:
    playback_of(request).stop()


@RESOURCE.operation(
    "POST",
    "/playbacks/{playbackId}/control",
    "control",
    summary="Control a playback.",
    parameters=(
        ID,
        query(
            "operation",
            "Operation to perform on the playback.",
            required="Missing operation",
            allowed=tuple(OPERATIONS),
        ),
    ),
    errors={
        400: "The provided operation parameter was invalid",
        **NOT_FOUND,
        409: "The operation cannot be performed in the playback's current state",
    },
)
def control(request: Request) -> None:
    try:
        playback_of(request).control(request["operation"])
    except NotPlaying as error:
        raise AriError(409, str(error)) from error
