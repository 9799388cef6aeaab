"""func_channel: CHANNEL, CHANNELS, CHANNEL_EXISTS, MASTER_CHANNEL."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from twisted.logger import Logger

from dialplan import after_bridge, hangup_handlers
from dialplan.applications.entry import zone_of
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import live, matcher, scan_int
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.config.types import is_true
from pbx.core import hangup_source
from pbx.core.channel import Channel
from pbx.media.tones import TONE_ZONE, Tones

log = Logger()

_AMAFLAGS = {"DEFAULT": 3, "OMIT": 1, "BILLING": 2, "DOCUMENTATION": 3}
#: Q.931 transfer capabilities that can be set, with Asterisk's words.
_CAPABILITIES = ("SPEECH", "DIGITAL", "RESTRICTED_DIGITAL", "3K1AUDIO", "DIGITAL_W_TONES", "VIDEO")
_ADSI = ("unknown", "available", "unavailable", "offhookonly")
MAX_GROUP = 63
_GROUPS = re.compile(r"\s*([+-]?[0-9]+)(?:-\s*([+-]?[0-9]+))?")
#: Features that CHANNEL(dtmf_features) can name, in the order in which it names them.
_FEATURES = "TKHWX"
#: Lists into which Asterisk sorts named groups, and thereby the order in which it tells them.
_NAMED_GROUP_LISTS = 19


def groups_of(text: str) -> tuple[int, ...]:
    """The numbers of ``1,3-5``, in order; what is none is told in the log and left out (ast_get_group)."""
    found: set[int] = set()
    for part in text.split(","):
        if not part.strip():
            continue
        match = _GROUPS.match(part)
        if match is None:
            log.error("'{part}' of '{text}' is not a group or a range of groups: ignored", part=part, text=text)
            continue
        first = scan_int(match[1]) or 0
        last = first if match[2] is None else scan_int(match[2]) or 0
        found.update(range(max(first, 0), min(last, MAX_GROUP) + 1))
        if first <= last and not (first >= 0 and last <= MAX_GROUP):
            log.warn("groups are 0 to {most}: of '{part}' others are ignored", most=MAX_GROUP, part=part)
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
    """Named groups in the order in which Asterisk tells them: that of its lists by hash, and as given in each."""
    names = dict.fromkeys(name for part in value.split(",") if (name := part.strip()))
    return ", ".join(sorted(names, key=lambda name: _hash(name) % _NAMED_GROUP_LISTS))


def _hash(text: str) -> int:
    """ast_str_hash."""
    value = 5381
    for code in text.encode("utf-8", "surrogateescape"):
        value = (value * 33 & 0xFFFFFFFF) ^ code
    return value & 0x7FFFFFFF


def _features(value: str) -> str:
    for letter in value:
        if not "A" <= letter <= "Z":
            raise FunctionError(f"Features string '{value}' rejected because it contains non-uppercase feature")
    unknown = "".join(letter for letter in value if letter not in _FEATURES)
    if unknown:
        log.warn("Features '{unknown}' from features string '{value}' can not be applied", unknown=unknown, value=value)
    return "".join(letter for letter in _FEATURES if letter in value)


def _running(what: Callable[[Channel], str]) -> Callable[[Channel], str]:
    """What there is only while an application runs."""

    def read(channel: Channel) -> str:
        if not channel.application:
            raise FunctionError("no application runs on the channel")
        return what(channel)

    return read


def _nothing(_channel: Channel, _value: str = "") -> str:
    """An option that no technology here has: it reads as nothing and is set without effect, as in Asterisk."""
    return ""


def _ignore(_channel: Channel, _value: str) -> None:
    """What `_nothing` reads."""


def _set_forwards(channel: Channel, value: str) -> None:
    number = scan_int(value)
    if number is None:
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
    "lastcontext": lambda channel: channel.last_context,
    "lastexten": lambda channel: channel.last_exten,
    "appname": _running(lambda channel: channel.application),
    "appdata": _running(lambda channel: channel.application_data),
    "after_bridge_goto": after_bridge.goto_of,
    "tdd": _nothing,
    "digitdetect": _nothing,
    "faxdetect": _nothing,
    "checkhangup": lambda channel: str(int(channel.hangup_requested)),
    "onhold": lambda channel: str(int(channel.held)),
    "hangupsource": hangup_source.source_of,
    "audionativeformat": lambda channel: f"({'|'.join(channel.formats or _SIGNED_LINEAR)})",
    "audioreadformat": lambda channel: (channel.formats or _SIGNED_LINEAR)[0],
    "audiowriteformat": lambda channel: (channel.formats or _SIGNED_LINEAR)[0],
    "videonativeformat": lambda _channel: "(nothing)",
    "tonezone": zone_of,
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
    """A number as it is, a word by its number, and every other word 0, which is none."""
    if value[:1].isdecimal():
        channel.amaflags = scan_int(value) or 0
    else:
        channel.amaflags = _AMAFLAGS.get(value.upper(), 0)


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
    "after_bridge_goto": after_bridge.set_goto,
    "tdd": _ignore,
    "relaxdtmf": _ignore,
    "rxgain": _ignore,
    "txgain": _ignore,
    "digitdetect": _ignore,
    "faxdetect": _ignore,
    "hangupsource": hangup_source.note,
    "parkinglot": _keep("parkinglot"),
    "callgroup": _keep("callgroup", lambda value: ", ".join(map(str, groups_of(value)))),
    "pickupgroup": _keep("pickupgroup", lambda value: ", ".join(map(str, groups_of(value)))),
    "namedcallgroup": _keep("namedcallgroup", _names),
    "namedpickupgroup": _keep("namedpickupgroup", _names),
    "dtmf_features": _keep("dtmf_features", _features),
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
        if item == "tonezone":
            self._set_tone_zone(call, value)
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

    def _set_tone_zone(self, channel: Channel, value: str) -> None:
        """A zone of indications.conf, the default one for an empty value. Raises FunctionError."""
        tones = self.server.find(Tones)
        zone = None if tones is None else tones.zones.zones.get(value or tones.zones.default)
        if zone is None:
            raise FunctionError(f"Unknown country code '{value}' for tonezone. Check indications.conf")
        other: Channel | None = getattr(channel.driver, "other_half", None) if channel.alive else None
        for each in (channel, other):
            if each is not None and each.alive:
                each.extra[TONE_ZONE] = zone.country

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
