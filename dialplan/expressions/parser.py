"""The parser of expressions (main/ast_expr2.y), and the memory of what was parsed before."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from dialplan.expressions.scanner import ExpressionError, Token, scan
from dialplan.expressions.values import Text, Value

#: Binding of the operators between two values.
_PRECEDENCE: Final = {
    "?": 2,
    "|": 3,
    "&": 4,
    **dict.fromkeys(("=", ">", "<", ">=", "<=", "!="), 5),
    **dict.fromkeys("+-", 6),
    **dict.fromkeys("*/%", 7),
    **dict.fromkeys((":", "=~", "~~"), 9),
}
_CONDITION = 2
_PREFIX = 9

_EXPECTED_OPERAND = ", expecting '-' or '!' or '(' or '<token>'"
_EXPECTED_END = ", expecting $end"
_EXPECTED_ARGUMENT = ", expecting ',' or ')'"


class Literal(NamedTuple):
    value: Value


class Unary(NamedTuple):
    operator: str
    operand: Node


class Binary(NamedTuple):
    operator: str
    left: Node
    right: Node


class Condition(NamedTuple):
    left: Node
    then: Node
    otherwise: Node


class Call(NamedTuple):
    name: str
    arguments: tuple[Node, ...]


Node: TypeAlias = "Literal | Unary | Binary | Condition | Call"

_NOTHING = Literal(Text(""))


class _Open(NamedTuple):
    """What waits for its end: ``(``, the arguments of a function (``call``), or ``?`` with what stands before it."""

    kind: str
    name: str = ""
    arguments: tuple[Node, ...] = ()
    condition: Node = _NOTHING


class _Operator(NamedTuple):
    """What waits for the value on its right, which an operator that binds no more than ``binding`` ends."""

    kind: str
    binding: int
    left: Node | None
    then: Node = _NOTHING

    def applied(self, right: Node) -> Node:
        if self.left is None:
            return Unary(self.kind, right)
        if self.kind == "::":
            return Condition(self.left, self.then, right)
        return Binary(self.kind, self.left, right)


class _Parser:
    """By precedence, without recursion: how deep operations are inside each other is bounded by the text alone."""

    def __init__(self, text: str) -> None:
        self._tokens = scan(text)
        self.token = next(self._tokens)
        self._waiting: list[_Open | _Operator] = []

    def take(self) -> Token:
        token, self.token = self.token, next(self._tokens, self.token)
        return token

    def expression(self) -> Node:
        """As much of the text as is one. Raises ExpressionError."""
        waiting = self._waiting
        while True:
            value: Node | None = self._operand()
            while value is not None:
                binding = _PRECEDENCE.get(self.token.kind, 0)
                while waiting and isinstance(operator := waiting[-1], _Operator) and binding <= operator.binding:
                    waiting.pop()
                    value = operator.applied(value)
                if binding:
                    kind = self.take().kind
                    opened = _Open("?", condition=value) if kind == "?" else _Operator(kind, binding, value)
                    waiting.append(opened)
                    break
                if not waiting:
                    return value
                value = self._closed(value)

    def _operand(self) -> Node:
        """The next value; what stands before it waits."""
        while True:
            token = self.take()
            kind = token.kind
            if kind == "token":
                if self.token.kind != "(":
                    return Literal(token.value)
                self.take()
                self._waiting.append(_Open("call", str(token.value)))
            elif kind == "(":
                self._waiting.append(_Open("("))
            elif kind in ("-", "!"):
                self._waiting.append(_Operator(kind, _PREFIX - 1, None))
            else:
                raise ExpressionError(token, _EXPECTED_OPERAND)

    def _closed(self, value: Node) -> Node | None:
        """What a value makes of that which it ends; None where another value has to come."""
        opened = self._waiting.pop()
        if isinstance(opened, _Operator):
            return opened.applied(value)
        if opened.kind == "call":
            return self._argument(opened, value)
        if self.token.kind != ("::" if opened.kind == "?" else ")"):
            raise ExpressionError(self.token)
        self.take()
        if opened.kind == "(":
            return value
        self._waiting.append(_Operator("::", _CONDITION, opened.condition, value))
        return None

    def _argument(self, call: _Open, value: Node) -> Node | None:
        """As `_closed`, where the value is an argument; the first apart, one may be left out."""
        arguments = (*call.arguments, value)
        while self.token.kind == ",":
            self.take()
            if self.token.kind not in (",", ")", "$end"):
                self._waiting.append(call._replace(arguments=arguments))
                return None
            arguments = (*arguments, _NOTHING)
        if self.token.kind != ")":
            raise ExpressionError(self.token, _EXPECTED_ARGUMENT)
        self.take()
        return Call(call.name, arguments)


_FIRST = frozenset(("token", "(", "-", "!"))


class Expression:
    """A parsed expression; ``node`` is None where the text could not be parsed, ``error`` says why."""

    __slots__ = ("error", "node", "result", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.error: str = ""
        self.node: Node | None = None
        #: The value, once known, of an expression that needs nothing but its text and has nothing wrong with it.
        self.result: str | None = None
        parser = _Parser(text)
        try:
            # A text that is complete before its error has that value, as has an empty one.
            self.node = parser.expression() if parser.token.kind in _FIRST else _NOTHING
            if parser.token.kind != "$end":
                raise ExpressionError(parser.token, _EXPECTED_END)
        except ExpressionError as error:
            self.error = f"ast_yyerror():  syntax error: {error}; Input:\n{text}\n{' ' * error.at}^"


#: Expressions kept parsed, and how long each may be.
MAX_KEPT: Final = 2048
_MAX_KEPT_LENGTH = 256
_kept: dict[str, Expression] = {}


def parse(text: str) -> Expression:
    """The expression of a text that has been substituted already."""
    found = _kept.get(text)
    if found is None:
        found = Expression(text)
        if len(text) <= _MAX_KEPT_LENGTH:
            if len(_kept) >= MAX_KEPT:
                _kept.clear()
            _kept[text] = found
    return found
