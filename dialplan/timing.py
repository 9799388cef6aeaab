"""Times of validity, ``09:00-17:00|mon-fri|1-15|jan&mar[|timezone]``, as Asterisk's timed includes have them. Pure.

Source: main/pbx_timing.c. Fields are divided by ``|`` or ``,``; a missing field or ``*`` means always; ranges wrap
around; ``&`` joins several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DAY_MINUTES = 24 * 60
_TIME = re.compile(r"\s*(\d{1,2}):\s*(\d{1,2})")
_NUMBER = re.compile(r"\s*(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Timing:
    """When something holds: minutes of the day and days of the week (from Sunday), of the month and months (from 0)."""

    #: Minutes of the day as a bit each.
    minutes: int = (1 << _DAY_MINUTES) - 1
    weekdays: int = (1 << 7) - 1
    days: int = (1 << 31) - 1
    months: int = (1 << 12) - 1
    #: None: the system's.
    zone: ZoneInfo | None = None

    def holds(self, now: float) -> bool:
        """Whether it holds at ``now``, seconds since the epoch."""
        local = datetime.fromtimestamp(now, self.zone)
        return bool(
            self.months >> (local.month - 1) & 1
            and self.days >> (local.day - 1) & 1
            and self.weekdays >> (local.isoweekday() % 7) & 1
            and self.minutes >> (local.hour * 60 + local.minute) & 1
        )


def parse_timing(text: str, warnings: list[str] | None = None) -> Timing:
    """A timing from its text. What cannot be read is left out, as in Asterisk, and told in ``warnings``."""
    notes = [] if warnings is None else warnings
    fields = re.split(r"[|,]", text)
    minutes = _minutes(fields[0], notes)
    weekdays = _mask(fields[1], 7, DAYS, "day of week", notes) if len(fields) > 1 else _ALWAYS.weekdays
    days = _mask(fields[2], 31, (), "day", notes) if len(fields) > 2 else _ALWAYS.days
    months = _mask(fields[3], 12, MONTHS, "month", notes) if len(fields) > 3 else _ALWAYS.months
    zone = _zone(fields[4], notes) if len(fields) == 5 else None
    return Timing(minutes, weekdays, days, months, zone)


#: The class attributes of a slotted class are its members, not its defaults.
_ALWAYS = Timing()


def _zone(name: str, notes: list[str]) -> ZoneInfo | None:
    name = name.strip()
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        notes.append(f"unknown time zone '{name}', the system's is used")
        return None


def _minutes(text: str, notes: list[str]) -> int:
    if not text or text == "*":
        return _ALWAYS.minutes
    mask = 0
    for part in text.split("&"):
        begin, dash, end = part.partition("-")
        first = _minute(begin)
        if first is None:
            notes.append(f"'{begin}' isn't a valid {'start ' if dash else ''}time")
            continue
        last = first
        if dash:
            end = re.sub(r"^\D+", "", end)
            found = _minute(end)
            if found is None:
                notes.append(f"'{end}' isn't a valid end time" if end else f"invalid time range beginning '{begin}-'")
                continue
            last = found
        mask |= _cyclic(first, last, _DAY_MINUTES)
    return mask


def _minute(text: str) -> int | None:
    match = _TIME.match(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return int(match[1]) * 60 + int(match[2])


def _mask(text: str, size: int, names: Sequence[str], what: str, notes: list[str]) -> int:
    if not text or text == "*":
        return (1 << size) - 1
    mask = 0
    for part in text.split("&"):
        begin, dash, end = part.partition("-")
        first = _position(begin, size, names)
        if first is None:
            notes.append(f"invalid {what} '{begin}', skipping element")
            continue
        last = first
        if dash:
            found = _position(end, size, names)
            if found is None:
                notes.append(f"invalid end {what} '{end}', skipping element")
                continue
            last = found
        mask |= _cyclic(first, last, size)
    return mask


def _position(text: str, size: int, names: Sequence[str]) -> int | None:
    """The place of a name, or of a number that begins with 1."""
    if text.lower() in names:
        return names.index(text.lower())
    match = _NUMBER.match(text)
    if match is None or not 1 <= int(match[1]) <= size:
        return None
    return int(match[1]) - 1


def _cyclic(first: int, last: int, size: int) -> int:
    """Bits from ``first`` to ``last``, around the end where that comes before."""
    if first <= last:
        return (1 << (last + 1)) - (1 << first)
    return (1 << size) - (1 << first) | (1 << (last + 1)) - 1
