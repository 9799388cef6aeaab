"""Numbers of ``$[...]``: those of x86's ``long double``, which Asterisk reckons with, and their ``%.18Lg`` form. Pure.

A number is an int or a Fraction whose significand has at most 64 bits; zero below nought, infinity and not-a-number,
which those cannot say, are floats. Each operation is exact and then rounded once, to nearest and ties to even.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Final, TypeAlias

Number: TypeAlias = int | Fraction | float

SIGNIFICAND: Final = 64
_MAX_EXPONENT: Final = 16384
_MIN_EXPONENT: Final = -16445
_WHOLE: Final = 1 << SIGNIFICAND

INFINITY: Final = math.inf
NOT_A_NUMBER: Final = math.nan
MINUS_ZERO: Final = -0.0

_PLAIN = 10**18
_DIGITS = 18
_PRINT = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN, Emax=999999, Emin=-999999)
#: Digits that transcendental functions are computed with before their result is rounded.
_PRECISION = 50
#: Beyond this angles have lost their meaning to `_PRECISION` digits.
_LARGEST_ANGLE = 10**18
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")

_LEADING = re.compile(r"\s*([+-]?)(\d*)(?:\.(\d*))?")


def fit(value: int | Fraction) -> Number:
    """Round to what fits."""
    if isinstance(value, int) and -_WHOLE < value < _WHOLE:
        return value
    top, bottom = abs(value.numerator), value.denominator
    if not top:
        return 0
    exponent = max(top.bit_length() - bottom.bit_length() - SIGNIFICAND, _MIN_EXPONENT)
    while True:
        quotient, rest = divmod(top << max(0, -exponent), bottom << max(0, exponent))
        if quotient.bit_length() <= SIGNIFICAND:
            break
        exponent += 1
    twice, whole = 2 * rest, bottom << max(0, exponent)
    if twice > whole or (twice == whole and quotient & 1):
        quotient += 1
    if quotient.bit_length() + exponent > _MAX_EXPONENT:
        return INFINITY if value > 0 else -INFINITY
    if value < 0:
        quotient = -quotient
    if exponent >= 0:
        return quotient << exponent
    result = Fraction(quotient, 1 << -exponent)
    return result.numerator if result.denominator == 1 else result


def parse(text: str) -> Number:
    """The number at the beginning of ``text``, as strtold reads digits with at most one dot; 0 where there is none."""
    match = _LEADING.match(text)
    if match is None:
        return 0
    sign, whole, fraction = match[1], match[2], match[3]
    digits = whole + (fraction or "")
    if not digits:
        return 0
    value = fit(int(digits) if not fraction else Fraction(int(digits), 10 ** len(fraction)))
    return negate(value) if sign == "-" else value


def to_text(value: Number) -> str:
    """``%.18Lg``."""
    if isinstance(value, int):
        if -_PLAIN < value < _PLAIN:
            return str(value)
    elif isinstance(value, float):
        if value == 0:
            return "-0" if math.copysign(1, value) < 0 else "0"
        return "-nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    sign, figures, exponent = _PRINT.divide(Decimal(value.numerator), Decimal(value.denominator)).as_tuple()
    if not isinstance(exponent, int):
        return "inf"
    digits = "".join(map(str, figures)).rstrip("0")
    adjusted = len(figures) - 1 + exponent
    if -4 <= adjusted < _DIGITS:
        if adjusted < 0:
            text = f"0.{'0' * (-adjusted - 1)}{digits}"
        else:
            digits = digits.ljust(adjusted + 1, "0")
            text = digits[: adjusted + 1] + (f".{digits[adjusted + 1 :]}" if len(digits) > adjusted + 1 else "")
    else:
        text = f"{digits[0]}{f'.{digits[1:]}' if len(digits) > 1 else ''}e{adjusted:+03d}"
    return f"-{text}" if sign else text


def is_negative(value: Number) -> bool:
    """Whether its sign is minus, which zero may have too."""
    return math.copysign(1, value) < 0 if isinstance(value, float) else value < 0


def _plain(value: Number) -> int | Fraction | None:
    """As an exact number; None where it is none."""
    if not isinstance(value, float):
        return value
    return 0 if value == 0 else None


def _as_float(value: Number) -> float:
    """Good enough to reckon with infinity: nothing finite may overflow."""
    if isinstance(value, float):
        return value
    return float(max(-2, min(2, value)))


def is_nan(value: Number) -> bool:
    """Whether it is not a number."""
    return isinstance(value, float) and math.isnan(value)


def negate(value: Number) -> Number:
    """``-value``."""
    if isinstance(value, float):
        return 0 if value == 0 and is_negative(value) else -value
    return -value if value else MINUS_ZERO


def add(one: Number, other: Number) -> Number:
    """``one + other``."""
    a, b = _plain(one), _plain(other)
    if a is None or b is None:
        return _as_float(one) + _as_float(other)
    if not a and not b and is_negative(one) and is_negative(other):
        return MINUS_ZERO
    return fit(a + b)


def subtract(one: Number, other: Number) -> Number:
    """``one - other``."""
    return add(one, negate(other))


def multiply(one: Number, other: Number) -> Number:
    """``one * other``."""
    a, b = _plain(one), _plain(other)
    if a is None or b is None:
        return _as_float(one) * _as_float(other)
    return fit(a * b) or (MINUS_ZERO if is_negative(one) != is_negative(other) else 0)


def divide(one: Number, other: Number) -> Number:
    """``one / other``. Raises ZeroDivisionError."""
    a, b = _plain(one), _plain(other)
    if a is None or b is None:
        return _as_float(one) / _as_float(other)
    return fit(Fraction(a) / b) or (MINUS_ZERO if is_negative(one) != is_negative(other) else 0)


def remainder_of(one: Number, other: Number) -> Number:
    """fmod: what is left of ``one``, with its sign. Raises ZeroDivisionError."""
    a, b = _plain(one), _plain(other)
    if a is None:
        return NOT_A_NUMBER
    if b is None:
        return one if math.isinf(other) else NOT_A_NUMBER
    left = _magnitude(a) % _magnitude(b)
    return _signed(one, left)


def _magnitude(value: int | Fraction) -> Fraction:
    return Fraction(-value if value < 0 else value)


def _signed(like: Number, magnitude: int | Fraction) -> Number:
    value = fit(magnitude)
    return negate(value) if is_negative(like) else value


def _ieee_remainder(one: Number, other: Number) -> Number:
    a, b = _plain(one), _plain(other)
    if a is None or b == 0:
        return NOT_A_NUMBER
    if b is None:
        return one
    left = fit(a - b * round(Fraction(a) / b))
    return left or (MINUS_ZERO if is_negative(one) else 0)


def _whole(rule: Callable[[Fraction], int]) -> Callable[[Number], Number]:
    """A rule of rounding to an integer, on magnitudes; the sign stays."""

    def rounded(value: Number) -> Number:
        exact = _plain(value)
        if exact is None or not exact:
            return value
        result = rule(Fraction(exact))
        return fit(result) if result else (MINUS_ZERO if exact < 0 else 0)

    return rounded


def _half_away(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return -magnitude if value < 0 else magnitude


def _decimal(value: Number) -> Decimal:
    if isinstance(value, float):
        return Decimal(value)
    return Decimal(value.numerator) / value.denominator


def _back(value: Decimal) -> Number:
    if value.is_nan():
        return NOT_A_NUMBER
    if value.is_infinite():
        return INFINITY if value > 0 else -INFINITY
    if not value:
        return MINUS_ZERO if value.is_signed() else 0
    if value.adjusted() > 5000:
        return INFINITY if value > 0 else -INFINITY
    if value.adjusted() < -5000:
        return MINUS_ZERO if value < 0 else 0
    return fit(Fraction(value))


def _by_decimal(rule: Callable[..., Decimal]) -> Callable[..., Number]:
    """A function computed in decimal; what has no value is not a number."""

    def computed(*values: Number) -> Number:
        with localcontext() as context:
            context.prec = _PRECISION
            context.Emax, context.Emin = 999999, -999999
            try:
                return _back(rule(*map(_decimal, values)))
            except (InvalidOperation, ArithmeticError):
                return NOT_A_NUMBER

    return computed


def _sine(angle: Decimal) -> Decimal:
    if abs(angle) > _LARGEST_ANGLE:
        return Decimal(math.sin(float(angle)))
    angle = angle.remainder_near(2 * _PI)
    term = total = angle
    square, step = angle * angle, 1
    while abs(term) > Decimal(10) ** -_PRECISION:
        step += 2
        term *= -square / (step * (step - 1))
        total += term
    return total


def _tangent(angle: Decimal) -> Decimal:
    return _sine(angle) / _sine(_PI / 2 - angle)


def _arc_tangent(value: Decimal) -> Decimal:
    if value.is_infinite() or abs(value) > Decimal(10) ** _PRECISION:
        return (_PI / 2).copy_sign(value)
    halvings = 0
    while abs(value) > Decimal("0.1"):
        value /= 1 + (1 + value * value).sqrt()
        halvings += 1
    term = total = value
    square, step = value * value, 1
    while abs(term) > Decimal(10) ** -_PRECISION:
        step += 2
        term *= -square
        total += term / step
    return total * (1 << halvings)


def _arc_sine(value: Decimal) -> Decimal:
    if abs(value) > 1:
        return Decimal("NaN")
    if abs(value) == 1:
        return (_PI / 2).copy_sign(value)
    return _arc_tangent(value / (1 - value * value).sqrt())


def _arc_tangent_2(y: Decimal, x: Decimal) -> Decimal:
    if x > 0:
        return _arc_tangent(y / x)
    if not x:
        return (_PI / 2).copy_sign(y) if y else Decimal(0).copy_sign(y)
    return _arc_tangent(y / x) + _PI.copy_sign(y)


def _logarithm(value: Decimal) -> Decimal:
    return value.ln() if value else Decimal("-Infinity")


def power(base: Number, exponent: Number) -> Number:
    """``base`` raised to ``exponent``."""
    a, b = _plain(base), _plain(exponent)
    if a is not None and isinstance(b, int):
        if abs(b) * max(a.numerator.bit_length(), a.denominator.bit_length()) <= 4 * _MAX_EXPONENT:
            if not a and b < 0:
                return INFINITY
            return fit(Fraction(a) ** b)
        if b & 1 and a < 0:
            return negate(power(-a, b))
        base = _magnitude(a)
    return _POWER(base, exponent)


def _decimal_power(base: Decimal, exponent: Decimal) -> Decimal:
    if not exponent or base == 1:
        return Decimal(1)
    if not base:
        return Decimal(0) if exponent > 0 else Decimal("Infinity")
    if base < 0:
        return Decimal("NaN")
    scaled: Decimal = base.ln() * exponent
    return scaled.exp()


_POWER = _by_decimal(_decimal_power)

_EXPONENTIAL = _by_decimal(Decimal.exp)


#: The functions an expression has of its own, by arity.
ONE: dict[str, Callable[[Number], Number]] = {
    "COS": _by_decimal(lambda angle: _sine(_PI / 2 - angle) if abs(angle) <= _LARGEST_ANGLE else _sine(angle + 1)),
    "SIN": _by_decimal(_sine),
    "TAN": _by_decimal(_tangent),
    "ACOS": _by_decimal(lambda value: _PI / 2 - _arc_sine(value)),
    "ASIN": _by_decimal(_arc_sine),
    "ATAN": _by_decimal(_arc_tangent),
    "SQRT": _by_decimal(Decimal.sqrt),
    "FLOOR": _whole(math.floor),
    "CEIL": _whole(math.ceil),
    "ROUND": _whole(_half_away),
    "RINT": _whole(round),
    "TRUNC": _whole(math.trunc),
    "EXP": _EXPONENTIAL,
    "EXP2": lambda value: power(2, value),
    "EXP10": lambda value: power(10, value),
    "LOG": _by_decimal(_logarithm),
    "LOG2": _by_decimal(lambda value: _logarithm(value) / Decimal(2).ln()),
    "LOG10": _by_decimal(lambda value: value.log10() if value else Decimal("-Infinity")),
    "ABS": lambda value: negate(value) if is_negative(value) and value else value,
}
TWO: dict[str, Callable[[Number, Number], Number]] = {
    "ATAN2": _by_decimal(_arc_tangent_2),
    "POW": power,
    "REMAINDER": _ieee_remainder,
}
