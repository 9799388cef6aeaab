"""res_pjsip_aoc: advice of charge as XML (3GPP TS 24.647, annex), for endpoints with ``send_aoc``.

Rates go with the answers to an INVITE, or by INFO once there is a call; charges go by INFO while it lasts, and the last
ones known with the BYE that ends it or with the answer to that BYE.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Union
from xml.sax.saxutils import escape

from twisted.logger import Logger

from pbx.core.charges import Charge, Rates
from pbx.core.frames import Control
from pbx.modules import Module
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.session.services import Sessions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pbx.core.charges import Price, Rate
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

CONTENT_TYPE = "application/vnd.etsi.aoc+xml"
NAMESPACE = "http://uri.etsi.org/ngn/params/xml/simservs/aoc"

#: An element: its name with its attributes, and its text or what it holds.
Element = tuple[str, Union[str, "Sequence[Element]"]]

_ITEMS = {
    "basiccommunication": "basic",
    "callattempt": "communication-attempt",
    "callsetup": "communication-setup",
}
_SCALES = {
    "onehundredthsecond": "one-hundredth-second",
    "onetenthsecond": "one-tenth-second",
    "second": "one-second",
    "tenseconds": "ten-seconds",
    "minute": "one-minute",
    "hour": "one-hour",
    "day": "twenty-four-hours",
}


def rates_xml(rates: Rates) -> bytes:
    """AOC-S. What the format has no words for is left out."""
    items = [(_ITEMS[rate.item], _rate(rate)) for rate in rates.rates if rate.item in _ITEMS]
    return _document("aoc-s", [("charged-items", items)])


def charge_xml(charge: Charge) -> bytes:
    """AOC-D or AOC-E."""
    parts: list[Element] = []
    if not charge.final:
        parts.append(("charging-info", "subtotal" if charge.subtotal else "total"))
    parts.append(("recorded-charges", [_recorded(charge)]))
    return _document("aoc-e" if charge.final else "aoc-d", parts)


def _recorded(charge: Charge) -> Element:
    if charge.kind == "free":
        return "free-charge", ""
    if charge.kind == "currency" and charge.price is not None:
        return "recorded-currency-units", _price(charge.price)
    if charge.kind == "unit":
        amounts = [each for each in charge.units[:1] if each is not None]
        return (
            "recorded-currency-units",
            [("currency-id", "UNIT"), *(("currency-amount", str(amount)) for amount in amounts)],
        )
    return "not-available", ""


def _rate(rate: Rate) -> list[Element]:
    if rate.kind == "free":
        return [("free-charge", "")]
    if rate.price is None:
        return []
    if rate.kind == "flat":
        return [("flat-rate", _price(rate.price))]
    if rate.kind == "duration" and rate.item == "basiccommunication":
        unit = ("length-time-unit", [("time-unit", str(rate.time)), ("scale", _SCALES[rate.scale])])
        steps = ("charging-type", "step-function" if rate.in_steps else "continuous")
        return [("price-time", [*_price(rate.price), unit, steps])]
    return []


def _price(price: Price) -> list[Element]:
    currency: list[Element] = [("currency-id", price.currency)] if price.currency else []
    return [*currency, ("currency-amount", str(price))]


def _document(name: str, parts: Sequence[Element]) -> bytes:
    root: Element = (f'aoc xmlns="{NAMESPACE}"', [(name, parts)])
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(_lines(root, "")) + "\n").encode()


def _lines(element: Element, indent: str) -> Iterator[str]:
    start, content = element
    name = start.partition(" ")[0]
    if not content:
        yield f"{indent}<{start} />"
    elif isinstance(content, str):
        yield f"{indent}<{start}>{escape(content)}</{name}>"
    else:
        yield f"{indent}<{start}>"
        for each in content:
            yield from _lines(each, indent + " ")
        yield f"{indent}</{name}>"


def advise(session: PjsipSession, data: object) -> bool:
    """Pass advice on to the far end; False where it wants none."""
    native = session.native
    if native is None or not session.endpoint.send_aoc:
        return False
    if isinstance(data, Rates):
        xml = rates_xml(data)
        if not (session.is_up or session.channel.outgoing):
            native.carry(answers=(CONTENT_TYPE, xml))
            return True
    elif isinstance(data, Charge):
        xml = charge_xml(data)
        known = native.goodbye_carries
        # What a call has cost in the end stands, whatever is said of it afterwards.
        if data.final or known is None or b"<aoc-e>" not in known[1]:
            native.carry(goodbye=(CONTENT_TYPE, charge_xml(replace(data, subtotal=False))))
        if data.final:
            return True
    else:
        return False
    try:
        native.send_request("INFO", content_type=CONTENT_TYPE, body=xml)
    except (SessionOver, PjError) as error:
        log.warn("{channel}: no charge was told: {error}", channel=session.channel.name, error=str(error))
    return True


class AdviceOfCharge(Module):
    """Takes the channel's advice of charge."""

    name: ClassVar[str] = "res_pjsip_aoc"
    description: ClassVar[str] = "PJSIP AOC Support"
    requires: ClassVar[tuple[str, ...]] = ("res_pjsip", "res_pjsip_session")

    async def load(self) -> None:
        self._withdraw = self.server.require(Sessions).register_indication(Control.AOC, advise)

    async def unload(self) -> None:
        self._withdraw()
