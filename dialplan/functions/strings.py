"""func_strings: LEN, STRFTIME, TOUPPER, TOLOWER, FILTER."""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, function
from pbx.core.channel import Channel

#: Fractions of a second that strftime does not know: %q for milliseconds, %1q to %6q for that many digits.
_FRACTION = re.compile(r"%([1-6]?)q")
DEFAULT_FORMAT = "%c"


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArgumentError(f"STRFTIME: there is no time zone '{name}'") from None


def format_time(epoch: float, zone: tzinfo | None, form: str) -> str:
    """strftime with Asterisk's ``%q``; ``zone`` None is the machine's own."""
    moment = datetime.fromtimestamp(epoch, timezone.utc).astimezone(zone)
    micros = f"{moment.microsecond:06d}"
    form = _FRACTION.sub(lambda found: micros[: int(found.group(1) or 3)], form)
    return moment.strftime(form)


class StringsModule(DialplanModule):
    """String functions."""

    name = "func_strings"
    description = "String handling dialplan functions"

    @function("LEN", "string", synopsis="Return the length of the string given.")
    def func_len(self, channel: Channel | None, args: Arguments) -> str:
        return str(len(args.raw.encode("utf-8", "surrogateescape")))

    @function("TOUPPER", "string", synopsis="Convert string to all uppercase letters.")
    def func_toupper(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.upper()

    @function("TOLOWER", "string", synopsis="Convert string to all lowercase letters.")
    def func_tolower(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.lower()

    @function(
        "STRFTIME",
        "[epoch[,timezone[,format]]]",
        synopsis="Returns the current date/time in the specified format.",
        description="The format is strftime's, %c unless given, with %3q for milliseconds.",
    )
    def func_strftime(self, channel: Channel | None, args: Arguments) -> str:
        epoch, zone, form = args["epoch"].strip(), args["timezone"].strip(), args["format"]
        try:
            moment = float(epoch) if epoch else self.server.clock.now()
            return format_time(moment, _zone(zone), form or DEFAULT_FORMAT)
        except (ValueError, OverflowError, OSError) as error:
            raise ArgumentError(f"STRFTIME: '{epoch}' cannot be formatted: {error}") from None

    @function(
        "FILTER",
        "allowed-chars,string",
        synopsis="Filter the string to include only the allowed characters.",
        description="Ranges as in a-z; \\- for a hyphen, \\x41 for a character by its code.",
    )
    def func_filter(self, channel: Channel | None, args: Arguments) -> str:
        allowed, comma, text = args.raw.partition(",")
        if not comma:
            raise ArgumentError("Usage: FILTER(<allowed-chars>,<string>)")
        members = _allowed(allowed)
        return "".join(character for character in text if character in members)


def _allowed(text: str) -> frozenset[str]:
    characters: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            if text[at + 1] == "x" and (code := re.match(r"[0-9A-Fa-f]{1,2}", text[at + 2 : at + 4])):
                characters.append((chr(int(code.group(), 16)), True))
                at += 2 + len(code.group())
                continue
            characters.append((text[at + 1], True))
            at += 2
            continue
        characters.append((text[at], False))
        at += 1
    members: set[str] = set()
    at = 0
    while at < len(characters):
        first = characters[at][0]
        if at + 2 < len(characters) and characters[at + 1] == ("-", False):
            last = characters[at + 2][0]
            members.update(chr(code) for code in range(ord(first), min(ord(last), 0xFFFF) + 1))
            at += 3
        else:
            members.add(first)
            at += 1
    return frozenset(members)
