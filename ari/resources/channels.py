"""/channels: the calls, and what an application does with those inside it.

Not there, because the exchange cannot do it yet: external media over WebSocket and AudioSocket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ari.replies import AriError
from ari.request import Request
from ari.resources._calls import (
    CHANNEL_ERRORS,
    MAX_TIMEOUT,
    STATE_ERRORS,
    arguments_of,
    channel_of,
    control_of,
    identity_of,
    order_of,
    seconds_of,
)
from ari.resources._channel_media import ID
from ari.resources._channel_media_ends import RESOURCE
from ari.table import Parameter, body, path, query
from pbx.core.causes import Cause, parse_cause
from pbx.core.channel import Channel
from pbx.core.channels import DuplicateChannel
from pbx.core.originate import OriginateError
from pbx.core.snapshot import ChannelSnapshot
from pbx.stasis.control import ChannelControl
from pbx.stasis.errors import WrongState
from pbx.stasis.service import Stasis

if TYPE_CHECKING:
    from pbx.core.channels import Place
    from pbx.core.originate import Originate

log = Logger()

REASONS: Mapping[str, Cause] = {
    "normal": Cause.NORMAL_CLEARING,
    "busy": Cause.USER_BUSY,
    "congestion": Cause.NORMAL_CIRCUIT_CONGESTION,
    "no_answer": Cause.NO_ANSWER,
    "timeout": Cause.NO_USER_RESPONSE,
    "rejected": Cause.CALL_REJECTED,
    "unallocated": Cause.UNALLOCATED,
    "normal_unspecified": Cause.NORMAL_UNSPECIFIED,
    "number_incomplete": Cause.INVALID_NUMBER_FORMAT,
    "codec_mismatch": Cause.BEARERCAPABILITY_NOTAVAIL,
    "interworking": Cause.INTERWORKING,
    "failure": Cause.NETWORK_OUT_OF_ORDER,
    "answered_elsewhere": Cause.ANSWERED_ELSEWHERE,
}

_DESTINATION: tuple[Parameter, ...] = (
    query("endpoint", "Endpoint to call.", required="Endpoint must be specified"),
    query("extension", "The extension to dial after the endpoint answers."),
    query("context", "The context to dial after the endpoint answers; 'default' unless given."),
    query("priority", "The priority to dial after the endpoint answers; 1 unless given.", type="long"),
    query("label", "The label to dial after the endpoint answers; it supersedes 'priority'."),
    query("app", "The application that is subscribed to the channel and gets it once it is answered."),
    query("appArgs", "The application arguments, divided by commas."),
    query("callerId", "CallerID to use when dialing the endpoint or extension."),
    query("timeout", "Seconds before giving up dialing, or -1 for no timeout.", type="int", default=30),
    body("variables", "Variables to set on the channel on creation."),
)
_COMMON: tuple[Parameter, ...] = (
    query("otherChannelId", "The unique id of the second channel when using local channels."),
    query("originator", "The unique id of the channel which is originating this one."),
    query("formats", "The formats to use, divided by commas, if no originator is given."),
)
_ORIGINATE_ERRORS = {
    400: "Invalid parameters for originating a channel.",
    404: "Requested label can not be found",
    409: "Channel with given unique ID already exists.",
}


# Listing, making, ending


@RESOURCE.operation("GET", "/channels", "list", summary="List all active channels.", response="List[Channel]")
def list_channels(request: Request) -> list[ChannelSnapshot]:
    return [channel.snapshot() for channel in request.server.channels]


@RESOURCE.operation(
    "POST",
    "/channels",
    "originate",
    summary="Create a new channel (originate).",
    notes="The channel is called at once; it goes to the application or the extension when it is answered.",
    response="Channel",
    parameters=(*_DESTINATION, query("channelId", "The unique id to assign the channel on creation."), *_COMMON),
    errors=_ORIGINATE_ERRORS,
)
def originate(request: Request) -> ChannelSnapshot:
    application, exten = request["app"] or "", request["extension"] or ""
    order = replace(
        order_of(request), timeout=seconds_of(request["timeout"]), identity=identity_of(request["callerId"] or "")
    )
    if not application:
        if not exten:
            raise AriError(400, "Application or extension must be specified")
        context = request["context"] or "default"
        order = replace(order, context=context, exten=exten, priority=_priority(request, context, exten) or 1)
    try:
        channel = request.require(Stasis).originate(order, application, arguments_of(request["appArgs"] or ""))
    except OriginateError as error:
        raise _not_made(error, order) from error
    return channel.snapshot()


@RESOURCE.operation(
    "POST",
    "/channels/create",
    "create",
    summary="Create channel.",
    notes="The channel is in the application at once and is called by 'dial'.",
    response="Channel",
    parameters=(
        query("endpoint", "Endpoint for channel communication.", required="Endpoint must be specified"),
        query("app", "Stasis application to place channel into.", required=True),
        query("appArgs", "The application arguments, divided by commas."),
        query("channelId", "The unique id to assign the channel on creation."),
        *_COMMON,
        body("variables", "Variables to set on the channel on creation."),
    ),
    errors={400: "Invalid parameters for creating a channel.", 409: _ORIGINATE_ERRORS[409]},
    since=("14.0.0",),
)
def create(request: Request) -> ChannelSnapshot:
    order = order_of(request)
    try:
        channel = request.require(Stasis).create(order, request["app"], arguments_of(request["appArgs"] or ""))
    except OriginateError as error:
        raise _not_made(error, order) from error
    return channel.snapshot()


def _not_made(error: OriginateError, order: Originate) -> AriError:
    if isinstance(error.__cause__, DuplicateChannel):
        return AriError(409, "Channel with given unique ID already exists")
    log.info("{where} was not originated: {error}", where=str(order.destination), error=str(error))
    return AriError(400, f"Allocation failed: {error}")  # Asterisk says 500, but nobody is there to be called


def _priority(request: Request, context: str, exten: str) -> int | None:
    """The priority by label or number, None where neither is given. Raises AriError."""
    if not request["label"]:
        priority: int | None = request["priority"]
        return priority if priority is None or priority > 0 else None
    found = request.server.dialplan.find_priority(context, exten, request["label"])
    if found is None:
        raise AriError(404, "Requested label can not be found")
    if found < 1:
        raise AriError(400, "Requested priority is illegal")
    return found


@RESOURCE.operation(
    "GET",
    "/channels/{channelId}",
    "get",
    summary="Channel details.",
    response="Channel",
    parameters=(ID,),
    errors={404: "Channel not found"},
)
def get(request: Request) -> ChannelSnapshot:
    return channel_of(request).snapshot()


RESOURCE.operation(
    "POST",
    "/channels/{channelId}",
    "originateWithId",
    summary="Create a new channel (originate with id).",
    notes="The channel is called at once; it goes to the application or the extension when it is answered.",
    response="Channel",
    parameters=(path("channelId", "The unique id to assign the channel on creation."), *_DESTINATION, *_COMMON),
    errors=_ORIGINATE_ERRORS,
    since=("12.2.0",),
)(originate)


@RESOURCE.operation(
    "DELETE",
    "/channels/{channelId}",
    "hangup",
    summary="Delete (i.e. hangup) a channel.",
    parameters=(
        ID,
        query("reason_code", "The hangup cause, by number or name; not together with 'reason'."),
        query("reason", "Reason for hanging up the channel.", allowed=tuple(REASONS)),
    ),
    errors={400: "Invalid reason for hangup provided", 404: "Channel not found"},
)
def hangup(request: Request) -> None:
    channel = channel_of(request)
    reason, code = request["reason"], request["reason_code"]
    if reason and code:
        raise AriError(400, "The reason and reason_code can't both be specified")
    cause = parse_cause(code) if code else REASONS[reason or "normal"]
    if cause is None:
        raise AriError(400, "Invalid reason for hangup reason code provided")
    channel.request_hangup(cause)


# Going elsewhere


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/continue",
    "continueInDialplan",
    summary="Exit application; continue execution in the dialplan.",
    parameters=(
        ID,
        query("context", "The context to continue to."),
        query("extension", "The extension to continue to."),
        query("priority", "The priority to continue to.", type="int"),
        query("label", "The label to continue to; it supersedes 'priority'."),
    ),
    errors=STATE_ERRORS,
)
def continue_in_dialplan(request: Request) -> None:
    control = control_of(request)
    control.leave(_place(request, control.channel))


def _place(request: Request, channel: Channel) -> Place | None:
    """Where to continue; None: at the next priority. A context without extension means its ``s``."""
    context, exten = request["context"], request["extension"]
    priority = _priority(request, context or channel.context, exten or channel.exten)
    if not context and not exten and priority is None:
        return None
    return context or channel.context, exten or ("s" if context else channel.exten), priority or 1


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/move",
    "move",
    summary="Move the channel from one Stasis application to another.",
    parameters=(
        ID,
        query("app", "The channel will be passed to this Stasis application.", required=True),
        query("appArgs", "The application arguments, divided by commas."),
    ),
    errors=CHANNEL_ERRORS,
    since=("13.26.0",),
)
def move(request: Request) -> None:
    control_of(request, any_state=True).move(request["app"], arguments_of(request["appArgs"] or ""))


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/dial",
    "dial",
    summary="Dial a created channel.",
    parameters=(
        ID,
        query("caller", "Channel ID of caller."),
        query("timeout", "Dial timeout in seconds; 0 for none.", type="int", default=0, minimum=0),
    ),
    errors={404: "Channel not found", 409: "Channel cannot be dialed"},
    since=("14.0.0",),
)
def dial(request: Request) -> None:
    control = control_of(request, any_state=True)
    caller = None
    if request["caller"]:
        caller = request.server.channels.find_id(request["caller"])
        if caller is None:
            raise AriError(404, "Caller channel not found")
    try:
        control.dial(caller, min(request["timeout"], MAX_TIMEOUT))
    except WrongState as error:
        raise AriError(409, str(error)) from error


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/redirect",
    "redirect",
    summary="Redirect the channel to a different location.",
    notes="A call that is not answered yet is answered with the place to call instead, another one is referred to it.",
    parameters=(ID, query("endpoint", "The endpoint to redirect the channel to")),
    errors={
        400: "Endpoint parameter not provided",
        422: "Endpoint is not the same type as the channel",
        **STATE_ERRORS,
    },
    since=("13.3.0",),
)
def redirect(request: Request) -> None:
    control = control_of(request)
    if not request["endpoint"]:
        raise AriError(400, "Required parameter 'endpoint' not provided.")
    technology, slash, address = request["endpoint"].partition("/")
    if not technology or not slash:
        raise AriError(422, f"Endpoint parameter '{request['endpoint'][:80]}' does not contain tech/resource")
    if not address:
        raise AriError(422, f"No resource provided in endpoint parameter '{request['endpoint'][:80]}'")
    if technology.lower() != control.channel.technology.lower():
        raise AriError(
            422,
            f"Endpoint technology '{technology[:80]}' does not match channel technology '{control.channel.technology}'",
        )
    if not control.channel.transfer(address):
        raise AriError(500, "Failed to redirect channel")


# Signals


def _signal(
    method: str,
    name: str,
    nickname: str,
    summary: str,
    action: Callable[[ChannelControl], object],
    since: str = "12.0.0",
) -> None:
    """An operation without parameters that tells the far end something."""

    def tell(request: Request) -> None:
        control = control_of(request)
        action(control)

    RESOURCE.operation(
        method,
        f"/channels/{{channelId}}/{name}",
        nickname,
        summary=summary,
        parameters=(ID,),
        errors=STATE_ERRORS,
        since=(since,),
    )(tell)


_signal("POST", "answer", "answer", "Answer a channel.", ChannelControl.answer)
_signal("POST", "ring", "ring", "Indicate ringing to a channel.", ChannelControl.ring)
_signal(
    "DELETE",
    "ring",
    "ringStop",
    "Stop ringing indication on a channel if locally generated.",
    ChannelControl.hear_no_tone,
)
_signal("POST", "progress", "progress", "Indicate progress on a channel.", ChannelControl.progress, "22.6.0")
_signal("POST", "hold", "hold", "Hold a channel.", ChannelControl.hold)
_signal("DELETE", "hold", "unhold", "Remove a channel from hold.", ChannelControl.unhold)
_signal("DELETE", "moh", "stopMoh", "Stop playing music on hold to a channel.", ChannelControl.stop_music)
_signal("POST", "silence", "startSilence", "Play silence to a channel.", ChannelControl.start_silence)
_signal("DELETE", "silence", "stopSilence", "Stop playing silence to a channel.", ChannelControl.stop_silence)


@RESOURCE.operation(
    "POST",
    "/channels/{channelId}/moh",
    "startMoh",
    summary="Play music on hold to a channel.",
    notes="Using media operations such as /play on a channel playing MOH in this manner will suspend MOH without "
    "resuming automatically. If continuing music on hold is desired, the stasis application must reinitiate music on "
    "hold.",
    parameters=(ID, query("mohClass", "Music on hold class to use")),
    errors=STATE_ERRORS,
)
def start_music(request: Request) -> None:
    control_of(request).start_music(request["mohClass"] or "")


__all__ = ("RESOURCE",)
