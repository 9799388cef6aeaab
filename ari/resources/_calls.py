"""What the operations on channels, bridges and recordings share: finding what they are about, reading their orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from twisted.logger import Logger

from ari.models import encodes
from ari.replies import AriError, Created
from ari.request import Request
from ari.table import Parameter, query
from pbx.config.types import CODECS
from pbx.core.channel import Channel, settle
from pbx.core.channels import MAX_UNIQUEID
from pbx.core.dial import Destination
from pbx.core.originate import Originate
from pbx.core.party import PartyId, parse_callerid
from pbx.errors import ObeliskError
from pbx.stasis.bridges import StasisBridge
from pbx.stasis.control import ChannelControl
from pbx.stasis.errors import BadFormat, BadName, NameInUse, WrongState
from pbx.stasis.playback import PlaybackOrder, PlaybackSnapshot
from pbx.stasis.recording import (
    IF_EXISTS,
    TERMINATORS,
    LiveRecordingSnapshot,
    RecordingOrder,
    StoredRecording,
)
from pbx.stasis.service import Stasis
from pbx.stasis.target import MediaTarget

log = Logger()

#: Seconds an origination waits, or a recording with a limit lasts, at most.
MAX_TIMEOUT = 86_400

#: Variables of one request that events are to show.
MAX_REPORTED = 64

NOT_IN_STASIS = "Channel not in a Stasis application"
CHANNEL_ERRORS: Mapping[int, str] = {404: "Channel not found", 409: NOT_IN_STASIS}
BRIDGE_ERRORS: Mapping[int, str] = {404: "Bridge not found", 409: "Bridge not in a Stasis application"}
STATE_ERRORS: Mapping[int, str] = {**CHANNEL_ERRORS, 412: "Channel in invalid state"}


@encodes(PlaybackSnapshot)
def playback_model(value: PlaybackSnapshot) -> dict[str, object]:
    return value.fields()


@encodes(LiveRecordingSnapshot)
def live_recording_model(value: LiveRecordingSnapshot) -> dict[str, object]:
    return value.fields()


@encodes(StoredRecording)
def stored_recording_model(value: StoredRecording) -> dict[str, object]:
    return value.fields()


def channel_of(request: Request) -> Channel:
    """The channel that the path names. Raises AriError 404."""
    channel = request.server.channels.find_id(request["channelId"])
    if channel is None:
        raise AriError(404, "Channel not found")
    return channel


def control_of(request: Request, *, any_state: bool = False) -> ChannelControl:
    """The control of the channel that the path names.

    Raises AriError: 404 for no channel, 409 outside of Stasis, 412 while it is down, reserved or ringing.
    """
    channel = channel_of(request)
    control = request.require(Stasis).control(channel)
    if control is None:
        raise AriError(409, "Channel not in Stasis application")
    if not any_state:
        try:
            control.require_state()
        except WrongState as error:
            raise AriError(412, str(error)) from error
    return control


def bridge_of(request: Request) -> StasisBridge:
    """The bridge that the path names. Raises AriError: 404 for none, 409 for one that no application made."""
    own = request.require(Stasis).bridges.find(request["bridgeId"])
    if own is not None:
        return own
    if request.server.bridges.find(request["bridgeId"]) is None:
        raise AriError(404, "Bridge not found")
    raise AriError(409, "Bridge not in Stasis application")


# Variables


async def read_variable(request: Request, channel: Channel | None, name: str) -> str:
    """A variable's or function's value. Raises AriError: 404 unset, 500 for a function that cannot be read."""
    if not name.endswith(")"):
        store = request.server.channels.globals
        value = store.get(name) if channel is None else channel.get_variable(name)
        if value is None:
            raise AriError(404, "Provided variable was not found")
        return value
    if not may_use(request, name):
        raise AriError(500, "Unable to read provided function")
    try:
        return await settle(request.server.dialplan.read_function(channel, name))
    except (LookupError, ObeliskError) as error:
        raise AriError(500, "Unable to read provided function") from error


async def write_variable(request: Request, channel: Channel, name: str, value: str) -> None:
    """Set a variable or write a function. Raises AriError 400."""
    if not name.endswith(")"):
        channel.set_variable(name, value)
        return
    if not may_use(request, name):
        raise AriError(400, "Failed to execute function")
    try:
        await settle(request.server.dialplan.write_function(channel, name, value))
    except (LookupError, ObeliskError) as error:
        raise AriError(400, "Failed to execute function") from error


def may_use(request: Request, expression: str) -> bool:
    """Whether a function may be used from outside the dialplan (asterisk.conf's ``live_dangerously``)."""
    server = request.server
    return server.options.live_dangerously or not server.dialplan.function_capability(expression)


@dataclass(frozen=True, slots=True)
class Variables:
    """The ``variables`` of a body, and which of them events are to show."""

    pairs: tuple[tuple[str, str], ...] = ()
    reported: tuple[str, ...] = ()


def variables_of(request: Request) -> Variables:
    """The body's variables: each a text, or an object with ``value`` and perhaps ``report_events``.

    Raises AriError 400.
    """
    found: list[tuple[str, str]] = []
    reported: list[str] = []
    for raw, given in (request["variables"] or {}).items():
        name = raw.strip()
        value = given.get("value") if isinstance(given, dict) else given
        if isinstance(given, dict) and not isinstance(value, str):
            raise AriError(400, "Each object value in 'variables' must include string field 'value'")
        if not name or not isinstance(value, str):
            raise AriError(
                400, "Each value in 'variables' must be a string or an object with 'value' and optional 'report_events'"
            )
        if name.endswith(")") and not may_use(request, name):
            raise AriError(400, "Failed to execute function")
        found.append((name, value))
        if isinstance(given, dict) and given.get("report_events") is True:
            if len(reported) >= MAX_REPORTED:
                raise AriError(400, f"Events show at most {MAX_REPORTED} variables")
            reported.append(name)
    return Variables(tuple(found), tuple(reported))


# Originating


def order_of(request: Request) -> Originate:
    """Endpoint, ids, formats, originator and variables of an order. Raises AriError."""
    given = request.values
    for name in ("channelId", "otherChannelId"):
        if len(str(given.get(name) or "")) > MAX_UNIQUEID:
            raise AriError(400, f"Uniqueid length exceeds maximum of {MAX_UNIQUEID}")
    technology, slash, address = str(request["endpoint"]).partition("/")
    if not request["endpoint"]:
        raise AriError(400, "Endpoint must be specified")
    if request["originator"] and request["formats"]:
        raise AriError(400, "Originator and formats can't both be specified")
    if not technology or not slash or not address:
        raise AriError(400, "Invalid endpoint specified")
    requestor: Channel | None = None
    if request["originator"]:
        requestor = request.server.channels.find_id(request["originator"])
        if requestor is None:
            raise AriError(400, "Provided originator channel was not found")
    formats: tuple[str, ...] = ()
    if request["formats"]:
        try:
            formats = CODECS.parse(request["formats"]).names
        except ValueError as error:
            raise AriError(400, f"Provided format ({request['formats']}) was not found") from error
    ids = [str(given[name]) for name in ("channelId", "otherChannelId") if given.get(name)]
    if len(set(ids)) < len(ids) or any(request.server.channels.find_id(each) for each in ids):
        raise AriError(409, "Channel with given unique ID already exists")
    if not request.server.accepts_calls:
        raise AriError(503, "No new calls are taken")
    variables = variables_of(request)
    return Originate(
        Destination(technology, address),
        uniqueid=str(given.get("channelId") or "") or None,
        other_uniqueid=request["otherChannelId"] or None,
        formats=formats,
        requestor=requestor,
        variables=variables.pairs,
        reported=variables.reported,
    )


def seconds_of(timeout: int) -> float | None:
    """ARI's timeout in seconds: below zero is none."""
    return None if timeout < 0 else float(min(timeout, MAX_TIMEOUT))


def identity_of(text: str) -> PartyId | None:
    """The party of a ``callerId``."""
    party = parse_callerid(text) if text else None
    return party if party is not None and (party.name or party.number) else None


def arguments_of(text: str) -> tuple[str, ...]:
    """The list behind ``appArgs``."""
    return tuple(text.split(",")) if text else ()


# Playing and recording

LANG = query("lang", "For sounds, selects language for sound.")
OFFSET = query("offsetms", "Number of milliseconds to skip before playing. Only applies to the first URI.", type="int")
SKIP = query("skipms", "Number of milliseconds to skip for forward/reverse operations.", type="int", default=3000)
MEDIA = query(
    "media",
    "Media URIs to play: sound:, recording:, number:, digits:, characters: or tone:.",
    required=True,
    multiple=True,
)
PLAYBACK_ID = query("playbackId", "Playback ID.")
RECORD: tuple[Parameter, ...] = (
    query("name", "Recording's filename.", required=True),
    query("format", "Format to encode audio in.", required=True),
    query("maxDurationSeconds", "Maximum duration in seconds. 0 for no limit.", type="int", default=0, minimum=0),
    query("maxSilenceSeconds", "Maximum silence in seconds. 0 for no limit.", type="int", default=0, minimum=0),
    query("ifExists", "Action to take if a recording of that name exists.", default="fail", allowed=IF_EXISTS),
    query("beep", "Play beep when recording begins.", type="boolean", default=False),
    query("terminateOn", "DTMF input to terminate recording.", default="none", allowed=tuple(TERMINATORS)),
)


def play(request: Request, target: MediaTarget) -> Created:
    """Queue what the request asks to play. Raises AriError."""
    offset, skip = request["offsetms"] or 0, request["skipms"]
    if skip < 0:
        raise AriError(400, "skipms cannot be negative")
    if offset < 0:
        raise AriError(400, "offsetms cannot be negative")
    order = PlaybackOrder(request["media"], request["lang"] or "", offset, skip, request["playbackId"] or "")
    try:
        queued = request.require(Stasis).playbacks.play(target, order)
    except NameInUse as error:
        raise AriError(409, str(error)) from error
    except BadName as error:
        raise AriError(400, str(error)) from error
    return Created(f"/playbacks/{quote(queued.id, safe='')}", queued)


def record(request: Request, target: MediaTarget) -> Created:
    """Queue the recording that the request asks for. Raises AriError."""
    order = RecordingOrder(
        request["name"],
        request["format"],
        min(request["maxDurationSeconds"], MAX_TIMEOUT),
        min(request["maxSilenceSeconds"], MAX_TIMEOUT),
        request["ifExists"],
        request["beep"],
        request["terminateOn"],
    )
    try:
        queued = request.require(Stasis).live.record(target, order)
    except BadFormat as error:
        raise AriError(422, str(error)) from error
    except NameInUse as error:
        raise AriError(409, str(error)) from error
    except BadName as error:
        raise AriError(400, "Recording name invalid") from error
    return Created(f"/recordings/live/{quote(queued.name, safe='')}", queued)
