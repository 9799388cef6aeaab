"""Appending lines to files in a thread, in order, so that a slow disk delays no call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

log = Logger()

#: Lines that may wait for a disk; what comes on top is lost, and said to be.
MAX_WAITING = 10_000


class LineWriter:
    """Appends lines to files, which are made with their directories when first written to."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: list[tuple[Path, str]] = []
        self._writing = False

    def write(self, path: Path, line: str) -> None:
        """Append ``line`` with its line end; soon."""
        if len(self._waiting) >= MAX_WAITING:
            log.error("{path}: {count} lines wait to be written; a line is lost", path=str(path), count=MAX_WAITING)
            return
        self._waiting.append((path, line))
        if self._writing:
            return
        pool = getattr(self._reactor, "getThreadPool", None)
        if pool is None:
            # Time is virtual: so is the thread.
            self.flush()
            return
        self._writing = True
        lines, self._waiting = self._waiting, []
        deferToThreadPool(self._reactor, pool(), _append, lines).addBoth(self._written)

    def _written(self, _result: object) -> None:
        self._writing = False
        if self._waiting:
            path, line = self._waiting.pop()
            self.write(path, line)

    def flush(self) -> None:
        """Write what waits, now."""
        lines, self._waiting = self._waiting, []
        _append(lines)


def _append(lines: list[tuple[Path, str]]) -> None:
    by_path: dict[Path, list[str]] = {}
    for path, line in lines:
        by_path.setdefault(path, []).append(line)
    for path, texts in by_path.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write("".join(texts))
        except OSError as error:
            log.error("{path}: {count} lines are lost: {reason}", path=str(path), count=len(texts), reason=str(error))
