"""What travels over a channel beside audio: digits, text and control. Audio itself never passes through Python."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.enums import SingleEnum

DIGITS = frozenset("0123456789*#ABCD")

#: The duration given to a digit whose length nobody stated (Asterisk's default emulated DTMF length).
DEFAULT_DIGIT_MS = 100


class Control(SingleEnum):
    """Signalling from, or to, a channel's far end."""

    RINGING = "ringing"
    PROGRESS = "progress"
    PROCEEDING = "proceeding"
    ANSWER = "answer"
    BUSY = "busy"
    CONGESTION = "congestion"
    INCOMPLETE = "incomplete"
    HOLD = "hold"
    UNHOLD = "unhold"
    CONNECTED_LINE = "connected_line"
    REDIRECTING = "redirecting"
    VIDEO_UPDATE = "video_update"
    SOURCE_UPDATE = "source_update"
    #: What the call costs (`pbx.core.charges.Advice`).
    AOC = "aoc"
    #: The far end is gone; the channel's cause is already set.
    HANGUP = "hangup"


@dataclass(frozen=True, slots=True)
class ControlFrame:
    """A control; ``data`` is a music class for HOLD, a party for CONNECTED_LINE and REDIRECTING, else None."""

    kind: Control
    data: object = None


@dataclass(frozen=True, slots=True)
class DigitBegin:
    """The far end began to press ``digit``."""

    digit: str


@dataclass(frozen=True, slots=True)
class DigitEnd:
    """The far end released ``digit`` after ``duration_ms``."""

    digit: str
    duration_ms: int = DEFAULT_DIGIT_MS


@dataclass(frozen=True, slots=True)
class TextFrame:
    """A text message inside the call; ``content_type`` is empty for plain text."""

    text: str
    content_type: str = ""


Frame = ControlFrame | DigitBegin | DigitEnd | TextFrame
