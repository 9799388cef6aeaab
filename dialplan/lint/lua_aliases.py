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
        value = aliases.get(token.text) if token.kind == "name" else None
        if value is None or is_at(tokens, at - 1, ".", ":") or is_at(tokens, at - 1, "local") or is_key(tokens, at):
            found.append(token)
        else:
            found += [replace(each, line=token.line, start=token.start, end=token.end) for each in value]
    return found


def is_at(tokens: Sequence[Token], at: int, *operators: str) -> bool:
    """Whether one of these operators or words stands at ``at``."""
    return 0 <= at < len(tokens) and tokens[at].is_(*operators)


def is_key(tokens: Sequence[Token], at: int) -> bool:
    """Whether a name is the key of a field: ``{ NAME = value }``."""
    return is_at(tokens, at - 1, "{", ",", ";") and is_at(tokens, at + 1, "=")


def declared_once(tokens: Sequence[Token]) -> set[str]:
    """The names that a source declares by ``local NAME =`` once and sets nowhere else."""
    declared: set[str] = set()
    set_otherwise: set[str] = set()
    for at, token in enumerate(tokens):
        if token.kind != "name" or is_at(tokens, at - 1, ".", ":"):
            continue
        if is_at(tokens, at - 1, "local") and is_at(tokens, at + 1, "=") and token.text not in declared:
            declared.add(token.text)
        elif is_set(tokens, at):
            set_otherwise.add(token.text)
    return declared - set_otherwise


def _aliases(tokens: Sequence[Token]) -> dict[str, list[Token]]:
    aliases: dict[str, list[Token]] = {}
    once = declared_once(tokens)
    for at, token in enumerate(tokens):
        if token.text in once and is_at(tokens, at - 1, "local") and is_at(tokens, at + 1, "="):
            value = meant(tokens, at + 2)
            if value is not None:
                aliases[token.text] = value
    return aliases


def meant(tokens: Sequence[Token], at: int, *ends: str) -> list[Token] | None:
    """``app``, ``channel``, or one member of them, as a whole expression, behind which one of ``ends`` may stand."""
    if not is_at(tokens, at, "app", "channel"):
        return None
    end = at + 1
    if is_at(tokens, end, ".") and end + 1 < len(tokens) and tokens[end + 1].kind == "name":
        end += 2
    # Something may go on with it: the alias would be what that gives.
    goes_on = is_at(tokens, end, ".", ":", "[", "(", "{", "..", ",", "and", "or")
    if (goes_on and not is_at(tokens, end, *ends)) or (end < len(tokens) and tokens[end].kind == "string"):
        return None
    return list(tokens[at:end])


def is_set(tokens: Sequence[Token], at: int) -> bool:
    """Whether a name is set where it stands: assigned to, declared in a list, a parameter or a loop's variable."""
    if is_key(tokens, at):
        return False
    if is_at(tokens, at + 1, "=") or is_at(tokens, at - 1, "for"):
        return True
    if is_at(tokens, at - 1, "function"):
        return not is_at(tokens, at + 1, ".", ":")  # a field of it is
    # In a list of names behind `local`, `for` or `function name(`.
    before = at - 1
    while is_at(tokens, before, ",") and before > 0 and tokens[before - 1].kind == "name":
        before -= 2
    if is_at(tokens, before, "local", "for"):
        return True
    if not is_at(tokens, before, "("):
        return False
    before -= 1
    while (
        before >= 0
        and not tokens[before].is_("function")
        and (tokens[before].kind == "name" or tokens[before].is_(".", ":"))
    ):
        before -= 1
    return is_at(tokens, before, "function")
