"""Several configuration errors reported as one, so that a user mends a file in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_REPORTED_ERRORS = 100
"""A file of garbage reports this many of its errors and then stops counting."""


class ConfigErrors(ConfigError):
    """Everything that is wrong with what was to be loaded; ``errors`` holds at least one, in file order."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors: tuple[ConfigError, ...] = tuple(errors)
        super().__init__("\n".join(map(str, self.errors)))

    def __str__(self) -> str:
        return self.message


def flatten(error: ConfigError) -> tuple[ConfigError, ...]:
    """The single errors in ``error``: itself, or the members of a `ConfigErrors`."""
    return error.errors if isinstance(error, ConfigErrors) else (error,)


def raise_if_any(errors: Iterable[ConfigError]) -> None:
    """Raise `ConfigErrors` unless ``errors`` is empty."""
    found = tuple(errors)
    if found:
        raise ConfigErrors(found)
