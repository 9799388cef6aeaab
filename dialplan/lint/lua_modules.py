"""Puts ``app`` and ``channel`` back where a Lua source uses what a required module gives for them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dialplan.lint.lua_aliases import declared_once, is_at, is_key, is_set, meant
from dialplan.lint.lua_tokens import Token

#: What each field of a module's table stands for.
Exports = Mapping[str, list[Token]]


def exports(tokens: Sequence[Token]) -> dict[str, list[Token]]:
    """The fields of what a module returns that are ``app``, ``channel`` or one member of them.

    Its last statement is ``return { NAME = app.X, ... }``, or ``return M`` where M is a local table whose fields are
    set by ``M.NAME = ...``, each once.
    """
    last = next((at for at in reversed(range(len(tokens))) if tokens[at].is_("return")), None)
    if last is None:
        return {}
    if is_at(tokens, last + 1, "{"):
        return _of_constructor(tokens, last + 1)[0]
    end = len(tokens) - (2 if is_at(tokens, len(tokens) - 1, ";") else 1)
    if last + 1 != end or tokens[end].kind != "name":
        return {}
    name = tokens[end].text
    return _of_local(tokens, name) if name in declared_once(tokens) else {}


def _of_constructor(tokens: Sequence[Token], brace: int) -> tuple[dict[str, list[Token]], int]:
    """The fields of the table that begins at ``brace``, and where it ends."""
    found: dict[str, list[Token]] = {}
    depth = 0
    for at in range(brace, len(tokens)):
        if tokens[at].is_("{", "(", "["):
            depth += 1
        elif tokens[at].is_("}", ")", "]"):
            depth -= 1
            if not depth:
                return found, at
        elif depth == 1 and tokens[at].kind == "name" and is_key(tokens, at):
            value = meant(tokens, at + 2, "}", ",", ";")
            if value is not None:
                found[tokens[at].text] = value
    return found, len(tokens)


def _of_local(tokens: Sequence[Token], name: str) -> dict[str, list[Token]]:
    found: dict[str, list[Token]] = {}
    set_twice: set[str] = set()
    for at in range(len(tokens) - 3):
        if not tokens[at].is_(name) or is_at(tokens, at - 1, ".", ":"):
            continue
        if is_at(tokens, at - 1, "local") and is_at(tokens, at + 2, "{"):
            found |= _of_constructor(tokens, at + 2)[0]
        elif is_at(tokens, at + 1, ".") and is_at(tokens, at + 3, "="):
            field, value = tokens[at + 2].text, meant(tokens, at + 4)
            if value is None or field in found:
                set_twice.add(field)
            else:
                found[field] = value
        elif is_at(tokens, at - 1, "function"):
            set_twice.add(tokens[at + 2].text)
    return {field: value for field, value in found.items() if field not in set_twice}


def required(tokens: Sequence[Token]) -> set[str]:
    """The modules that a source requires by a constant name."""
    found = (_required(tokens, at) for at in range(len(tokens)) if not is_at(tokens, at - 1, ".", ":"))
    return {each[0] for each in found if each is not None}


def resolve_modules(tokens: Sequence[Token], module: Callable[[str], Exports]) -> list[Token]:
    """The tokens with ``M.NAME`` replaced by what it stands for, where M is ``require("...")`` or a local name for it.

    The local name stands for nothing else anywhere in the source, and the field is set nowhere. ``module`` gives what a
    module exports.
    """
    modules = {name: module(of) for name, of in _local_modules(tokens).items()}
    for at, token in enumerate(tokens):
        if token.text in modules and is_at(tokens, at + 1, ".") and is_at(tokens, at + 3, "="):
            field = tokens[at + 2].text
            modules[token.text] = {name: value for name, value in modules[token.text].items() if name != field}
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        fields, end = _module_at(tokens, at, modules, module)
        value = fields.get(tokens[end + 1].text) if is_at(tokens, end, ".") and end + 1 < len(tokens) else None
        if value is None:
            found.append(tokens[at])
            at += 1
        else:
            first, last = tokens[at], tokens[end + 1]
            found += [replace(each, line=first.line, start=first.start, end=last.end) for each in value]
            at = end + 2
    return found


def _module_at(
    tokens: Sequence[Token], at: int, modules: Mapping[str, Exports], module: Callable[[str], Exports]
) -> tuple[Exports, int]:
    """The fields of the module that stands at ``at``, none where none does, and where that ends."""
    token = tokens[at]
    if token.kind == "name" and not is_at(tokens, at - 1, ".", ":"):
        if token.text in modules:
            return modules[token.text], at + 1
        call = _required(tokens, at)
        if call is not None:
            return module(call[0]), call[1]
    return {}, at + 1


def _local_modules(tokens: Sequence[Token]) -> dict[str, str]:
    """The names that are a module's wherever they are declared, and nothing else anywhere; with the module."""
    found: dict[str, str] = {}
    others: set[str] = set()
    for at, token in enumerate(tokens):
        if token.kind != "name" or is_at(tokens, at - 1, ".", ":"):
            continue
        call = None
        if is_at(tokens, at - 1, "local") and is_at(tokens, at + 1, "="):
            call = _required(tokens, at + 2)
            if call is not None and is_at(tokens, call[1], ".", ":", "[", "(", ",", "and", "or"):
                call = None
        if call is not None and found.setdefault(token.text, call[0]) == call[0]:
            continue
        if is_set(tokens, at):
            others.add(token.text)
    return {name: module for name, module in found.items() if name not in others}


def _required(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The name that ``require`` at ``at`` is given as a constant, and where that ends."""
    if not is_at(tokens, at, "require") or at + 1 >= len(tokens):
        return None
    if tokens[at + 1].kind == "string":
        return tokens[at + 1].text, at + 2
    if is_at(tokens, at + 1, "(") and is_at(tokens, at + 3, ")") and tokens[at + 2].kind == "string":
        return tokens[at + 2].text, at + 4
    return None
