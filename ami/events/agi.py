"""Events of AGI (res/res_agi.c)."""

from __future__ import annotations

from ami.classes import AGI
from ami.encoding import clean, headers_text
from ami.events.encoders import EncoderTable
from ami.events.event import Event, EventMaker
from pbx.core import messages

TABLE = EncoderTable()
encodes = TABLE.encodes


@encodes(messages.AgiExecStarted, AGI, events=("AGIExecStart",))
def exec_started(make: EventMaker, message: messages.AgiExecStarted) -> Event | None:
    channel = message.channel
    fields = headers_text((("CommandId", str(message.command_id)), ("Command", message.command)))
    return make.event("AGIExecStart", AGI, make.channel(channel) + fields, channel.linkedid)


@encodes(messages.AgiExecEnded, AGI, events=("AGIExecEnd",))
def exec_ended(make: EventMaker, message: messages.AgiExecEnded) -> Event | None:
    channel = message.channel
    fields = headers_text(
        (
            ("CommandId", str(message.command_id)),
            ("Command", message.command),
            ("ResultCode", str(message.code)),
            ("Result", message.result),
        )
    )
    return make.event("AGIExecEnd", AGI, make.channel(channel) + fields, channel.linkedid)


@encodes(messages.AsyncAgiStarted, AGI, events=("AsyncAGIStart",))
def async_started(make: EventMaker, message: messages.AsyncAgiStarted) -> Event | None:
    channel = message.channel
    body = f"{make.channel(channel)}Env: {message.environment}\r\n"
    return make.event("AsyncAGIStart", AGI, body, channel.linkedid)


@encodes(messages.AsyncAgiExecuted, AGI, events=("AsyncAGIExec",))
def async_executed(make: EventMaker, message: messages.AsyncAgiExecuted) -> Event | None:
    channel = message.channel
    body = f"{make.channel(channel)}Result: {message.answer}\r\n"
    if message.command_id:
        body += f"CommandId: {clean(message.command_id)}\r\n"
    return make.event("AsyncAGIExec", AGI, body, channel.linkedid)


@encodes(messages.AsyncAgiEnded, AGI, events=("AsyncAGIEnd",))
def async_ended(make: EventMaker, message: messages.AsyncAgiEnded) -> Event | None:
    channel = message.channel
    return make.event("AsyncAGIEnd", AGI, make.channel(channel), channel.linkedid)
