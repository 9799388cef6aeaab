"""A log event as a `Record`, and a record as a line of text."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.logger import LogLevel, eventAsText, formatEvent

from pbx.logs.settings import DEFAULT_DATE_FORMAT, Formatter, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Longer messages are cut: a trace of the largest SIP message fits.
MAX_MESSAGE_CHARACTERS = 70_000

_LEVELS = {
    LogLevel.debug: Level.DEBUG,
    LogLevel.info: Level.NOTICE,
    LogLevel.warn: Level.WARNING,
    LogLevel.error: Level.ERROR,
    LogLevel.critical: Level.ERROR,
}
#: Twisted tells of each port and factory that starts and stops.
_CHATTY = ("log_legacy", "twisted.", "autobahn.", "txaio")
_CATEGORIES = {level.value: level for level in Level}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
#: A message that carries text from the network must not be able to forge the beginning of a line.
_FORGED_LINE = re.compile(r"\n(?=\[)")
_FRACTION = re.compile(r"%([1-9]?)q")
_VERBOSE_MARKS = {1: "", 2: "  == ", 3: "    -- ", 4: "       > "}


@dataclass(frozen=True, slots=True)
class Record:
    """A message ready for any sink. ``verbosity`` is the verbose or debug level it was logged at."""

    time: float
    level: Level
    verbosity: int
    call_id: str
    source: str
    line: int
    function: str
    text: str


def clean(text: str) -> str:
    """``text`` without control characters, and with no line of it that looks like the log's own."""
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))
    return _FORGED_LINE.sub("\n ", text)


def level_of(event: Mapping[str, Any]) -> tuple[Level, int]:
    """The level of a log event, and its verbose or debug number."""
    category = event.get("category")
    if isinstance(category, str) and category in _CATEGORIES:
        return _CATEGORIES[category], 0
    number = event.get("verbose")
    if isinstance(number, int):
        return Level.VERBOSE, number
    level = _LEVELS.get(event.get("log_level", LogLevel.info), Level.NOTICE)
    if level is Level.NOTICE and str(event.get("log_namespace", "")).startswith(_CHATTY):
        return Level.DEBUG, 1
    if level is Level.DEBUG:
        return level, int(event.get("debug_level", 1))
    return level, 0


def record_of(event: Mapping[str, Any], level: Level, verbosity: int) -> Record:
    """The record of a log event; a failure's traceback is part of the text."""
    if event.get("log_failure") is not None:
        text = eventAsText(dict(event), includeTimestamp=False, includeSystem=False)
    else:
        text = formatEvent(dict(event))
    text = clean(text.rstrip("\n"))
    if len(text) > MAX_MESSAGE_CHARACTERS:
        text = f"{text[:MAX_MESSAGE_CHARACTERS]} [cut]"
    source = str(event.get("source") or event.get("log_namespace") or "-")
    return Record(
        time=float(event.get("log_time") or time.time()),
        level=level,
        verbosity=verbosity,
        call_id=clean(str(event.get("call_id") or "")).replace("\n", " "),
        source=source,
        line=int(event.get("source_line", 0)),
        function=str(event.get("source_function", "")),
        text=text,
    )


class DateFormat:
    """Asterisk's strftime: C's, with ``%q`` and ``%1q`` to ``%9q`` for fractions of a second."""

    def __init__(self, text: str = DEFAULT_DATE_FORMAT) -> None:
        self._format = text or DEFAULT_DATE_FORMAT
        self._fractions = _FRACTION.search(self._format) is not None
        self._second = -1
        self._cached = ""

    def __call__(self, seconds: float) -> str:
        whole = int(seconds)
        if self._fractions:
            # An empty precision shows tenths.
            digits = f"{seconds - whole:.9f}"[2:]
            with_fraction = _FRACTION.sub(lambda match: digits[: int(match[1] or 1)], self._format)
            return time.strftime(with_fraction, time.localtime(whole))
        if whole != self._second:
            self._second = whole
            self._cached = time.strftime(self._format, time.localtime(whole))
        return self._cached


class LineFormat:
    """Turns records into the lines of one `Formatter`."""

    def __init__(self, date: DateFormat, *, call_ids: bool = True) -> None:
        self._date = date
        self._call_ids = call_ids
        self._pid = os.getpid()
        self._host = socket.gethostname()

    def file_line(self, record: Record, formatter: Formatter = Formatter.DEFAULT) -> str:
        """A line for a log file, without its newline."""
        if formatter is Formatter.JSON:
            return self._json(record)
        call_id = f"[{record.call_id}]" if record.call_id and self._call_ids else ""
        where = f"{self._date(record.time)}] {record.level.value}[{self._pid}]{call_id}"
        if formatter is Formatter.PLAIN:
            return f"[{where}: {record.source}: {record.text}"
        return f"[{where} {record.source}: {record.text}"

    def console_line(self, record: Record, *, timestamp: bool = False) -> str:
        """A line for a terminal: verbose messages are indented by their level and carry no head."""
        if record.level is Level.VERBOSE:
            mark = _VERBOSE_MARKS.get(record.verbosity, "       > " if record.verbosity > 4 else "")
            lines = f"{mark}{record.text}"
            return f"[{self._date(record.time)}] {lines}" if timestamp else lines
        call_id = f"[{record.call_id}]" if record.call_id and self._call_ids else ""
        place = f"{record.source}:{record.line}" if record.line else record.source
        function = f" {record.function}" if record.function else ""
        head = f"[{self._date(record.time)}] {record.level.value}[{self._pid}]{call_id}: {place}{function}:"
        return f"{head} {record.text}"

    def syslog_line(self, record: Record) -> str:
        call_id = f"[{record.call_id}]" if record.call_id and self._call_ids else ""
        return f"{record.level.value}[{self._pid}]{call_id}: {record.source}: {record.text}"

    def _json(self, record: Record) -> str:
        fields = {
            "hostname": self._host,
            "timestamp": self._date(record.time),
            "identifiers": {"lwp": self._pid, **({"callid": record.call_id} if record.call_id else {})},
            "location": {"filename": record.source, "function": record.function, "line": record.line},
            "level": record.level.value,
            "message": record.text,
        }
        return json.dumps(fields, separators=(",", ":"))
