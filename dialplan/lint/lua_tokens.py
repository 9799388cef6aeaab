"""Takes Lua source apart into tokens, as Lua's own scanner does (llex.c). Pure.

Source that Lua has not accepted is not given here, so that nothing needs to be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<comment>--(?:\[(?P<clevel>=*)\[.*?\](?P=clevel)\]|[^\n]*))"
    r"|(?P<long>\[(?P<level>=*)\[.*?\](?P=level)\])"
    r"|(?P<string>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>0[xX][0-9a-fA-F.]+(?:[pP][+-]?\d+)?|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<operator>\.\.\.|\.\.|==|~=|<=|>=|//|::|<<|>>|.)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:z\s*|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]+)\}|(\d{1,3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is ``name``, ``string``, ``number`` or ``operator``; of a string ``text`` is its value."""

    kind: str
    text: str
    line: int
    start: int
    end: int

    def is_(self, *operators: str) -> bool:
        """Whether it is one of these operators or keywords."""
        return self.kind in ("operator", "name") and self.text in operators


def _unescape(match: re.Match[str]) -> str:
    hexadecimal, unicode, decimal, plain = match.groups()
    if hexadecimal or unicode:
        code = int(hexadecimal or unicode, 16)
        return chr(code) if code < 0x110000 else "?"
    if decimal:
        return chr(min(int(decimal), 255))
    return _ESCAPES.get(plain, plain) if plain else ""


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a source; a first line for a shell is passed over."""
    at, line = 0, 1
    if source.startswith("#"):
        at = source.find("\n")
        at = len(source) if at < 0 else at
    while (match := _TOKEN.match(source, at)) is not None:
        kind = match.lastgroup or ""
        text = match[0]
        start, at = at, match.end()
        if kind == "level" or match["long"] is not None:
            kind = "string"
            text = re.sub(r"\A\[(=*)\[\r?\n?|\](=*)\]\Z", "", text)
        elif match["string"] is not None:
            kind = "string"
            text = _ESCAPE.sub(_unescape, text[1:-1])
        if match["space"] is None and match["comment"] is None:
            yield Token(kind, text, line, start, at)
        line += match[0].count("\n")
