"""Letters, phonetic words and amounts as prompts, and that every prompt that English needs is shipped."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from dialplan.say import character_names, digits_names, money_names, number_names, ordinal_names, phonetic_names
from dialplan.say_times import date_names, datetime_names, time_names

SHIPPED = Path(__file__).parents[3] / "sounds" / "en"
BEGIN = datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)


def test_phonetic_words() -> None:
    assert phonetic_names("Ab9-8*") == [
        *("phonetic/a_p", "phonetic/b_p", "phonetic/9_p", "letters/dash", "digits/8", "digits/star")
    ]


def missing(names: list[str]) -> list[str]:
    return [name for name in names if not (SHIPPED / f"{name}.wav").is_file()]


@pytest.mark.parametrize("value", [0, 7, 13, 30, 99, 100, 1234, 2_000_019, 3_000_000_000, -5, 999_999_999_999])
def test_every_number_can_be_said(value: int) -> None:
    assert missing(number_names(value)) == []
    assert value == 0 or missing(ordinal_names(value)) == []


def test_every_letter_digit_and_amount_can_be_said() -> None:
    signs = "!@#$*+-./= "
    assert missing(character_names(string.ascii_letters + string.digits + signs, "a")) == []
    assert missing(phonetic_names(string.ascii_letters + string.digits + signs)) == []
    assert missing(digits_names(string.digits + "#*-")) == []
    for amount in ("0", "1", "1.01", "12.50", "0.99", ".5", "-1.20", "x"):
        assert missing(money_names(amount)) == []


def test_every_day_and_minute_can_be_said() -> None:
    for day in range(366):
        moment = BEGIN + timedelta(days=day, minutes=61 * day, seconds=17 * day)
        assert missing(date_names(moment) + time_names(moment)) == []
        for form in ("ABdY 'digits/at' IMp", "mHNS", "kMT", "R"):
            assert missing(datetime_names(moment, form, BEGIN, pytest.fail)) == []
        for away in (-400, -100, -20, -3, -1, 0, 1, 3, 20, 100, 400):
            assert missing(datetime_names(moment, "Q", moment + timedelta(days=away), pytest.fail)) == []
