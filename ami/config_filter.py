"""Which sections of a configuration an action is about: by name, and by a filter as GetConfig's. Pure.

Asterisk: does_category_match. A filter is ``name=value`` with commas between, both regular expressions: some variable
of the section must match each. ``TEMPLATES=include`` lets templates in, ``TEMPLATES=restrict`` nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ami.filters import posix_regex
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.config import Config, Section

_QUOTES = "'\""


class BadFilter(ObeliskError):
    """A part of a filter is no regular expression."""


def split_quoted(text: str, separator: str) -> list[str]:
    """Parts of a text between separators outside quotes, without the quotes around a whole part (ast_strsep)."""
    parts: list[str] = []
    current: list[str] = []
    quote = ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character == separator:
            parts.append("".join(current))
            current = []
            continue
        current.append(character)
    parts.append("".join(current))
    return [_unquoted(part) for part in parts]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES else text


class SectionFilter:
    """A filter, ready to be asked. Raises BadFilter."""

    def __init__(self, text: str = "") -> None:
        self._templates = ""
        self._expressions: list[tuple[re.Pattern[str], re.Pattern[str]]] = []
        #: Whether a part has no ``=``: nothing matches that.
        self._never = False
        for part in split_quoted(text, ",") if text else ():
            name, *values = split_quoted(part, "=")
            if not values:
                self._never = True
            elif name == "TEMPLATES":
                if values[0].lower() in {"include", "restrict"}:
                    self._templates = values[0].lower()
                else:
                    self._never = True
            else:
                try:
                    self._expressions.append((posix_regex(name), posix_regex(values[0])))
                except re.error:
                    raise BadFilter(f"Filter did not compile: {part}") from None

    def matches(self, section: Section) -> bool:
        if self._never or (section.is_template and not self._templates):
            return False
        if self._templates == "restrict" and not section.is_template:
            return False
        return all(
            any(name.search(item.key) and value.search(item.value) for item in section.items)
            for name, value in self._expressions
        )

    def sections(self, config: Config, category: str = "") -> Iterator[Section]:
        """Those of ``config``, in its order, that match and, if one is given, have this name."""
        for section in list(config.everything):
            if (not category or section.name.lower() == category.lower()) and self.matches(section):
                yield section
