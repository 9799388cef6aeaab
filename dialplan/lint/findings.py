"""What the checks found, and the comments that allow it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialplan.lint.checks import CHECKS, Severity

#: ``; obelisk: allow ID, ID`` in extensions.conf, ``-- obelisk: allow ID`` in Lua: on the line itself, or on a line of
#: its own before it.
_ALLOW = re.compile(r"(?P<before>.*?)(?:;|--)\s*obelisk:\s*allow\b(?P<ids>[\w\s,-]*)")
#: Findings of one file; what is broken that badly is mended a part at a time.
MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, whose name is relative to the configuration directory; line 0 is the file whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found."""

    check: str
    place: Place
    message: str

    @property
    def severity(self) -> Severity:
        return CHECKS[self.check].severity

    def __str__(self) -> str:
        return f"{self.place}: {self.severity.value}: {self.message} [{self.check}]"

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "file": self.place.file,
            "line": self.place.line,
            "severity": self.severity.value,
            "check": self.check,
            "message": self.message,
        }


class Report:
    """The findings of one check of a directory, without those that a comment allows."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Place, str], Finding] = {}
        #: What was read: extensions, for a line at the end.
        self.extensions = 0
        self.files: set[str] = set()

    def add(self, check: str, place: Place, message: str) -> None:
        """Note a finding; the same one again, as of a template used twice, is one."""
        if check not in CHECKS:
            raise ValueError(f"there is no check '{check}'")
        if len(self._found) < MAX_FINDINGS:
            self._found.setdefault((check, place, message), Finding(check, place, message))

    @property
    def findings(self) -> list[Finding]:
        """By file and line."""
        return sorted(self._found.values(), key=lambda each: (each.place.file, each.place.line, each.check))

    @property
    def errors(self) -> list[Finding]:
        return [each for each in self.findings if each.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Finding]:
        return [each for each in self.findings if each.severity is Severity.WARNING]

    @property
    def status(self) -> int:
        """The command's exit status: 2 with errors, 1 with warnings only, 0 with neither."""
        return 2 if self.errors else 1 if self._found else 0

    def apply_suppressions(self, directory: Path) -> None:
        """Take out what comments allow; a comment that allows nothing is a finding itself."""
        for file in sorted(self.files):
            try:
                lines = (directory / file).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
            for line, target, ids in _suppressions(lines):
                self._suppress(file, line, target, ids)

    def _suppress(self, file: str, line: int, target: int, ids: Iterable[str]) -> None:
        named = False
        for check in ids:
            named = True
            place = Place(file, line)
            if check not in CHECKS:
                self.add("bad-suppression", place, f"there is no check '{check}'")
                continue
            held = [key for key in self._found if key[0] == check and key[1] == Place(file, target)]
            for key in held:
                del self._found[key]
            if not held:
                self.add("bad-suppression", place, f"nothing to allow: {check} finds nothing in line {target}")
        if not named:
            self.add("bad-suppression", Place(file, line), "'obelisk: allow' names no check")


def _suppressions(lines: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """The comments: their line, the line they are about, and the checks they name."""
    for number, text in enumerate(lines, 1):
        if "obelisk:" not in text or (match := _ALLOW.match(text)) is None:
            continue
        target = number if match["before"].strip() else number + 1
        yield number, target, match["ids"].replace(",", " ").split()
