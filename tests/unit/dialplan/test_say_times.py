"""Dates and times as prompts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from dialplan.say_times import date_names, datetime_names, time_names

UTC = timezone.utc
NOON = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)


def said(moment: datetime, form: str, now: datetime = NOON) -> str:
    unknown: list[str] = []
    names = datetime_names(moment, form, now, unknown.append)
    return " ".join([name.removeprefix("digits/") for name in names] + [f"?{letter}" for letter in unknown])


@pytest.mark.parametrize(
    ("moment", "form", "text"),
    [
        (NOON, "ABdY 'digits/at' IMp", "day-4 mon-1 20 h-9 2 thousand 20 4 at 12 oclock p-m"),
        (datetime(1905, 1, 1, 0, 5, 7, tzinfo=UTC), "Y IMpS", "19 oh 5 12 oh 5 a-m oh 7"),
        (datetime(1985, 12, 31, 23, 45, tzinfo=UTC), "mdY HM", "h-12 30 h-1 19 80 5 20 3 40 5"),
        (datetime(1899, 6, 1, 8, 0, tzinfo=UTC), "Y k N R", "8 hundred oh 8 oclock"),
        (datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC), "k H T", "oh oh oh oclock 30"),
        (NOON, "x'one'y'two", "one two ?x ?y"),
    ],
)
def test_formats(moment: datetime, form: str, text: str) -> None:
    assert said(moment, form) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "today"),
        (1, "tomorrow"),
        (-1, "yesterday"),
        (3, "day-0"),
        (-3, "day-1"),
        (20, "day-3 mon-2 20"),
        (-20, "day-5 mon-1 h-9"),
        (100, "mon-5 h-8"),
        (400, "mon-3 h-4 2 thousand 20 5"),
        (-400, "mon-0 20 h-5 2 thousand 20 3"),
    ],
)
def test_the_farther_away_the_more_is_said(days: int, text: str) -> None:
    assert said(NOON + timedelta(days=days), "Q") == text.replace("mon-2 20", "mon-2 h-20")


def test_date_and_time() -> None:
    assert [name.removeprefix("digits/") for name in date_names(NOON)] == [
        *("day-4", "mon-1", "20", "9", "2", "thousand", "20", "4")
    ]
    assert time_names(NOON) == ["digits/12", "digits/oclock", "digits/p-m"]
    assert time_names(NOON.replace(hour=0, minute=7)) == ["digits/12", "digits/oh", "digits/7", "digits/a-m"]
    assert time_names(NOON.replace(hour=13, minute=40)) == ["digits/1", "digits/40", "digits/p-m"]
