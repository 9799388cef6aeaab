"""Advice of charge: with answers to an INVITE, by INFO, with a BYE and with the answer to a BYE."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from pbx.core.charges import Charge, Rate, Rates
from pbx.core.frames import Control
from pbx.pjsip.bodies import parts_of

LUA = """
extensions = {}
extensions.default = {
    ["101"] = function() app.Answer(); app.Wait(30) end;
    ["102"] = function() app.Wait(0.3); app.Ringing(); app.Answer(); app.Wait(30) end;
}
"""
AOC = "application/vnd.etsi.aoc+xml"
FREE = Rates((Rate("callsetup", "free"),))

pytestmark = pytest.mark.parametrize("extensions", [LUA])
wanting = pytest.mark.parametrize("options", ["send_aoc = yes"])


@pytest.fixture
def advise(exchange: Any) -> Any:
    def advise(advice: object) -> bool:
        (channel,) = exchange.server.channels
        done: bool = channel.indicate(Control.AOC, advice)
        return done

    return advise


async def informed(phone: Any) -> Any:
    info = await phone.wanted("INFO")
    phone.answer(info, 200)
    assert info.content_type == AOC
    return info


@wanting
@ensureDeferred
async def test_rates_with_the_answers(exchange: Any, phone: Any, advise: Any) -> None:
    phone.invite("102")
    await exchange.until(lambda: len(exchange.server.channels) == 1, "the call")
    assert advise(FREE)
    ringing = await phone.response(180)
    ((kind, text),) = parts_of(ringing.headers.get("Content-Type"), ringing.body)
    assert (kind, b"<communication-setup>" in text) == (AOC, True)
    answer = await phone.response(200)
    phone.ack()
    kinds = [kind for kind, _ in parts_of(answer.headers.get("Content-Type"), answer.body)]
    assert kinds == ["application/sdp", AOC]
    # Now there is a call to speak in.
    assert advise(FREE)
    assert b"<aoc-s>" in (await informed(phone)).body
    phone.request("BYE")
    assert (await phone.response(200, "BYE")).body == b""


@wanting
@ensureDeferred
async def test_charges_during_the_call_and_with_our_bye(exchange: Any, phone: Any, advise: Any) -> None:
    await phone.established("101")
    assert advise(Charge(False, "free", subtotal=True))
    assert b"<charging-info>subtotal<" in (await informed(phone)).body
    (channel,) = exchange.server.channels
    channel.hangup()
    bye = await phone.wanted("BYE")
    phone.answer(bye, 200)
    assert bye.content_type == AOC
    assert b"<charging-info>total<" in bye.body


@wanting
@ensureDeferred
async def test_the_cost_in_the_end_with_the_answer_to_a_bye(phone: Any, advise: Any) -> None:
    await phone.established("101")
    assert advise(Charge(True, "unit", units=(3,)))
    assert advise(Charge(False, "free"))
    await informed(phone)
    phone.request("BYE")
    answer = await phone.response(200, "BYE")
    assert answer.content_type == AOC
    assert b"<aoc-e>" in answer.body


@pytest.mark.parametrize("options", ["send_aoc = no"])
@ensureDeferred
async def test_who_wants_none(phone: Any, advise: Any) -> None:
    await phone.established("101")
    assert not advise(FREE)
    phone.request("BYE")
    assert (await phone.response(200, "BYE")).body == b""
