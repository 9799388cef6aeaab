"""func_strings: STRFTIME and STRPTIME."""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, scan_float, wrapped
from dialplan.registry import function
from dialplan.strptime import epoch_of, parse_time
from pbx.core.channel import Channel

log = Logger()

#: Fractions of a second: %q for milliseconds, %1q to %6q for that many digits.
_FRACTION = re.compile(r"%([1-6]?)q")
DEFAULT_FORMAT = "%c"


def time_zone(name: str) -> tzinfo | None:
    """A time zone by its name; None, the machine's own, for an empty one, and UTC for one there is not."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.warn("there is no time zone '{name}': UTC is taken", name=name)
        return timezone.utc


def format_time(epoch: float, zone: tzinfo | None, form: str) -> str:
    """strftime with Asterisk's ``%q``; ``zone`` None is the machine's own."""
    moment = datetime.fromtimestamp(epoch, timezone.utc).astimezone(zone)
    digits = f"{moment.microsecond:06d}"
    form = _FRACTION.sub(lambda found: digits[: int(found.group(1) or 3)], form)
    return moment.strftime(form)


class TimeFunctions(FunctionModule):
    """STRFTIME and STRPTIME."""

    @function(
        "STRFTIME",
        "[epoch[,timezone[,format]]]",
        synopsis="Returns the current date/time in the specified format.",
        description="The format is strftime's, %c unless given, with %q for milliseconds and %6q for microseconds.",
    )
    def func_strftime(self, channel: Channel | None, args: Arguments) -> str:
        moment = scan_float(args["epoch"])
        if moment is None:
            moment = self.server.clock.now()
        zone = time_zone(args["timezone"].strip())
        if len(args) > 2 and not args["format"]:
            log.warn("STRFTIME: an empty format gives nothing")
            return ""
        try:
            return format_time(moment, zone, args["format"] or DEFAULT_FORMAT)
        except (ValueError, OverflowError, OSError) as error:
            raise ArgumentError(f"STRFTIME: '{args['epoch']}' cannot be formatted: {error}") from None

    @function(
        "STRPTIME",
        "datetime,timezone,format",
        synopsis="Returns the epoch of the arbitrary date/time string structured as described by the format.",
        description="The format is strptime's. Empty when the string is not in it.",
    )
    def func_strptime(self, channel: Channel | None, args: Arguments) -> str:
        if not args["format"]:
            raise ArgumentError("No format supplied to STRPTIME(<datetime>,<timezone>,<format>)")
        zone = time_zone(args["timezone"].strip())
        found = parse_time(args["datetime"], args["format"])
        if found is None:
            log.warn("STRPTIME: '{text}' is no time of the format '{form}'", text=args["datetime"], form=args["format"])
            return ""
        try:
            return str(wrapped(epoch_of(found, zone), 32))
        except (ValueError, OverflowError, OSError) as error:
            raise ArgumentError(f"STRPTIME: '{args['datetime']}' is no time: {error}") from None
