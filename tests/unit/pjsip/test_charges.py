"""Advice of charge as XML."""

from __future__ import annotations

import pytest

from pbx.core.charges import Charge, Price, Rate, Rates
from pbx.pjsip.session.charges import charge_xml, rates_xml

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<aoc xmlns="http://uri.etsi.org/ngn/params/xml/simservs/aoc">\n'


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price(1337, -3), "1.337"),
        (Price(42, -3), "0.042"),
        (Price(42, -2), "0.42"),
        (Price(10, -1), "1.0"),
        (Price(7), "7"),
        (Price(7, 3), "7000"),
    ],
)
def test_prices(price: Price, text: str) -> None:
    assert str(price) == text


def test_a_charge_so_far() -> None:
    xml = charge_xml(Charge(False, "currency", Price(5, -1, "A<B"), subtotal=True)).decode()
    assert xml == HEAD + (
        " <aoc-d>\n  <charging-info>subtotal</charging-info>\n  <recorded-charges>\n   <recorded-currency-units>\n"
        "    <currency-id>A&lt;B</currency-id>\n    <currency-amount>0.5</currency-amount>\n"
        "   </recorded-currency-units>\n  </recorded-charges>\n </aoc-d>\n</aoc>\n"
    )


@pytest.mark.parametrize(
    ("charge", "words"),
    [
        (Charge(True, "free"), "<free-charge />"),
        (Charge(True, "na"), "<not-available />"),
        (Charge(True, "unit", units=(31, 2)), "<currency-id>UNIT</currency-id>\n    <currency-amount>31<"),
        (Charge(True, "unit", units=(None,)), "<currency-id>UNIT</currency-id>\n   </recorded"),
        (Charge(False, "free"), "<charging-info>total</charging-info>"),
    ],
)
def test_charges(charge: Charge, words: str) -> None:
    assert words in charge_xml(charge).decode()


def test_rates() -> None:
    euro = Price(20, -2, "EUR")
    rates = (
        Rate("basiccommunication", "duration", euro, 10, "minute", in_steps=True),
        Rate("callattempt", "flat", euro),
        Rate("callsetup", "free"),
        Rate("callsetup", "volume", euro),
        Rate("useruserinfo", "free"),
    )
    assert rates_xml(Rates(rates)).decode() == HEAD + (
        " <aoc-s>\n  <charged-items>\n"
        "   <basic>\n    <price-time>\n     <currency-id>EUR</currency-id>\n"
        "     <currency-amount>0.20</currency-amount>\n     <length-time-unit>\n"
        "      <time-unit>10</time-unit>\n      <scale>one-minute</scale>\n"
        "     </length-time-unit>\n     <charging-type>step-function</charging-type>\n    </price-time>\n   </basic>\n"
        "   <communication-attempt>\n    <flat-rate>\n     <currency-id>EUR</currency-id>\n"
        "     <currency-amount>0.20</currency-amount>\n    </flat-rate>\n   </communication-attempt>\n"
        "   <communication-setup>\n    <free-charge />\n   </communication-setup>\n   <communication-setup />\n"
        "  </charged-items>\n </aoc-s>\n</aoc>\n"
    )
