"""Dates and times as names of prompts, in English (Asterisk: main/say.c). Pure.

A moment is a `datetime` in the zone it is to be said in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dialplan.say import number_names, ordinal_names

#: What SAY DATETIME and SayUnixTime say when they are told nothing else.
DEFAULT_FORMAT = "ABdY 'digits/at' IMp"
#: Seconds: a day, a month of 365/12 days, half a year.
_DAY, _MONTH, _HALF_YEAR = 86_400, 2_628_000, 15_768_000


def date_names(moment: datetime) -> list[str]:
    """Weekday, month, day, year."""
    return [_weekday(moment), _month(moment), *number_names(moment.day), *number_names(moment.year)]


def time_names(moment: datetime) -> list[str]:
    """Hour by the twelve hour clock, minutes, before or after noon."""
    names = number_names(moment.hour % 12 or 12)
    if moment.minute > 9:
        names += number_names(moment.minute)
    elif moment.minute:
        names += ["digits/oh", *number_names(moment.minute)]
    else:
        names.append("digits/oclock")
    return [*names, _half(moment)]


def datetime_names(moment: datetime, form: str, now: datetime, unknown: Callable[[str], object]) -> list[str]:
    """By a format of letters (voicemail.conf's): each a part, names of sounds between quotes.

    ``unknown`` is told of letters that mean nothing, which are left out.
    """
    names: list[str] = []
    at = 0
    while at < len(form):
        letter = form[at]
        at += 1
        if letter == "'":
            end = form.find("'", at)
            end = len(form) if end < 0 else end
            names.append(form[at:end])
            at = end + 1
        elif letter in _PARTS:
            names += _PARTS[letter](moment)
        elif letter in "Qq":
            names += _relative(moment, now, unknown)
        elif letter not in " \t":
            unknown(letter)
    return names


def _weekday(moment: datetime) -> str:
    return f"digits/day-{moment.isoweekday() % 7}"


def _month(moment: datetime) -> str:
    return f"digits/mon-{moment.month - 1}"


def _half(moment: datetime) -> str:
    return "digits/p-m" if moment.hour > 11 else "digits/a-m"


def _year(moment: datetime) -> list[str]:
    if moment.year > 1999:
        return number_names(moment.year)
    short = moment.year - 1900
    if short < 1:
        return []
    return ["digits/19", *(["digits/oh"] if short <= 9 else []), *number_names(short)]


def _hour_24(moment: datetime, *, padded: bool) -> list[str]:
    hour = moment.hour
    names = ["digits/oh"] if (hour < 10 if padded else hour == 0) else []
    if hour > 20:
        names.append("digits/20")
        hour -= 20
    return [*names, f"digits/{hour}"] if hour else names


def _minute(moment: datetime, whole: str) -> list[str]:
    if moment.minute == 0:
        return [whole]
    if moment.minute < 10:
        return ["digits/oh", f"digits/{moment.minute}"]
    return number_names(moment.minute)


def _second(moment: datetime) -> list[str]:
    if 0 < moment.second < 10:
        return ["digits/oh", f"digits/{moment.second}"]
    return number_names(moment.second)


def _relative(moment: datetime, now: datetime, unknown: Callable[[str], object]) -> list[str]:
    """Today, tomorrow, a weekday, or more of the date the farther it is."""
    midnight = now.timestamp() - (now.hour * 3600 + now.minute * 60 + now.second)
    away = moment.timestamp() - midnight
    if 0 < away <= _DAY:
        return ["digits/today"]
    if _DAY < away <= 2 * _DAY:
        return ["digits/tomorrow"]
    if -_DAY < away <= 0:
        return ["digits/yesterday"]
    if -6 * _DAY < away <= 6 * _DAY:
        form = "A"
    elif -_MONTH < away <= _MONTH:
        form = "ABd"
    elif -_HALF_YEAR < away <= _HALF_YEAR:
        form = "Bd"
    else:
        form = "BdY"
    return datetime_names(moment, form, now, unknown)


_PARTS: dict[str, Callable[[datetime], list[str]]] = {
    **dict.fromkeys("Aa", lambda moment: [_weekday(moment)]),
    **dict.fromkeys("Bbh", lambda moment: [_month(moment)]),
    "m": lambda moment: ordinal_names(moment.month),
    **dict.fromkeys("de", lambda moment: ordinal_names(moment.day)),
    "Y": _year,
    **dict.fromkeys("Il", lambda moment: [f"digits/{moment.hour % 12 or 12}"]),
    "H": lambda moment: _hour_24(moment, padded=True),
    "k": lambda moment: _hour_24(moment, padded=False),
    "M": lambda moment: _minute(moment, "digits/oclock"),
    "N": lambda moment: _minute(moment, "digits/hundred"),
    **dict.fromkeys("Pp", lambda moment: [_half(moment)]),
    "R": lambda moment: [*_hour_24(moment, padded=True), *_minute(moment, "digits/oclock")],
    "S": _second,
    "T": lambda moment: [*_hour_24(moment, padded=True), *_minute(moment, "digits/oclock"), *_second(moment)],
}
