"""Asking for digits: prompts one after the other, then what is entered (ast_app_getdata, ast_readstring)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted.logger import Logger

from dialplan.applications.sound import SoundMissing, play
from dialplan.run import timeouts_of
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.media import Switchboard
from pbx.media.tones import TONE_ZONE, Tones

log = Logger()

#: Timeouts on a channel without a dialplan, in seconds: before the first digit, and between digits.
PLAIN_FIRST, PLAIN_NEXT = 6.0, 2.0
#: How long a prompt that is not the last waits for a digit.
BETWEEN_PROMPTS = 0.05


class Entry(NamedTuple):
    """What was entered.

    ``status`` is OK, TERMINATED (nothing but the terminator), TIMEOUT, ERROR (the last prompt cannot be played) or
    HANGUP (the channel was hung up or sent elsewhere).
    """

    status: str
    digits: str


async def enter_digits(
    switchboard: Switchboard,
    channel: Channel,
    prompts: Sequence[str],
    limit: int,
    *,
    timeout: float = 0.0,
    terminators: str = "#",
) -> Entry:
    """Play prompts until a digit comes, then read up to ``limit`` digits. Raises nothing.

    ``timeout`` seconds count before each digit once the last prompt is over; 0 for the channel's own timeouts. An empty
    prompt is silence; nobody waits for digits behind one that is missing.
    """
    wait, following = timeouts_of(channel, PLAIN_FIRST, PLAIN_NEXT)
    entry = Entry("ERROR", "")
    for number, name in enumerate(prompts or ("",)):
        first = BETWEEN_PROMPTS
        if number >= len(prompts) - 1:
            first, following = (timeout, timeout) if timeout > 0 else (wait, following)
        try:
            digit = await play(switchboard, channel, name, lambda _digit: True) if name else ""
            digit = digit or await channel.read_digit(first) or ""
        except SoundMissing as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
            entry = Entry("ERROR", "")
            continue
        except ChannelInterrupted:
            return Entry("HANGUP", "")
        entry = await read_digits(channel, digit, limit, following, terminators)
        if entry.digits or entry.status != "TIMEOUT":
            break
    return entry


async def read_digits(channel: Channel, digit: str, limit: int, following: float, terminators: str) -> Entry:
    """What comes after and with the first ``digit`` (empty: there was none). Raises nothing."""
    digits = ""
    while digit:
        if digit in terminators:
            return Entry("OK" if digits else "TERMINATED", digits)
        digits += digit
        if len(digits) >= limit:
            return Entry("OK", digits)
        try:
            digit = await channel.read_digit(following) or ""
        except ChannelInterrupted:
            return Entry("HANGUP", digits)
    return Entry("TIMEOUT", digits)


def zone_of(channel: Channel) -> str:
    """The tone zone a channel was given (CHANNEL(tonezone)); empty for the default one."""
    found = channel.extra.get(TONE_ZONE)
    return found if isinstance(found, str) else ""


async def first_digit(tones: Tones, channel: Channel, tone: str, timeout: float) -> str:
    """Play a tone, by name or as written, until a digit comes, and give that; empty after ``timeout`` seconds.

    Raises ValueError where ``tone`` is none, ChannelInterrupted like every wait.
    """
    playing = tones.play(channel.audio, tone, zone_of(channel))
    try:
        return await channel.read_digit(timeout) or ""
    finally:
        playing.stop()
