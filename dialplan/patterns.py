"""Extension names and patterns: what matches, what could with more digits, and which comes first. Pure.

A name that begins with ``_`` is a pattern: X is 0-9, Z 1-9, N 2-9 (either case), ``[13-5]`` one of a set, ``.`` one or
more of anything, ``!`` anything or nothing, decided early. A ``-`` is decoration and ignored on both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Final, Generic, TypeVar

V = TypeVar("V")

_NO: Final = 0
_YES: Final = 1
_EARLY: Final = 2

_ANY: Final = "."
_EARLY_MARK: Final = "!"
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


Place = "str | frozenset[str]"


@lru_cache(maxsize=4096)
def _places(pattern: str) -> tuple[str | frozenset[str], ...] | None:
    """The places of a pattern (without its underscore): a set of characters, or one of the marks; None when broken."""
    found: list[str | frozenset[str]] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "-":
            continue
        if character in (_ANY, _EARLY_MARK):
            found.append(character)
        elif character.upper() in _CLASSES:
            found.append(frozenset(_CLASSES[character.upper()]))
        elif character == "[":
            end = pattern.find("]", at)
            if end < 0:
                return None
            members = _set_members(pattern[at:end])
            at = end + 1
            if members:
                found.append(members)
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
            return _NO
        return int(len(literal) > len(dialled)) if mode is Mode.MATCH_MORE else _YES
    places = _places(name[1:])
    if places is None:
        return _NO
    if mode is Mode.MATCH and exten.startswith("_") and sort_key(name) == sort_key(exten):
        return _YES
    return _compare_places(places, plain(exten), mode)


def _compare_places(places: tuple[str | frozenset[str], ...], dialled: str, mode: Mode) -> int:
    for number, character in enumerate(dialled):
        if number >= len(places):
            return _NO
        place = places[number]
        if isinstance(place, str):
            return _YES if place == _ANY else _EARLY
        if character not in place:
            return _NO
    if len(dialled) == len(places):
        return int(mode is not Mode.MATCH_MORE)
    if places[len(dialled)] == _EARLY_MARK:
        return _EARLY
    return int(mode is not Mode.MATCH)


def match(name: str, exten: str) -> bool:
    """Whether ``exten`` is the extension, or fits the pattern, ``name``."""
    return _compare(name, exten, Mode.MATCH) != _NO


def can_match(name: str, exten: str) -> bool:
    """Whether ``exten`` is or could become, with more digits, an extension of ``name``."""
    return _compare(name, exten, Mode.CAN_MATCH) != _NO


def match_more(name: str, exten: str) -> bool:
    """Whether more digits could still lead to ``name``; a ``!`` has decided already and wants none."""
    return _compare(name, exten, Mode.MATCH_MORE) == _YES


def sort_key(name: str) -> tuple[object, ...]:
    """Asterisk's order of extensions: names before patterns; patterns place by place, the narrower set first.

    Sets of equal size are ordered by their lowest character, then by which holds the lower ones.
    """
    if not name.startswith("_"):
        return (0, plain(name))
    places = _places(name[1:])
    if places is None:
        return (1, (_WEIGHT_BROKEN, 0), name)
    return (1, *map(_weigh, places), (_WEIGHT_END, 0))


def _weigh(place: str | frozenset[str]) -> tuple[int, int]:
    if isinstance(place, str):
        return (_WEIGHT_ANY if place == _ANY else _WEIGHT_EARLY, 0)
    bits = sum(1 << (255 - min(ord(member), 255)) for member in place)
    return (len(place) << 8 | min(ord(member) for member in place) & 0xFF, -bits)


class ExtensionTable(Generic[V]):
    """The extensions of one context, for lookups: names in a dictionary, patterns in their order."""

    __slots__ = ("_literals", "_names", "_patterns", "_sorted")

    def __init__(self, entries: Iterable[tuple[str, V]] = ()) -> None:
        self._literals: dict[str, tuple[str, V]] = {}
        self._patterns: list[tuple[str, tuple[str | frozenset[str], ...], V]] = []
        self._names: list[str] = []
        self._sorted = True
        for name, value in entries:
            self.add(name, value)

    def add(self, name: str, value: V) -> None:
        """Put an extension in, in the place of one of its name; a broken pattern matches nothing and is left out."""
        self._sorted = False
        if not name.startswith("_"):
            self._literals[plain(name)] = (name, value)
            return
        places = _places(name[1:])
        if places is not None:
            self._patterns = [each for each in self._patterns if each[0] != name]
            self._patterns.append((name, places, value))

    def extend(self, entries: Iterable[tuple[str, V]]) -> None:
        """Put many extensions in, none of whose patterns is there already."""
        self._sorted = False
        for name, value in entries:
            if not name.startswith("_"):
                self._literals[plain(name)] = (name, value)
            elif (places := _places(name[1:])) is not None:
                self._patterns.append((name, places, value))

    def _sort(self) -> None:
        self._names = sorted(self._literals)
        self._patterns.sort(key=lambda entry: sort_key(entry[0]))
        self._sorted = True

    def __len__(self) -> int:
        return len(self._literals) + len(self._patterns)

    def __iter__(self) -> Iterator[tuple[str, V]]:
        """Extensions in Asterisk's order."""
        if not self._sorted:
            self._sort()
        for key in self._names:
            yield self._literals[key]
        for name, _places_of, value in self._patterns:
            yield name, value

    def candidates(self, exten: str) -> Iterator[tuple[str, V]]:
        """Every extension that matches ``exten``, in order."""
        if not self._sorted:
            self._sort()
        dialled = plain(exten)
        found = self._literals.get(dialled)
        if found is not None:
            yield found
        as_pattern = sort_key(exten) if exten.startswith("_") else None
        for name, places, value in self._patterns:
            if _compare_places(places, dialled, Mode.MATCH) != _NO or (as_pattern and sort_key(name) == as_pattern):
                yield name, value

    def find(self, exten: str) -> tuple[str, V] | None:
        """The extension that ``exten`` is, with its name as it was given, or None."""
        return next(self.candidates(exten), None)

    def ask(self, exten: str, mode: Mode) -> bool | None:
        """Answer one of the three questions; None when a ``!`` pattern has decided MATCH_MORE with a final no."""
        if mode is Mode.MATCH:
            return self.find(exten) is not None
        if not self._sorted:
            self._sort()
        dialled = plain(exten)
        at = bisect_left(self._names, dialled)
        if mode is Mode.MATCH_MORE and at < len(self._names) and self._names[at] == dialled:
            at += 1
        if at < len(self._names) and self._names[at].startswith(dialled):
            return True
        for _name, places, _value in self._patterns:
            answer = _compare_places(places, dialled, mode)
            if answer == _EARLY and mode is Mode.MATCH_MORE:
                return None
            if answer != _NO:
                return True
        return False
