"""Numbers in parameters, as Asterisk's sscanf reads them."""

from __future__ import annotations

import re

_INTEGER = re.compile(r"\s*([+-]?\d{1,18})")


def leading_integer(text: str) -> int | None:
    """The number a text begins with, as sscanf's %d reads it."""
    found = _INTEGER.match(text)
    return None if found is None else int(found[1])
