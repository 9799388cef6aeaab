"""Which port is on which bridge."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pbx.media.mixer import NULL, SILENCE, Band, Mixer


class FakeBridge:
    """Refuses what PJMEDIA would."""

    silence_slot = 1

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}
        self.made: set[tuple[int, int]] = set()
        self._free = 2

    @property
    def ports(self) -> int:
        return len(self.held)

    @property
    def connections(self) -> int:
        return len(self.made)

    def add(self, port: Any, name: bytes) -> int:
        assert port not in self.held.values()
        self._free += 1
        self.held[self._free] = port
        return self._free

    def remove(self, slot: int) -> None:
        del self.held[slot]
        self.made = {pair for pair in self.made if slot not in pair}

    def connect(self, source: int, sink: int) -> None:
        assert source in self.held or source == self.silence_slot
        assert sink in self.held or sink == NULL
        assert (source, sink) not in self.made
        self.made.add((source, sink))

    def disconnect(self, source: int, sink: int) -> None:
        self.made.remove((source, sink))

    def level_to(self, slot: int) -> int:
        return len(self.held[slot])

    def named(self) -> set[tuple[Any, Any]]:
        names = {NULL: "null", self.silence_slot: "silence", **self.held}
        return {(names[source], names[sink]) for source, sink in self.made}


class Board:
    def __init__(self) -> None:
        self.narrow, self.wide = FakeBridge(), FakeBridge()
        self.mixer = Mixer(self.narrow, self.wide)

    def add(self, name: str, band: Band) -> int:
        return self.mixer.add(name, name.encode(), band)

    def made(self) -> set[tuple[Any, Any]]:
        return self.narrow.named() | self.wide.named()


def test_alone_each_is_where_it_belongs() -> None:
    board = Board()
    ports = [board.add(band.value, band) for band in Band]
    assert [board.mixer.is_wide(port) for port in ports] == [False, True, False]


def test_a_file_goes_along_with_its_listener() -> None:
    board = Board()
    phone, file = board.add("phone", Band.WIDE), board.add("file", Band.EITHER)
    board.mixer.connect(file, NULL)
    board.mixer.connect(file, phone)
    assert board.mixer.is_wide(file)
    assert board.made() == {("file", "null"), ("file", "phone")}
    board.mixer.disconnect(file, phone)
    board.mixer.remove(file)
    assert board.made() == set()


def test_one_narrow_port_makes_all_narrow_until_the_wide_one_is_alone() -> None:
    board = Board()
    a, b, c = board.add("a", Band.WIDE), board.add("b", Band.WIDE), board.add("c", Band.NARROW)
    board.mixer.connect(a, b)
    assert board.mixer.is_wide(a)
    board.mixer.connect(c, b)
    assert not any(board.mixer.is_wide(port) for port in (a, b, c))
    assert board.made() == {("a", "b"), ("c", "b")}
    board.mixer.remove(c)
    board.mixer.disconnect(a, b)
    assert board.mixer.is_wide(a)
    assert board.mixer.is_wide(b)


def test_without_a_wide_bridge() -> None:
    narrow = FakeBridge()
    mixer = Mixer(narrow, None)
    a, b = mixer.add("a", b"a", Band.WIDE), mixer.add("b", b"b", Band.NARROW)
    mixer.connect(a, b)
    mixer.connect(a, a)
    mixer.disconnect(a, b)
    assert narrow.named() == {("a", "a")}
    assert not mixer.is_wide(a)


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "connect", "disconnect"]), st.integers(0, 7), st.integers(0, 9)),
        max_size=80,
    )
)
def test_every_connection_asked_for_exists_on_one_bridge(operations: list[tuple[str, int, int]]) -> None:
    board = Board()
    numbers: dict[int, int] = {}
    bands: dict[int, Band] = {}
    wanted: set[tuple[Any, Any]] = set()
    for what, first, second in operations:
        if what == "add" and first not in numbers:
            bands[first] = list(Band)[second % 3]
            numbers[first] = board.add(str(first), bands[first])
        elif what == "remove" and first in numbers:
            board.mixer.remove(numbers.pop(first))
            wanted = {pair for pair in wanted if str(first) not in pair}
        elif what in {"connect", "disconnect"}:
            pair: tuple[str, str]
            if second == 8 and first in numbers:
                pair, ends = (str(first), "null"), (numbers[first], NULL)
            elif second == 9 and first in numbers:
                pair, ends = ("silence", str(first)), (SILENCE, numbers[first])
            elif first in numbers and second in numbers:
                pair, ends = (str(first), str(second)), (numbers[first], numbers[second])
            else:
                continue
            if what == "connect":
                board.mixer.connect(*ends)
                wanted.add(pair)
            else:
                board.mixer.disconnect(*ends)
                wanted.discard(pair)
        assert board.made() == wanted
        assert board.mixer.ports == len(numbers)
        for one, number in numbers.items():
            if bands[one] is Band.NARROW:
                assert not board.mixer.is_wide(number)
