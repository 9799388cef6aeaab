"""Sending a string of digits, with its pauses (ast_dtmf_stream): what SendDTMF and option D of Dial share."""

from __future__ import annotations

from twisted.logger import Logger

from pbx.core.channel import Channel
from pbx.core.frames import DEFAULT_DIGIT_MS, DIGITS

log = Logger()

#: Seconds of silence before the first digit.
SILENCE_BEFORE = 0.1
#: Milliseconds between digits, and how long the pauses ``w`` and ``W`` are, in seconds.
DIGIT_GAP_MS = 250
PAUSES = {"w": 0.5, "W": 1.0}
#: Digits one string may hold.
MAX_DIGITS = 1024


async def send_digits(
    channel: Channel, target: Channel, digits: str, *, gap_ms: int = DIGIT_GAP_MS, duration_ms: int = DEFAULT_DIGIT_MS
) -> bool:
    """Send ``digits`` to ``target``'s far end while ``channel`` waits; False when ``target`` has gone meanwhile.

    What is no digit is left out with a warning, and no digit is shorter than 100 ms. Raises ChannelInterrupted.
    """
    duration_ms = max(duration_ms, DEFAULT_DIGIT_MS)
    await channel.sleep(SILENCE_BEFORE)
    for digit in digits[:MAX_DIGITS]:
        if digit in PAUSES:
            await channel.sleep(PAUSES[digit])
            continue
        if digit.upper() not in DIGITS:
            log.warn("{channel}: Illegal DTMF character '{digit}' in string", channel=target.name, digit=digit)
            continue
        if not target.alive or target.hangup_requested:
            return False
        target.send_digit(digit, duration_ms)
        await channel.sleep((duration_ms + gap_ms) / 1000)
    return target.alive and not target.hangup_requested
