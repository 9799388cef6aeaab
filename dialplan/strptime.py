"""strptime as the C library has it: any white space where there is some, zero for what is missing. Pure.

Source: POSIX strptime, with glibc's %s, %P, %k, %l, %F, %h, %z and %Z.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
#: Directives that stand for others.
_COMPOSED = {
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}
#: Digits, least and greatest value of the numbers.
_NUMBERS: dict[str, tuple[int, int, int]] = {
    "C": (2, 0, 99),
    "d": (2, 1, 31),
    "e": (2, 1, 31),
    "H": (2, 0, 23),
    "k": (2, 0, 23),
    "I": (2, 1, 12),
    "l": (2, 1, 12),
    "j": (3, 1, 366),
    "m": (2, 1, 12),
    "M": (2, 0, 59),
    "S": (2, 0, 61),
    "u": (1, 1, 7),
    "U": (2, 0, 53),
    "V": (2, 0, 53),
    "W": (2, 0, 53),
    "w": (1, 0, 6),
    "y": (2, 0, 99),
    "Y": (4, 0, 9999),
}
_ZONE = re.compile(r"Z|([+-])(\d\d):?(\d\d)?")


@dataclass(slots=True)
class BrokenDown:
    """A time taken apart, as ``struct tm``: years from 1900, months from 0, days from 1 (0: not given)."""

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    #: Seconds since the epoch, by %s; the rest does not count then.
    epoch: int | None = None


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = BrokenDown()
        self._afternoon: bool | None = None
        self._century: int | None = None
        self._twelve = False
        self._year_day: int | None = None

    def parse(self, form: str) -> bool:
        place = 0
        while place < len(form):
            letter = form[place]
            if letter.isspace():
                self._blanks()
            elif letter != "%" or place + 1 >= len(form):
                if not self.text.startswith(letter, self.at):
                    return False
                self.at += 1
            else:
                place += 1
                while form[place] in "EO_-0^#" and place + 1 < len(form):
                    place += 1
                if not self._directive(form[place]):
                    return False
            place += 1
        return True

    def finish(self) -> BrokenDown:
        found = self.found
        if self._twelve and self._afternoon is not None:
            found.hour = found.hour % 12 + (12 if self._afternoon else 0)
        if self._century is not None:
            found.year = self._century * 100 - 1900 + (found.year % 100 if found.year else 0)
        if self._year_day is not None and not found.day:
            moment = datetime(1900 + found.year, 1, 1, tzinfo=timezone.utc) + timedelta(days=self._year_day - 1)
            found.month, found.day = moment.month - 1, moment.day
        return found

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _directive(self, letter: str) -> bool:
        if letter in _COMPOSED:
            return self.parse(_COMPOSED[letter])
        if letter in _NUMBERS:
            return self._number(letter)
        match letter:
            case "%":
                self.at += 1
                return self.text.startswith("%", self.at - 1)
            case "n" | "t":
                self._blanks()
                return True
            case "a" | "A":
                return self._name(_DAYS) is not None
            case "b" | "B" | "h":
                month = self._name(_MONTHS)
                self.found.month = month or 0
                return month is not None
            case "p" | "P":
                word = self.text[self.at : self.at + 2].lower()
                self._afternoon = word == "pm"
                self.at += 2
                return word in ("am", "pm")
            case "s":
                return self._epoch()
            case "z":
                self._blanks()
                zone = _ZONE.match(self.text, self.at)
                self.at = self.at if zone is None else zone.end()
                return zone is not None
            case "Z":
                return True
            case _:
                return False

    def _name(self, names: tuple[str, ...]) -> int | None:
        rest = self.text[self.at : self.at + 9].lower()
        for number, name in enumerate(names):
            for form in (name, name[:3]):
                if rest.startswith(form):
                    self.at += len(form)
                    return number
        return None

    def _epoch(self) -> bool:
        digits = re.compile(r"-?\d{1,18}").match(self.text, self.at)
        if digits is None:
            return False
        self.at = digits.end()
        self.found.epoch = int(digits.group())
        return True

    def _number(self, letter: str) -> bool:
        width, low, high = _NUMBERS[letter]
        self._blanks()
        end = self.at
        while end < len(self.text) and end - self.at < width and self.text[end] in "0123456789":
            end += 1
        if end == self.at or not low <= (value := int(self.text[self.at : end])) <= high:
            return False
        self.at = end
        found = self.found
        match letter:
            case "C":
                self._century = value
            case "d" | "e":
                found.day = value
            case "H" | "k":
                found.hour, self._twelve = value, False
            case "I" | "l":
                found.hour, self._twelve = value % 12, True
            case "j":
                self._year_day = value
            case "m":
                found.month = value - 1
            case "M":
                found.minute = value
            case "S":
                found.second = value
            case "y":
                found.year = value if value >= 69 else value + 100
            case "Y":
                found.year = value - 1900
        return True


def parse_time(text: str, form: str) -> BrokenDown | None:
    """Read ``text`` in the format ``form``; None when it is not in it. What follows the format's end is ignored."""
    found = parse_time_and_rest(text, form)
    return None if found is None else found[0]


def parse_time_and_rest(text: str, form: str) -> tuple[BrokenDown, str] | None:
    """As `parse_time`, with what follows."""
    parser = _Parser(text)
    return (parser.finish(), text[parser.at :]) if parser.parse(form) else None


def epoch_of(found: BrokenDown, zone: tzinfo | None) -> int:
    """Seconds since the epoch of a time in ``zone``; None is the machine's.

    Raises ValueError, OverflowError or OSError for a time that no calendar has.
    """
    if found.epoch is not None:
        return found.epoch
    first = datetime(1900 + found.year, found.month + 1, 1, tzinfo=zone)  # naive where the zone is None
    moment = first + timedelta(days=found.day - 1, hours=found.hour, minutes=found.minute, seconds=found.second)
    return int(moment.timestamp())
