"""The evaluation of a parsed expression. Pure, but for functions, which the caller reads."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from dialplan import long_double
from dialplan.expressions.parser import Binary, Call, Condition, Expression, Literal, Node, Unary
from dialplan.expressions.values import BINARY, Value, chooses, complement, negated, number_of, string_of, value_of

#: Reads a function of the dialplan: its value, something to await, or None where there is no such function.
ReadFunction: TypeAlias = "Callable[[str, str], str | Awaitable[str] | None]"
_FUNCTION_NAME = re.compile(r"[A-Z0-9_]*\Z")


class Pending(Exception):
    """A function has to be awaited before the evaluation can go on."""

    def __init__(self, key: tuple[str, str], waiting: Awaitable[str]) -> None:
        self.key = key
        self.waiting = waiting


class Evaluation:
    """One evaluation: `run` until it does not raise Pending, then take the ``warnings``."""

    __slots__ = ("_expression", "_read", "pure", "results", "warnings")

    def __init__(self, expression: Expression, read: ReadFunction | None) -> None:
        self._expression = expression
        self._read = read
        #: Values of functions by name and arguments: each is read once, however often the evaluation starts again.
        self.results: dict[tuple[str, str], str] = {}
        self.warnings: list[str] = []
        self.pure = True

    def run(self) -> str:
        """The result as text. Raises Pending; set ``results[pending.key]`` and run again."""
        expression = self._expression
        self.warnings = [expression.error] if expression.error else []
        if expression.node is None:
            return "0"
        return string_of(self._value(expression.node))

    def _warn(self, text: str) -> None:
        self.warnings.append(text)

    def _value(self, node: Node) -> Value:
        # Down the left side without recursion: a long sum is as deep there as it has terms.
        pending: list[Binary | Condition] = []
        while isinstance(node, Binary | Condition):
            pending.append(node)
            node = node.left
        if isinstance(node, Literal):
            value = node.value
        elif isinstance(node, Unary):
            operand = self._value(node.operand)
            value = negated(operand, self._warn) if node.operator == "-" else complement(operand)
        else:
            value = self._function(node)
        while pending:
            outer = pending.pop()
            if isinstance(outer, Binary):
                value = BINARY[outer.operator](value, self._value(outer.right), self._warn)
            else:
                then, otherwise = self._value(outer.then), self._value(outer.otherwise)
                value = then if chooses(value) else otherwise
        return value

    def _function(self, call: Call) -> Value:
        name = call.name
        values = [self._value(each) for each in call.arguments]
        if not _FUNCTION_NAME.match(name):
            self._warn(f"Error! '{name}' is not possibly a function name!")
            return 0
        one, two = long_double.ONE.get(name), long_double.TWO.get(name)
        if one is not None or two is not None:
            numbers = [0 if number is None else number for number in map(number_of, values)]
            if one is not None and len(numbers) == 1:
                return one(numbers[0])
            if two is not None and len(numbers) == 2:
                return two(numbers[0], numbers[1])
            self._warn(f"Wrong args to {name}() function")
            return 0
        return self._read_function(name, ",".join(map(string_of, values)))

    def _read_function(self, name: str, arguments: str) -> Value:
        self.pure = False
        key = (name, arguments)
        result = self.results.get(key)
        if result is None:
            found = None if self._read is None else self._read(name, arguments)
            if found is None:
                self._warn(f"Error! '{name}' doesn't appear to be an available function!")
                return 0
            if not isinstance(found, str):
                raise Pending(key, found)
            result = self.results[key] = found
        if not result.strip("-0123456789. \t"):
            return long_double.parse(result)
        return value_of(result)
