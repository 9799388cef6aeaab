"""/recordings: those being made, and the files they leave."""

from __future__ import annotations

from ari.replies import AriError, Binary
from ari.request import Request
from ari.resources import _calls
from ari.table import Resource, path, query
from pbx.stasis.errors import BadName, NameInUse, NotRecording
from pbx.stasis.recording import LiveRecording, LiveRecordingSnapshot, StoredRecording
from pbx.stasis.service import Stasis

RESOURCE = Resource("recordings", "Recording resources", module="res_ari_recordings")
NAME = path("recordingName", "The name of the recording")
NOT_FOUND = {404: "Recording not found"}
LIVE_ERRORS = {**NOT_FOUND, 409: "Recording not in session"}
#: Largest file handed out, as the whole of it is in memory then.
MAX_FILE = 64 * 1024 * 1024
CONTENT_TYPES = {"wav": "audio/wav", "wav16": "audio/wav", "ulaw": "audio/basic"}
_OTHER_TYPE = "application/octet-stream"
#: The encoders of recordings are registered by that import.
MODELS = (_calls.live_recording_model, _calls.stored_recording_model)


def stored_of(request: Request) -> StoredRecording:
    """The file that the path names. Raises AriError 404."""
    found = request.require(Stasis).stored.find(request["recordingName"])
    if found is None:
        raise AriError(404, "Recording not found")
    return found


def live_of(request: Request) -> LiveRecording:
    """The recording under way that the path names. Raises AriError 404."""
    found = request.require(Stasis).live.find(request["recordingName"])
    if found is None:
        raise AriError(404, "Recording not found")
    return found


@RESOURCE.operation(
    "GET",
    "/recordings/stored",
    "listStored",
    summary="List recordings that are complete.",
    response="List[StoredRecording]",
)
def list_stored(request: Request) -> list[StoredRecording]:
    stasis = request.require(Stasis)
    return [each for each in stasis.stored if stasis.live.find(each.name) is None]


@RESOURCE.operation(
    "GET",
    "/recordings/stored/{recordingName}",
    "getStored",
    summary="Get a stored recording's details.",
    response="StoredRecording",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def get_stored(request: Request) -> StoredRecording:
    return stored_of(request)


@RESOURCE.operation(
    "GET",
    "/recordings/stored/{recordingName}/file",
    "getStoredFile",
    summary="Get the file associated with the stored recording.",
    response="binary",
    parameters=(NAME,),
    errors={403: "The recording file could not be opened", **NOT_FOUND},
    since=("14.0.0",),
)
def get_file(request: Request) -> Binary:
    found = stored_of(request)
    try:
        if found.path.stat().st_size > MAX_FILE:
            raise AriError(403, "Recording could not be opened")
        data = found.path.read_bytes()
    except OSError as error:
        raise AriError(403, "Recording could not be opened") from error
    return Binary(data, CONTENT_TYPES.get(found.format, _OTHER_TYPE))


@RESOURCE.operation(
    "DELETE",
    "/recordings/stored/{recordingName}",
    "deleteStored",
    summary="Delete a stored recording.",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def delete_stored(request: Request) -> None:
    try:
        request.require(Stasis).stored.delete(stored_of(request))
    except OSError as error:
        raise AriError(500, "Delete failed") from error


@RESOURCE.operation(
    "POST",
    "/recordings/stored/{recordingName}/copy",
    "copyStored",
    summary="Copy a stored recording.",
    response="StoredRecording",
    parameters=(NAME, query("destinationRecordingName", "The destination name of the recording", required=True)),
    errors={**NOT_FOUND, 409: "A recording with the same name already exists on the system"},
    since=("12.5.0",),
)
def copy_stored(request: Request) -> StoredRecording:
    try:
        return request.require(Stasis).stored.copy(stored_of(request), request["destinationRecordingName"])
    except NameInUse as error:
        raise AriError(409, str(error)) from error
    except BadName as error:
        raise AriError(400, "Invalid destination recording name") from error
    except OSError as error:
        raise AriError(500, "Copy failed") from error


@RESOURCE.operation(
    "GET",
    "/recordings/live/{recordingName}",
    "getLive",
    summary="Get live recording's details.",
    response="LiveRecording",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def get_live(request: Request) -> LiveRecordingSnapshot:
    return live_of(request).snapshot()


@RESOURCE.operation(
    "DELETE",
    "/recordings/live/{recordingName}",
    "cancel",
    summary="Stop a live recording and discard it.",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def cancel(request: Request) -> None:
    live_of(request).cancel()


@RESOURCE.operation(
    "POST",
    "/recordings/live/{recordingName}/stop",
    "stop",
    summary="Stop a live recording and store it.",
    parameters=(NAME,),
    errors=NOT_FOUND,
)
def stop(request: Request) -> None:
    live_of(request).stop()


@RESOURCE.operation(
    "POST",
    "/recordings/live/{recordingName}/pause",
    "pause",
    summary="Pause a live recording.",
    notes="What is said meanwhile is left out.",
    parameters=(NAME,),
    errors=LIVE_ERRORS,
)
def pause(request: Request) -> None:
    try:
        live_of(request).pause()
    except NotRecording as error:
        raise AriError(409, str(error)) from error


@RESOURCE.operation(
    "DELETE",
    "/recordings/live/{recordingName}/pause",
    "unpause",
    summary="Unpause a live recording.",
    parameters=(NAME,),
    errors=LIVE_ERRORS,
)
def unpause(request: Request) -> None:
    try:
        live_of(request).unpause()
    except NotRecording as error:
        raise AriError(409, str(error)) from error


@RESOURCE.operation(
    "POST",
    "/recordings/live/{recordingName}/mute",
    "mute",
    summary="Mute a live recording.",
    notes="Silence is recorded meanwhile; it does not end a recording that silence ends.",
    parameters=(NAME,),
    errors=LIVE_ERRORS,
)
def mute(request: Request) -> None:
    try:
        live_of(request).mute(True)
    except NotRecording as error:
        raise AriError(409, str(error)) from error


@RESOURCE.operation(
    "DELETE",
    "/recordings/live/{recordingName}/mute",
    "unmute",
    summary="Unmute a live recording.",
    parameters=(NAME,),
    errors=LIVE_ERRORS,
)
def unmute(request: Request) -> None:
    try:
        live_of(request).mute(False)
    except NotRecording as error:
        raise AriError(409, str(error)) from error
