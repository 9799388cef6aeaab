"""AOCMessage (main/manager.c): tells a channel what its call costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ami.context import Context
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.core.charges import MAX_CURRENCY_CHARS, MULTIPLIERS, Advice, Charge, Price, Rate, Rates
from pbx.core.frames import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pbx.core.channel import Channel

MAX_AMOUNT = 2**32 - 1
#: Units that a charge may name.
MAX_UNITS = 32
#: Rates that one message may hold.
MAX_RATES = 10

_NUMBER = re.compile(r"\s*\+?(\d{1,30})")
_ITEMS = frozenset((
    "na", "specialarrangement", "basiccommunication", "callattempt", "callsetup", "useruserinfo",
    "supplementaryservice",
))  # fmt: skip
_KINDS = frozenset(("na", "free", "freefrombeginning", "duration", "flat", "volume", "specialcode"))
_COSTLESS = frozenset(("na", "free", "freefrombeginning"))
_CHARGES = frozenset(("na", "free", "currency", "unit"))
_SCALES = frozenset(("onehundredthsecond", "onetenthsecond", "second", "tenseconds", "minute", "hour", "day"))
_STEPS = {"": False, "continuouscharging": False, "stepfunction": True}
_BILLING_SO_FAR = frozenset(("", "normal", "reversecharge", "creditcard"))
_BILLING = _BILLING_SO_FAR | {
    "callfwdunconditional", "callfwdbusy", "callfwdnoreply", "calldeflection", "calltransfer",
}  # fmt: skip


@action(
    "AOCMessage",
    "aoc",
    synopsis="Generate an Advice of Charge message on a channel.",
)
def action_AOCMessage(ctx: Context) -> Reply:
    channel = _channel(ctx)
    kind = ctx.get("MsgType").lower()
    if kind not in ("d", "e", "s"):
        raise ActionError("Invalid MsgType")
    advice: Advice = _rates(ctx) if kind == "s" else _charge(ctx, final=kind == "e")
    # Whether the far end wants to know is the channel's affair.
    channel.indicate(Control.AOC, advice)
    return Reply("AOC Message successfully queued on channel")


def _channel(ctx: Context) -> Channel:
    name, prefix = ctx.get("Channel"), ctx.get("ChannelPrefix")
    if not name and not prefix:
        raise ActionError("Channel and PartialChannel are not specified. Specify at least one of these.")
    found = ctx.server.channels.find(name) if name else None
    if found is None and prefix:
        found = next((each for each in ctx.server.channels if each.name.lower().startswith(prefix.lower())), None)
    if found is None:
        raise ActionError("No such channel")
    return found


def _number(text: str) -> int | None:
    match = _NUMBER.match(text)
    return None if match is None else min(int(match[1]), MAX_AMOUNT)


def _price(fields: Mapping[str, str], why: str) -> Price:
    """The price in the fields (by names in lower case). Raises ActionError."""
    amount = _number(fields.get("currencyamount", ""))
    if amount is None:
        raise ActionError(f"Invalid CurrencyAmount, CurrencyAmount is a required when {why}")
    multiplier = fields.get("currencymultiplier", "").lower()
    if not multiplier:
        raise ActionError("ChargeMultiplier unspecified, ChargeMultiplier is required when ChargeType is Currency.")
    if multiplier not in MULTIPLIERS:
        raise ActionError("Invalid ChargeMultiplier")
    return Price(amount, MULTIPLIERS[multiplier], fields.get("currencyname", "")[:MAX_CURRENCY_CHARS])


def _charge(ctx: Context, *, final: bool) -> Charge:
    kind = ctx.get("ChargeType").lower()
    if not kind:
        raise ActionError("ChargeType not specified")
    if kind not in _CHARGES:
        raise ActionError("Invalid ChargeType")
    fields = {name.lower(): value for name, value in reversed(list(ctx.request.headers()))}
    price = _price(fields, "ChargeType is Currency") if kind == "currency" else None
    if ctx.get("AOCBillingId").lower() not in (_BILLING if final else _BILLING_SO_FAR):
        raise ActionError(f"Invalid AOC-{'E' if final else 'D'} AOCBillingId")
    units: tuple[int | None, ...] = ()
    if kind == "unit":
        units = tuple(_number(fields.get(f"unitamount({index})", "")) for index in range(MAX_UNITS))
    subtotal = not final and ctx.get("TotalType").lower() == "subtotal"
    return Charge(final, kind, price, units, subtotal)


def _rates(ctx: Context) -> Rates:
    """Each ChargedItem begins a rate; what a rate does not say is as in the one before."""
    rates: list[Rate] = []
    fields: dict[str, str] = {}
    begun = False
    for name, value in ctx.request.headers():
        if name.lower() == "chargeditem":
            if begun:
                rates.append(_rate(fields))
            begun = True
        fields[name.lower()] = value
    if begun:
        rates.append(_rate(fields))
    return Rates(tuple(rates[:MAX_RATES]))


def _rate(fields: Mapping[str, str]) -> Rate:
    item, kind = fields.get("chargeditem", "").lower(), fields.get("ratetype", "").lower()
    for name, word, words in (("ChargedItem", item, _ITEMS), ("RateType", kind, _KINDS)):
        if not word:
            raise ActionError(f"{name} not specified")
        if word not in words:
            raise ActionError(f"Invalid {name}")
    price = None if kind in _COSTLESS else _price(fields, "RateType is non-free")
    time, scale, in_steps = 0, "", False
    if kind == "duration":
        time, scale, in_steps = _duration(fields)
    if kind == "volume" and not fields.get("volumeunit"):
        raise ActionError("VolumeUnit unspecified, VolumeUnit is required when RateType is Volume.")
    if (item == "specialarrangement" or kind == "specialcode") and _number(fields.get("code", "")) is None:
        raise ActionError(
            "Invalid Code, Code is a required when ChargedItem is SpecialArrangement and when RateType is SpecialCode"
        )
    return Rate(item, kind, price, time, scale, in_steps)


def _duration(fields: Mapping[str, str]) -> tuple[int, str, bool]:
    scale = fields.get("timescale", "").lower()
    if not scale:
        raise ActionError("TimeScale unspecified, TimeScale is required when RateType is Duration.")
    if scale not in _SCALES:
        raise ActionError("Invalid TimeScale")
    time = _number(fields.get("time", ""))
    if time is None:
        raise ActionError("Invalid Time, Time is a required when RateType is Duration")
    steps = fields.get("chargingtype", "").lower()
    if steps not in _STEPS:
        raise ActionError("Invalid ChargingType")
    return time, scale, _STEPS[steps]
