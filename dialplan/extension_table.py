"""The extensions of one context, indexed for lookups: names in a dictionary, patterns in a tree. Pure.

The tree branches place by place, but only where more than a handful of patterns share what went before, so that a
lookup among 100,000 patterns compares a few of them and a short list costs no more than its rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Generic, TypeVar

from dialplan.patterns import EARLY, NO, YES, Mode, Places, compare_places, places_of, plain, weigh, weigh_places

V = TypeVar("V")

#: Patterns a node holds before it branches.
NODE_ROWS = 8


class _Row(Generic[V]):
    """A pattern: its name as written, its places, its value, and its order among all patterns."""

    __slots__ = ("key", "name", "places", "value")

    def __init__(self, name: str, places: Places, value: V) -> None:
        self.name = name
        self.places = places
        self.value = value
        self.key = weigh_places(places)


class _Node(Generic[V]):
    """The patterns that share their first ``depth`` places: rows in order, or branches and what ends here."""

    __slots__ = ("branches", "by_character", "depth", "key", "ordered", "rows")

    def __init__(self, depth: int, key: tuple[int, int] = (0, 0)) -> None:
        self.depth = depth
        self.key = key
        #: While there are no branches every row; then those whose next place is a mark or the end.
        self.rows: list[_Row[V]] = []
        self.branches: dict[frozenset[str], _Node[V]] | None = None
        self.by_character: dict[str, list[_Node[V]]] = {}
        self.ordered: list[_Node[V]] = []

    def leaf(self, row_places: Places) -> _Node[V]:
        """The node that holds, or would hold, a pattern of these places; branches on the way are made."""
        node = self
        while node.branches is not None and node.depth < len(row_places):
            place = row_places[node.depth]
            if isinstance(place, str):
                break
            node = node.branch(node.branches, place)
        return node

    def branch(self, branches: dict[frozenset[str], _Node[V]], place: frozenset[str]) -> _Node[V]:
        """The node behind a place; made if need be."""
        found = branches.get(place)
        if found is None:
            found = branches[place] = _Node(self.depth + 1, weigh(place))
            insort(self.ordered, found, key=_BY_KEY)
            for character in place:
                insort(self.by_character.setdefault(character, []), found, key=_BY_KEY)
        return found

    def insert(self, row: _Row[V]) -> None:
        node = self.leaf(row.places)
        insort(node.rows, row, key=_BY_KEY)
        if node.branches is None and len(node.rows) > NODE_ROWS:
            node.split()

    def split(self) -> None:
        rows, depth = self.rows, self.depth
        if not any(depth < len(row.places) and not isinstance(row.places[depth], str) for row in rows):
            return
        self.rows, self.branches = [], {}
        for row in rows:
            self.insert(row)

    def all_rows(self) -> Iterator[_Row[V]]:
        """Every pattern here and below, in order."""
        for node in self.ordered:
            yield from node.all_rows()
        yield from self.rows

    def matching(self, dialled: str, found: list[_Row[V]]) -> None:
        """Add the patterns that match, in order."""
        if self.branches is not None and self.depth < len(dialled):
            for node in self.by_character.get(dialled[self.depth], ()):
                node.matching(dialled, found)
        depth = self.depth
        found += [row for row in self.rows if compare_places(row.places, dialled, Mode.MATCH, depth) != NO]

    def answers(self, dialled: str, mode: Mode) -> Iterator[tuple[_Row[V], int]]:
        """The patterns that answer ``mode`` with YES or EARLY, in order."""
        if self.depth < len(dialled):
            for node in self.by_character.get(dialled[self.depth], ()):
                yield from node.answers(dialled, mode)
        else:
            for node in self.ordered:
                for row in node.all_rows():
                    yield row, YES
        for row in self.rows:
            answer = compare_places(row.places, dialled, mode, self.depth)
            if answer != NO:
                yield row, answer


_BY_KEY = attrgetter("key")


class ExtensionTable(Generic[V]):
    """Extensions by name or pattern. Two spellings of one pattern (``_XX``, ``_[0-9]x``) are one extension."""

    __slots__ = ("_count", "_names", "_root", "literals")

    def __init__(self, entries: Iterable[tuple[str, V]] = ()) -> None:
        #: Names without decoration, each with the name as written and its value. For reading.
        self.literals: dict[str, tuple[str, V]] = {}
        self._root: _Node[V] = _Node(0)
        #: How many patterns there are.
        self._count = 0
        #: The keys of `literals` in order; None when they have to be sorted again.
        self._names: list[str] | None = []
        self.extend(entries)

    def put(self, name: str, value: V) -> None:
        """Put an extension in, in the place of one that is the same; a broken pattern matches nothing, is left out."""
        if not name.startswith("_"):
            key = plain(name)
            if self._names is not None and key not in self.literals:
                self._names = None
            self.literals[key] = (name, value)
            return
        places = places_of(name[1:])
        if places is None:
            return
        row = self._row(places)
        if row is None:
            self._root.insert(_Row(name, places, value))
            self._count += 1
        else:
            row.name, row.value = name, value

    def extend(self, entries: Iterable[tuple[str, V]]) -> None:
        """Put many extensions in."""
        for name, value in entries:
            self.put(name, value)

    def get(self, name: str) -> V | None:
        """The value of that very name or pattern."""
        if not name.startswith("_"):
            held = self.literals.get(plain(name))
            return None if held is None else held[1]
        places = places_of(name[1:])
        row = None if places is None else self._row(places)
        return None if row is None else row.value

    def discard(self, name: str) -> None:
        """Take that very name or pattern out; no error where there is none."""
        if not name.startswith("_"):
            if self.literals.pop(plain(name), None) is not None:
                self._names = None
            return
        places = places_of(name[1:])
        if places is None:
            return
        rows = self._root.leaf(places).rows
        for row in rows:
            if row.places == places:
                rows.remove(row)
                self._count -= 1
                return

    def dismantle(self, rows: int) -> Iterator[None]:
        """Empty the table, ``rows`` at a time: letting go of a large one at once takes a while."""
        while self.literals:
            for _ in range(min(rows, len(self.literals))):
                self.literals.popitem()
            yield
        patterns = list(self._root.all_rows())
        self._root, self._count, self._names = _Node(0), 0, []
        while patterns:
            del patterns[-rows:]
            yield

    def _row(self, places: Places) -> _Row[V] | None:
        for row in self._root.leaf(places).rows:
            if row.places == places:
                return row
        return None

    def __len__(self) -> int:
        return len(self.literals) + self._count

    def _sorted_names(self) -> list[str]:
        names = self._names
        if names is None:
            names = self._names = sorted(self.literals)
        return names

    def __iter__(self) -> Iterator[tuple[str, V]]:
        """Extensions in Asterisk's order."""
        for key in self._sorted_names():
            yield self.literals[key]
        for row in self._root.all_rows():
            yield row.name, row.value

    def candidates(self, exten: str) -> list[tuple[str, V]]:
        """Every extension that matches ``exten``, in order."""
        dialled = plain(exten)
        literal = self.literals.get(dialled)
        found = [] if literal is None else [literal]
        if self._count:
            rows: list[_Row[V]] = []
            self._root.matching(dialled, rows)
            if exten.startswith("_"):
                self._add_itself(exten, rows)
            found += [(row.name, row.value) for row in rows]
        return found

    def _add_itself(self, exten: str, rows: list[_Row[V]]) -> None:
        """A pattern is also found by its own name, in its order."""
        places = places_of(exten[1:])
        itself = None if places is None else self._row(places)
        if itself is not None and itself not in rows:
            insort(rows, itself, key=_BY_KEY)

    def find(self, exten: str) -> tuple[str, V] | None:
        """The extension that ``exten`` is, with its name as it was given, or None."""
        if not self._count:
            return self.literals.get(plain(exten))
        return next(iter(self.candidates(exten)), None)

    def answers(self, exten: str, mode: Mode) -> Iterator[tuple[str, V, bool]]:
        """What says yes to CAN_MATCH or MATCH_MORE, in order; True with a ``!`` pattern, which wants no more digits."""
        names = self._sorted_names()
        dialled = plain(exten)
        at = bisect_left(names, dialled)
        if mode is Mode.MATCH_MORE and at < len(names) and names[at] == dialled:
            at += 1
        while at < len(names) and names[at].startswith(dialled):
            yield *self.literals[names[at]], False
            at += 1
        for row, answer in self._root.answers(dialled, mode):
            yield row.name, row.value, answer == EARLY

    def ask(self, exten: str, mode: Mode) -> bool | None:
        """Answer one of the three questions; None when a ``!`` pattern has decided MATCH_MORE with a final no."""
        if mode is Mode.MATCH:
            return self.find(exten) is not None
        for _name, _value, early in self.answers(exten, mode):
            return None if early and mode is Mode.MATCH_MORE else True
        return False
