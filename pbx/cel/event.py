"""An event of a channel, and its fields as backends write them. Times are microseconds since the epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pbx.cdr.record import amaflags_text, date_text, raw_time

if TYPE_CHECKING:
    from pbx.core.snapshot import ChannelSnapshot


class CelType(Enum):
    """The kinds of events; values are the words of files and of cel.conf, in Asterisk's order."""

    CHANNEL_START = "CHAN_START"
    CHANNEL_END = "CHAN_END"
    HANGUP = "HANGUP"
    ANSWER = "ANSWER"
    APP_START = "APP_START"
    APP_END = "APP_END"
    BRIDGE_ENTER = "BRIDGE_ENTER"
    BRIDGE_EXIT = "BRIDGE_EXIT"
    PARK_START = "PARK_START"
    PARK_END = "PARK_END"
    BLIND_TRANSFER = "BLINDTRANSFER"
    ATTENDED_TRANSFER = "ATTENDEDTRANSFER"
    USER_DEFINED = "USER_DEFINED"
    PICKUP = "PICKUP"
    FORWARD = "FORWARD"
    LINKEDID_END = "LINKEDID_END"
    LOCAL_OPTIMIZE = "LOCAL_OPTIMIZE"
    LOCAL_OPTIMIZE_BEGIN = "LOCAL_OPTIMIZE_BEGIN"
    STREAM_BEGIN = "STREAM_BEGIN"
    STREAM_END = "STREAM_END"
    DTMF = "DTMF"


def extra_text(extra: Mapping[str, object]) -> str:
    """Details as JSON without blanks, in the order given; empty without any."""
    return json.dumps(extra, separators=(",", ":"), ensure_ascii=False) if extra else ""


@dataclass(frozen=True, slots=True)
class CelEvent:
    """``name`` is that of a user's event, ``peer`` the others in the bridge, ``extra`` details as JSON."""

    kind: CelType
    when: int
    channel: ChannelSnapshot
    name: str = ""
    peer: str = ""
    extra: str = ""

    @property
    def event_name(self) -> str:
        """The user's word, or the kind's."""
        return self.name if self.kind is CelType.USER_DEFINED else self.kind.value

    def time_text(self, form: str) -> str:
        """When it was, by a strftime format, or ``seconds.microseconds`` where that is empty."""
        return date_text(self.when, form) if form else raw_time(self.when)


#: What a file can have of an event, by the names in cel_custom.conf; ``eventtime`` needs a format and is apart.
FIELDS: dict[str, Callable[[CelEvent], str]] = {
    "eventtype": lambda event: event.event_name,
    "eventenum": lambda event: event.kind.value,
    "userdeftype": lambda event: event.name,
    "usereventname": lambda event: event.name,
    "eventextra": lambda event: event.extra,
    "extra": lambda event: event.extra,
    "peer": lambda event: event.peer,
    "bridgepeer": lambda event: event.peer,
    "name": lambda event: event.channel.caller.id.name,
    "cidname": lambda event: event.channel.caller.id.name,
    "num": lambda event: event.channel.caller.id.number,
    "cidnum": lambda event: event.channel.caller.id.number,
    "ani": lambda event: event.channel.caller.ani.number,
    "cidani": lambda event: event.channel.caller.ani.number,
    "rdnis": lambda event: event.channel.redirecting_number,
    "cidrdnis": lambda event: event.channel.redirecting_number,
    "dnid": lambda event: event.channel.dialed_number,
    "ciddnid": lambda event: event.channel.dialed_number,
    "exten": lambda event: event.channel.exten,
    "context": lambda event: event.channel.context,
    "channame": lambda event: event.channel.name,
    "appname": lambda event: event.channel.application,
    "appdata": lambda event: event.channel.application_data,
    "amaflags": lambda event: str(event.channel.amaflags),
    "accountcode": lambda event: event.channel.accountcode,
    "acctcode": lambda event: event.channel.accountcode,
    "peeraccount": lambda event: event.channel.peeraccount,
    "peeracct": lambda event: event.channel.peeraccount,
    "uniqueid": lambda event: event.channel.uniqueid,
    "linkedid": lambda event: event.channel.linkedid,
    "userfield": lambda event: event.channel.userfield,
    "tenantid": lambda event: event.channel.tenantid,
}


def amaflags_word(event: CelEvent) -> str:
    """The channel's flags in words."""
    return amaflags_text(event.channel.amaflags)
