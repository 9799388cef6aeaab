"""Comma lists as the manager's headers hold them: ``a=1,b="x,y",F(c,d)``."""

from __future__ import annotations

#: Items of one list that count (Asterisk's array in astman_get_variables).
MAX_ITEMS = 64

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def split_list(text: str, limit: int = MAX_ITEMS) -> list[str]:
    """Items between commas outside quotes and brackets; the last takes the rest when there are more than ``limit``."""
    items: list[str] = []
    current: list[str] = []
    closing: list[str] = []
    quoted = False
    escaped = False
    for character in text:
        if escaped:
            current.append(character)
            escaped = False
            continue
        if character == "\\":
            escaped = True
            continue
        if character == '"':
            quoted = not quoted
            continue
        if not quoted:
            if closing and character == closing[-1]:
                closing.pop()
            elif character in _CLOSING:
                closing.append(_CLOSING[character])
            elif character == "," and not closing and len(items) < limit - 1:
                items.append("".join(current))
                current = []
                continue
        current.append(character)
    items.append("".join(current))
    return items


def parse_variables(values: list[str]) -> list[tuple[str, str]]:
    """``Variable`` headers as (name, value) in order; items without ``=`` are left out, as in Asterisk."""
    found = []
    for value in values:
        for item in split_list(value):
            name, equals, setting = item.partition("=")
            if equals and name.strip():
                found.append((name.strip(), setting))
    return found
