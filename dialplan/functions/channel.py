"""func_channel: CHANNEL, CHANNELS, CHANNEL_EXISTS, MASTER_CHANNEL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dialplan import hangup_handlers
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import live, matcher, scan_int
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.config.types import is_true
from pbx.core import hangup_source
from pbx.core.channel import Channel

_AMAFLAGS = {"OMIT": 1, "BILLING": 2, "DOCUMENTATION": 3}
#: Q.931 transfer capabilities that can be set, with Asterisk's words.
_CAPABILITIES = ("SPEECH", "DIGITAL", "RESTRICTED_DIGITAL", "3K1AUDIO", "DIGITAL_W_TONES", "VIDEO")
_ADSI = ("unknown", "available", "unavailable", "offhookonly")
MAX_GROUP = 63


def groups_of(text: str) -> tuple[int, ...]:
    """The numbers of ``1,3-5``, in order (ast_get_group). Raises FunctionError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first:
            continue
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise FunctionError(f"'{part}' is not a group or a range of groups")
        if max(int(first), int(last or 0)) > MAX_GROUP:
            raise FunctionError(f"groups are 0 to {MAX_GROUP}, not '{part}'")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def _kept(item: str, default: str = "") -> Callable[[Channel], str]:
    """Reads what `_keep` kept."""
    return lambda channel: str(channel.extra.get(f"channel_{item}", default))


#: What a channel's audio is where nobody has said.
_SIGNED_LINEAR = ("slin",)


def _keep(item: str, clean: Callable[[str], str] = str) -> Callable[[Channel, str], None]:
    """Keeps an item that no part of the core has a field for."""

    def write(channel: Channel, value: str) -> None:
        channel.extra[f"channel_{item}"] = clean(value)

    return write


def _peer(channel: Channel) -> str:
    others = [] if channel.bridge is None else [each for each in channel.bridge.channels if each is not channel]
    return others[0].name if len(others) == 1 else ""


def _one_of(words: tuple[str, ...], what: str) -> Callable[[str], str]:
    def clean(value: str) -> str:
        word = next((word for word in words if word.lower() == value.strip().lower()), None)
        if word is None:
            raise FunctionError(f"'{value}' is not a {what}: there are {', '.join(words)}")
        return word

    return clean


def _names(value: str) -> str:
    return ",".join(sorted({name.strip() for name in value.split(",")} - {""}))


def _set_forwards(channel: Channel, value: str) -> None:
    number = scan_int(value)
    if number is None or number < 0:
        raise FunctionError(f"Unable to set max forwards to '{value}'")
    channel.max_forwards = number


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
    "peeraccount": lambda channel: channel.peeraccount,
    "amaflags": lambda channel: str(channel.amaflags),
    "context": lambda channel: channel.context,
    "exten": lambda channel: channel.exten,
    "appname": lambda channel: channel.application,
    "appdata": lambda channel: channel.application_data,
    "checkhangup": lambda channel: str(int(channel.hangup_requested)),
    "onhold": lambda channel: str(int(channel.held)),
    "hangupsource": hangup_source.source_of,
    "audionativeformat": lambda channel: f"({'|'.join(channel.formats or _SIGNED_LINEAR)})",
    "audioreadformat": lambda channel: (channel.formats or _SIGNED_LINEAR)[0],
    "audiowriteformat": lambda channel: (channel.formats or _SIGNED_LINEAR)[0],
    "videonativeformat": lambda _channel: "(nothing)",
    "tonezone": lambda channel: channel.variables.get("TONEZONE") or "",
    "callid": lambda channel: f"[{channel.callid}]",
    "peer": _peer,
    "device_name": lambda channel: channel.device,
    "parkinglot": _kept("parkinglot"),
    "callgroup": _kept("callgroup"),
    "pickupgroup": _kept("pickupgroup"),
    "namedcallgroup": _kept("namedcallgroup"),
    "namedpickupgroup": _kept("namedpickupgroup"),
    "dtmf_features": _kept("dtmf_features"),
    "transfercapability": _kept("transfercapability", "SPEECH"),
    "adsicpe": _kept("adsicpe", "unknown"),
    "max_forwards": lambda channel: str(channel.max_forwards),
    "secure_bridge_signaling": _kept("secure_bridge_signaling"),
    "secure_bridge_media": _kept("secure_bridge_media"),
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
    "peeraccount": _field("peeraccount"),
    "amaflags": _set_amaflags,
    "tonezone": lambda channel, value: channel.set_variable("TONEZONE", value),
    "hangupsource": hangup_source.note,
    "parkinglot": _keep("parkinglot"),
    "callgroup": _keep("callgroup", lambda value: ", ".join(map(str, groups_of(value)))),
    "pickupgroup": _keep("pickupgroup", lambda value: ", ".join(map(str, groups_of(value)))),
    "namedcallgroup": _keep("namedcallgroup", _names),
    "namedpickupgroup": _keep("namedpickupgroup", _names),
    "dtmf_features": _keep("dtmf_features"),
    "transfercapability": _keep("transfercapability", _one_of(_CAPABILITIES, "transfer capability")),
    "adsicpe": _keep("adsicpe", _one_of(_ADSI, "state of ADSI equipment")),
    "max_forwards": _set_forwards,
    "secure_bridge_signaling": _keep("secure_bridge_signaling", lambda value: "1" if is_true(value) else ""),
    "secure_bridge_media": _keep("secure_bridge_media", lambda value: "1" if is_true(value) else ""),
}


_CROSSED = {"accountcode": "peeraccount", "peeraccount": "accountcode"}


class ChannelModule(DialplanModule):
    """CHANNEL, CHANNELS, CHANNEL_EXISTS and MASTER_CHANNEL."""

    name = "func_channel"
    description = "Channel information dialplan functions"

    @function(
        "CHANNEL",
        "item[,arguments]",
        synopsis="Gets or sets various pieces of information about the channel.",
        description=(
            "What the core does not know the channel's technology is asked, as in CHANNEL(pjsip,call-id). Written, "
            "hangup_handler_push lets a subroutine run after the hangup, hangup_handler_pop takes the newest away and "
            "hangup_handler_wipe all, before they push what is written, if anything."
        ),
    )
    def func_channel(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "CHANNEL")
        item, *rest = split_arguments(args.raw) or [""]
        item = item.strip()
        found = READERS.get(item.lower())
        if found is not None and not rest:
            return found(call)
        ask = getattr(call.driver, "read_attribute", None) if call.alive else None
        value = None if ask is None else ask(item, [part.strip() for part in rest])
        if value is None:
            raise ArgumentError(f"Unknown or unavailable item requested: '{args.raw}'")
        return str(value)

    @func_channel.writer
    def set_channel(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "CHANNEL")
        item = args.raw.strip().lower()
        handler = hangup_handlers.WRITERS.get(item)
        if handler is not None:
            handler(self.server.require(Engine), call, value)
            return
        found = WRITERS.get(item)
        if found is None:
            write = getattr(call.driver, "write_attribute", None) if call.alive else None
            if write is None or not write(item, value):
                raise ArgumentError(f"Unknown or unavailable item requested: '{args.raw}'")
            return
        found(call, value)
        call.changed()
        other: Channel | None = getattr(call.driver, "other_half", None) if call.alive else None
        if other is not None and other.alive:
            # The halves of a Local channel are one: what one's account is, is the other's peer's.
            WRITERS[_CROSSED.get(item, item)](other, value)
            other.changed()

    @function(
        "CHANNELS",
        "[regular_expression]",
        synopsis="Gets the list of channels, perhaps filtered by a regular expression.",
    )
    def func_channels(self, channel: Channel | None, args: Arguments) -> str:
        names = [each.name for each in self.server.channels]
        if args.raw:
            wanted = matcher(args.raw, ignore_case=True)
            names = [name for name in names if wanted(name)]
        return " ".join(names)

    def _master(self, channel: Channel | None) -> Channel:
        call = live(channel, "MASTER_CHANNEL")
        return self.server.channels.find_id(call.linkedid) or call

    @function(
        "MASTER_CHANNEL",
        "varname",
        synopsis="Gets or sets variables on the master channel.",
        description="That is the first channel of the call, whose unique id is the linked id of the others.",
        see_also=("EXPORT", "IMPORT", "SHARED"),
    )
    def func_master_channel(self, channel: Channel | None, args: Arguments) -> str | Awaitable[str]:
        return self.server.require(Engine).substitute(self._master(channel), f"${{{args.raw}}}")

    @func_master_channel.writer
    def set_master_channel(self, channel: Channel | None, args: Arguments, value: str) -> Awaitable[None] | None:
        master = self._master(channel)
        if args.raw.endswith(")"):
            return self.registry().write(master, args.raw, value)
        master.set_variable(args.raw, value)
        return None

    @function("CHANNEL_EXISTS", "name_or_uid", synopsis="Checks if the specified channel exists.")
    def func_channel_exists(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            raise ArgumentError("CHANNEL_EXISTS: Channel name or unique ID required")
        return "0" if self.server.channels.find(args.raw) is None else "1"
