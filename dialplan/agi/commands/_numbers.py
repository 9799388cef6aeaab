"""Numbers in AGI commands, as C reads them."""

from __future__ import annotations

from dialplan.agi.table import WrongUsage
from dialplan.functions.base import scan_int


def integer(text: str) -> int:
    """sscanf with ``%d``. Raises WrongUsage where no number stands."""
    value = scan_int(text)
    if value is None:
        raise WrongUsage(f"'{text}' is not a number")
    return value


def atoi(text: str) -> int:
    """C's atoi: 0 where no number stands."""
    return scan_int(text) or 0


def wait_seconds(milliseconds: int) -> float | None:
    """What a timeout in ms means: below 0 there is none."""
    return None if milliseconds < 0 else milliseconds / 1000
