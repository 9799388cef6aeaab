"""What a configuration file says once templates, includes and appends are resolved.

Every value knows the file and line it was written in, so that whoever finds it wrong can say where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


Stamp = tuple[int, int, int]
"""Modification time in nanoseconds, size and inode of a file: equal stamps, unchanged file."""


class Item:
    """One ``key = value``. ``is_object`` tells ``=>`` from ``=``; ``owner`` is the section whose text it stands in.

    ``previous`` is the item that a ``+=`` line lengthened and whose place it took.
    """

    __slots__ = ("is_object", "key", "line", "owner", "path", "previous", "value")

    def __init__(self, key: str, value: str, path: Path, line: int, owner: Section, is_object: bool = False) -> None:
        self.key = key
        self.value = value
        self.path = path
        self.line = line
        self.owner = owner
        self.is_object = is_object
        self.previous: Item | None = None

    def __repr__(self) -> str:
        return f"<Item {self.key}={self.value!r} at {self.path}:{self.line}>"

    def error(self, message: str) -> ConfigError:
        """A `ConfigError` naming this item's place."""
        return ConfigError(message, self.path, self.line)


class Section:
    """One ``[name]``. ``items`` are the values of its templates, in the order named, and then its own.

    Template items are the template's own objects, shared: treat items as read-only. ``continuations`` are the places of
    the ``[name](+)`` headers that added to it.
    """

    __slots__ = ("bases", "continuations", "is_template", "items", "line", "name", "path")

    def __init__(self, name: str, path: Path, line: int, is_template: bool = False) -> None:
        self.name = name
        self.path = path
        self.line = line
        self.is_template = is_template
        self.items: list[Item] = []
        self.bases: list[Section] = []
        self.continuations: list[tuple[Path, int]] = []

    def __repr__(self) -> str:
        return f"<Section [{self.name}] at {self.path}:{self.line}>"

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def is_inherited(self, item: Item) -> bool:
        """Whether ``item`` came from a template."""
        return item.owner is not self

    def last(self, key: str) -> Item | None:
        """The item that counts for ``key`` (any case): the last one written, own values after inherited ones."""
        wanted = key.lower()
        for item in reversed(self.items):
            if item.key == key or item.key.lower() == wanted:
                return item
        return None

    def get(self, key: str, default: str | None = None) -> str | None:
        """The last value of ``key``, or ``default``."""
        item = self.last(key)
        return default if item is None else item.value

    def get_all(self, key: str) -> list[str]:
        """Every value of ``key`` in order."""
        wanted = key.lower()
        return [item.value for item in self.items if item.key.lower() == wanted]

    def error(self, message: str) -> ConfigError:
        """A `ConfigError` naming this section's place."""
        return ConfigError(message, self.path, self.line)


@dataclass(slots=True)
class Include:
    """An ``#include`` or ``#exec`` and what it brought; ``pattern`` is as written, without quotes."""

    path: Path
    line: int
    directive: str
    pattern: str
    files: tuple[Path, ...] = ()


@dataclass(slots=True)
class SourceFile:
    """A file as it stands on disk: ``lines`` keep their line ends.

    ``latin1`` are the numbers of lines not in UTF-8, ``overlong`` those of lines too long to be read.
    """

    path: Path
    lines: list[str]
    latin1: frozenset[int] = frozenset()
    stamp: Stamp = (0, 0, 0)
    has_bom: bool = False
    overlong: frozenset[int] = frozenset()


@dataclass(slots=True)
class Config:
    """A configuration file with everything it includes.

    ``warnings`` are oddities that Asterisk passes over with a warning; the file is usable in spite of them.
    """

    path: Path
    everything: list[Section] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    sources: dict[Path, SourceFile] = field(default_factory=dict)
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that was read, the first one first."""
        return tuple(self.stamps)

    @property
    def sections(self) -> list[Section]:
        """The sections that are not templates, in order; equal names stay apart."""
        return [section for section in self.everything if not section.is_template]

    @property
    def templates(self) -> list[Section]:
        """The ``(!)`` sections, in order."""
        return [section for section in self.everything if section.is_template]

    def sections_named(self, name: str) -> list[Section]:
        """All sections of that name (any case), templates left out."""
        wanted = name.lower()
        return [section for section in self.everything if not section.is_template and section.name.lower() == wanted]

    def section(self, name: str) -> Section | None:
        """The first section of that name (any case), or None."""
        wanted = name.lower()
        for section in self.everything:
            if not section.is_template and section.name.lower() == wanted:
                return section
        return None

    def get(self, section: str, key: str, default: str | None = None) -> str | None:
        """The last value of ``key`` in the first section called ``section``, or ``default``."""
        found = self.section(section)
        return default if found is None else found.get(key, default)
