"""func_channel: CHANNEL and CHANNELS."""

from __future__ import annotations

import re
from collections.abc import Callable

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel

_AMAFLAGS = {"OMIT": 1, "BILLING": 2, "DOCUMENTATION": 3}
#: Length of a regular expression that CHANNELS accepts.
MAX_EXPRESSION = 200

READERS: dict[str, Callable[[Channel], str]] = {
    "name": lambda channel: channel.name,
    "channame": lambda channel: channel.name,
    "uniqueid": lambda channel: channel.uniqueid,
    "linkedid": lambda channel: channel.linkedid,
    "channeltype": lambda channel: channel.technology,
    "state": lambda channel: channel.state.text,
    "language": lambda channel: channel.language,
    "musicclass": lambda channel: channel.music_class,
    "accountcode": lambda channel: channel.accountcode,
    "userfield": lambda channel: channel.userfield,
    "tenantid": lambda channel: channel.tenantid,
    "amaflags": lambda channel: str(channel.amaflags),
    "context": lambda channel: channel.context,
    "exten": lambda channel: channel.exten,
    "appname": lambda channel: channel.application,
    "appdata": lambda channel: channel.application_data,
    "checkhangup": lambda channel: str(int(channel.hangup_requested)),
    "onhold": lambda channel: str(int(channel.held)),
    "hangupsource": lambda channel: channel.variables.get("HANGUPSOURCE") or "",
    "audionativeformat": lambda channel: "|".join(channel.formats),
    "audioreadformat": lambda channel: channel.formats[0] if channel.formats else "",
    "audiowriteformat": lambda channel: channel.formats[0] if channel.formats else "",
    "videonativeformat": lambda _channel: "",
    "tonezone": lambda channel: channel.variables.get("TONEZONE") or "",
    "callid": lambda channel: channel.protocol_id,
}


def _set_amaflags(channel: Channel, value: str) -> None:
    word = value.strip().upper()
    number = _AMAFLAGS.get(word) or (int(word) if word.isdecimal() else 0)
    if number not in _AMAFLAGS.values():
        raise FunctionError(f"'{value}' is not an AMA flag")
    channel.amaflags = number


def _field(name: str) -> Callable[[Channel, str], None]:
    def write(channel: Channel, value: str) -> None:
        setattr(channel, name, value)

    return write


WRITERS: dict[str, Callable[[Channel, str], None]] = {
    "language": _field("language"),
    "musicclass": _field("music_class"),
    "accountcode": _field("accountcode"),
    "userfield": _field("userfield"),
    "tenantid": _field("tenantid"),
    "amaflags": _set_amaflags,
    "tonezone": lambda channel, value: channel.set_variable("TONEZONE", value),
    "hangupsource": lambda channel, value: channel.set_variable("HANGUPSOURCE", value),
}


class ChannelModule(DialplanModule):
    """CHANNEL and CHANNELS."""

    name = "func_channel"
    description = "Channel information dialplan functions"

    @function(
        "CHANNEL",
        "item[,arguments]",
        synopsis="Gets or sets various pieces of information about the channel.",
        description="What the core does not know the channel's technology is asked, as in CHANNEL(pjsip,call-id).",
    )
    def func_channel(self, channel: Channel | None, args: Arguments) -> str:
        if channel is None:
            raise FunctionError("CHANNEL needs a channel")
        item, *rest = split_arguments(args.raw) or [""]
        item = item.strip()
        found = READERS.get(item.lower())
        if found is not None and not rest:
            return found(channel)
        ask = getattr(channel.driver, "read_attribute", None) if channel.alive else None
        value = None if ask is None else ask(item, [part.strip() for part in rest])
        if value is None:
            raise ArgumentError(f"Unknown or unavailable item requested: '{args.raw}'")
        return str(value)

    @func_channel.writer
    def set_channel(self, channel: Channel | None, args: Arguments, value: str) -> None:
        if channel is None:
            raise FunctionError("CHANNEL needs a channel")
        item = args.raw.strip().lower()
        found = WRITERS.get(item)
        if found is None:
            write = getattr(channel.driver, "write_attribute", None) if channel.alive else None
            if write is None or not write(item, value):
                raise ArgumentError(f"Unknown or unavailable item requested: '{args.raw}'")
            return
        found(channel, value)
        channel.changed()

    @function(
        "CHANNELS",
        "[regular_expression]",
        synopsis="Gets the list of channels, perhaps filtered by a regular expression.",
    )
    def func_channels(self, channel: Channel | None, args: Arguments) -> str:
        expression = args.raw.strip()
        names = [each.name for each in self.server.channels]
        if expression:
            if len(expression) > MAX_EXPRESSION:
                raise ArgumentError(f"CHANNELS: the expression is longer than {MAX_EXPRESSION} characters")
            try:
                wanted = re.compile(expression)
            except re.error as error:
                raise ArgumentError(f"CHANNELS: '{expression}': {error}") from None
            names = [name for name in names if wanted.search(name)]
        return " ".join(names)
