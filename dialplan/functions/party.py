"""func_callerid: CALLERID and CONNECTEDLINE, all their keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel
from pbx.core.frames import Control
from pbx.core.party import PRESENTATION_VALUES, PRESENTATIONS, PartyId, parse_callerid

_TRUE = frozenset(("1", "y", "yes", "t", "true", "on"))


def _presentation(value: str) -> int:
    value = value.strip().lower()
    if value in PRESENTATION_VALUES:
        return PRESENTATION_VALUES[value]
    if value.isdecimal() and 0 <= int(value) <= 0xFF:
        return int(value)
    raise FunctionError(f"'{value}' is not a presentation")


def _number(value: str) -> int:
    value = value.strip()
    if not value.isdecimal():
        raise FunctionError(f"'{value}' is not a number")
    return int(value)


def _flag(value: str) -> bool:
    return value.strip().lower() in _TRUE


def presentation_name(value: int) -> str:
    """Asterisk's word for a presentation."""
    return PRESENTATIONS.get(value, "unknown")


READERS: dict[str, Callable[[PartyId], str]] = {
    "all": str,
    "name": lambda party: party.name if party.name_valid else "",
    "name-valid": lambda party: str(int(party.name_valid)),
    "name-charset": lambda _party: "utf8",
    "name-pres": lambda party: presentation_name(party.name_presentation),
    "num": lambda party: party.number if party.number_valid else "",
    "num-valid": lambda party: str(int(party.number_valid)),
    "num-plan": lambda party: str(party.number_plan),
    "num-pres": lambda party: presentation_name(party.number_presentation),
    "pres": lambda party: presentation_name(party.presentation),
    "subaddr": lambda party: party.subaddress,
    "subaddr-valid": lambda party: str(int(bool(party.subaddress))),
    "subaddr-type": lambda _party: "0",
    "subaddr-odd": lambda _party: "0",
    "tag": lambda party: party.tag,
}

WRITERS: dict[str, Callable[[PartyId, str], PartyId]] = {
    "all": lambda party, value: replace(party, **_identity(value)),
    "name": lambda party, value: replace(party, name=value, name_valid=True),
    "name-valid": lambda party, value: replace(party, name_valid=_flag(value)),
    "name-charset": lambda party, _value: party,
    "name-pres": lambda party, value: replace(party, name_presentation=_presentation(value)),
    "num": lambda party, value: replace(party, number=value, number_valid=True),
    "num-valid": lambda party, value: replace(party, number_valid=_flag(value)),
    "num-plan": lambda party, value: replace(party, number_plan=_number(value)),
    "num-pres": lambda party, value: replace(party, number_presentation=_presentation(value)),
    "pres": lambda party, value: replace(
        party, name_presentation=_presentation(value), number_presentation=_presentation(value)
    ),
    "subaddr": lambda party, value: replace(party, subaddress=value),
    "subaddr-valid": lambda party, value: party if _flag(value) else replace(party, subaddress=""),
    "subaddr-type": lambda party, _value: party,
    "subaddr-odd": lambda party, _value: party,
    "tag": lambda party, value: replace(party, tag=value),
}

#: Other names for the same key.
_ALIASES = {"number": "num", "ton": "num-plan", "num-ton": "num-plan"}


def _identity(value: str) -> dict[str, Any]:
    """The fields of a PartyId that ``"Name" <number>`` gives."""
    given = parse_callerid(value)
    return {name: getattr(given, name) for name in ("name", "name_valid", "number", "number_valid")}


def _key(text: str) -> str:
    key = text.strip().lower()
    return _ALIASES.get(key, key)


def _reader(key: str) -> Callable[[PartyId], str]:
    found = READERS.get(_key(key))
    if found is None:
        raise ArgumentError(f"unknown caller ID data type '{key}'")
    return found


def _writer(key: str) -> Callable[[PartyId, str], PartyId]:
    found = WRITERS.get(_key(key))
    if found is None:
        raise ArgumentError(f"unknown caller ID data type '{key}'")
    return found


def _live(channel: Channel | None, name: str) -> Channel:
    if channel is None:
        raise FunctionError(f"{name} needs a channel")
    return channel


class CallerIdModule(DialplanModule):
    """CALLERID and CONNECTEDLINE."""

    name = "func_callerid"
    description = "Party ID related dialplan functions (Caller-ID, Connected-line, Redirecting)"

    @function(
        "CALLERID",
        "datatype[,CID]",
        synopsis="Gets or sets Caller*ID data on the channel.",
        description=(
            "Keys: all, name, num, pres, subaddr, tag and their parts (name-valid, num-plan, num-pres, ...); with "
            "priv-, ANI- or RDNIS, DNID, ANI2, dnid-num-plan before them for those parties. With CID, read its parts."
        ),
        see_also=("CONNECTEDLINE",),
    )
    def func_callerid(self, channel: Channel | None, args: Arguments) -> str:
        given = args["CID"]
        key = args["datatype"].strip()
        if given:
            return _reader(key)(parse_callerid(given))
        live = _live(channel, "CALLERID")
        lower = key.lower()
        caller = live.caller
        if lower in ("ani2", "ani-2"):
            return str(caller.ani2)
        if lower == "ani":
            return READERS["num"](caller.ani)
        if lower.startswith("ani-"):
            return _reader(key[4:])(caller.ani)
        if lower.startswith("priv-"):
            return _reader(key[5:])(caller.private)
        if lower == "rdnis":
            return READERS["num"](live.redirecting.source)
        if lower == "dnid" or lower.startswith("dnid-"):
            return self._read_dialed(live, lower)
        return _reader(key)(caller.id)

    @staticmethod
    def _read_dialed(channel: Channel, key: str) -> str:
        dialed = channel.dialed
        match key:
            case "dnid":
                return dialed.number
            case "dnid-num-plan":
                return str(dialed.plan)
            case "dnid-subaddr":
                return dialed.subaddress
            case "dnid-subaddr-valid":
                return str(int(bool(dialed.subaddress)))
            case "dnid-subaddr-type" | "dnid-subaddr-odd":
                return "0"
            case _:
                raise ArgumentError(f"unknown caller ID data type '{key}'")

    @func_callerid.writer
    def set_callerid(self, channel: Channel | None, args: Arguments, value: str) -> None:
        live = _live(channel, "CALLERID")
        key = args["datatype"].strip()
        lower = key.lower()
        caller = live.caller
        if lower == "ani2":
            live.caller = replace(caller, ani2=_number(value))
        elif lower == "ani":
            live.caller = replace(caller, ani=WRITERS["num"](caller.ani, value))
        elif lower.startswith("ani-"):
            live.caller = replace(caller, ani=_writer(key[4:])(caller.ani, value))
        elif lower.startswith("priv-"):
            live.caller = replace(caller, private=_writer(key[5:])(caller.private, value))
        elif lower == "rdnis":
            source = WRITERS["num"](live.redirecting.source, value)
            live.redirecting = replace(live.redirecting, source=source)
        elif lower == "dnid":
            live.dialed = replace(live.dialed, number=value)
        elif lower == "dnid-num-plan":
            live.dialed = replace(live.dialed, plan=_number(value))
        elif lower == "dnid-subaddr":
            live.dialed = replace(live.dialed, subaddress=value)
        else:
            live.caller = replace(caller, id=_writer(key)(caller.id, value))
        live.changed()

    @function(
        "CONNECTEDLINE",
        "datatype[,i]",
        synopsis="Gets or sets Connected Line data on the channel.",
        description="Keys as CALLERID. With i the far end is not told of a change.",
        see_also=("CALLERID",),
    )
    def func_connectedline(self, channel: Channel | None, args: Arguments) -> str:
        live = _live(channel, "CONNECTEDLINE")
        key = args["datatype"].strip()
        if key.lower().startswith("priv-"):
            return _reader(key[5:])(live.connected.private)
        return _reader(key)(live.connected.id)

    @func_connectedline.writer
    def set_connectedline(self, channel: Channel | None, args: Arguments, value: str) -> None:
        live = _live(channel, "CONNECTEDLINE")
        key = args["datatype"].strip()
        if key.lower().startswith("priv-"):
            live.connected = replace(live.connected, private=_writer(key[5:])(live.connected.private, value))
        else:
            live.connected = replace(live.connected, id=_writer(key)(live.connected.id, value))
        live.changed()
        if "i" not in args["i"]:
            live.indicate(Control.CONNECTED_LINE, live.connected)
