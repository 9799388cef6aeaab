"""SQL text with its parameters, as SQLAlchemy's ``text`` wants it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pbx.errors import ObeliskError

#: Strings, quoted names and comments, which hold no parameters, and then what may be one.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | \? | ::+ | :[A-Za-z_]\w* | :""",
    re.VERBOSE | re.DOTALL,
)


class StatementError(ObeliskError):
    """A statement and its parameters do not fit together."""


def bind(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text and the values by name: each ``?`` takes the next of a sequence, each ``:name`` one of a mapping.

    Raises StatementError where there are too few or too many.
    """
    values: dict[str, Any] = {}
    names = parameters if isinstance(parameters, Mapping) else None
    given = [] if isinstance(parameters, Mapping) else list(parameters)
    used = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal used
        token = match.group()
        if token == "?" and names is None:
            if used >= len(given):
                raise StatementError(f"the statement has more places (?) than the {len(given)} values given")
            name = f"p{used}"
            values[name] = given[used]
            used += 1
            return f":{name}"
        if names is not None and len(token) > 1 and token[0] == ":" and token[1] != ":":
            if token[1:] not in names:
                raise StatementError(f"no value was given for {token}")
            values[token[1:]] = names[token[1:]]
            return token
        return token.replace(":", r"\:")

    text = _TOKEN.sub(replace, sql)
    if used < len(given):
        raise StatementError(f"the statement has {used} places (?) for the {len(given)} values given")
    return text, values
