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
        """Of what has parts once they all have one, left to right; without recursion, however deep they are."""
        values: list[Value] = []
        waiting: list[tuple[Node, bool]] = [(node, False)]
        while waiting:
            node, ready = waiting.pop()
            if isinstance(node, Literal):
                values.append(node.value)
            elif not ready:
                waiting.append((node, True))
                waiting += ((part, False) for part in reversed(_parts(node)))
            else:
                first = len(values) - len(_parts(node))
                values[first:] = [self._combined(node, values[first:])]
        return values[0]

    def _combined(self, node: Binary | Unary | Condition | Call, values: list[Value]) -> Value:
        """The value of a node whose parts have ``values``."""
        if isinstance(node, Binary):
            return BINARY[node.operator](values[0], values[1], self._warn)
        if isinstance(node, Unary):
            return negated(values[0], self._warn) if node.operator == "-" else complement(values[0])
        if isinstance(node, Condition):
            return values[1] if chooses(values[0]) else values[2]
        return self._function(node.name, values)

    def _function(self, name: str, values: list[Value]) -> Value:
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


def _parts(node: Binary | Unary | Condition | Call) -> tuple[Node, ...]:
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Unary):
        return (node.operand,)
    return (node.left, node.then, node.otherwise) if isinstance(node, Condition) else node.arguments
