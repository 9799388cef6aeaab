"""The kinds of value an option can have: how each is read, and how it is written back as Asterisk shows it.

A `ValueType` whose ``fold`` is set accumulates: each line of the option adds to, or changes, what came before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pbx.config.values import (
    MAX_PORT,
    AccessList,
    CodecList,
    HostPort,
    IPNetwork,
    parse_network,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

__all__ = [
    "ACCESS_LIST",
    "ADDRESS",
    "BOOL",
    "CODECS",
    "COMMA_LIST",
    "NETWORKS",
    "PREFIXED",
    "REGEX",
    "STRING",
    "TOS",
    "VARIABLES",
    "YESNO",
    "AccessList",
    "CodecList",
    "HostPort",
    "IPNetwork",
    "ValueType",
    "accumulate",
    "custom",
    "duration",
    "enum",
    "integer",
    "is_false",
    "is_true",
    "number",
    "port_range",
]

TRUE_WORDS = frozenset(("yes", "true", "y", "t", "1", "on"))
FALSE_WORDS = frozenset(("no", "false", "n", "f", "0", "off"))


def is_true(text: str | None) -> bool:
    """Whether ``text`` is one of Asterisk's words for true."""
    return text is not None and text.strip().lower() in TRUE_WORDS


def is_false(text: str | None) -> bool:
    """Whether ``text`` is one of Asterisk's words for false; not the reverse of `is_true`."""
    return text is not None and text.strip().lower() in FALSE_WORDS


@dataclass(frozen=True, slots=True)
class ValueType(Generic[T]):
    """A kind of value. ``parse`` raises ValueError with a text that says what was expected.

    ``fold(so_far, word, text)`` gives the value after one more line of the option ``word``; ``unfold(value, words)``
    gives the lines back as (word, text).
    """

    name: str
    parse: Callable[[str], T]
    format: Callable[[T], str] = str
    fold: Callable[[T, str, str], T] | None = None
    unfold: Callable[[T, Sequence[str]], list[tuple[str, str]]] | None = None


def custom(
    name: str,
    parse: Callable[[str], T],
    format: Callable[[T], str] = str,  # noqa: A002 - the word for it
    fold: Callable[[T, str, str], T] | None = None,
    unfold: Callable[[T, Sequence[str]], list[tuple[str, str]]] | None = None,
) -> ValueType[T]:
    """A kind of value of a module's own; ``name`` is for the documentation."""
    return ValueType(name, parse, format, fold, unfold)


def _parse_bool(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("must be yes or no")


STRING: ValueType[str] = ValueType("string", str)
BOOL: ValueType[bool] = ValueType("yes or no", _parse_bool, lambda value: "true" if value else "false")
YESNO: ValueType[bool] = ValueType("yes or no", _parse_bool, lambda value: "yes" if value else "no")
"""As BOOL, for the options that Asterisk shows as yes/no instead of true/false."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})")
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)?")
_UNIT_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}" if high < 1e6 else f" from {low:g} to {int(high)}"
    if low is not None:
        return f" of at least {low:g}"
    return f" of at most {high:g}" if high is not None else ""


def integer(low: int | None = None, high: int | None = None) -> ValueType[int]:
    """A whole number, ends included."""
    name = "whole number" + _range(low, high)

    def parse(text: str) -> int:
        if _INTEGER.fullmatch(text):
            value = int(text)
            if (low is None or value >= low) and (high is None or value <= high):
                return value
        raise ValueError(f"must be a {name}")

    return ValueType(name, parse)


def number(low: float | None = None, high: float | None = None) -> ValueType[float]:
    """A number with or without a fraction, ends included."""
    name = "number" + _range(low, high)

    def parse(text: str) -> float:
        if _NUMBER.fullmatch(text):
            value = float(text)
            if (low is None or value >= low) and (high is None or value <= high):
                return value
        raise ValueError(f"must be a {name}")

    return ValueType(name, parse, lambda value: f"{value:f}")


def duration(low: float = 0.0, high: float | None = None) -> ValueType[float]:
    """Seconds; the units ms, s, m, h and d may be written."""
    name = "duration in seconds" + _range(low or None, high)

    def parse(text: str) -> float:
        match = _DURATION.fullmatch(text)
        if match:
            value = float(match[1]) * _UNIT_SECONDS[match[2]]
            if value >= low and (high is None or value <= high):
                return value
        raise ValueError(f"must be a {name}")

    return ValueType(name, parse, lambda value: f"{value:g}")


def enum(kind: type[E]) -> ValueType[E]:
    """One of ``kind``'s values, in any letter case."""
    words = {str(member.value).lower(): member for member in kind}
    name = "one of " + ", ".join(words)

    def parse(text: str) -> E:
        try:
            return words[text.lower()]
        except KeyError:
            raise ValueError(f"must be {name}") from None

    return ValueType(name, parse, lambda member: str(member.value))


def _parse_comma_list(text: str) -> tuple[str, ...]:
    return tuple([word for part in text.split(",") if (word := part.strip())])


COMMA_LIST: ValueType[tuple[str, ...]] = ValueType("comma-separated list", _parse_comma_list, ",".join)

_Item = TypeVar("_Item")


def accumulate(each: ValueType[tuple[_Item, ...]]) -> ValueType[tuple[_Item, ...]]:
    """As ``each``, but every further line of the option adds to the list."""

    def fold(so_far: tuple[_Item, ...], _word: str, text: str) -> tuple[_Item, ...]:
        return so_far + each.parse(text)

    def unfold(value: tuple[_Item, ...], words: Sequence[str]) -> list[tuple[str, str]]:
        return [(words[0], each.format(value))]

    return ValueType(f"{each.name}, may be repeated", each.parse, each.format, fold, unfold)


def _fold_codecs(so_far: CodecList, word: str, text: str) -> CodecList:
    return so_far.updated(text, allow=not word.startswith("dis"))


def _unfold_codecs(value: CodecList, words: Sequence[str]) -> list[tuple[str, str]]:
    return [(word, "" if word.startswith("dis") else value.formatted() if value else "") for word in words]


CODECS: ValueType[CodecList] = ValueType(
    "codec list", lambda text: CodecList().updated(text, allow=True), CodecList.formatted, _fold_codecs, _unfold_codecs
)
"""For a field with ``names=("allow", "disallow")``: lines apply in the order written."""


def _fold_access(so_far: AccessList, word: str, text: str) -> AccessList:
    return so_far.updated(text, permit=word.endswith("permit"))


def _unfold_access(value: AccessList, words: Sequence[str]) -> list[tuple[str, str]]:
    permit = next((word for word in words if word.endswith("permit")), words[0])
    deny = next((word for word in words if word.endswith("deny")), words[-1])
    return [(permit if rule.permit else deny, str(rule.network)) for rule in value.rules]


def _format_access(value: AccessList) -> str:
    return ",".join(("" if rule.permit else "!") + str(rule.network) for rule in value.rules)


ACCESS_LIST: ValueType[AccessList] = ValueType(
    "networks", lambda text: AccessList().updated(text, permit=True), _format_access, _fold_access, _unfold_access
)
"""For a field with ``names=("permit", "deny")``: lines apply in the order written, the last match decides."""

ADDRESS: ValueType[HostPort] = ValueType("address with optional port", HostPort.parse)


def _parse_networks(text: str) -> tuple[IPNetwork, ...]:
    return tuple([parse_network(word) for word in _parse_comma_list(text)])


NETWORKS: ValueType[tuple[IPNetwork, ...]] = accumulate(
    ValueType("networks", _parse_networks, lambda networks: ",".join(map(str, networks)))
)


def port_range(low: int = 1, high: int = MAX_PORT) -> ValueType[tuple[int, int]]:
    """``first-last``, or one port for both ends."""
    name = f"port range within {low}-{high}"

    def parse(text: str) -> tuple[int, int]:
        first, dash, last = (part.strip() for part in text.partition("-"))
        if first.isdecimal() and (last.isdecimal() or not dash):
            ends = int(first), int(last or first)
            if low <= ends[0] <= ends[1] <= high:
                return ends
        raise ValueError(f"must be a {name}")

    return ValueType(name, parse, lambda ends: f"{ends[0]}-{ends[1]}")


def _parse_regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


REGEX: ValueType[re.Pattern[str]] = ValueType("regular expression", _parse_regex, lambda pattern: pattern.pattern)

Pairs = tuple[tuple[str, str], ...]


def _fold_variable(so_far: Pairs, _word: str, text: str) -> Pairs:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not text.strip():
        return so_far
    if not equals or not name:
        raise ValueError("must be name=value")
    return (*(pair for pair in so_far if pair[0] != name), (name, value.strip()))


VARIABLES: ValueType[Pairs] = ValueType(
    "name=value, may be repeated",
    partial(_fold_variable, (), ""),
    lambda pairs: ",".join(f"{name}={value}" for name, value in pairs),
    _fold_variable,
    lambda pairs, words: [(words[0], f"{name}={value}") for name, value in pairs],
)
"""Channel variables: a later line for the same name replaces the earlier."""

PREFIXED: ValueType[Pairs] = ValueType(
    "any, one option each",
    lambda text: (("", text),),
    lambda pairs: ",".join(f"{word}={value}" for word, value in pairs),
    lambda so_far, word, text: (*so_far, (word, text)),
    lambda pairs, _words: list(pairs),
)
"""For a field with ``prefix=``: every option whose word begins so, as (word, value) in order."""

_DSCP = {
    **{f"cs{n}": n * 8 for n in range(8)},
    **{f"af{n}{drop}": n * 8 + drop * 2 for n in range(1, 5) for drop in range(1, 4)},
    "ef": 46,
}


def _parse_tos(text: str) -> int:
    word = text.lower()
    if word in _DSCP:
        return _DSCP[word] << 2
    try:
        value = int(word, 16) if word.startswith("0x") else int(word)
    except ValueError:
        value = -1
    if not 0 <= value <= 255:
        raise ValueError("must be a DSCP name (cs0-cs7, af11-af43, ef) or 0 to 255")
    return value


TOS: ValueType[int] = ValueType("type of service", _parse_tos)
"""The byte of the IP header: a DSCP name stands for its value times four."""

AnyValueType = ValueType[Any]
