"""Who is on the line: what a written caller ID means."""

from __future__ import annotations

import pytest

from pbx.core.party import parse_callerid


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ('"Ann Lee" <100>', "Ann Lee", "100"),
        ("Ann Lee <100>", "Ann Lee", "100"),
        ("Ann Lee <100", "Ann Lee", "100"),
        ("<100>", "", "100"),
        ('"Ann <100>"', "Ann", "100"),
        ("Ann < B <(555) 12-34>", "Ann < B", "5551234"),
        (r'"Ann \"A\" Lee" <100>', 'Ann "A" Lee', "100"),
        ("(555) 12-34.5", "", "55512345"),
        ("+49*1#", "", "+49*1#"),
        ("alice", "alice", ""),
        ("alice1", "alice1", ""),
        ('"100"', "100", ""),
        ("Ann <[2001:db8::1-2]>", "Ann", "[2001:db8::1-2]"),
        ("", "", ""),
        ("<", "", ""),
        ('"', '"', ""),
    ],
)
def test_a_written_caller_id(text: str, name: str, number: str) -> None:
    party = parse_callerid(text)
    assert (party.name, party.number) == (name, number)
    assert (party.name_valid, party.number_valid) == (bool(name), bool(number))
