"""Event filters: ``eventfilter`` of manager.conf and the action Filter.

Legacy form: a regular expression over the event's whole text, ``!`` before it to exclude. Advanced form, with criteria
in parentheses: ``action(include|exclude),name(Event),header(Header),method(regex|exact|starts_with|...)``, in any
order. With includes only, an event passes if one matches; with excludes only, if none does; with both, it must match
an include and no exclude.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: Filters a session may hold; each costs a test for every event.
MAX_FILTERS = 128

FORMAT_ERROR = "Filter was formatted incorrectly.  Check the syntax of the filter given."
COMPILE_ERROR = "Filter did not compile.  Check the syntax of the filter given."
TOO_MANY_FILTERS = f"Too many filters: a session may have {MAX_FILTERS}"


class FilterError(ValueError):
    """A filter could not be made; the text is the manager's."""


class Filterable(Protocol):
    """What a filter looks at."""

    @property
    def name(self) -> str:
        """The event's name."""

    @property
    def text(self) -> str:
        """The whole event as text, as it goes over the wire."""


# POSIX classes inside brackets, which Python's expressions lack.
_POSIX_CLASSES = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": r"\s",
    "[:blank:]": r" \t",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:punct:]": r"!-/:-@\[-`{-~",
}


def posix_regex(pattern: str) -> re.Pattern[str]:
    """A POSIX extended expression compiled, as regcomp without REG_NEWLINE. Raises re.error."""
    for name, characters in _POSIX_CLASSES.items():
        pattern = pattern.replace(name, characters)
    return re.compile(pattern, re.DOTALL)


_METHODS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda text, wanted: text == wanted,
    "starts_with": lambda text, wanted: text.startswith(wanted),
    "ends_with": lambda text, wanted: text.endswith(wanted),
    "contains": lambda text, wanted: wanted in text,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. An empty ``event`` or ``header`` does not narrow it."""

    excludes: bool
    test: Callable[[str], bool]
    event: str = ""
    header: str = ""

    def matches(self, event: Filterable) -> bool:
        if self.event and self.event != event.name:
            return False
        if not self.header:
            return self.test(event.text)
        start = f"{self.header}:"
        for line in event.text.split("\r\n"):
            if line.startswith(start):
                value = line[len(start) :].lstrip()
                if value and self.test(value):
                    return True
        return False


def parse_filter(criteria: str | None, pattern: str) -> Filter:
    """A filter by its criteria (None for the legacy form) and its expression. Raises FilterError."""
    excludes = pattern.startswith("!")
    if excludes:
        pattern = pattern[1:]
    if criteria is None:
        if not pattern:
            raise FilterError(FORMAT_ERROR)
        return Filter(excludes, _regex(pattern))
    event = header = ""
    method = "none"
    options = _split_criteria(criteria)
    for word, value in options:
        match word, value:
            case "action", "include" | "exclude":
                excludes = value == "exclude"
            case "name", str() if value:
                event = value
            case "header", str() if value:
                header = value
            case "method", "regex" | "exact" | "starts_with" | "ends_with" | "contains" | "none":
                method = value
            case _:
                raise FilterError(FORMAT_ERROR)
    if not {word for word, _ in options} & {"action", "name", "header"}:
        raise FilterError(FORMAT_ERROR)
    if (method == "none") is bool(pattern):
        raise FilterError(FORMAT_ERROR)
    return Filter(excludes, _test(method, pattern), event, header)


def _split_criteria(criteria: str) -> list[tuple[str, str]]:
    options = []
    rest = criteria.strip()
    while rest:
        found = re.match(r"(\w+)\(\s*([^()]*?)\s*\)[\s,]*", rest)
        if found is None:
            raise FilterError(FORMAT_ERROR)
        options.append((found[1], found[2]))
        rest = rest[found.end() :]
    return options


def _regex(pattern: str) -> Callable[[str], bool]:
    try:
        search = posix_regex(pattern).search
    except re.error as error:
        raise FilterError(COMPILE_ERROR) from error
    return lambda text: search(text) is not None


def _test(method: str, pattern: str) -> Callable[[str], bool]:
    if method == "none":
        return lambda _text: True
    if method == "regex":
        return _regex(pattern)
    compare = _METHODS[method]
    return lambda text: compare(text, pattern)


def parse_option(word: str, value: str) -> Filter:
    """A filter by manager.conf's line ``eventfilter = x`` or ``eventfilter(criteria) = x``. Raises FilterError."""
    criteria = word.removeprefix("eventfilter").strip()
    if not criteria:
        return parse_filter(None, value)
    if not (criteria.startswith("(") and criteria.endswith(")")):
        raise FilterError(FORMAT_ERROR)
    return parse_filter(criteria[1:-1], value)


class FilterSet:
    """The filters of a session."""

    __slots__ = ("_excludes", "_includes")

    def __init__(self, filters: tuple[Filter, ...] = ()) -> None:
        self._includes = [each for each in filters if not each.excludes]
        self._excludes = [each for each in filters if each.excludes]

    def __len__(self) -> int:
        return len(self._includes) + len(self._excludes)

    def add(self, each: Filter) -> None:
        """One more. Raises FilterError when there are too many."""
        if len(self) >= MAX_FILTERS:
            raise FilterError(TOO_MANY_FILTERS)
        (self._excludes if each.excludes else self._includes).append(each)

    def passes(self, event: Filterable) -> bool:
        """Whether the event is to be delivered."""
        if self._includes and not any(each.matches(event) for each in self._includes):
            return False
        return not any(each.matches(event) for each in self._excludes)
