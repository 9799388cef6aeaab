from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from pbx.logs.format import MAX_MESSAGE_CHARACTERS, DateFormat, LineFormat, clean, level_of, record_of
from pbx.logs.settings import Formatter, Level

PID = os.getpid()


def event(text: str = "hello {who}", level: Any = LogLevel.info, **fields: Any) -> dict[str, Any]:
    return {
        "log_format": text,
        "log_level": level,
        "log_namespace": "pbx.thing",
        "log_time": 1_700_000_000.25,
        "who": "alice",
        **fields,
    }


def line(entry: dict[str, Any], formatter: Formatter = Formatter.DEFAULT) -> str:
    level, number = level_of(entry)
    return LineFormat(DateFormat("%s")).file_line(record_of(entry, level, number), formatter)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (event(level=LogLevel.critical), (Level.ERROR, 0)),
        (event(level=LogLevel.error), (Level.ERROR, 0)),
        (event(level=LogLevel.warn), (Level.WARNING, 0)),
        (event(level=LogLevel.info), (Level.NOTICE, 0)),
        (event(level=LogLevel.info, verbose=3), (Level.VERBOSE, 3)),
        (event(level=LogLevel.debug), (Level.DEBUG, 1)),
        (event(level=LogLevel.debug, debug_level=4), (Level.DEBUG, 4)),
        (event(category="SECURITY"), (Level.SECURITY, 0)),
        (event(log_namespace="log_legacy"), (Level.DEBUG, 1)),
    ],
)
def test_levels_are_asterisks(entry: dict[str, Any], expected: tuple[Level, int]) -> None:
    assert level_of(entry) == expected


def test_file_line_is_asterisks() -> None:
    assert line(event()) == f"[1700000000] NOTICE[{PID}] pbx.thing: hello alice"


def test_call_id_stands_behind_the_process_id() -> None:
    assert line(event(call_id="C-0000002a")) == f"[1700000000] NOTICE[{PID}][C-0000002a] pbx.thing: hello alice"


def test_json_line() -> None:
    fields = json.loads(line(event(call_id="C-0000002a", level=LogLevel.error), Formatter.JSON))
    assert fields["level"] == "ERROR"
    assert fields["message"] == "hello alice"
    assert fields["identifiers"] == {"lwp": PID, "callid": "C-0000002a"}


@pytest.mark.parametrize(
    ("level", "expected"), [(1, "x"), (2, "  == x"), (3, "    -- x"), (4, "       > x"), (9, "       > x")]
)
def test_verbose_lines_of_a_console_are_indented(level: int, expected: str) -> None:
    record = record_of(event("x"), Level.VERBOSE, level)
    assert LineFormat(DateFormat()).console_line(record) == expected


def test_console_line_names_level_and_source() -> None:
    record = record_of(event(level=LogLevel.warn), Level.WARNING, 0)
    assert LineFormat(DateFormat("%s")).console_line(record) == f"[1700000000] WARNING[{PID}]: pbx.thing: hello alice"


def test_a_failure_brings_its_traceback() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        entry = event("it failed", LogLevel.critical, log_failure=Failure())  # type: ignore[no-untyped-call]
    text = line(entry)
    assert "it failed" in text
    assert "ValueError: wrong" in text


@pytest.mark.parametrize(
    ("format_text", "expected"), [("%s.%3q", "1700000000.250"), ("%s.%q", "1700000000.2"), ("%s.%1q", "1700000000.2")]
)
def test_date_fractions(format_text: str, expected: str) -> None:
    assert DateFormat(format_text)(1_700_000_000.25) == expected


def test_text_of_strangers_cannot_forge_a_line_or_move_the_cursor() -> None:
    text = line(event("{who}", who="x\x1b[2J\r\n[1700000000] ERROR[1] pbx: forged\0"))
    first, second = text.split("\n")
    assert first.endswith("pbx.thing: x\\x1b[2J")
    assert second == " [1700000000] ERROR[1] pbx: forged\\x00"


@given(st.text(max_size=200))
def test_no_control_character_and_no_forged_head_remains(text: str) -> None:
    cleaned = clean(text)
    assert "\n[" not in cleaned
    assert not any(ord(character) < 32 and character not in "\n\t" for character in cleaned)


def test_a_very_long_message_is_cut() -> None:
    text = line(event("{who}", who="x" * (MAX_MESSAGE_CHARACTERS + 1)))
    assert text.endswith("x [cut]")
    assert len(text) < MAX_MESSAGE_CHARACTERS + 100
