"""HOLD_INTERCEPT: a hold becomes an event, and nobody hears music."""

from __future__ import annotations

import pytest

from pbx.core import messages
from pbx.core.frames import Control
from pbx.testing.dialplan import Plan, extensions


def test_a_hold_is_told_and_not_passed_on(plan: Plan) -> None:
    harness = plan(extensions("app.Dial('Fake/bob', 30)"))
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    write = harness.core.channels.dialplan.write_function  # type: ignore[union-attr]
    told: list[tuple[str, bool]] = []
    harness.core.bus.subscribe(messages.HoldChanged, lambda event: told.append((event.channel.name, event.held)))

    write(bob.channel, "HOLD_INTERCEPT(SET)", "")
    call.far.say(Control.HOLD)
    call.far.say(Control.UNHOLD)
    caller, called = call.channel.name, bob.channel.name
    assert sorted(told) == sorted([(caller, True), (called, True), (caller, False), (called, False)])
    assert "hold" not in bob.told
    assert not bob.channel.on_hold

    write(bob.channel, "HOLD_INTERCEPT(remove)", "")
    call.far.say(Control.HOLD)
    assert len(told) == 5
    assert "hold" in bob.told
    for action, reason in (("remove", "not enabled"), ("", "requires an argument"), ("x", "unknown option x")):
        with pytest.raises(Exception, match=reason):
            write(bob.channel, f"HOLD_INTERCEPT({action})", "")
    bob.hang_up()
    assert call.ended
