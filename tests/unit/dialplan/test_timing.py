"""When a timed include holds."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from dialplan.timing import parse_timing

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("timing", "inside", "outside"),
    [
        # 2024-01-01 was a Monday.
        ("09:00-17:00|mon-fri|*|*", ["2024-01-01 09:00", "2024-01-05 17:00"], ["2024-01-01 08:59", "2024-01-06 12:00"]),
        ("18:00-08:00,*,*,*", ["2024-01-01 18:00", "2024-01-01 03:00"], ["2024-01-01 12:00"]),
        ("*|sat-mon", ["2024-01-06 12:00", "2024-01-07 12:00", "2024-01-08 12:00"], ["2024-01-09 12:00"]),
        ("*|*|31-2|*", ["2024-01-31 12:00", "2024-02-01 12:00"], ["2024-01-30 12:00", "2024-01-03 12:00"]),
        ("*|*|*|nov-feb", ["2024-12-01 12:00", "2024-01-01 12:00"], ["2024-03-01 12:00"]),
        ("*|2&fri|1-7&20|*", ["2024-01-01 12:00", "2024-01-05 12:00"], ["2024-01-02 12:00", "2024-01-12 12:00"]),
        ("12:30|*|*|*", ["2024-01-01 12:30"], ["2024-01-01 12:31"]),
        ("09:00-10:00&14:00-15:00", ["2024-01-01 09:30", "2024-01-01 14:30"], ["2024-01-01 12:00"]),
        ("09:00 - 10:00", ["2024-01-01 09:30"], ["2024-01-01 10:01"]),
        ("*", ["2024-06-15 12:00"], []),
        ("*|SUN|*|JUL", ["2024-07-07 12:00"], ["2024-07-08 12:00"]),
    ],
)
def test_fields_ranges_and_lists(timing: str, inside: list[str], outside: list[str]) -> None:
    fields = timing.replace(",", "|").split("|")
    warnings: list[str] = []
    made = parse_timing("|".join((*fields, *["*"] * (4 - len(fields)), "Europe/Berlin")), warnings)
    assert warnings == []
    assert [made.holds(at(text)) for text in inside] == [True] * len(inside)
    assert [made.holds(at(text)) for text in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("timing", "warning"),
    [
        ("25:00-26:00", "'25:00' isn't a valid start time"),
        ("09:00-99:00", "'99:00' isn't a valid end time"),
        ("09:00-", "invalid time range beginning '09:00-'"),
        ("x", "'x' isn't a valid time"),
        ("*|noday", "invalid day of week 'noday', skipping element"),
        ("*|mon-xx", "invalid end day of week 'xx', skipping element"),
        ("*|*|0-40", "invalid day '0', skipping element"),
        ("*|*|*|13", "invalid month '13', skipping element"),
        ("*|*|*|*|Moon/Sea", "unknown time zone 'Moon/Sea', the system's is used"),
        ("*|*|*|*|../../etc/passwd", "unknown time zone '../../etc/passwd', the system's is used"),
    ],
)
def test_what_cannot_be_read_is_left_out(timing: str, warning: str) -> None:
    warnings: list[str] = []
    parse_timing(timing, warnings)
    assert warnings == [warning]
