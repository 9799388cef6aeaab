"""Finds its way in the tokens of a Lua source: brackets, expressions, blocks."""

from __future__ import annotations

from collections.abc import Sequence

from dialplan.lint.lua_tokens import Token

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_UNARY = frozenset(("not", "-", "#", "~"))
_BINARY = frozenset((
    "+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~", "<<", ">>",
))  # fmt: skip
#: Words that open a block which ``end`` or ``until`` closes; those of ``for`` and ``while`` open at ``do``.
OPENERS = frozenset(("function", "if", "do", "repeat"))
CLOSERS = frozenset(("end", "until"))


class Source:
    """The tokens of a file, and where things in it end."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens

    def at(self, index: int, *texts: str) -> bool:
        """Whether there is one of these operators or words at ``index``."""
        return 0 <= index < len(self.tokens) and self.tokens[index].is_(*texts)

    def kind(self, index: int) -> str:
        """A token's kind; empty behind the end."""
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    def bracket_end(self, index: int) -> int:
        """The index behind what closes the bracket at ``index``."""
        depth = 0
        for at in range(index, len(self.tokens)):
            token = self.tokens[at]
            if token.kind == "operator":
                if token.text in _CLOSING:
                    depth += 1
                elif token.text in ")]}":
                    depth -= 1
                    if not depth:
                        return at + 1
        return len(self.tokens)

    def block_end(self, index: int) -> int:
        """The index behind the ``end`` of the block that the word at ``index`` opens."""
        depth = 0
        for at in range(index, len(self.tokens)):
            token = self.tokens[at]
            if token.kind != "name":
                continue
            if token.text in OPENERS:
                depth += 1
            elif token.text in CLOSERS:
                depth -= 1
                if not depth:
                    return at + 1
        return len(self.tokens)

    def expression_end(self, index: int) -> int:
        """The index behind the expression that begins at ``index``."""
        at = index
        while True:
            while self.at(at, *_UNARY):
                at += 1
            at = self._operand_end(at)
            if not self.at(at, *_BINARY):
                return at
            at += 1

    def _operand_end(self, at: int) -> int:
        if self.at(at, "function"):
            return self.block_end(at)
        if self.at(at, "{", "("):
            at = self.bracket_end(at)
        elif at < len(self.tokens):
            at += 1
        return self.suffix_end(at)

    def suffix_end(self, at: int) -> int:
        """The index behind the fields, indices and calls that follow an operand."""
        while at < len(self.tokens):
            if self.at(at, ".", ":") and self.kind(at + 1) == "name":
                at += 2
            elif self.at(at, "[", "(", "{"):
                at = self.bracket_end(at)
            elif self.kind(at) == "string":
                at += 1
            else:
                break
        return at

    def listed(self, start: int, end: int) -> list[tuple[int, int]]:
        """The expressions between ``start`` and ``end``, divided by commas: where each begins and ends."""
        found = []
        at = start
        while at < end:
            stop = min(self.expression_end(at), end)
            if stop <= at:
                break
            found.append((at, stop))
            at = stop
            if not self.at(at, ","):
                break
            at += 1
        return found

    def joined(self, start: int, end: int) -> list[tuple[int, int]] | None:
        """The operands of an expression that only joins texts; None where it does something else."""
        found = []
        at = start
        while at < end:
            if self.at(at, *_UNARY):
                return None
            stop = self._operand_end(at)
            found.append((at, stop))
            if stop >= end:
                return found
            if not self.at(stop, ".."):
                return None
            at = stop + 1
        return found

    def text(self, start: int, end: int) -> str:
        """A stretch of tokens, as a message shows it."""
        shown = ""
        for at in range(start, end):
            token = self.tokens[at]
            gap = " " if shown and token.start > self.tokens[at - 1].end else ""
            shown += gap + (f'"{token.text}"' if token.kind == "string" else token.text)
        return shown if len(shown) <= 60 else shown[:57] + "..."
