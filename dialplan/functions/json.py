"""func_json: JSON_DECODE."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, Reading
from dialplan.registry import FunctionError, function
from pbx.core.channel import Channel

#: Keys one call may name below each other.
MAX_DEPTH = 50


#: An escaped NUL; behind an escaped backslash there is none.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _integer(text: str) -> int:
    number = int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("too big integer")
    return number


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("real number overflow")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"'{text}' is no JSON")


def parse(text: str) -> Any:
    """A document. Raises ValueError or RecursionError for what Asterisk does not take either."""
    if _NUL.search(text):
        raise ValueError("\\u0000 is not allowed")
    return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=_refuse)


def _shown(value: Any, *, count: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.17g}"
    if count and isinstance(value, list):
        return str(len(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def look_up(document: Any, keys: list[str], *, count: bool = False) -> str:
    """The value below ``keys``, as a text; empty where there is none."""
    found = document
    for key in keys:
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, list):
            return ""
        else:
            # Asterisk gives a plain value whatever keys come after it.
            break
    return _shown(found, count=count)


class JsonModule(FunctionModule):
    """JSON_DECODE."""

    name = "func_json"
    description = "JSON decoding function"

    @function(
        "JSON_DECODE",
        "varname,item[,separator[,options]]",
        synopsis="Returns the string value of a JSON object key from a string containing a JSON array.",
        description=(
            "The item's keys and indexes are divided by the separator, a dot unless given: path.to.0. "
            "c: the length of an array instead of its text."
        ),
    )
    def func_json_decode(self, channel: Channel | None, args: Arguments) -> Reading:
        name, item, separator = args["varname"], args["item"], args["separator"] or "."
        if not name:
            raise ArgumentError("JSON_DECODE requires a variable name")
        if not item:
            raise ArgumentError("JSON_DECODE requires a key")
        if len(separator) != 1:
            separator = "."
        keys = item.split(separator, MAX_DEPTH)
        count = "c" in args["options"]

        def decode(value: str) -> str:
            if not value:
                return ""
            try:
                document = parse(value)
            except (ValueError, RecursionError):
                raise FunctionError(f"Failed to parse as JSON: {value[:80]}") from None
            return look_up(document, keys, count=count) if isinstance(document, dict | list) else ""

        return self.then_value(channel, name, decode)
