"""Tones as indications.conf writes them (``440+480/2000,0/4000``), and their sound.

An item is ``[!]frequencies[/milliseconds]``; frequencies are ``f``, ``f1+f2`` or ``f1*f2`` (f1 modulated by f2), or
``M`` and a MIDI note. Items with ``!`` are played once, the others over and over; one without a length never ends
(Asterisk: ast_playtones_start). Pure: text in, samples out.
"""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import dataclass
from functools import lru_cache

RATE = 8000
#: Level of one frequency, as Asterisk's playtones has it.
LEVEL = 7219
#: Items of one tone, and the longest of them in ms.
MAX_ITEMS = 64
MAX_ITEM_MS = 30_000
MAX_FREQUENCY = 4000
#: Seconds of sound made of a part that repeats, so that it is seldom begun anew.
REPEATED_SECONDS = 30

_ITEM = re.compile(r"(!?)(M?)(\d{1,5})(?:([+*])(M?)(\d{1,5}))?(?:/(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class ToneItem:
    """Frequencies in Hz (0 is silence) for ``milliseconds``; 0 of these is for ever."""

    one: float
    two: float = 0.0
    modulated: bool = False
    milliseconds: int = 0
    once: bool = False


@dataclass(frozen=True, slots=True)
class ToneSound:
    """16-bit samples at `RATE`: what is played first, and what then repeats (empty: the tone ends)."""

    once: bytes
    repeated: bytes


def parse_tone(text: str) -> tuple[ToneItem, ...]:
    """The items of a tone. Raises ValueError naming the first that is none."""
    found: list[ToneItem] = []
    for part in text.replace("|", ",").split(","):
        word = part.strip()
        match = _ITEM.fullmatch(word)
        if match is None:
            raise ValueError(f"'{word[:40]}' is not a tone")
        once, midi_one, one, sign, midi_two, two, length = match.groups()
        item = ToneItem(
            _hertz(one, midi_one),
            _hertz(two or "0", midi_two),
            sign == "*",
            min(int(length or 0), MAX_ITEM_MS),
            bool(once),
        )
        found.append(item)
        if len(found) > MAX_ITEMS:
            raise ValueError(f"a tone has at most {MAX_ITEMS} parts")
    return tuple(found)


def _hertz(number: str, midi: str | None) -> float:
    value = float(number)
    if midi:
        value = 440.0 * 2 ** ((min(value, 127.0) - 69) / 12)
    if value > MAX_FREQUENCY:
        raise ValueError(f"{number} Hz is above {MAX_FREQUENCY}")
    return value


@lru_cache(maxsize=64)
def render(items: tuple[ToneItem, ...]) -> ToneSound:
    """The sound of a tone."""
    once = b"".join(_samples(item) for item in items if item.once)
    repeated = b""
    for item in items:
        if not item.once:
            repeated += _samples(item)
            if not item.milliseconds:
                break
    if repeated:
        seconds = len(repeated) / (2 * RATE)
        repeated *= max(1, round(REPEATED_SECONDS / seconds))
    return ToneSound(once, repeated)


def _samples(item: ToneItem) -> bytes:
    # One second of whole frequencies joins with the next.
    count = RATE if not item.milliseconds else RATE * item.milliseconds // 1000
    if not item.one:
        return bytes(2 * count)
    step_one, step_two = (2 * math.pi * each / RATE for each in (item.one, item.two))
    sine = math.sin
    if item.modulated:
        values = [LEVEL * sine(step_one * n) * (1 + 0.9 * sine(step_two * n)) for n in range(count)]
    elif item.two:
        values = [LEVEL * (sine(step_one * n) + sine(step_two * n)) for n in range(count)]
    else:
        values = [LEVEL * sine(step_one * n) for n in range(count)]
    return array("h", map(int, values)).tobytes()
