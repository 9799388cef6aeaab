"""Values of expressions and the operators on them (main/ast_expr2.y's op_ functions)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from dialplan import long_double
from dialplan.long_double import Number, is_nan
from dialplan.posix_regex import RegexError, compile_posix

#: What division by zero and by text gives.
INT_MAX: Final = 2147483647


class Text(str):
    """A value that is no number, even if it looks like one."""

    __slots__ = ()


class Numeric(str):
    """Text that becomes a number where one is wanted, and stays as written where not."""

    __slots__ = ()


Value: TypeAlias = Number | Text | Numeric


def value_of(text: str) -> Value:
    """Text as a value: numeric if it is nothing but digits and dots."""
    return Numeric(text) if text and text.isascii() and not text.strip("0123456789.") else Text(text)


def string_of(value: Value) -> str:
    """A value as text."""
    return value if isinstance(value, str) else long_double.to_text(value)


def number_of(value: Value) -> Number | None:
    """A value as a number; None where it is none."""
    if isinstance(value, Numeric):
        return long_double.parse(value)
    return None if isinstance(value, str) else value


def _looked_at(value: Value) -> Value:
    """A value after ``|`` or ``&`` has looked at it, which makes a number of one written in digits: ``007`` is 7."""
    number = number_of(value)
    return value if number is None else number


def _is_nothing(value: Value) -> bool:
    """What ``|`` and ``&`` take for false."""
    number = number_of(value)
    return not value if number is None else number == 0


def chooses(test: Value) -> bool:
    if isinstance(test, Text):
        return test not in ("", '""', "0")
    return number_of(test) != 0


def _unquoted(value: Value) -> str:
    """Text without its double quotes, if it stands in them."""
    text = string_of(value)
    return text.replace('"', "") if text.startswith('"') and text.endswith('"') else text


Warn: TypeAlias = "Callable[[str], None]"
_NON_NUMERIC = "non-numeric argument"


def _or(left: Value, right: Value, _warn: Warn) -> Value:
    return right if _is_nothing(left) else _looked_at(left)


def _and(left: Value, right: Value, _warn: Warn) -> Value:
    return 0 if _is_nothing(left) or _is_nothing(right) else _looked_at(left)


#: What comparing with something that is not a number gives.
_UNORDERED = 2


def _comparison(holds: Callable[[int], bool]) -> Callable[[Value, Value, Warn], Value]:
    def compare(left: Value, right: Value, _warn: Warn) -> Value:
        one, other = number_of(left), number_of(right)
        if one is None or other is None:
            a, b = string_of(left), string_of(right)
            return int(holds((a > b) - (a < b)))
        if is_nan(one) or is_nan(other):
            return int(holds(_UNORDERED))
        return int(holds((one > other) - (one < other)))

    return compare


def _plus(left: Value, right: Value, warn: Warn) -> Value:
    one, other = number_of(left), number_of(right)
    if one is None:
        warn(_NON_NUMERIC)
        return 0 if other is None else other
    if other is None:
        return one
    return long_double.add(one, other)


def _minus(left: Value, right: Value, warn: Warn) -> Value:
    one, other = number_of(left), number_of(right)
    if one is None:
        warn(_NON_NUMERIC)
        return 0 if other is None else long_double.subtract(0, other)
    if other is None:
        warn(_NON_NUMERIC)
        return one
    return long_double.subtract(one, other)


def _times(left: Value, right: Value, warn: Warn) -> Value:
    one, other = number_of(left), number_of(right)
    if one is None or other is None:
        warn(_NON_NUMERIC)
        return 0
    return long_double.multiply(one, other)


def _over(left: Value, right: Value, warn: Warn) -> Value:
    one, other = number_of(left), number_of(right)
    if one is None:
        warn(_NON_NUMERIC)
        return 0
    if other is None:
        warn(_NON_NUMERIC)
        return INT_MAX
    if other == 0:
        warn("division by zero")
        return INT_MAX
    return long_double.divide(one, other)


def _modulo(left: Value, right: Value, warn: Warn) -> Value:
    one, other = number_of(left), number_of(right)
    if one is None or other is None:
        warn(_NON_NUMERIC)
        return 0
    if other == 0:
        warn("div by zero")
        return other
    return long_double.remainder_of(one, other)


def negated(value: Value, warn: Warn) -> Value:
    number = number_of(value)
    if number is None:
        warn(_NON_NUMERIC)
        return 0
    return long_double.negate(number)


_INTEGER = re.compile(r"\s*([+-]?\d+)")


def complement(value: Value) -> Value:
    if isinstance(value, str):
        match = _INTEGER.match(value)
        return int(match is None or int(match[1]) == 0)
    return int(value == 0)


def _matching(*, anchored: bool) -> Callable[[Value, Value, Warn], Value]:
    def match(left: Value, right: Value, warn: Warn) -> Value:
        try:
            pattern = compile_posix(_unquoted(right))
        except RegexError as error:
            warn(f"regcomp() error : {error}")
            return Text("")
        subject = _unquoted(left).encode("utf-8", "surrogateescape")
        found = pattern.search(subject)
        if found is None or (anchored and found[0][0] != 0):
            return Text("") if pattern.groups else 0
        if pattern.groups and found[1][0] >= 0:
            return value_of(subject[found[1][0] : found[1][1]].decode("utf-8", "surrogateescape"))
        return found[0][1] - found[0][0]

    return match


def _joined(left: Value, right: Value, _warn: Warn) -> Value:
    return value_of(_unquoted(left) + _unquoted(right))


BINARY: Final[dict[str, Callable[[Value, Value, Warn], Value]]] = {
    "|": _or,
    "&": _and,
    "=": _comparison(lambda order: order == 0),
    "!=": _comparison(lambda order: order != 0),
    ">": _comparison(lambda order: order == 1),
    "<": _comparison(lambda order: order == -1),
    ">=": _comparison(lambda order: order in (0, 1)),
    "<=": _comparison(lambda order: order in (0, -1)),
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _over,
    "%": _modulo,
    ":": _matching(anchored=True),
    "=~": _matching(anchored=False),
    "~~": _joined,
}
