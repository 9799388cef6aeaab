"""Extension names and patterns: what matches, what could with more digits, and which comes first. Pure.

A name that begins with ``_`` is a pattern: X is 0-9, Z 1-9, N 2-9 (either case), ``[13-5]`` one of a set, ``.`` one or
more of anything, ``!`` anything or nothing, decided early. A ``-`` is decoration and ignored on both sides.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

#: Answers of `compare_places`; EARLY is a yes that wants no further digits.
NO: Final = 0
YES: Final = 1
EARLY: Final = 2

ANY: Final = "."
EARLY_MARK: Final = "!"
#: Weights of a pattern's places; a place that admits fewer characters comes first.
_WEIGHT_ANY: Final = 0x18000
_WEIGHT_EARLY: Final = 0x28000
_WEIGHT_END: Final = 0x30000
_WEIGHT_BROKEN: Final = 0x40000

_CLASSES: Final = {"X": "0123456789", "Z": "123456789", "N": "23456789"}


class Mode(Enum):
    """The three questions a lookup may ask."""

    #: Is this an extension?
    MATCH = "match"
    #: Could it become one, or is it one already?
    CAN_MATCH = "canmatch"
    #: Could more digits make another one of it?
    MATCH_MORE = "matchmore"


#: A place of a pattern: the set of characters it admits, or a mark (``.`` or ``!``).
Place: TypeAlias = str | frozenset[str]
Places: TypeAlias = tuple[Place, ...]


#: The places that one character makes.
_SINGLE: Final = {
    **{chr(code): frozenset(chr(code)) for code in range(1, 128) if chr(code) not in "-[.!"},
    **{letter: frozenset(members) for name, members in _CLASSES.items() for letter in (name, name.lower())},
}


@lru_cache(maxsize=4096)
def places_of(pattern: str) -> Places | None:
    """The places of a pattern (without its underscore): a set of characters, or one of the marks; None when broken."""
    found: list[Place] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        single = _SINGLE.get(character)
        if single is not None:
            found.append(single)
        elif character == "-":
            continue
        elif character in (ANY, EARLY_MARK):
            found.append(character)
        elif character == "[":
            end = pattern.find("]", at)
            if end < 0:
                return None
            # As in Asterisk an empty set is no place, but one whose range runs backwards is a place that nothing fits.
            if end > at:
                found.append(_set_members(pattern[at:end]))
            at = end + 1
        else:
            found.append(frozenset(character))
    return tuple(found)


def _set_members(text: str) -> frozenset[str]:
    members: set[str] = set()
    at = 0
    while at < len(text):
        if at + 2 < len(text) and text[at + 1] == "-":
            # A range is bounded by what one byte can hold, as in Asterisk.
            members.update(chr(code) for code in range(ord(text[at]), min(ord(text[at + 2]), 0xFF) + 1))
            members.update((text[at + 2],) if ord(text[at]) <= ord(text[at + 2]) else ())
            at += 3
        else:
            members.add(text[at])
            at += 1
    return frozenset(members)


def is_pattern(name: str) -> bool:
    """Whether an extension's name is a pattern."""
    return name.startswith("_")


def plain(name: str) -> str:
    """A name without its decoration."""
    return name.replace("-", "") if "-" in name else name


def _compare(name: str, exten: str, mode: Mode) -> int:
    if not name.startswith("_"):
        literal, dialled = plain(name), plain(exten)
        if mode is Mode.MATCH:
            return int(literal == dialled)
        if not literal.startswith(dialled):
            return NO
        return int(len(literal) > len(dialled)) if mode is Mode.MATCH_MORE else YES
    places = places_of(name[1:])
    if places is None:
        return NO
    if mode is Mode.MATCH and exten.startswith("_") and sort_key(name) == sort_key(exten):
        return YES
    return compare_places(places, plain(exten), mode)


def compare_places(places: Places, dialled: str, mode: Mode, start: int = 0) -> int:
    """NO, YES or EARLY for ``dialled`` (without decoration), whose places before ``start`` are known to fit."""
    for number in range(start, len(dialled)):
        if number >= len(places):
            return NO
        place = places[number]
        if isinstance(place, str):
            return YES if place == ANY else EARLY
        if dialled[number] not in place:
            return NO
    if len(dialled) == len(places):
        return int(mode is not Mode.MATCH_MORE)
    if places[len(dialled)] == EARLY_MARK:
        return EARLY
    return int(mode is not Mode.MATCH)


def match(name: str, exten: str) -> bool:
    """Whether ``exten`` is the extension, or fits the pattern, ``name``."""
    return _compare(name, exten, Mode.MATCH) != NO


def can_match(name: str, exten: str) -> bool:
    """Whether ``exten`` is or could become, with more digits, an extension of ``name``."""
    return _compare(name, exten, Mode.CAN_MATCH) != NO


def match_more(name: str, exten: str) -> bool:
    """Whether more digits could still lead to ``name``; a ``!`` has decided already and wants none."""
    return _compare(name, exten, Mode.MATCH_MORE) == YES


def sort_key(name: str) -> tuple[object, ...]:
    """Asterisk's order of extensions: names before patterns; patterns place by place, the narrower set first.

    Sets of equal size are ordered by their lowest character, then by which holds the lower ones.
    """
    if not name.startswith("_"):
        return (0, plain(name))
    places = places_of(name[1:])
    if places is None:
        return (1, (_WEIGHT_BROKEN, 0), name)
    return (1, *weigh_places(places))


def weigh_places(places: Places) -> tuple[tuple[int, int], ...]:
    """The order of patterns by their places: sorts as `sort_key` does among patterns."""
    # A place that nothing fits has no weight.
    return (*(weigh(place) for place in places if place), (_WEIGHT_END, 0))


@lru_cache(maxsize=4096)
def weigh(place: Place) -> tuple[int, int]:
    """The order of one place: fewer characters first, then the lower ones; marks last."""
    if isinstance(place, str):
        return (_WEIGHT_ANY if place == ANY else _WEIGHT_EARLY, 0)
    if not place:
        return (0, 0)
    bits = sum(1 << (255 - min(ord(member), 255)) for member in place)
    return (len(place) << 8 | min(ord(member) for member in place) & 0xFF, -bits)
