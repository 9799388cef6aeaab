"""Advice of charge (ETSI EN 300 182): what a call costs, in words that a channel technology passes on. Pure.

A rate says before or at the start what something will cost (AOC-S); a charge says during the call what it has cost so
far (AOC-D), or at its end what it has cost (AOC-E).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

#: CurrencyMultiplier: powers of ten.
MULTIPLIERS = {
    "onethousandth": -3, "onehundredth": -2, "onetenth": -1, "one": 0, "ten": 1, "hundred": 2, "thousand": 3,
}  # fmt: skip
#: Longest name of a currency.
MAX_CURRENCY_CHARS = 10


@dataclass(frozen=True, slots=True)
class Price:
    """``amount`` times ten to the power of ``exponent``."""

    amount: int
    exponent: int = 0
    currency: str = ""

    def __str__(self) -> str:
        if self.exponent >= 0:
            return str(self.amount * 10**self.exponent)
        return f"{Decimal(self.amount).scaleb(self.exponent):f}"


@dataclass(frozen=True, slots=True)
class Rate:
    """What ``item`` costs. ``kind`` and ``item`` are the manager's words in lower case.

    With ``duration``, ``price`` buys ``time`` of ``scale``, in steps or continuously.
    """

    item: str
    kind: str
    price: Price | None = None
    time: int = 0
    scale: str = ""
    in_steps: bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """AOC-S."""

    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """AOC-D, or with ``final`` AOC-E. ``kind`` is ``na``, ``free``, ``currency`` (``price``) or ``unit``."""

    final: bool
    kind: str
    price: Price | None = None
    units: tuple[int | None, ...] = ()
    subtotal: bool = False


Advice = Rates | Charge
