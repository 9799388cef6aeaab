"""The exceptions the exchange raises on purpose; everything else is a defect."""

from __future__ import annotations

from pathlib import Path


class ObeliskError(Exception):
    """Base of every error that is meant for a user to read."""


class ConfigError(ObeliskError):
    """A configuration file is wrong.

    ``path`` and ``line`` (1-based) name the place; either may be None where the error is not tied to one.
    """

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        self.message = message
        self.path = None if path is None else str(path)
        self.line = line
        super().__init__(message)

    def __str__(self) -> str:
        if self.path is None:
            return self.message
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"
