"""Where log lines go: files, the terminal, syslog, consoles that connected."""

from __future__ import annotations

import os
import sys
import syslog
import time
from typing import TYPE_CHECKING, Protocol

from pbx.logs.settings import FOLLOW_CORE, Channel, Level, Rotation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pbx.logs.format import LineFormat, Record

_SYSLOG_PRIORITIES = {
    Level.ERROR: syslog.LOG_ERR,
    Level.WARNING: syslog.LOG_WARNING,
    Level.NOTICE: syslog.LOG_NOTICE,
    Level.VERBOSE: syslog.LOG_INFO,
    Level.SECURITY: syslog.LOG_NOTICE,
}


class Sink(Protocol):
    """A reader of records. ``channel`` says which it wants."""

    channel: Channel

    def write(self, record: Record) -> None: ...

    def reopen(self) -> None: ...

    def close(self) -> None: ...


class FileSink:
    """Appends to a file; each line is one write, so the file is whole after a crash and rotation may be external."""

    def __init__(self, channel: Channel, path: Path, lines: LineFormat) -> None:
        self.channel = channel
        self.path = path
        self.failure = ""
        self._lines = lines
        self._fd = -1

    def write(self, record: Record) -> None:
        if self._fd < 0 and not self._open():
            return
        line = self._lines.file_line(record, self.channel.formatter)
        try:
            os.write(self._fd, f"{line}\n".encode(errors="backslashreplace"))
            self.failure = ""
        except OSError as error:
            self._failed(error)

    def begin(self) -> None:
        """Make the file now, before there is a line for it."""
        if self._fd < 0:
            self._open()

    def _open(self) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: OSError) -> None:
        # The log itself cannot be logged to; standard error hears of it once.
        if not self.failure:
            sys.stderr.write(f"cannot write the log {self.path}: {error.strerror}\n")
        self.failure = error.strerror or str(error)

    def reopen(self) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def rotate(self, strategy: Rotation) -> Path | None:
        """Move the file away by ``strategy``; the path of the archived file, or None when nothing was moved."""
        self.close()
        if strategy is Rotation.NONE or not self.path.exists():
            return None
        if strategy is Rotation.TIMESTAMP:
            target = self._numbered(int(time.time()))
            self.path.replace(target)
            return target
        taken = self._archives()
        if strategy is Rotation.SEQUENTIAL:
            target = self._numbered(max(taken, default=-1) + 1)
            self.path.replace(target)
            return target
        for number in sorted(taken, reverse=True):
            self._numbered(number).replace(self._numbered(number + 1))
        self.path.replace(self._numbered(0))
        return self.path

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _archives(self) -> list[int]:
        start = len(self.path.name) + 1
        names = (each.name[start:] for each in self.path.parent.glob(f"{self.path.name}.*"))
        return [int(name) for name in names if name.isascii() and name.isdecimal()]


class ConsoleSink:
    """Hands lines to a terminal or a connected console."""

    def __init__(
        self, channel: Channel, lines: LineFormat, write: Callable[[str], object], *, timestamp: bool = False
    ) -> None:
        self.channel = channel
        self.muted = False
        self._lines = lines
        self._write = write
        self._timestamp = timestamp

    def write(self, record: Record) -> None:
        if not self.muted:
            self._write(self._lines.console_line(record, timestamp=self._timestamp) + "\n")

    def reopen(self) -> None:
        """A terminal stays as it is."""

    def close(self) -> None:
        self.muted = True


class SyslogSink:
    """Sends to a syslog facility (``syslog.local0``)."""

    def __init__(self, channel: Channel, lines: LineFormat) -> None:
        self.channel = channel
        self._lines = lines
        facility = channel.name.partition(".")[2].upper()
        self._facility: int = getattr(syslog, f"LOG_{facility}")

    def write(self, record: Record) -> None:
        priority = _SYSLOG_PRIORITIES.get(record.level, syslog.LOG_DEBUG)
        syslog.syslog(self._facility | priority, self._lines.syslog_line(record))

    def reopen(self) -> None:
        """The C library holds the connection."""

    def close(self) -> None:
        """The C library holds the connection."""


def wants(channel: Channel, record_level: Level, number: int, core_verbose: int, core_debug: int) -> bool:
    """Whether ``channel`` reads messages of that level, given what ``core set verbose`` and ``debug`` say."""
    if record_level not in channel.levels:
        return False
    if record_level is Level.VERBOSE:
        return number <= (core_verbose if channel.verbose == FOLLOW_CORE else channel.verbose)
    if record_level is Level.DEBUG:
        return number <= (core_debug if channel.debug == FOLLOW_CORE else channel.debug)
    return True
