"""Every model of ARI: its fields and their types, and which model it extends.

The Swagger and OpenAPI documents are made from this table, and it is nothing else: the contract of `ari.models` and
`ari.events`.
A field is ``name:type``, with ``{a|b}`` for its only values and ``?`` where it may be absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a model; ``type`` is string, int, long, double, boolean, Date, object, a model or List[...]."""

    name: str
    type: str
    required: bool
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A JSON object. ``resource`` is the Swagger document that declares it."""

    name: str
    resource: str
    description: str
    fields: tuple[Field, ...]
    extends: str = ""


_FIELD = re.compile(r"(\w+):([\w\[\]]+)(?:\{([^}]*)\})?(\?)?")


def _model(name: str, resource: str, description: str, fields: str = "", extends: str = "") -> Model:
    made = tuple(
        Field(found[1], found[2], not found[4], tuple(found[3].split("|")) if found[3] else ())
        for found in _FIELD.finditer(fields)
    )
    return Model(name, resource, description, made, extends)


_ALL = (
    _model(
        "Application",
        "applications",
        "Details of a Stasis application.",
        "name:string; channel_ids:List[string]; bridge_ids:List[string]; endpoint_ids:List[string]; "
        "device_names:List[string]; events_allowed:List[object]; events_disallowed:List[object]",
    ),
    _model(
        "BuildInfo",
        "asterisk",
        "How the program was built.",
        "os:string; kernel:string; options:string; machine:string; date:string; user:string",
    ),
    _model(
        "SystemInfo",
        "asterisk",
        "The program and the exchange it runs.",
        "version:string; entity_id:string",
    ),
    _model(
        "SetId",
        "asterisk",
        "The user and group the program runs as.",
        "user:string; group:string",
    ),
    _model(
        "ConfigInfo",
        "asterisk",
        "Settings of the exchange.",
        "name:string; default_language:string; max_channels:int?; max_open_files:int?; max_load:double?; setid:SetId",
    ),
    _model(
        "StatusInfo",
        "asterisk",
        "When the exchange started.",
        "startup_time:Date; last_reload_time:Date",
    ),
    _model(
        "AsteriskInfo",
        "asterisk",
        "What there is to know of the exchange.",
        "build:BuildInfo?; system:SystemInfo?; config:ConfigInfo?; status:StatusInfo?",
    ),
    _model(
        "AsteriskPing",
        "asterisk",
        "The answer to a ping.",
        "asterisk_id:string; ping:string; timestamp:string",
    ),
    _model(
        "Module",
        "asterisk",
        "A loadable module.",
        "name:string; description:string; use_count:int; status:string; support_level:string",
    ),
    _model(
        "LogChannel",
        "asterisk",
        "A place the log is written to.",
        "channel:string; type:string; status:string; configuration:string",
    ),
    _model(
        "Variable",
        "asterisk",
        "The value of a variable.",
        "value:string",
    ),
    _model(
        "Variables",
        "asterisk",
        "Several variables by name.",
        "variables:object",
    ),
    _model(
        "ConfigTuple",
        "asterisk",
        "An option of a stored object.",
        "attribute:string; value:string",
    ),
    _model(
        "Bridge",
        "bridges",
        "A room for channels.",
        "id:string; technology:string; bridge_type:string{mixing|holding}; bridge_class:string; "
        "creator:string; name:string; channels:List[string]; video_mode:string?; video_source_id:string?; "
        "creationtime:Date; bridgevars:object?",
    ),
    _model(
        "Dialed",
        "channels",
        "The channel that was dialled.",
    ),
    _model(
        "DialplanCEP",
        "channels",
        "A place in the dialplan.",
        "context:string; exten:string; priority:long; app_name:string; app_data:string",
    ),
    _model(
        "CallerID",
        "channels",
        "A name and a number.",
        "name:string; number:string",
    ),
    _model(
        "RTPstat",
        "channels",
        "Statistics of an RTP session.",
        "txcount:int; rxcount:int; txjitter:double?; rxjitter:double?; remote_maxjitter:double?; "
        "remote_minjitter:double?; remote_normdevjitter:double?; remote_stdevjitter:double?; "
        "local_maxjitter:double?; local_minjitter:double?; local_normdevjitter:double?; "
        "local_stdevjitter:double?; txploss:int; rxploss:int; remote_maxrxploss:double?; "
        "remote_minrxploss:double?; remote_normdevrxploss:double?; remote_stdevrxploss:double?; "
        "local_maxrxploss:double?; local_minrxploss:double?; local_normdevrxploss:double?; "
        "local_stdevrxploss:double?; rtt:double?; maxrtt:double?; minrtt:double?; normdevrtt:double?; "
        "stdevrtt:double?; local_ssrc:int; remote_ssrc:int; txoctetcount:int; rxoctetcount:int; "
        "channel_uniqueid:string",
    ),
    _model(
        "Channel",
        "channels",
        "One leg of a call.",
        "id:string; protocol_id:string; name:string; "
        "state:string{Down|Rsrved|OffHook|Dialing|Ring|Ringing|Up|Busy|Dialing Offhook|Pre-ring|Unknown}; "
        "caller:CallerID; connected:CallerID; accountcode:string; dialplan:DialplanCEP; creationtime:Date; "
        "language:string; channelvars:object?; caller_rdnis:string?; tenantid:string?",
    ),
    _model(
        "DeviceState",
        "deviceStates",
        "The state of a device.",
        "name:string; state:string{UNKNOWN|NOT_INUSE|INUSE|BUSY|INVALID|UNAVAILABLE|RINGING|RINGINUSE|ONHOLD}",
    ),
    _model(
        "Endpoint",
        "endpoints",
        "What calls are made to and come from.",
        "technology:string; resource:string; state:string{unknown|offline|online}?; channel_ids:List[string]",
    ),
    _model(
        "TextMessage",
        "endpoints",
        "A text message.",
        "from:string; to:string; body:string; variables:object?",
    ),
    _model(
        "Message",
        "events",
        "The base of everything sent on the event socket.",
        "type:string; asterisk_id:string?",
    ),
    _model(
        "MissingParams",
        "events",
        "Sent where parameters are missing.",
        "params:List[string]",
        extends="Message",
    ),
    _model(
        "Event",
        "events",
        "The base of all events.",
        "application:string; timestamp:Date",
        extends="Message",
    ),
    _model(
        "ContactInfo",
        "events",
        "A contact and its state.",
        "uri:string; contact_status:string{Unreachable|Reachable|Unknown|NonQualified|Removed}; "
        "aor:string; roundtrip_usec:string?",
    ),
    _model(
        "Peer",
        "events",
        "The state of a peer.",
        "peer_status:string; cause:string?; address:string?; port:string?; time:string?",
    ),
    _model(
        "DeviceStateChanged",
        "events",
        "A device's state has changed.",
        "device_state:DeviceState",
        extends="Event",
    ),
    _model(
        "PlaybackStarted",
        "events",
        "Media began to play.",
        "playback:Playback",
        extends="Event",
    ),
    _model(
        "PlaybackContinuing",
        "events",
        "The next of several media began to play.",
        "playback:Playback",
        extends="Event",
    ),
    _model(
        "PlaybackFinished",
        "events",
        "Media was played to its end, or stopped.",
        "playback:Playback",
        extends="Event",
    ),
    _model(
        "RecordingStarted",
        "events",
        "A recording began.",
        "recording:LiveRecording",
        extends="Event",
    ),
    _model(
        "RecordingFinished",
        "events",
        "A recording is complete.",
        "recording:LiveRecording",
        extends="Event",
    ),
    _model(
        "RecordingFailed",
        "events",
        "A recording could not be made.",
        "recording:LiveRecording",
        extends="Event",
    ),
    _model(
        "ApplicationMoveFailed",
        "events",
        "A channel could not be moved to another application.",
        "channel:Channel; destination:string; args:List[string]",
        extends="Event",
    ),
    _model(
        "ApplicationRegistered",
        "events",
        "The application has been registered.",
        extends="Event",
    ),
    _model(
        "ApplicationUnregistered",
        "events",
        "The application is no longer registered.",
        extends="Event",
    ),
    _model(
        "ApplicationReplaced",
        "events",
        "Another socket has taken over the application.",
        extends="Event",
    ),
    _model(
        "BridgeCreated",
        "events",
        "A bridge exists now.",
        "bridge:Bridge",
        extends="Event",
    ),
    _model(
        "BridgeDestroyed",
        "events",
        "A bridge is gone.",
        "bridge:Bridge",
        extends="Event",
    ),
    _model(
        "BridgeMerged",
        "events",
        "A bridge was merged into another.",
        "bridge:Bridge; bridge_from:Bridge",
        extends="Event",
    ),
    _model(
        "BridgeVideoSourceChanged",
        "events",
        "The source of video in a bridge has changed.",
        "bridge:Bridge; old_video_source_id:string?",
        extends="Event",
    ),
    _model(
        "BridgeBlindTransfer",
        "events",
        "A blind transfer was tried.",
        "channel:Channel; replace_channel:Channel?; transferee:Channel?; exten:string; context:string; "
        "result:string; is_external:boolean; bridge:Bridge?",
        extends="Event",
    ),
    _model(
        "BridgeAttendedTransfer",
        "events",
        "An attended transfer was tried.",
        "transferer_first_leg:Channel; transferer_second_leg:Channel; replace_channel:Channel?; "
        "transferee:Channel?; transfer_target:Channel?; result:string; is_external:boolean; "
        "transferer_first_leg_bridge:Bridge?; transferer_second_leg_bridge:Bridge?; "
        "destination_type:string; destination_bridge:string?; destination_application:string?; "
        "destination_link_first_leg:Channel?; destination_link_second_leg:Channel?; "
        "destination_threeway_channel:Channel?; destination_threeway_bridge:Bridge?",
        extends="Event",
    ),
    _model(
        "ChannelCreated",
        "events",
        "A channel exists now.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelDestroyed",
        "events",
        "A channel is gone.",
        "cause:int; cause_txt:string; tech_cause:int?; channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelEnteredBridge",
        "events",
        "A channel entered a bridge.",
        "bridge:Bridge; channel:Channel?",
        extends="Event",
    ),
    _model(
        "ChannelLeftBridge",
        "events",
        "A channel left a bridge.",
        "bridge:Bridge; channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelStateChange",
        "events",
        "A channel's state has changed.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelDtmfReceived",
        "events",
        "A DTMF digit came from a channel; sent when it ended.",
        "digit:string; duration_ms:int; channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelDialplan",
        "events",
        "A channel came to another place in the dialplan.",
        "channel:Channel; dialplan_app:string; dialplan_app_data:string",
        extends="Event",
    ),
    _model(
        "ChannelCallerId",
        "events",
        "A channel's caller ID has changed.",
        "caller_presentation:int; caller_presentation_txt:string; channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelUserevent",
        "events",
        "An event made by a user.",
        "eventname:string; channel:Channel?; bridge:Bridge?; endpoint:Endpoint?; userevent:object",
        extends="Event",
    ),
    _model(
        "ChannelHangupRequest",
        "events",
        "The end of a channel was asked for.",
        "cause:int?; tech_cause:int?; soft:boolean?; channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelVarset",
        "events",
        "A variable was set.",
        "variable:string; value:string; channel:Channel?",
        extends="Event",
    ),
    _model(
        "ChannelHold",
        "events",
        "A channel began to hold.",
        "channel:Channel; musicclass:string?",
        extends="Event",
    ),
    _model(
        "ChannelUnhold",
        "events",
        "A channel ended its hold.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelToneDetected",
        "events",
        "A tone was heard on a channel.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelTalkingStarted",
        "events",
        "Talking began on a channel.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelTalkingFinished",
        "events",
        "Talking ended on a channel.",
        "channel:Channel; duration:int",
        extends="Event",
    ),
    _model(
        "ContactStatusChange",
        "events",
        "A contact's state has changed.",
        "endpoint:Endpoint; contact_info:ContactInfo",
        extends="Event",
    ),
    _model(
        "PeerStatusChange",
        "events",
        "A peer's state has changed.",
        "endpoint:Endpoint; peer:Peer",
        extends="Event",
    ),
    _model(
        "EndpointStateChange",
        "events",
        "An endpoint's state has changed.",
        "endpoint:Endpoint",
        extends="Event",
    ),
    _model(
        "Dial",
        "events",
        "The state of a dial has changed.",
        "caller:Channel?; peer:Channel; forward:string?; forwarded:Channel?; dialstring:string?; dialstatus:string",
        extends="Event",
    ),
    _model(
        "StasisEnd",
        "events",
        "A channel has left the application.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "StasisStart",
        "events",
        "A channel has entered the application.",
        "args:List[string]; channel:Channel; replace_channel:Channel?",
        extends="Event",
    ),
    _model(
        "TextMessageReceived",
        "events",
        "A text message came.",
        "message:TextMessage; endpoint:Endpoint?",
        extends="Event",
    ),
    _model(
        "ChannelConnectedLine",
        "events",
        "A channel's connected line has changed.",
        "channel:Channel",
        extends="Event",
    ),
    _model(
        "ChannelTransfer",
        "events",
        "A transfer was asked for.",
        "state:string?; refer_to:ReferTo; referred_by:ReferredBy",
        extends="Event",
    ),
    _model(
        "ReferTo",
        "events",
        "Where a transfer is to go.",
        "requested_destination:RequiredDestination; destination_channel:Channel?; "
        "connected_channel:Channel?; bridge:Bridge?",
    ),
    _model(
        "ReferredBy",
        "events",
        "Who asks for a transfer.",
        "source_channel:Channel; connected_channel:Channel?; bridge:Bridge?",
    ),
    _model(
        "RequiredDestination",
        "events",
        "A destination as it was asked for.",
        "protocol_id:string?; destination:string?; additional_protocol_params:List[AdditionalParam]?",
    ),
    _model(
        "AdditionalParam",
        "events",
        "A parameter of a protocol.",
        "parameter_name:string; parameter_value:string",
    ),
    _model(
        "RESTHeader",
        "events",
        "A header of a request over the socket.",
        "name:string; value:string",
    ),
    _model(
        "RESTQueryStringParameter",
        "events",
        "A parameter of a request over the socket.",
        "name:string; value:string",
    ),
    _model(
        "RESTRequest",
        "events",
        "A request over the event socket.",
        "type:string; transaction_id:string; request_id:string; method:string; uri:string; "
        "content_type:string?; query_strings:List[RESTQueryStringParameter]?; message_body:string?",
    ),
    _model(
        "RESTResponse",
        "events",
        "The answer to a request over the event socket.",
        "transaction_id:string; request_id:string; status_code:int; reason_phrase:string; uri:string; "
        "content_type:string?; message_body:string?",
        extends="Event",
    ),
    _model(
        "CallBroadcast",
        "events",
        "A call is offered to several applications.",
        "channel:Channel; caller:string?; called:string?",
        extends="Event",
    ),
    _model(
        "CallClaimed",
        "events",
        "An application has taken an offered call.",
        "channel:Channel; winner_app:string",
        extends="Event",
    ),
    _model(
        "Mailbox",
        "mailboxes",
        "A mailbox's counts.",
        "name:string; old_messages:int; new_messages:int",
    ),
    _model(
        "Playback",
        "playbacks",
        "Media that is played.",
        "id:string; media_uri:string; next_media_uri:string?; target_uri:string; language:string?; "
        "state:string{queued|playing|continuing|done|failed}",
    ),
    _model(
        "StoredRecording",
        "recordings",
        "A recording that is finished.",
        "name:string; format:string",
    ),
    _model(
        "LiveRecording",
        "recordings",
        "A recording that is being made.",
        "name:string; format:string; target_uri:string; "
        "state:string{queued|recording|paused|done|failed|canceled}; duration:int?; talking_duration:int?; "
        "silence_duration:int?; cause:string?",
    ),
    _model(
        "FormatLangPair",
        "sounds",
        "A language and a format of a sound.",
        "language:string; format:string",
    ),
    _model(
        "Sound",
        "sounds",
        "A sound that can be played.",
        "id:string; text:string?; formats:List[FormatLangPair]",
    ),
)

MODELS: dict[str, Model] = {model.name: model for model in _ALL}

#: Models without a field of their own and models that others extend, by the extended one's name.
SUBTYPES: dict[str, tuple[str, ...]] = {
    name: tuple(model.name for model in _ALL if model.extends == name) for name in MODELS
}


def all_fields(model: Model) -> tuple[Field, ...]:
    """A model's fields, those of what it extends first."""
    inherited = all_fields(MODELS[model.extends]) if model.extends else ()
    return (*inherited, *model.fields)
