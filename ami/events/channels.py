"""Events of channels: Newchannel to Hangup, dials, digits, hold, variables (main/manager_channels.c)."""

from __future__ import annotations

from collections.abc import Iterator

from ami.classes import CALL, DIALPLAN, DTMF, USER
from ami.encoding import clean, escape_c, headers_text
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker
from pbx.core import messages
from pbx.core.causes import cause_text
from pbx.core.party import PRESENTATION_TEXTS
from pbx.core.snapshot import ChannelSnapshot

TABLE = EncoderTable()
encodes = TABLE.encodes


@encodes(messages.ChannelCreated, CALL, events=("Newchannel",))
def new_channel(make: EventMaker, message: messages.ChannelCreated) -> Event | None:
    channel = message.channel
    return make.event("Newchannel", CALL, make.channel(channel), channel.linkedid)


@encodes(
    messages.ChannelChanged,
    CALL,
    DIALPLAN,
    events=("Newstate", "Newexten", "NewCallerid", "NewAccountCode", "NewConnectedLine"),
)
def channel_changed(make: EventMaker, message: messages.ChannelChanged) -> Iterator[Event | None]:
    """One change of a channel may be several events, in Asterisk's order of channel_monitors."""
    old, new = message.old, message.channel
    linkedid = new.linkedid
    call = make.wants(CALL)
    if call and old.state is not new.state and new.alive:
        yield make.event("Newstate", CALL, make.channel(new), linkedid)
    if new.application and new.alive and make.wants(DIALPLAN) and _moved_on(old, new):
        body = (
            f"{make.channel(new)}Extension: {clean(new.exten)}\r\nApplication: {clean(new.application)}\r\n"
            f"AppData: {clean(new.application_data)}\r\n"
        )
        yield make.event("Newexten", DIALPLAN, body, linkedid)
    if not call:
        return
    if old.caller is not new.caller and old.caller.id != new.caller.id:
        value = new.caller.id.presentation
        text = escape_c(PRESENTATION_TEXTS.get(value, "unknown"))
        yield make.event("NewCallerid", CALL, f"{make.channel(new)}CID-CallingPres: {value} ({text})\r\n", linkedid)
    if old.accountcode != new.accountcode:
        body = f"{make.channel(new)}OldAccountCode: {clean(old.accountcode)}\r\n"
        yield make.event("NewAccountCode", CALL, body, linkedid)
    if old.connected is not new.connected and old.connected.id != new.connected.id:
        yield make.event("NewConnectedLine", CALL, make.channel(new), linkedid)


def _moved_on(old: ChannelSnapshot, new: ChannelSnapshot) -> bool:
    """Whether an application runs where none did, or at another place (ast_channel_snapshot_cep_equal)."""
    return not old.application or old.priority != new.priority or old.exten != new.exten or old.context != new.context


@encodes(messages.ChannelDestroyed, CALL, events=("Hangup",))
def hangup(make: EventMaker, message: messages.ChannelDestroyed) -> Event | None:
    channel = message.channel
    cause = channel.hangup_cause
    tech_cause = f"TechCause: {clean(channel.tech_cause)}\r\n" if channel.tech_cause else ""
    body = f"{make.channel(channel)}Cause: {cause}\r\nCause-txt: {cause_text(cause)}\r\n{tech_cause}"
    return make.event("Hangup", CALL, body, channel.linkedid)


@encodes(messages.HangupRequested, CALL, events=("HangupRequest", "SoftHangupRequest"))
def hangup_requested(make: EventMaker, message: messages.HangupRequested) -> Event | None:
    channel = message.channel
    name = "SoftHangupRequest" if message.soft else "HangupRequest"
    tech_cause = f"TechCause: {clean(message.tech_cause)}\r\n" if message.tech_cause else ""
    body = f"{make.channel(channel)}Cause: {message.cause}\r\n{tech_cause}"
    return make.event(name, CALL, body, channel.linkedid)


@encodes(messages.HangupHandler, DIALPLAN, events=("HangupHandlerPop", "HangupHandlerPush", "HangupHandlerRun"))
def hangup_handler(make: EventMaker, message: messages.HangupHandler) -> Event | None:
    channel = message.channel
    body = f"{make.channel(channel)}Handler: {clean(message.handler)}\r\n"
    return make.event(f"HangupHandler{message.action.capitalize()}", DIALPLAN, body, channel.linkedid)


@encodes(messages.ChannelRenamed, CALL, events=("Rename",))
def renamed(make: EventMaker, message: messages.ChannelRenamed) -> Event | None:
    channel = message.channel
    body = headers_text((("Channel", message.old_name), ("Newname", channel.name), ("Uniqueid", channel.uniqueid)))
    return make.event("Rename", CALL, body, channel.linkedid)


@encodes(messages.VariableSet, DIALPLAN, events=("VarSet",))
def variable_set(make: EventMaker, message: messages.VariableSet) -> Event | None:
    channel = message.channel
    if channel is None:
        where, linkedid = "Channel: none\r\nUniqueid: none\r\n", ""
    else:
        where, linkedid = make.channel(channel), channel.linkedid
    body = f"{where}Variable: {clean(message.name)}\r\nValue: {escape_c(message.value)}\r\n"
    return make.event("VarSet", DIALPLAN, body, linkedid)


@encodes(messages.DigitBegan, DTMF, events=("DTMFBegin",))
def digit_began(make: EventMaker, message: messages.DigitBegan) -> Event | None:
    channel = message.channel
    body = f"{make.channel(channel)}Digit: {message.digit}\r\nDirection: {message.direction}\r\n"
    return make.event("DTMFBegin", DTMF, body, channel.linkedid)


@encodes(messages.DigitEnded, DTMF, events=("DTMFEnd",))
def digit_ended(make: EventMaker, message: messages.DigitEnded) -> Event | None:
    channel = message.channel
    body = (
        f"{make.channel(channel)}Digit: {message.digit}\r\nDurationMs: {message.duration_ms}\r\n"
        f"Direction: {message.direction}\r\n"
    )
    return make.event("DTMFEnd", DTMF, body, channel.linkedid)


@encodes(messages.HoldChanged, CALL, events=("Hold", "Unhold"))
def hold_changed(make: EventMaker, message: messages.HoldChanged) -> Event | None:
    channel = message.channel
    if not message.held:
        return make.event("Unhold", CALL, make.channel(channel), channel.linkedid)
    music = f"MusicClass: {clean(message.music_class)}\r\n" if message.music_class else ""
    return make.event("Hold", CALL, make.channel(channel) + music, channel.linkedid)


@encodes(messages.MusicStarted, CALL, events=("MusicOnHoldStart",))
def music_started(make: EventMaker, message: messages.MusicStarted) -> Event | None:
    channel = message.channel
    body = f"{make.channel(channel)}Class: {clean(message.music_class)}\r\n"
    return make.event("MusicOnHoldStart", CALL, body, channel.linkedid)


@encodes(messages.MusicStopped, CALL, events=("MusicOnHoldStop",))
def music_stopped(make: EventMaker, message: messages.MusicStopped) -> Event | None:
    return make.event("MusicOnHoldStop", CALL, make.channel(message.channel), message.channel.linkedid)


def _spy(make: EventMaker, name: str, message: messages.SpyStarted | messages.SpyStopped) -> Event | None:
    body = make.channel(message.spyer, "Spyer") + make.channel(message.spyee, "Spyee")
    return make.event(name, CALL, body, message.spyee.linkedid)


@encodes(messages.SpyStarted, CALL, events=("ChanSpyStart",))
def spy_started(make: EventMaker, message: messages.SpyStarted) -> Event | None:
    return _spy(make, "ChanSpyStart", message)


@encodes(messages.SpyStopped, CALL, events=("ChanSpyStop",))
def spy_stopped(make: EventMaker, message: messages.SpyStopped) -> Event | None:
    return _spy(make, "ChanSpyStop", message)


def _dial_parties(make: EventMaker, caller: ChannelSnapshot | None, peer: ChannelSnapshot) -> str:
    return ("" if caller is None else make.channel(caller)) + make.channel(peer, "Dest")


@encodes(messages.DialBegan, CALL, events=("DialBegin",))
def dial_began(make: EventMaker, message: messages.DialBegan) -> Event | None:
    body = _dial_parties(make, message.caller, message.peer)
    return make.event(
        "DialBegin", CALL, f"{body}DialString: {clean(message.dial_string) or 'unknown'}\r\n", message.peer.linkedid
    )


@encodes(messages.DialStateChanged, CALL, events=("DialState",))
def dial_state(make: EventMaker, message: messages.DialStateChanged) -> Event | None:
    body = _dial_parties(make, message.caller, message.peer)
    return make.event("DialState", CALL, f"{body}DialStatus: {message.status}\r\n", message.peer.linkedid)


@encodes(messages.DialEnded, CALL, events=("DialEnd",))
def dial_ended(make: EventMaker, message: messages.DialEnded) -> Event | None:
    body = _dial_parties(make, message.caller, message.peer)
    forward = f"Forward: {clean(message.forward)}\r\n" if message.forward else ""
    return make.event("DialEnd", CALL, f"{body}{forward}DialStatus: {message.status}\r\n", message.peer.linkedid)


@encodes(messages.LocalBridged, CALL, events=("LocalBridge",))
def local_bridged(make: EventMaker, message: messages.LocalBridged) -> Event | None:
    body = (
        f"{make.channel(message.one, 'LocalOne')}{make.channel(message.two, 'LocalTwo')}"
        f"Context: {clean(message.context)}\r\nExten: {clean(message.exten)}\r\n"
        f"LocalOptimization: {'Yes' if message.optimize else 'No'}\r\n"
    )
    return make.event("LocalBridge", CALL, body, message.one.linkedid)


@encodes(messages.UserEvent, USER, events=("UserEvent",))
def user_event(make: EventMaker, message: messages.UserEvent) -> Event | None:
    channel = message.channel
    where, linkedid = ("", "") if channel is None else (make.channel(channel), channel.linkedid)
    body = f"{where}UserEvent: {clean(message.name)}\r\n{headers_text(message.fields)}"
    return make.event("UserEvent", USER, body, linkedid)


@encodes(messages.OriginateEnded, CALL, events=("OriginateResponse",))
def originate_ended(make: EventMaker, message: messages.OriginateEnded) -> Event | None:
    channel = message.channel
    tags = dict(message.tags or {})
    headers = []
    if tags.get("ActionID"):
        headers.append(("ActionID", tags["ActionID"]))
    headers.append(("Response", "Success" if message.success else "Failure"))
    headers.append(("Channel", message.dial_string if channel is None else channel.name))
    if message.application:
        headers += [("Application", message.application), ("Data", message.data)]
    else:
        headers += [("Context", message.context), ("Exten", message.exten)]
    headers += [
        ("Reason", str(message.reason)),
        ("Uniqueid", (tags.get("ChannelId") or "<unknown>") if channel is None else channel.uniqueid),
        ("CallerIDNum", message.caller_number or "<unknown>"),
        ("CallerIDName", message.caller_name or "<unknown>"),
    ]
    return make.event("OriginateResponse", CALL, headers_text(headers), "" if channel is None else channel.linkedid)
