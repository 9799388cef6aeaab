"""CALLERID, CONNECTEDLINE and REDIRECTING."""

from __future__ import annotations

import pytest

from pbx.core.party import PartyId
from tests.unit.functions.conftest import Functions

#: Keys of a party, a value for each, and what is read back.
KEYS = [
    ("all", '"Ann Other" <42>', '"Ann Other" <42>'),
    ("name", " Ann ", "Ann"),
    ("name-valid", "1", "1"),
    ("name-charset", "utf8", "utf8"),
    ("name-charset", "3", "iso8859-2"),
    ("name-pres", "prohib", "prohib"),
    ("num", "42", "42"),
    ("number-valid", "0", "0"),
    ("num-plan", "16", "16"),
    ("ton", "17", "17"),
    ("num-pres", "prohib_passed_screen", "prohib_passed_screen"),
    ("subaddr", "s", "s"),
    ("subaddress-valid", "1", "1"),
    ("subaddr-type", "1", "2"),
    ("subaddr-odd", "1", "1"),
    ("tag", "t", "t"),
]


@pytest.mark.parametrize(
    "whose",
    [
        "CALLERID({})",
        "CALLERID(priv-{})",
        "CALLERID(ANI-{})",
        "CONNECTEDLINE({},i)",
        "CONNECTEDLINE(priv-{},i)",
        "REDIRECTING(orig-{},i)",
        "REDIRECTING(from-{},i)",
        "REDIRECTING(to-{},i)",
        "REDIRECTING(priv-from-{},i)",
    ],
)
def test_every_part_of_every_party(functions: Functions, whose: str) -> None:
    for key, value, back in KEYS:
        expression = whose.format(key)
        functions.write(expression, value)
        assert functions.read(expression.replace(",i)", ")")) == back, expression


@pytest.mark.parametrize(
    ("key", "value", "back"),
    [
        ("REDIRECTING(reason)", "cfb", "cfb"),
        ("REDIRECTING(reason)", "no-answer", "cfnr"),
        ("REDIRECTING(reason)", "4", "cfu"),
        ("REDIRECTING(reason)", "my own", "my own"),
        ("REDIRECTING(orig-reason)", "dnd", "dnd"),
        ("REDIRECTING(count)", "3", "3"),
        ("CONNECTEDLINE(source)", "transfer", "transfer_active"),
        ("CONNECTEDLINE(source)", "1", "answer"),
        ("CALLERID(ANI2)", "3", "3"),
        ("CALLERID(ANI)", "7", "7"),
        ("CALLERID(RDNIS)", "9", "9"),
        ("CALLERID(DNID)", "100", "100"),
        ("CALLERID(dnid-num-plan)", "2", "2"),
        ("CALLERID(dnid-subaddr)", "x", "x"),
        ("CALLERID(dnid-subaddr-odd)", "1", "1"),
    ],
)
def test_other_keys(functions: Functions, key: str, value: str, back: str) -> None:
    functions.write(key, value)
    assert functions.read(key) == back


@pytest.mark.parametrize(
    "expression",
    [
        "CALLERID(nothing)",
        "CALLERID(priv)",
        "CALLERID(priv-nothing)",
        "CALLERID(dnid-x)",
        "CONNECTEDLINE(x)",
        "REDIRECTING(x)",
        "REDIRECTING(orig)",
        "REDIRECTING(priv-x-num)",
        "REDIRECTING(priv)",
    ],
)
def test_unknown_keys(functions: Functions, expression: str) -> None:
    with pytest.raises(Exception, match="unknown"):
        functions.read(expression)
    with pytest.raises(Exception, match="unknown"):
        functions.write(expression, "1")


@pytest.mark.parametrize(
    "expression",
    ["CALLERID(pres)", "CALLERID(num-plan)", "CALLERID(name-charset)", "CONNECTEDLINE(source)", "REDIRECTING(count)"],
)
def test_wrong_values(functions: Functions, expression: str) -> None:
    before = functions.read(expression)
    with pytest.raises(Exception, match="'x' is not"):
        functions.write(expression, "x")
    assert functions.read(expression) == before


def test_whole_identities(functions: Functions) -> None:
    assert functions.read("CALLERID(all)") == '"" <1000>'
    assert functions.read('CALLERID(num,"A B" <12>)') == "12"
    assert functions.read('CALLERID(name,"A B" <12>)') == "A B"
    functions.write("CALLERID(name-valid)", "0")
    assert functions.read("CALLERID(name)") == ""


def test_the_far_end_is_told_unless_inhibited(functions: Functions) -> None:
    told = functions.call.far.told
    told.clear()
    functions.write("CONNECTEDLINE(num,i)", "5")
    functions.write("REDIRECTING(to-num,i)", "5")
    assert told == []
    functions.write("CONNECTEDLINE(num)", "6")
    functions.write("REDIRECTING(to-num)", "6")
    assert told == ["connected_line", "redirecting"]


@pytest.mark.parametrize(
    ("party", "presentation"),
    [
        (PartyId(), 0x43),
        (PartyId(name="a", name_valid=True), 0x00),
        (PartyId(number="1", number_valid=True, number_presentation=0x01), 0x01),
        (PartyId(name_valid=True, name_presentation=0x20, number_valid=True, number_presentation=0x01), 0x21),
        (PartyId(name_valid=True, name_presentation=0x00, number_valid=True, number_presentation=0x43), 0x03),
        (PartyId(number_valid=True, number_presentation=0x43), 0x43),
    ],
)
def test_both_presentations_together(party: PartyId, presentation: int) -> None:
    assert party.presentation == presentation
