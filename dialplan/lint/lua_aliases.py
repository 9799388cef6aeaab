"""Puts ``app`` and ``channel`` back where a Lua source uses a local name for them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dialplan.lint.lua_tokens import Token


def resolve(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with each simple alias replaced by what it stands for, at the place where it is used.

    Simple are ``local NAME = app``, ``channel``, ``app.NAME`` or ``channel.NAME``, where the file declares the name
    once and sets it nowhere else; any other use of a name is left as it is.
    """
    aliases = _aliases(tokens)
    found: list[Token] = []
    for at, token in enumerate(tokens):
        meant = aliases.get(token.text) if token.kind == "name" else None
        if meant is None or _is(tokens, at - 1, ".", ":") or _is(tokens, at - 1, "local") or _is_key(tokens, at):
            found.append(token)
        else:
            found += [replace(each, line=token.line, start=token.start, end=token.end) for each in meant]
    return found


def _is(tokens: Sequence[Token], at: int, *operators: str) -> bool:
    return 0 <= at < len(tokens) and tokens[at].is_(*operators)


def _is_key(tokens: Sequence[Token], at: int) -> bool:
    """Whether a name is the key of a field: ``{ NAME = value }``."""
    return _is(tokens, at - 1, "{", ",", ";") and _is(tokens, at + 1, "=")


def _aliases(tokens: Sequence[Token]) -> dict[str, list[Token]]:
    aliases: dict[str, list[Token]] = {}
    set_otherwise: set[str] = set()
    for at, token in enumerate(tokens):
        if token.kind != "name" or _is(tokens, at - 1, ".", ":"):
            continue
        if _is(tokens, at - 1, "local") and _is(tokens, at + 1, "="):
            meant = _meant(tokens, at + 2)
            if meant is not None and token.text not in aliases:
                aliases[token.text] = meant
            else:
                set_otherwise.add(token.text)
        elif _is_set(tokens, at):
            set_otherwise.add(token.text)
    return {name: meant for name, meant in aliases.items() if name not in set_otherwise}


def _meant(tokens: Sequence[Token], at: int) -> list[Token] | None:
    """``app``, ``channel``, or one member of them, as a whole expression."""
    if not _is(tokens, at, "app", "channel"):
        return None
    end = at + 1
    if _is(tokens, end, ".") and end + 1 < len(tokens) and tokens[end + 1].kind == "name":
        end += 2
    # Something goes on with it: the alias would be what that gives.
    if _is(tokens, end, ".", ":", "[", "(", "{", "..", ",", "and", "or") or (
        end < len(tokens) and tokens[end].kind == "string"
    ):
        return None
    return list(tokens[at:end])


def _is_set(tokens: Sequence[Token], at: int) -> bool:
    """Whether a name is set where it stands: assigned to, declared in a list, a parameter or a loop's variable."""
    if _is_key(tokens, at):
        return False
    if _is(tokens, at + 1, "=") or _is(tokens, at - 1, "for", "function"):
        return True
    # In a list of names behind `local`, `for` or `function name(`.
    before = at - 1
    while _is(tokens, before, ",") and before > 0 and tokens[before - 1].kind == "name":
        before -= 2
    if _is(tokens, before, "local", "for"):
        return True
    if not _is(tokens, before, "("):
        return False
    before -= 1
    while (
        before >= 0
        and not tokens[before].is_("function")
        and (tokens[before].kind == "name" or tokens[before].is_(".", ":"))
    ):
        before -= 1
    return _is(tokens, before, "function")
