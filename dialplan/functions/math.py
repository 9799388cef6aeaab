"""func_math and func_rand: ABS, DEC, DIGIT_SUM, INC, MATH, MAX, MIN, RAND."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, live, scan_float, scan_int, wrapped
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel

_RAND_MAX = (1 << 31) - 1
_WORD = 1 << 32
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+")


def to_int(value: float) -> int:
    """A C ``int`` of a C ``double``; what does not fit is INT_MIN, as on every machine Asterisk runs on."""
    if math.isnan(value) or not -(1 << 31) <= value < 1 << 31:
        return -(1 << 31)
    return int(value)


def _remainder(first: float, second: float) -> float:
    dividend, divisor = to_int(first), to_int(second)
    return math.fmod(dividend, divisor) if divisor else 0.0


def _power(first: float, second: float) -> float:
    try:
        result = math.pow(first, second)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan
    return result


#: In the order in which they are looked for; those with a longer form of the same beginning come after it.
OPERATORS: tuple[tuple[str, Callable[[float, float], float | bool]], ...] = (
    ("*", lambda a, b: a * b),
    ("/", lambda a, b: a / b if b > 0 else 0.0),
    ("%", _remainder),
    ("^", _power),
    ("AND", lambda a, b: float(to_int(a) & to_int(b))),
    ("XOR", lambda a, b: float(to_int(a) ^ to_int(b))),
    ("OR", lambda a, b: float(to_int(a) | to_int(b))),
    (">", lambda a, b: a > b),
    ("<", lambda a, b: a < b),
    ("=", lambda a, b: a == b),
    ("+", lambda a, b: a + b),
    ("-", lambda a, b: a - b),
)
_LONGER: dict[str, Callable[[float, float], float | bool]] = {
    ">=": lambda a, b: a >= b,
    ">>": lambda a, b: float(to_int(a) >> (to_int(b) & 31)),
    "<=": lambda a, b: a <= b,
    "<<": lambda a, b: float(wrapped(to_int(a) << (to_int(b) & 31), 32)),
    "==": lambda a, b: a == b,
}
_RESULTS: dict[str, Callable[[float], str]] = {
    "float": lambda value: f"{value:f}",
    "int": lambda value: str(to_int(value)),
    "hex": lambda value: f"{int(value) % _WORD:x}" if abs(value) < 1 << 63 else "0",
    "char": lambda value: chr(to_int(value) & 0xFF),
}
_RESULTS |= {name[0]: write for name, write in _RESULTS.items()}


def calculate(expression: str, kind: str = "float") -> str:
    """The value of ``number operator number``. Raises FunctionError."""
    write = _RESULTS.get(kind.lower())
    if write is None:
        raise ArgumentError(f"Unknown type of result requested '{kind}'")
    negative = expression.startswith("-")
    text = expression[1:] if negative else expression
    for sign, plain in OPERATORS:
        first, found, second = text.partition(sign)
        if not found:
            continue
        operate = plain
        longer = _LONGER.get(sign + second[:1])
        if longer is not None:
            operate, second = longer, second[1:]
        elif sign == "=":
            break
        left, right = scan_float(first), scan_float(second)
        if left is None or right is None:
            raise FunctionError(f"'{first if left is None else second}' is not a valid number")
        result = operate(-left if negative else left, right)
        if isinstance(result, bool):
            return "TRUE" if result else "FALSE"
        return write(result)
    raise ArgumentError(f"MATH: there is no operator in '{expression}'")


def plain_number(value: float) -> str:
    """A whole number without its fraction."""
    whole = to_int(value)
    return str(whole) if whole == value else f"{value:f}"


class MathModule(FunctionModule):
    """Numbers."""

    name = "func_math"
    description = "Mathematical dialplan function"

    @function(
        "MATH",
        "expression[,type]",
        synopsis="Performs Mathematical Functions.",
        description=(
            "Two numbers and an operator between them: + - / * % << >> ^ AND OR XOR < > <= >= ==. The type of the "
            "result is float unless given as int, hex or char; comparisons give TRUE or FALSE."
        ),
    )
    def func_math(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            raise ArgumentError("Syntax: MATH(<number1><op><number 2>[,<type_of_result>]) - missing argument!")
        return calculate(args["expression"], args["type"] if len(args) > 1 else "float")

    def _step(self, channel: Channel | None, args: Arguments, name: str, step: int) -> str:
        call = live(channel, name)
        variable = args.raw
        value = call.get_variable(variable) if variable else None
        if not value:
            raise FunctionError(f"Variable '{variable}' doesn't exist - are you sure you wrote it correctly?")
        number = scan_int(value) if _WHOLE_NUMBER.fullmatch(value) else None
        if number is None:
            raise FunctionError(f"The content of ${{{variable}}} is not a numeric value")
        result = str(wrapped(number + step, 32))
        call.set_variable(variable, result)
        return result

    @function(
        "INC",
        "variable",
        synopsis="Increments the value of a variable, while returning the updated value to the dialplan.",
    )
    def func_inc(self, channel: Channel | None, args: Arguments) -> str:
        return self._step(channel, args, "INC", 1)

    @function(
        "DEC",
        "variable",
        synopsis="Decrements the value of a variable, while returning the updated value to the dialplan.",
    )
    def func_dec(self, channel: Channel | None, args: Arguments) -> str:
        return self._step(channel, args, "DEC", -1)

    @staticmethod
    def _numbers(args: Arguments) -> list[float]:
        found: list[float] = []
        for text in (args["num1"], args["num2"]):
            if text:
                number = scan_float(text)
                if number is None:
                    raise FunctionError(f"'{text}' is not a valid number")
                found.append(number)
        if not found:
            raise ArgumentError("Missing argument for number(s)")
        return found

    @function("MIN", "[num1][,num2]", synopsis="Returns the minimum of two numbers.")
    def func_min(self, channel: Channel | None, args: Arguments) -> str:
        return plain_number(min(self._numbers(args)))

    @function("MAX", "[num1][,num2]", synopsis="Returns the maximum of two numbers.")
    def func_max(self, channel: Channel | None, args: Arguments) -> str:
        return plain_number(max(self._numbers(args)))

    @function("ABS", "[num]", synopsis="Returns absolute value of a number.")
    def func_abs(self, channel: Channel | None, args: Arguments) -> str:
        number = scan_float(args.raw)
        if number is None:
            raise ArgumentError(f"Bad or missing argument for number: {args.raw}")
        return plain_number(abs(number))

    @function("DIGIT_SUM", "[num]", synopsis="Returns the sum of all the digits in a number.")
    def func_digit_sum(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            raise ArgumentError("Missing argument for number")
        return str(sum(int(digit) for digit in args.raw if digit in "0123456789"))


class RandomModule(DialplanModule):
    """RAND."""

    name = "func_rand"
    description = "Random number dialplan function"

    @function(
        "RAND",
        "[min[,max]]",
        synopsis="Choose a random number in a range.",
        description="Both ends included; 0 and the greatest 32-bit integer unless given.",
    )
    def func_rand(self, channel: Channel | None, args: Arguments) -> str:
        low, high = scan_int(args["min"]), scan_int(args["max"])
        first, last = low or 0, _RAND_MAX if high is None else high
        return str(random.randint(min(first, last), max(first, last)))
