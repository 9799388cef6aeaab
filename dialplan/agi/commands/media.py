"""AGI commands that play, record and hear digits."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from dialplan.agi.commands._numbers import atoi, integer, wait_seconds
from dialplan.agi.interpreter import Interpreter, NewCommand
from dialplan.agi.table import CUT, Answer, Outcome, command, result
from dialplan.applications.control import DEFAULT_SKIP_MS, ControlledPlay, Keys
from dialplan.applications.sound import SoundMissing, SoundPlay
from dialplan.run import DEFAULT_DIGIT_TIMEOUT, run_of
from pbx.core.channel import ChannelInterrupted

log = Logger()

#: Milliseconds GET DATA waits for the first digit and for others, unless told otherwise.
FIRST_MS, NEXT_MS = 6000, 2000
MAX_DIGITS = 1024
#: What a new command in its place makes of WAIT FOR DIGIT.
INTERRUPTED = 1


def _missing(agi: Interpreter, error: SoundMissing) -> None:
    log.warn("{channel}: {reason}", channel=agi.channel.name, reason=str(error), call_id=agi.channel.callid)


def _code(digit: str) -> int:
    return ord(digit) if digit else 0


@command(
    "wait for digit",
    "timeout",
    arguments=(1, 1),
    synopsis="Waits for a digit to be pressed.",
    description=(
        "Waits so many milliseconds, for ever below 0. Gives the number of the digit's character, 0 without one, or -1 "
        "when the call has ended."
    ),
)
async def wait_for_digit(agi: Interpreter, words: Sequence[str]) -> Answer:
    try:
        return result(_code(await agi.digit(wait_seconds(integer(words[0])))))
    except NewCommand:
        return result(INTERRUPTED)


async def _play(agi: Interpreter, name: str, stop: str, offset: int) -> tuple[SoundPlay, int]:
    """Play from a sample (of 8 kHz); the playback, and 0, a digit's number, or -1 at the call's end."""
    playing = SoundPlay(
        agi.server.switchboard,
        agi.channel,
        name,
        lambda digit: digit in stop,
        offset_ms=max(0, offset) // 8,
        watch=agi.watch,
    )
    try:
        await playing.run()
    except ChannelInterrupted:
        return playing, -1
    return playing, _code(playing.digit)


def _end(playing: SoundPlay) -> str:
    return f" endpos={playing.position_ms * playing.rate // 1000}"


@command(
    "stream file",
    "filename escape_digits [sample_offset]",
    arguments=(2, 3),
    synopsis="Sends audio file on channel.",
    description=(
        'Plays a sound, named without its extension, until its end or one of the digits; "" for none. Gives 0, the '
        "number of the digit's character, or -1 on failure or when the call has ended; endpos is the sample it ended "
        "at. Sets PLAYBACKSTATUS."
    ),
    see_also=("control stream file", "get option"),
)
async def stream_file(agi: Interpreter, words: Sequence[str]) -> Answer:
    offset = integer(words[2]) if len(words) > 2 else 0
    try:
        playing, code = await _play(agi, words[0], words[1], offset)
    except SoundMissing as error:
        _missing(agi, error)
        return result(-1, f" endpos={offset}", Outcome.FAILURE)
    if playing.cut:
        return CUT
    agi.channel.set_variable("PLAYBACKSTATUS", "FAILED" if code else "SUCCESS")
    return result(code, _end(playing), Outcome.SUCCESS if code >= 0 else Outcome.FAILURE)


@command(
    "get option",
    "filename escape_digits [timeout]",
    arguments=(2, 3),
    synopsis="Stream file, prompt for DTMF, with timeout.",
    description="As stream file, and then waits so many milliseconds for one of the digits.",
    see_also=("stream file", "control stream file"),
)
async def get_option(agi: Interpreter, words: Sequence[str]) -> Answer:
    name, digits = words[0], words[1]
    if len(words) > 2:
        seconds = wait_seconds(atoi(words[2]))
    else:
        run = run_of(agi.channel)
        seconds = DEFAULT_DIGIT_TIMEOUT if run is None else run.digit_timeout
    try:
        playing, code = await _play(agi, name, digits, 0)
    except SoundMissing as error:
        _missing(agi, error)
        return result(-1, " endpos=0", Outcome.FAILURE)
    if playing.cut:
        return CUT
    if code == 0:
        try:
            digit = await agi.digit(seconds)
            code = _code(digit) if digit in digits else 0
        except (NewCommand, ChannelInterrupted):
            code = 0
    return result(code, _end(playing), Outcome.SUCCESS if code >= 0 else Outcome.FAILURE)


@command(
    "get data",
    "file [timeout [maxdigits]]",
    arguments=(1, None),
    synopsis="Prompts for DTMF on a channel",
    description=(
        "Plays a sound and collects digits until #, until there are maxdigits of them, or until none has come for so "
        "many milliseconds. Gives the digits, with (timeout) where the time has run out."
    ),
)
async def get_data(agi: Interpreter, words: Sequence[str]) -> Answer:
    timeout = atoi(words[1]) if len(words) > 1 else 0
    longest = min(atoi(words[2]), MAX_DIGITS) if len(words) > 2 else MAX_DIGITS
    if not longest:
        return result(-1)
    first, following = (timeout, timeout) if timeout else (FIRST_MS, NEXT_MS)
    try:
        digit = await _prompt(agi, words[0]) if words[0] else ""
        digit = digit or await agi.digit(wait_seconds(first))
        digits = ""
        while digit and digit != "#":
            digits += digit
            if len(digits) >= longest:
                return result(digits)
            digit = await agi.digit(wait_seconds(following))
    except NewCommand:
        return CUT
    except SoundMissing as error:
        _missing(agi, error)
        return result(-1)
    except ChannelInterrupted:
        return result(-1)
    return result(digits, "" if digit else " (timeout)")


async def _prompt(agi: Interpreter, name: str) -> str:
    """Play a sound that any digit ends, and give that digit. Raises NewCommand."""
    playing = SoundPlay(agi.server.switchboard, agi.channel, name, lambda _digit: True, watch=agi.watch)
    await playing.run()
    if playing.cut:
        raise NewCommand(name)
    return playing.digit


@command(
    "control stream file",
    "filename escape_digits [skipms [ffchar [rewchr [pausechr [offsetms]]]]]",
    arguments=(2, 7),
    synopsis="Sends audio file on channel and allows the listener to control the stream.",
    description=(
        "Plays a sound until its end or one of the digits. # skips 3 seconds forward and * back, unless others are "
        "named; one may pause. Gives 0, the number of the digit's character, or -1; endpos is the place in "
        "milliseconds, -1 the end. Sets CPLAYBACKSTATUS, CPLAYBACKSTOPKEY and CPLAYBACKOFFSET."
    ),
    see_also=("stream file", "get option"),
)
async def control_stream_file(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel = agi.channel
    name, stop, skip, forward, reverse, suspend, offset = (*words, *("",) * (7 - len(words)))
    skip_ms = integer(skip) if len(words) > 2 else DEFAULT_SKIP_MS
    offset_ms = integer(offset) if len(words) > 6 else 0
    playing = ControlledPlay(agi.server.switchboard, channel, name, Keys(forward or "#", reverse or "*", stop, suspend))
    try:
        digit = await playing.run(offset_ms, skip_ms)
        code, status = _code(digit), "USERSTOPPED" if digit else "SUCCESS"
    except SoundMissing as error:
        _missing(agi, error)
        digit, code, status = "", -1, "ERROR"
    except ChannelInterrupted:
        digit, code, status = "", -1, "ERROR"
    channel.set_variable("CPLAYBACKSTATUS", status)
    if digit:
        channel.set_variable("CPLAYBACKSTOPKEY", digit)
    channel.set_variable("CPLAYBACKOFFSET", str(playing.position_ms))
    outcome = Outcome.SUCCESS if code >= 0 else Outcome.FAILURE
    return result(code, f" endpos={playing.position_ms}", outcome)
