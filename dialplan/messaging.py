"""The messaging core's part of the dialplan (main/message.c): MESSAGE, MESSAGE_DATA and MessageSend."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.core.text_messages import (
    EXTRA_KEY,
    MessageNotSent,
    TextMessage,
    TextMessages,
    UnknownTechnology,
    message_of,
)

log = Logger()


def _carried(channel: Channel | None) -> TextMessage:
    found = None if channel is None else message_of(channel)
    if found is None:
        raise FunctionError("No MESSAGE data found on the channel to read.")
    return found


def _made(channel: Channel | None) -> TextMessage:
    if channel is None:
        raise FunctionError("No channel was provided to the function.")
    found = message_of(channel)
    if found is None:
        found = TextMessage()
        channel.extra[EXTRA_KEY] = found
    return found


class MessageModule(DialplanModule):
    """MESSAGE, MESSAGE_DATA and MessageSend."""

    name = "message"
    description = "Messaging core"

    @function(
        "MESSAGE",
        "argument",
        synopsis="Create a message or read fields from an incoming message.",
        description="to, from and body; custom_data is written with mark_all_outbound or clear_all_outbound.",
        see_also=("MessageSend",),
    )
    def func_message(self, channel: Channel | None, args: Arguments) -> str:
        message = _carried(channel)
        match args.raw.strip().lower():
            case "to":
                return message.to
            case "from":
                return message.sender
            case "body":
                return message.body
            case other:
                raise ArgumentError(f"Invalid argument to MESSAGE(): '{other}'")

    @func_message.writer
    def set_message(self, channel: Channel | None, args: Arguments, value: str) -> None:
        message = _made(channel)
        match args.raw.strip().lower():
            case "to":
                message.to = value
            case "from":
                message.sender = value
            case "body":
                message.body = value
            case "custom_data":
                choice = value.strip().lower()
                if choice not in ("mark_all_outbound", "clear_all_outbound"):
                    raise ArgumentError(f"'{value}' is not a valid value for custom_data")
                message.mark_all(outbound=choice == "mark_all_outbound")
            case other:
                raise ArgumentError(f"'{other}' is not a valid write argument.")

    @function(
        "MESSAGE_DATA",
        "argument",
        synopsis="Read or write custom data attached to a message.",
        description="The name of a header that came in, or of one that is to leave with MessageSend.",
        see_also=("MessageSend",),
    )
    def func_message_data(self, channel: Channel | None, args: Arguments) -> str:
        return _carried(channel).data(args.raw.strip()) or ""

    @func_message_data.writer
    def set_message_data(self, channel: Channel | None, args: Arguments, value: str) -> None:
        _made(channel).set_data(args.raw.strip(), value, outbound=True)

    @application(
        "MessageSend",
        "destination[,from[,to]]",
        synopsis="Send a text message.",
        description="The message is the channel's: MESSAGE(body) and MESSAGE_DATA() say what it holds.",
        sets=("MESSAGE_SEND_STATUS",),
        see_also=("MESSAGE", "MESSAGE_DATA"),
    )
    def app_message_send(self, channel: Channel, args: Arguments) -> int:
        channel.set_variable("MESSAGE_SEND_STATUS", self._send(channel, args))
        return RESULT_OK

    def _send(self, channel: Channel, args: Arguments) -> str:
        message = message_of(channel)
        if not args["destination"]:
            log.warn("{channel}: A 'to' URI is required for MessageSend()", channel=channel.name)
            return "INVALID_URI"
        if message is None:
            log.warn("{channel}: No message data found on channel to send.", channel=channel.name)
            return "FAILURE"
        if args["to"]:
            message.to = args["to"]
        try:
            self.server.require(TextMessages).send(message, args["destination"], args["from"])
        except UnknownTechnology as error:
            log.warn("{channel}: {error}", channel=channel.name, error=str(error))
            return "INVALID_PROTOCOL"
        except MessageNotSent as error:
            log.error("{channel}: {error}", channel=channel.name, error=str(error))
            return "FAILURE"
        return "SUCCESS"
