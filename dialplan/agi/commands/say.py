"""AGI commands that say numbers, letters and times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone, tzinfo

from twisted.logger import Logger

from dialplan.agi.commands._numbers import integer
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import CUT, Answer, Outcome, WrongUsage, command, result
from dialplan.applications.saying import Saying, existing
from dialplan.applications.sound import SoundMissing
from dialplan.arguments import ArgumentError
from dialplan.functions.times import time_zone
from dialplan.say import character_names, digits_names, number_names, phonetic_names
from dialplan.say_times import DEFAULT_FORMAT, date_names, datetime_names, time_names
from pbx.core.channel import ChannelInterrupted

log = Logger()

#: The farthest moment that can be said, in seconds since 1970: a year of four digits.
LAST_MOMENT = 250_000_000_000

_ENDS = (
    "Ends early when one of the digits is pressed. Gives 0, the number of the digit's character, or -1 on failure or "
    "when the call has ended."
)


async def _say(agi: Interpreter, names: Sequence[str], stop: str, *, interruptible: bool = True) -> Answer:
    saying = Saying(
        agi.server.switchboard,
        agi.channel,
        names,
        lambda digit: digit in stop,
        watch=agi.watch if interruptible else None,
    )
    try:
        await saying.run()
    except SoundMissing as error:
        log.warn("{channel}: {reason}", channel=agi.channel.name, reason=str(error), call_id=agi.channel.callid)
        return result(-1, outcome=Outcome.FAILURE)
    except ChannelInterrupted:
        return result(-1, outcome=Outcome.FAILURE)
    if saying.cut:
        return CUT
    return result(ord(saying.digit) if saying.digit else 0)


def _there(agi: Interpreter, names: Sequence[str]) -> list[str]:
    return existing(agi.server.switchboard, agi.channel, names)


@command(
    "say number",
    "number escape_digits [gender]",
    arguments=(2, 3),
    synopsis="Says a given number.",
    description=f"Says a whole number. {_ENDS}",
)
async def say_number(agi: Interpreter, words: Sequence[str]) -> Answer:
    return await _say(agi, number_names(integer(words[0])), words[1])


@command(
    "say digits",
    "number escape_digits",
    arguments=(2, 2),
    synopsis="Says a given digit string.",
    description=f"Says a number digit by digit. {_ENDS}",
)
async def say_digits(agi: Interpreter, words: Sequence[str]) -> Answer:
    integer(words[0])
    return await _say(agi, _there(agi, digits_names(words[0])), words[1])


@command(
    "say alpha",
    "text escape_digits [case]",
    arguments=(2, 3),
    synopsis="Says a given character string.",
    description=(f"Says a text letter by letter; of which the case is said: a(ll), l(ower), u(pper), n(one). {_ENDS}"),
)
async def say_alpha(agi: Interpreter, words: Sequence[str]) -> Answer:
    case = words[2][:1].lower() if len(words) > 2 else ""
    if case not in {"", "a", "l", "n", "u"}:
        raise WrongUsage(words[2])
    return await _say(agi, _there(agi, character_names(words[0], case or "n")), words[1])


@command(
    "say phonetic",
    "string escape_digits",
    arguments=(2, 2),
    synopsis="Says a given character string with phonetics.",
    description=f"Says a text letter by letter, by the words of the spelling alphabet. {_ENDS}",
)
async def say_phonetic(agi: Interpreter, words: Sequence[str]) -> Answer:
    return await _say(agi, _there(agi, phonetic_names(words[0])), words[1])


def _moment(seconds: int, zone: tzinfo | None) -> datetime:
    """A moment as the zone has it; None: the machine's own. Raises WrongUsage."""
    if not -LAST_MOMENT <= seconds <= LAST_MOMENT:
        raise WrongUsage(str(seconds))
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        raise WrongUsage(str(seconds)) from None


@command(
    "say date",
    "date escape_digits",
    arguments=(2, 2),
    synopsis="Says a given date.",
    description=f"Says the date of a moment, in seconds since 1970 began (UTC). {_ENDS}",
)
async def say_date(agi: Interpreter, words: Sequence[str]) -> Answer:
    return await _say(agi, date_names(_moment(integer(words[0]), None)), words[1], interruptible=False)


@command(
    "say time",
    "time escape_digits",
    arguments=(2, 2),
    synopsis="Says a given time.",
    description=f"Says the time of day of a moment, in seconds since 1970 began (UTC). {_ENDS}",
)
async def say_time(agi: Interpreter, words: Sequence[str]) -> Answer:
    return await _say(agi, time_names(_moment(integer(words[0]), None)), words[1], interruptible=False)


@command(
    "say datetime",
    "time escape_digits [format [timezone]]",
    arguments=(2, None),
    synopsis="Says a given time as specified by the format given.",
    description=(
        "Says a moment, in seconds since 1970 began (UTC), by a format as in voicemail.conf: ABdY 'digits/at' IMp "
        f"unless given; in a zone by its name, or the machine's own. {_ENDS}"
    ),
)
async def say_datetime(agi: Interpreter, words: Sequence[str]) -> Answer:
    form = words[2] if len(words) > 2 else DEFAULT_FORMAT
    try:
        zone = time_zone(words[3]) if len(words) > 3 else None
    except ArgumentError:
        # As localtime() without the file of a zone: UTC.
        log.warn("{channel}: SAY DATETIME: unknown time zone '{zone}'", channel=agi.channel.name, zone=words[3])
        zone = timezone.utc
    moment = _moment(integer(words[0]), zone)
    now = datetime.fromtimestamp(agi.server.clock.now(), timezone.utc).astimezone(zone)

    def unknown(letter: str) -> None:
        log.warn(
            "{channel}: Unknown character in datetime format {form}: {letter}",
            channel=agi.channel.name,
            form=form,
            letter=letter,
        )

    return await _say(agi, datetime_names(moment, form, now, unknown), words[1], interruptible=False)
