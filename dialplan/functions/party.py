"""func_callerid: CALLERID, CONNECTEDLINE and REDIRECTING, all their keys.

A key is words joined by hyphens, ``priv-num-plan``: whose party it is, which part of it, and which side of that part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import live, scan_int
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel
from pbx.core.frames import Control
from pbx.core.party import (
    CHARSETS,
    PRESENTATION_VALUES,
    PRESENTATIONS,
    REASON_ALIASES,
    REASONS,
    Connected,
    Dialed,
    PartyId,
    Reason,
    Redirecting,
    parse_callerid,
)

#: Asterisk's names of the sources of a connected line update, by number.
SOURCES = ("unknown", "answer", "diversion", "transfer_active", "transfer_alerting")

log = Logger()

Words = Sequence[str]


class UnknownKey(ArgumentError):
    """A key that names no part of a party."""


def _number(value: str, what: str) -> int:
    """A value that begins with a digit, as a number. Raises FunctionError."""
    number = scan_int(value) if value[:1] in "0123456789" and value else None
    if number is None:
        raise FunctionError(f"'{value}' is not a {what}")
    return number


def _named(value: str, names: dict[str, int], what: str) -> int:
    number = names.get(value.lower())
    return _number(value, what) if number is None else number


def _presentation(value: str) -> int:
    return _named(value, PRESENTATION_VALUES, "presentation")


def _flag(value: str) -> bool:
    return bool(scan_int(value))


def presentation_name(value: int) -> str:
    """Asterisk's word for a presentation."""
    return PRESENTATIONS.get(value, "unknown")


def split_key(text: str) -> list[str]:
    """The words of a key, in lower case; long and short forms of a word become one."""
    words = [word.strip() for word in text.lower().split("-")]
    for place, word in enumerate(words):
        for short in ("num", "pres", "subaddr"):
            if word.startswith(short):
                words[place] = short
    return words


def _with_identity(party: PartyId, value: str) -> PartyId:
    given = parse_callerid(value)
    return replace(party, name=given.name, name_valid=True, number=given.number, number_valid=True)


def _with_presentation(party: PartyId, value: int) -> PartyId:
    return replace(party, name_presentation=value, number_presentation=value)


_CHARSETS = {name: number for number, name in enumerate(CHARSETS)}

READERS: dict[tuple[str, ...], Callable[[PartyId], str]] = {
    ("all",): lambda party: (
        f'"{party.name if party.name_valid else ""}" <{party.number if party.number_valid else ""}>'
    ),
    ("name",): lambda party: party.name if party.name_valid else "",
    ("name", "valid"): lambda party: str(int(party.name_valid)),
    ("name", "charset"): lambda party: (
        CHARSETS[party.name_charset] if 0 <= party.name_charset < len(CHARSETS) else "not-known"
    ),
    ("name", "pres"): lambda party: presentation_name(party.name_presentation),
    ("num",): lambda party: party.number if party.number_valid else "",
    ("num", "valid"): lambda party: str(int(party.number_valid)),
    ("num", "plan"): lambda party: str(party.number_plan),
    ("num", "pres"): lambda party: presentation_name(party.number_presentation),
    ("subaddr",): lambda party: party.subaddress,
    ("subaddr", "valid"): lambda party: str(int(party.subaddress_valid)),
    ("subaddr", "type"): lambda party: str(party.subaddress_type),
    ("subaddr", "odd"): lambda party: str(int(party.subaddress_odd)),
    ("tag",): lambda party: party.tag,
    ("ton",): lambda party: str(party.number_plan),
    ("pres",): lambda party: presentation_name(party.presentation),
}

WRITERS: dict[tuple[str, ...], Callable[[PartyId, str], PartyId]] = {
    ("all",): _with_identity,
    ("name",): lambda party, value: replace(party, name=value, name_valid=True),
    ("name", "valid"): lambda party, value: replace(party, name_valid=_flag(value)),
    ("name", "charset"): lambda party, value: replace(party, name_charset=_named(value, _CHARSETS, "character set")),
    ("name", "pres"): lambda party, value: replace(party, name_presentation=_presentation(value)),
    ("num",): lambda party, value: replace(party, number=value, number_valid=True),
    ("num", "valid"): lambda party, value: replace(party, number_valid=_flag(value)),
    ("num", "plan"): lambda party, value: replace(party, number_plan=_number(value, "number")),
    ("num", "pres"): lambda party, value: replace(party, number_presentation=_presentation(value)),
    ("subaddr",): lambda party, value: replace(party, subaddress=value),
    ("subaddr", "valid"): lambda party, value: replace(party, subaddress_valid=_flag(value)),
    ("subaddr", "type"): lambda party, value: replace(party, subaddress_type=2 if _flag(value) else 0),
    ("subaddr", "odd"): lambda party, value: replace(party, subaddress_odd=_flag(value)),
    ("tag",): lambda party, value: replace(party, tag=value),
    ("ton",): lambda party, value: replace(party, number_plan=_number(value, "number")),
    ("pres",): lambda party, value: _with_presentation(party, _presentation(value)),
}


def read_party(party: PartyId, words: Words) -> str:
    """A part of a party. Raises UnknownKey."""
    found = READERS.get(tuple(words))
    if found is None:
        raise UnknownKey(f"unknown caller ID data type '{'-'.join(words)}'")
    return found(party)


def write_party(party: PartyId, words: Words, value: str) -> PartyId:
    """The party with a part changed. Raises UnknownKey, and FunctionError for a wrong value."""
    found = WRITERS.get(tuple(words))
    if found is None:
        raise UnknownKey(f"unknown caller ID data type '{'-'.join(words)}'")
    return found(party, value.strip())


def _reason(value: str) -> Reason:
    """A reason by name or number; any other text is its own reason."""
    word = value.strip().lower()
    if word[:1].isdecimal():
        return Reason(scan_int(word) or 0)
    if word in REASONS:
        return Reason(REASONS.index(word))
    code = REASON_ALIASES.get(word)
    if code is None:
        log.warn("unknown redirecting reason '{reason}': it is told as it is", reason=value.strip())
    return Reason(0, value.strip()) if code is None else Reason(code)


def _ani(words: list[str]) -> list[str]:
    return words[1:] or ["num"]


class CallerIdModule(DialplanModule):
    """CALLERID, CONNECTEDLINE and REDIRECTING."""

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
        see_also=("CONNECTEDLINE", "REDIRECTING"),
    )
    def func_callerid(self, channel: Channel | None, args: Arguments) -> str:
        words = split_key(args["datatype"])
        if len(args) > 1:
            if words not in (["all"], ["name"], ["num"]):
                raise UnknownKey(f"unknown caller ID data type '{args.raw}'")
            given = parse_callerid(args["CID"])
            return read_party(replace(given, name_valid=True, number_valid=True), words)
        call = live(channel, "CALLERID")
        caller = call.caller
        match words[0]:
            case "ani2":
                return str(caller.ani2)
            case "ani":
                return read_party(caller.ani, _ani(words))
            case "priv":
                return read_party(caller.private, words[1:])
            case "rdnis":
                return read_party(call.redirecting.source, ["num"])
            case "dnid":
                return self._read_dialed(call.dialed, words[1:])
            case _:
                return read_party(caller.id, words)

    @staticmethod
    def _read_dialed(dialed: Dialed, words: Words) -> str:
        if words in ([], ["num"]):
            return dialed.number
        if words == ["num", "plan"]:
            return str(dialed.plan)
        if words and words[0] == "subaddr":
            return read_party(dialed.subaddress_party, words)
        raise UnknownKey(f"unknown caller ID data type 'dnid-{'-'.join(words)}'")

    @func_callerid.writer
    def set_callerid(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "CALLERID")
        words = split_key(args["datatype"])
        caller = call.caller
        match words[0]:
            case "ani2":
                call.caller = replace(caller, ani2=_number(value.strip(), "number"))
            case "ani":
                call.caller = replace(caller, ani=write_party(caller.ani, _ani(words), value))
            case "priv":
                call.caller = replace(caller, private=write_party(caller.private, words[1:], value))
            case "rdnis":
                source = write_party(call.redirecting.source, ["num"], value)
                call.redirecting = replace(call.redirecting, source=source)
            case "dnid":
                call.dialed = self._write_dialed(call.dialed, words[1:], value)
            case _:
                call.caller = replace(caller, id=write_party(caller.id, words, value))
        call.changed()

    @staticmethod
    def _write_dialed(dialed: Dialed, words: Words, value: str) -> Dialed:
        if words in ([], ["num"]):
            return replace(dialed, number=value.strip())
        if words == ["num", "plan"]:
            return replace(dialed, plan=_number(value.strip(), "number"))
        if words and words[0] == "subaddr":
            return dialed.with_subaddress(write_party(dialed.subaddress_party, words, value))
        raise UnknownKey(f"unknown caller ID data type 'dnid-{'-'.join(words)}'")

    @function(
        "CONNECTEDLINE",
        "datatype[,i]",
        synopsis="Gets or sets Connected Line data on the channel.",
        description="Keys as CALLERID's, priv- and source. With i the far end is not told of a change.",
        see_also=("CALLERID", "REDIRECTING"),
    )
    def func_connectedline(self, channel: Channel | None, args: Arguments) -> str:
        connected = live(channel, "CONNECTEDLINE").connected
        words = split_key(args["datatype"])
        if words == ["source"]:
            return SOURCES[connected.source] if connected.source < len(SOURCES) else "not-known"
        if words[0] == "priv":
            return read_party(connected.private, words[1:])
        return read_party(connected.id, words)

    @func_connectedline.writer
    def set_connectedline(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "CONNECTEDLINE")
        call.connected = self._connected(call.connected, split_key(args["datatype"]), value)
        call.changed()
        if "i" not in args["i"]:
            call.indicate(Control.CONNECTED_LINE, call.connected)

    @staticmethod
    def _connected(connected: Connected, words: list[str], value: str) -> Connected:
        if words == ["source"]:
            names = {name: number for number, name in enumerate(SOURCES)} | {"transfer": 3}
            return replace(connected, source=_named(value.strip(), names, "source"))
        if words[0] == "priv":
            return replace(connected, private=write_party(connected.private, words[1:], value))
        return replace(connected, id=write_party(connected.id, words, value))

    @function(
        "REDIRECTING",
        "datatype[,i]",
        synopsis="Gets or sets Redirecting data on the channel.",
        description=(
            "Keys: orig-, from- and to- before CALLERID's keys, with priv- before those for private parties; reason, "
            "orig-reason, count, pres. With i the far end is not told of a change."
        ),
        see_also=("CALLERID", "CONNECTEDLINE"),
    )
    def func_redirecting(self, channel: Channel | None, args: Arguments) -> str:
        redirecting = live(channel, "REDIRECTING").redirecting
        words = split_key(args["datatype"])
        match words:
            case ["reason"]:
                return str(redirecting.reason)
            case ["orig", "reason"]:
                return str(redirecting.orig_reason)
            case ["count"]:
                return str(redirecting.count)
            case ["pres"]:
                return presentation_name(redirecting.source.presentation)
        field, rest = _redirecting_field(words)
        party: PartyId = getattr(redirecting, field)
        return read_party(party, rest)

    @func_redirecting.writer
    def set_redirecting(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "REDIRECTING")
        call.redirecting = self._redirecting(call.redirecting, split_key(args["datatype"]), value)
        call.changed()
        if "i" not in args["i"]:
            call.indicate(Control.REDIRECTING, call.redirecting)

    @staticmethod
    def _redirecting(redirecting: Redirecting, words: list[str], value: str) -> Redirecting:
        match words:
            case ["reason"]:
                return replace(redirecting, reason=_reason(value))
            case ["orig", "reason"]:
                return replace(redirecting, orig_reason=_reason(value))
            case ["count"]:
                return replace(redirecting, count=_number(value.strip(), "number"))
            case ["pres"]:
                shown = _presentation(value.strip())
                return replace(
                    redirecting,
                    source=_with_presentation(redirecting.source, shown),
                    to=_with_presentation(redirecting.to, shown),
                )
        field, rest = _redirecting_field(words)
        party: PartyId = getattr(redirecting, field)
        changed = write_party(party, rest, value)
        return replace(redirecting, **{field: changed})  # type: ignore[arg-type]  # the names of parties only


_REDIRECTING = {"orig": "orig", "from": "source", "to": "to"}


def _redirecting_field(words: list[str]) -> tuple[str, list[str]]:
    """The field of `Redirecting` a key is about, and the rest of the key. Raises UnknownKey."""
    private = words[0] == "priv"
    rest = words[1:] if private else words
    name = _REDIRECTING.get(rest[0]) if rest else None
    if name is None:
        raise UnknownKey(f"unknown redirecting data type '{'-'.join(words)}'")
    return (f"private_{name}" if private else name), rest[1:]
