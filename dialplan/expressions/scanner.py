"""The scanner of expressions (main/ast_expr2.fl)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dialplan.expressions.values import Numeric, Text, Value

#: Characters of an expression (Asterisk's VAR_BUF_SIZE less its terminator).
MAX_LENGTH: Final = 4095

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
