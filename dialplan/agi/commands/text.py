"""AGI commands that send and receive text and images."""

from __future__ import annotations

from collections.abc import Sequence

from dialplan.agi.commands._numbers import atoi, wait_seconds
from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, Outcome, command, result
from pbx.core.channel import ChannelInterrupted
from pbx.core.frames import TextFrame


@command(
    "send text",
    "text_to_send",
    arguments=(1, 1),
    synopsis="Sends text to channels supporting it.",
    description=(
        "Sends a text inside the call; several words stand in double quotes. Gives 0, or -1 where it cannot be sent."
    ),
    see_also=("receive text",),
)
def send_text(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0) if agi.channel.send_text(words[0]) else result(-1, outcome=Outcome.FAILURE)


@command(
    "send image",
    "image",
    arguments=(1, 1),
    synopsis="Sends images to channels supporting it.",
    description="Gives 0 if the image is sent or the channel cannot send any, which is so for every channel here.",
)
def send_image(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(-1, outcome=Outcome.FAILURE) if agi.channel.hangup_requested else result(0)


@command(
    "receive char",
    "timeout",
    arguments=(1, 1),
    synopsis="Receives one character from channels supporting it.",
    description=(
        "Waits so many milliseconds, for ever below 0, for a text inside the call. Gives the number of its first "
        "character, or -1 without one."
    ),
    see_also=("receive text",),
)
async def receive_char(agi: Interpreter, words: Sequence[str]) -> Answer:
    text = await _receive(agi, words[0])
    if text is None:
        return result(-1, " (hangup)", Outcome.FAILURE)
    first = text.encode("utf-8", "surrogateescape")[:1]
    return result(first[0]) if first else result(0, " (timeout)")


@command(
    "receive text",
    "timeout",
    arguments=(1, 1),
    synopsis="Receives text from channels supporting it.",
    description=(
        "Waits so many milliseconds, for ever below 0, for a text inside the call. Gives 1 and the text in "
        "parentheses, or -1 without one."
    ),
    see_also=("receive char", "send text"),
)
async def receive_text(agi: Interpreter, words: Sequence[str]) -> Answer:
    text = await _receive(agi, words[0])
    return result(-1) if text is None else result(1, f" ({text})")


async def _receive(agi: Interpreter, timeout: str) -> str | None:
    """A text of the caller, or None after the time or at the call's end."""
    seconds, clock = wait_seconds(atoi(timeout)), agi.server.clock
    deadline = None if seconds is None else clock.monotonic() + seconds
    try:
        while True:
            left = None if deadline is None else deadline - clock.monotonic()
            if left is not None and left <= 0:
                return None
            frame = await agi.channel.read(left)
            if isinstance(frame, TextFrame):
                return frame.text
    except ChannelInterrupted:
        return None
