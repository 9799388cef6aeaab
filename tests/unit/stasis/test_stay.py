"""A channel inside Stasis(): how it comes, and how it goes."""

from __future__ import annotations

import pytest

from pbx.core.causes import Cause
from pbx.core.states import ChannelState
from pbx.stasis.errors import WrongState
from pbx.testing.stasis import KeptEvents
from tests.unit.stasis.conftest import Exchange


def test_stasis_start_has_the_arguments_and_the_channel(exchange: Exchange) -> None:
    call, _control = exchange.call()
    started = exchange.sink.last("StasisStart")
    assert started.get("args") == ["one", "two"]
    assert started.get("channel") == call.channel.snapshot()
    application = exchange.stasis.applications.find("hello")
    assert application is not None
    assert application.channel_ids == [call.channel.uniqueid]


def test_without_an_application_the_dialplan_goes_on_with_status_failed(exchange: Exchange) -> None:
    exchange.stasis.applications.unregister("hello", exchange.sink)
    call = exchange.harness.call("100")
    assert call.variable("AFTER") == "FAILED"


def test_continue_goes_on_at_the_next_step_after_a_last_varset_and_stasis_end(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.leave(None)
    assert call.variable("AFTER") == "SUCCESS"
    assert exchange.sink.types[-2:] == ["VariableSet", "StasisEnd"]
    assert exchange.stasis.control(call.channel) is None


def test_continue_with_a_place_goes_there(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.leave(("default", "200", 1))
    assert call.variable("ELSEWHERE") == "yes"
    assert call.channel.alive
    assert exchange.sink.types[-1] == "StasisEnd"


def test_a_hangup_ends_the_stay_with_stasis_end_last_and_the_first_cause(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.hangup(Cause.USER_BUSY)
    call.far.hang_up(Cause.NORMAL_CLEARING)
    assert call.ended
    assert call.channel.hangup_cause == Cause.USER_BUSY
    assert exchange.sink.types[-1] == "StasisEnd"
    assert len(exchange.stasis) == 0


def test_a_channel_stays_when_its_application_disconnects(exchange: Exchange) -> None:
    call, _control = exchange.call()
    exchange.stasis.applications.unregister("hello", exchange.sink)
    assert call.channel.alive
    assert exchange.stasis.applications.find("hello") is not None
    again = KeptEvents()
    exchange.stasis.applications.register("hello", again)
    call.far.hang_up()
    assert again.types[-1] == "StasisEnd"


def test_an_application_and_its_context_are_gone_after_the_last_channel(exchange: Exchange) -> None:
    engine = exchange.harness.engine
    assert engine.exists("stasis-hello", "anything")
    call, _control = exchange.call()
    exchange.stasis.applications.unregister("hello", exchange.sink)
    assert engine.exists("stasis-hello", "anything")
    call.far.hang_up()
    assert not engine.exists("stasis-hello", "anything")


def test_move_ends_one_application_and_starts_the_other(exchange: Exchange) -> None:
    other = KeptEvents()
    exchange.stasis.applications.register("other", other)
    call, control = exchange.call()
    control.move("nobody", ())
    assert exchange.sink.last("ApplicationMoveFailed").get("destination") == "nobody"
    control.move("other", ("x",))
    assert exchange.sink.types[-1] == "StasisEnd"
    assert other.last("StasisStart").get("args") == ["x"]
    exchange.control(call.channel).leave(None)
    assert call.variable("AFTER") == "SUCCESS"


def test_operations_need_a_channel_that_is_not_ringing(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.require_state()
    call.channel.state = ChannelState.RINGING
    with pytest.raises(WrongState):
        control.require_state()


def test_a_redirect_from_elsewhere_takes_the_channel_out(exchange: Exchange) -> None:
    call, control = exchange.call()
    control.enter_bridge(exchange.stasis.bridges.create())
    call.channel.redirect("default", "200", 1)
    assert call.variable("ELSEWHERE") == "yes"
    assert exchange.sink.types[-1] == "StasisEnd"
    assert call.channel.bridge is None
