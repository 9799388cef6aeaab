"""Extension patterns against a reference that is slow and plain."""

from __future__ import annotations

from functools import cmp_to_key

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan.extension_table import ExtensionTable
from dialplan.patterns import Mode, can_match, match, match_more, sort_key

DIALLED = st.text("0123456789*#a-", max_size=5)
PLACE = st.sampled_from(("0", "1", "5", "9", "*", "X", "x", "Z", "n", "[13-5]", "[1]", "[0-9]", "-", "[a1]", "a"))
PATTERN = st.builds(
    lambda places, end: "_" + "".join(places) + end, st.lists(PLACE, max_size=4), st.sampled_from(("", ".", "!"))
)
NAME = st.one_of(DIALLED, PATTERN).filter(lambda name: name not in ("", "_"))

MEMBERS = {
    "X": "0123456789", "x": "0123456789", "Z": "123456789", "n": "23456789", "[13-5]": "1345", "[1]": "1",
    "[0-9]": "0123456789", "[a1]": "a1",
}  # fmt: skip


def places_of(name: str) -> list[str]:
    """The places of a name as strings of members; ``.`` and ``!`` stand for themselves."""
    if not name.startswith("_"):
        return [character for character in name if character != "-"]
    rest, found = name[1:], []
    while rest:
        part = rest[: rest.index("]") + 1] if rest[0] == "[" else rest[0]
        rest = rest[len(part) :]
        if part != "-":
            found.append(MEMBERS.get(part, part))
    return found


def reference(name: str, exten: str) -> tuple[bool, bool, bool]:
    """Match, can match, match more."""
    places, digits = places_of(name), exten.replace("-", "")
    is_pattern = name.startswith("_")
    for number, digit in enumerate(digits):
        if number >= len(places):
            return False, False, False
        if is_pattern and places[number] in (".", "!"):
            return True, True, places[number] == "."
        if digit not in places[number]:
            return False, False, False
    left = places[len(digits) :]
    if not left:
        return True, True, False
    if is_pattern and left[0] == "!":
        return True, True, False
    return False, True, True


@given(NAME, DIALLED)
@settings(max_examples=600)
def test_the_three_questions(name: str, exten: str) -> None:
    assert (match(name, exten), can_match(name, exten), match_more(name, exten)) == reference(name, exten)


#: Few names, and so many that the tree of patterns branches.
NAMES = st.one_of(
    st.lists(NAME, max_size=6, unique_by=lambda name: name.replace("-", "")),
    st.lists(NAME, min_size=15, max_size=60, unique_by=lambda name: name.replace("-", "")),
)


@given(NAMES, DIALLED)
@settings(max_examples=400)
def test_a_table_answers_as_its_names_one_by_one_in_order(names: list[str], exten: str) -> None:
    table = ExtensionTable((name, name) for name in names)
    ordered = [name for name, _ in table]
    assert sorted(ordered, key=sort_key) == ordered
    matching = [name for name in ordered if match(name, exten)]
    found = table.find(exten)
    assert found == ((matching[0], matching[0]) if matching else None)
    assert table.ask(exten, Mode.CAN_MATCH) == any(can_match(name, exten) for name in names)
    more: bool | None = False
    for name in ordered:
        if name.startswith("_") and reference(name, exten)[:2] == (True, True) and not reference(name, exten)[2]:
            decided = any(place == "!" for place in places_of(name)[: len(exten.replace("-", "")) + 1])
            if decided:
                more = None
                break
        if match_more(name, exten):
            more = True
            break
    assert table.ask(exten, Mode.MATCH_MORE) == more


@given(NAMES, st.data())
@settings(max_examples=200)
def test_a_table_holds_what_is_put_in_and_not_taken_out(names: list[str], data: st.DataObject) -> None:
    table: ExtensionTable[str] = ExtensionTable()
    held: dict[object, str] = {}
    for name in names:
        table.put(name, name)
        held[sort_key(name)] = name
    for name in data.draw(st.lists(st.sampled_from(names), max_size=20)) if names else ():
        table.discard(name)
        held.pop(sort_key(name), None)
    assert sorted(held.values()) == sorted(name for name, _ in table)
    assert len(table) == len(held)
    for name in names:
        assert table.get(name) == held.get(sort_key(name))
    for _ in table.dismantle(3):
        pass
    assert (list(table), len(table)) == ([], 0)


def narrower(one: str, other: str) -> int:
    """Asterisk's order, place by place, from the description of its comparator."""
    if one.startswith("_") != other.startswith("_"):
        return 1 if one.startswith("_") else -1
    if not one.startswith("_"):
        a, b = one.replace("-", ""), other.replace("-", "")
        return (a > b) - (a < b)
    for a, b in zip([*places_of(one), "end"], [*places_of(other), "end"], strict=False):
        sizes = [{".": 1000, "!": 2000, "end": 3000}.get(place) or len(set(place)) for place in (a, b)]
        if sizes[0] != sizes[1]:
            return sizes[0] - sizes[1]
        if a != b:
            for low, high in zip(sorted(a), sorted(b), strict=True):
                if low != high:
                    return -1 if low < high else 1
    return 0


@given(st.lists(NAME, max_size=8))
@settings(max_examples=400)
def test_the_order_is_asterisk_s(names: list[str]) -> None:
    wanted = sorted(names, key=cmp_to_key(narrower))
    assert [sort_key(name) for name in sorted(names, key=sort_key)] == [sort_key(name) for name in wanted]


def test_the_order_by_example() -> None:
    names = ["_!", "_.", "_X.", "_XXX", "_[1-4]XX", "_1XX", "_NXX", "_ZXX", "i", "100", "_10X", "_1[0-5]X", "s"]
    assert sorted(names, key=sort_key) == [
        "100", "i", "s", "_10X", "_1[0-5]X", "_1XX", "_[1-4]XX", "_NXX", "_ZXX", "_XXX", "_X.", "_.", "_!",
    ]  # fmt: skip


@pytest.mark.parametrize("broken", ["_[", "_1[23", "_X[5-"])
def test_a_broken_set_matches_nothing(broken: str) -> None:
    assert not match(broken, "1")
    assert ExtensionTable([(broken, 1)]).find("1") is None


def test_a_huge_range_is_bounded() -> None:
    assert match("_[!-\uffff]", "1")


def test_names_compare_without_dashes() -> None:
    assert match("555-1234", "5551234")
    assert match("_555-XXXX", "555-12-34")


def test_a_range_that_runs_backwards_is_a_place_that_nothing_fits() -> None:
    for dialled in ("", "-", "1", "2", "3"):
        assert not match("_[3-1]", dialled)
        assert not match("_[3-1]X", dialled)
    assert match("_[]1", "1")
    assert match("_[3-15]", "5")
    assert sorted(["_X", "_[3-1]1"], key=sort_key) == ["_[3-1]1", "_X"]
