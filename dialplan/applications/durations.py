"""Times as applications take them: a number with a unit behind it, or none (ast_app_parse_timelen)."""

from __future__ import annotations

import re

from dialplan.arguments import ArgumentError

#: Seconds that one wait may ask for: more is surely a mistake, and timers have bounds.
MAX_SECONDS = 10_000_000.0

_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S{0,9})", re.ASCII)
_UNITS = {"s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}


def parse_length(text: str, unit: str = "s") -> float | None:
    """Seconds from ``2.5s``, ``250ms``, ``1m``, ``1h`` or a number of ``unit``; None where it is no time."""
    found = _LENGTH.match(text)
    if found is None:
        return None
    factor = _UNITS.get(found[2].lower() or unit)
    return None if factor is None else float(found[1]) * factor


def seconds(text: str, default: float | None = None, *, what: str = "time") -> float | None:
    """Seconds, perhaps with a fraction; ``default`` where nothing stands. Raises ArgumentError."""
    text = text.strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise ArgumentError(f"{what} '{text}' is not a number of seconds") from None
    if not -1.0 <= value <= MAX_SECONDS:
        raise ArgumentError(f"{what} '{text}' is out of range")
    return value
