"""The parser of expressions (main/ast_expr2.y), and the memory of what was parsed before."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from dialplan.expressions.scanner import ExpressionError, Token, scan
from dialplan.expressions.values import Text, Value

#: Operations inside each other; more is refused rather than run out of stack.
MAX_DEPTH: Final = 100
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


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = scan(text)
        self.token = next(self._tokens)
        self._depth = 0

    def take(self) -> Token:
        token, self.token = self.token, next(self._tokens, self.token)
        return token

    def expression(self, lowest: int = _CONDITION) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(self.token, f" inside more than {MAX_DEPTH} others")
        left = self.operand()
        while (binding := _PRECEDENCE.get(self.token.kind, 0)) >= lowest:
            operator = self.take().kind
            if operator == "?":
                middle = self.expression()
                if self.token.kind != "::":
                    raise ExpressionError(self.token)
                self.take()
                left = Condition(left, middle, self.expression(_CONDITION + 1))
            else:
                left = Binary(operator, left, self.expression(binding + 1))
        self._depth -= 1
        return left

    def operand(self) -> Node:
        token = self.take()
        kind = token.kind
        if kind == "token":
            return self._call(str(token.value)) if self.token.kind == "(" else Literal(token.value)
        if kind == "(":
            inner = self.expression()
            if self.token.kind != ")":
                raise ExpressionError(self.token)
            self.take()
            return inner
        if kind in ("-", "!"):
            return Unary(kind, self.expression(_PREFIX))
        raise ExpressionError(token, _EXPECTED_OPERAND)

    def _call(self, name: str) -> Node:
        self.take()
        arguments = [self.expression()]
        while self.token.kind == ",":
            self.take()
            arguments.append(_NOTHING if self.token.kind in (",", ")", "$end") else self.expression())
        if self.token.kind != ")":
            raise ExpressionError(self.token, _EXPECTED_ARGUMENT)
        self.take()
        return Call(name, tuple(arguments))


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
