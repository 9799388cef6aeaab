"""``$[...]``: Asterisk's expressions (main/ast_expr2.y and .fl). Pure, but for functions, which the caller reads.

Everything between the brackets is evaluated, both branches of ``?::`` too, as the grammar's actions do. What is wrong
does not end the evaluation: it is told in warnings, and the result is what Asterisk gives.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from dialplan import long_double
from dialplan.long_double import Number, is_nan
from dialplan.posix_regex import RegexError, compile_posix

#: What division by zero and by text gives.
INT_MAX: Final = 2147483647
#: Operations inside each other; more is refused rather than run out of stack.
MAX_DEPTH: Final = 100
#: Characters of an expression (Asterisk's VAR_BUF_SIZE less its terminator).
MAX_LENGTH: Final = 4095

#: Reads a function of the dialplan: its value, something to await, or None where there is no such function.
ReadFunction: TypeAlias = "Callable[[str, str], str | Awaitable[str] | None]"


class Text(str):
    """A value that is no number, even if it looks like one."""

    __slots__ = ()


class Numeric(str):
    """Text that becomes a number where one is wanted, and stays as written where not."""

    __slots__ = ()


Value: TypeAlias = Number | Text | Numeric


class Token(NamedTuple):
    """``kind`` is ``token`` or the operator itself; ``at`` is its place in characters."""

    kind: str
    value: Value
    at: int


class ExpressionError(Exception):
    """The text is no expression; ``expected`` says what could have stood there."""

    def __init__(self, token: Token, expected: str = "") -> None:
        super().__init__(f"syntax error, unexpected {_shown(token.kind)}{expected}")
        self.at = token.at


class Pending(Exception):
    """A function has to be awaited before the evaluation can go on."""

    def __init__(self, key: tuple[str, str], waiting: Awaitable[str]) -> None:
        self.key = key
        self.waiting = waiting


# Scanner

#: Characters that end what follows a ``}``.
_TRAIL = r"[^-\t\r \n$():?%/+=*<>!|&]*"
_TOKEN = re.compile(
    r"[ \t\r\n]*(?:"
    r"(?P<word>(?:[a-zA-Z0-9.';\\_^#@]|[^\x00-\x7f]|\$[^{])+(?:\$\{)?|\$\{)"
    r"|(?P<quoted>\"[^\"]*\")"
    r"|(?P<operator>\|\|?|&&?|=[=~]?|~~|>=?|<=?|!=?|::?|[+,\-*/%?()])"
    r"|(?P<other>.)"
    r")",
    re.DOTALL,
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NUMBER_ONLY = re.compile(r"[0-9]+(?:\.[0-9]+)?\Z")
_SAME = {"||": "|", "&&": "&", "==": "="}
_BRACE = re.compile(r"[^{}]*([{}])")
_AFTER_BRACE = re.compile(_TRAIL + r"(\$\{)?")


def scan(text: str) -> Iterator[Token]:
    """The tokens of an expression, with ``$end`` last; characters that mean nothing are passed over."""
    at, end = 0, len(text)
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            break
        kind = match.lastgroup
        start = match.start(kind) if kind else match.end()
        at = match.end()
        if kind == "operator":
            operator = match[kind]
            yield Token(_SAME.get(operator, operator), Text(operator), start)
        elif kind == "quoted":
            yield Token("token", Text(match[kind]), start)
        elif kind == "word":
            word = match[kind]
            if word.endswith("${"):
                at = _variable_end(text, at)
                if at < 0:
                    break
                yield Token("token", Text(text[start:at]), start)
            elif _NUMBER_ONLY.match(word):
                yield Token("token", Numeric(word), start)
            else:
                yield Token("token", Text(word), start)
    yield Token("$end", Text(""), end)


def _variable_end(text: str, at: int) -> int:
    """Where text with ``${...}`` that was not substituted ends; -1 when a brace is not closed."""
    depth = 0
    while True:
        match = _BRACE.match(text, at)
        if match is None:
            return -1
        at = match.end()
        if match[1] == "{":
            depth += 1
            continue
        depth -= 1
        if depth >= 0:
            continue
        trail = _AFTER_BRACE.match(text, at)
        if trail is None:
            return at
        at, depth = trail.end(), 0
        if trail[1] is None:
            return at


# Parser

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


def _shown(kind: str) -> str:
    """A token as messages of the parser name it."""
    match kind:
        case "$end":
            return kind
        case "token":
            return "'<token>'"
        case "~~":
            return "TOK_TILDETILDE"
        case _:
            return f"'{kind}'"


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
            value = _negated(operand, self._warn) if node.operator == "-" else _complement(operand)
        else:
            value = self._function(node)
        while pending:
            outer = pending.pop()
            if isinstance(outer, Binary):
                value = _BINARY[outer.operator](value, self._value(outer.right), self._warn)
            else:
                then, otherwise = self._value(outer.then), self._value(outer.otherwise)
                value = then if _chooses(value) else otherwise
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
        return _text(result)


_FUNCTION_NAME = re.compile(r"[A-Z0-9_]*\Z")

# Values


def _text(text: str) -> Value:
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


def _is_nothing(value: Value) -> bool:
    """What ``|`` and ``&`` take for false."""
    number = number_of(value)
    return not value if number is None else number == 0


def _chooses(test: Value) -> bool:
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
    return right if _is_nothing(left) else left


def _and(left: Value, right: Value, _warn: Warn) -> Value:
    return 0 if _is_nothing(left) or _is_nothing(right) else left


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


def _negated(value: Value, warn: Warn) -> Value:
    number = number_of(value)
    if number is None:
        warn(_NON_NUMERIC)
        return 0
    return long_double.negate(number)


_INTEGER = re.compile(r"\s*([+-]?\d+)")


def _complement(value: Value) -> Value:
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
            return _text(subject[found[1][0] : found[1][1]].decode("utf-8", "surrogateescape"))
        return found[0][1] - found[0][0]

    return match


def _joined(left: Value, right: Value, _warn: Warn) -> Value:
    return _text(_unquoted(left) + _unquoted(right))


_BINARY: Final[dict[str, Callable[[Value, Value, Warn], Value]]] = {
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

# What was parsed before

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
