"""Channels that an application originates, or creates and dials."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.core.causes import Cause
from pbx.core.dial import Destination
from pbx.core.frames import Control
from pbx.core.messages import (
    DialEnded,
)
from pbx.core.originate import Originate
from pbx.core.states import ChannelState
from pbx.stasis.errors import WrongState
from tests.unit.stasis.conftest import Exchange, without_variables


def order(**fields: Any) -> Originate:
    return Originate(Destination("Fake", "bob"), **fields)


def test_an_originated_channel_is_the_applications_from_its_creation(exchange: Exchange) -> None:
    channel = exchange.stasis.originate(order(uniqueid="mine"), "hello", ["a"])
    far = exchange.core.fake.drivers["bob"][-1]
    assert "ChannelCreated" in exchange.sink.types
    assert "StasisStart" not in exchange.sink.types
    far.say(Control.ANSWER)
    assert exchange.sink.last("StasisStart").get("args") == ["a"]
    far.hang_up()
    assert not channel.alive
    assert without_variables(exchange.sink.types)[-2:] == ["StasisEnd", "ChannelDestroyed"]
    application = exchange.stasis.applications.find("hello")
    assert application is not None
    assert application.channel_ids == []


def test_an_originated_channel_goes_on_in_the_dialplan(exchange: Exchange) -> None:
    channel = exchange.stasis.originate(order(), "hello")
    exchange.core.fake.drivers["bob"][-1].say(Control.ANSWER)
    exchange.control(channel).leave(("default", "200", 1))
    assert channel.variables.get("ELSEWHERE") == "yes"


def test_a_created_channel_is_inside_at_once_and_dialled_when_told(exchange: Exchange) -> None:
    ended: list[str] = []
    exchange.core.bus.subscribe(DialEnded, lambda message: ended.append(message.status))
    channel = exchange.stasis.create(order(), "hello")
    assert exchange.sink.types[-1] == "StasisStart"
    control = exchange.control(channel)
    with pytest.raises(WrongState):
        control.require_state()
    far = exchange.core.fake.drivers["bob"][-1]
    assert far.told == []
    control.dial(None, 10)
    assert far.told == ["call"]
    with pytest.raises(WrongState):
        control.dial(None, 10)
    far.say(Control.ANSWER)
    assert ended == ["ANSWER"]
    exchange.core.clock.advance(11)
    assert channel.state is ChannelState.UP
    control.hangup(Cause.NORMAL_CLEARING)
    assert not channel.alive


def test_a_dial_nobody_answers_ends_in_time(exchange: Exchange) -> None:
    ended: list[str] = []
    exchange.core.bus.subscribe(DialEnded, lambda message: ended.append(message.status))
    channel = exchange.stasis.create(order(), "hello")
    exchange.control(channel).dial(None, 10)
    exchange.core.clock.advance(10)
    assert ended == ["NOANSWER"]
    assert channel.hangup_cause == Cause.NO_ANSWER
    assert not channel.alive
