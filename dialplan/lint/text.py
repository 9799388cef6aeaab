"""Texts with parts that are only known in a call: ``${...}``, ``$[...]``, and what a Lua expression joins.

A `Text` is a string in which each such part is one character of the private use area, so that the exchange's own
functions for arguments and options can take it apart like any other string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dialplan.arguments import split_arguments
from dialplan.substitution import closing_bracket

#: The first of the characters that stand for parts; a text has at most as many as the area holds.
_FIRST = 0xE000
_LAST = 0xF8FF
_MARK = re.compile("[\ue000-\uf8ff]")
_DOLLAR = re.compile(r"\$[{[]")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A part that is only known in a call.

    ``kind`` is ``variable``, ``function``, ``expression`` (then ``arguments`` is what stands between the brackets) or
    ``other``. ``name`` is empty where it is not known either.
    """

    kind: str
    source: str
    name: str = ""
    arguments: Text | None = None
    #: Of a Lua expression: whether something in it takes away what is unsafe.
    cleaned: bool = False
    #: Whether only a piece of the value is meant, as in ``${NAME:1}``.
    sliced: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """``skeleton`` holds a mark for each of ``dynamics``, which pieces of a text share."""

    skeleton: str
    dynamics: tuple[Dynamic, ...] = field(default=(), repr=False)

    @property
    def constant(self) -> str | None:
        """The text where it is known whole, else None."""
        return None if self.is_dynamic else self.skeleton

    @property
    def is_dynamic(self) -> bool:
        return _MARK.search(self.skeleton) is not None

    def __bool__(self) -> bool:
        return bool(self.skeleton)

    def __str__(self) -> str:
        """As it was written."""
        return _MARK.sub(lambda match: self.dynamics[ord(match[0]) - _FIRST].source, self.skeleton)

    def piece(self, skeleton: str) -> Text:
        """A part of this text."""
        return Text(skeleton, self.dynamics)

    def strip(self) -> Text:
        return self.piece(self.skeleton.strip())

    def split(self, limit: int, delimiter: str = ",") -> list[Text]:
        """Take it apart as applications take their arguments apart."""
        return [self.piece(part) for part in split_arguments(self.skeleton, limit, delimiter)]

    def partition(self, separator: str) -> tuple[Text, bool, Text]:
        """At the first ``separator`` outside of parentheses: what is before, whether there is one, what is behind."""
        depth = 0
        for at, character in enumerate(self.skeleton):
            if character == separator and depth <= 0:
                return self.piece(self.skeleton[:at]), True, self.piece(self.skeleton[at + 1 :])
            depth += (character == "(") - (character == ")")
        return self, False, self.piece("")

    def parts(self) -> Iterator[Dynamic]:
        """The parts that stand in this piece."""
        for match in _MARK.finditer(self.skeleton):
            yield self.dynamics[ord(match[0]) - _FIRST]

    def every_part(self) -> Iterator[Dynamic]:
        """`parts`, and those inside them."""
        for each in self.parts():
            yield each
            if each.arguments is not None:
                yield from each.arguments.every_part()

    def pieces(self) -> Iterator[str | Dynamic]:
        """What it is made of, for `join`."""
        at = 0
        for match in _MARK.finditer(self.skeleton):
            if match.start() > at:
                yield self.skeleton[at : match.start()]
            yield self.dynamics[ord(match[0]) - _FIRST]
            at = match.end()
        yield self.skeleton[at:]

    def without_marks(self, by: str = "") -> str:
        """The text with every part replaced by ``by``."""
        return _MARK.sub(by, self.skeleton)


def join(pieces: list[str | Dynamic]) -> Text:
    """A text from constant and dynamic pieces."""
    skeleton: list[str] = []
    dynamics: list[Dynamic] = []
    for piece in pieces:
        if isinstance(piece, str):
            skeleton.append(_MARK.sub("?", piece))
        elif len(dynamics) <= _LAST - _FIRST:
            skeleton.append(chr(_FIRST + len(dynamics)))
            dynamics.append(piece)
    return Text("".join(skeleton), tuple(dynamics))


def parse_text(text: str, problem: Callable[[str], None] | None = None) -> Text:
    """A text of extensions.conf; what is not closed is told to ``problem``."""
    pieces: list[str | Dynamic] = []
    at = 0
    while (match := _DOLLAR.search(text, at)) is not None:
        pieces.append(text[at : match.start()])
        start = match.end()
        is_variable = match[0] == "${"
        at, closed, _ = closing_bracket(text, start, *(("{", "}", "[") if is_variable else ("[", "]", "{")))
        if not closed and problem is not None:
            problem(f"'{match[0]}' is not closed in '{text}'")
        inside = parse_text(text[start : at - 1] if closed else text[start:at], problem)
        source = text[match.start() : at]
        pieces.append(_reference(inside, source) if is_variable else Dynamic("expression", source, "", inside))
    pieces.append(text[at:])
    return join(pieces)


def _reference(inside: Text, source: str) -> Dynamic:
    skeleton = inside.skeleton
    name, parenthesis, rest = skeleton.partition("(")
    if parenthesis:
        arguments, closing, behind = rest.rpartition(")")
        known = "" if _MARK.search(name) else name
        return Dynamic(
            "function", source, known, inside.piece(arguments if closing else rest), sliced=behind.startswith(":")
        )
    plain, colon, _ = skeleton.partition(":")
    # A name with parts inside is made in the call: what they say matters, not what they are called.
    if _MARK.search(plain):
        return Dynamic("variable", source, "", inside)
    return Dynamic("variable", source, plain, sliced=bool(colon))
