"""The classes of the manager: what a user may do (``write``) and be told (``read``), as bits.

Bits are plain integers, not an IntFlag: the test of an event against a session is the hottest line of the interface.
"""

from __future__ import annotations

from collections.abc import Iterable

from pbx.config.types import is_false, is_true

SYSTEM = 1 << 0
CALL = 1 << 1
LOG = 1 << 2
VERBOSE = 1 << 3
COMMAND = 1 << 4
AGENT = 1 << 5
USER = 1 << 6
CONFIG = 1 << 7
DTMF = 1 << 8
REPORTING = 1 << 9
CDR = 1 << 10
DIALPLAN = 1 << 11
ORIGINATE = 1 << 12
AGI = 1 << 13
CC = 1 << 15
AOC = 1 << 16
TEST = 1 << 17
SECURITY = 1 << 18
MESSAGE = 1 << 30
#: Every bit, as Asterisk's ``all`` (INT_MAX).
ALL = (1 << 31) - 1
NONE = 0

LABELS: dict[str, int] = {
    "system": SYSTEM,
    "call": CALL,
    "log": LOG,
    "verbose": VERBOSE,
    "command": COMMAND,
    "agent": AGENT,
    "user": USER,
    "config": CONFIG,
    "dtmf": DTMF,
    "reporting": REPORTING,
    "cdr": CDR,
    "dialplan": DIALPLAN,
    "originate": ORIGINATE,
    "agi": AGI,
    "cc": CC,
    "aoc": AOC,
    "test": TEST,
    "security": SECURITY,
    "message": MESSAGE,
    "all": ALL,
    "none": NONE,
}


def classes_of(words: Iterable[str]) -> int:
    """The bits of several labels. Raises ValueError naming one that is unknown."""
    bits = 0
    for word in words:
        label = word.strip().lower()
        if not label:
            continue
        if label not in LABELS:
            raise ValueError(f"'{word.strip()}' is not one of {', '.join(LABELS)}")
        bits |= LABELS[label]
    return bits


def parse_classes(text: str) -> int:
    """``system,call`` as bits. Raises ValueError."""
    return classes_of(text.split(","))


def class_text(bits: int) -> str:
    """How the manager writes classes: ``call,all``; ``<none>`` where there is none."""
    if not bits:
        return "<none>"
    return ",".join(label for label, bit in LABELS.items() if bits & bit)


def parse_event_mask(text: str) -> int | None:
    """An event mask as Login and Events take it: a truth word, a number, or labels; None when it is empty.

    Unknown labels count for nothing, as in Asterisk: clients send labels of versions they were written for.
    """
    text = text.strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return int(text) & ALL
    if is_false(text):
        return NONE
    if is_true(text):
        return ALL
    bits = 0
    for word in text.split(","):
        bits |= LABELS.get(word.strip().lower(), NONE)
    return bits
