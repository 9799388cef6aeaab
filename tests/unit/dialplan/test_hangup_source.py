"""CHANNEL(hangupsource): who hung up, as the extension h sees it."""

from __future__ import annotations

import pytest

from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan

H = "exten => h,1,Set(BY=${CHANNEL(hangupsource)})\n"


def begin(plan: Plan, *steps: str) -> tuple[DialplanHarness, DialplanCall]:
    body = "".join(f"exten => 100,{number},{step}\n" for number, step in enumerate(steps, 1))
    harness = plan(extensions_conf=f"[default]\n{body}{H}exten => 200,1,Answer()\n same => n,Hangup()\n")
    return harness, harness.call("100")


@pytest.mark.parametrize(
    ("steps", "source"),
    [
        (("Answer()", "Hangup()"), "dialplan/builtin"),
        (("Answer()",), ""),
        (("Set(CHANNEL(hangupsource)=me)", "Hangup()"), "me"),
    ],
)
def test_the_dialplan(plan: Plan, steps: tuple[str, ...], source: str) -> None:
    _harness, call = begin(plan, *steps)
    assert (call.ended, call.variable("BY")) == (True, source)


def test_the_caller(plan: Plan) -> None:
    _harness, call = begin(plan, "Answer()", "Wait(60)")
    call.far.hang_up()
    assert call.variable("BY") == call.channel.name


@pytest.mark.parametrize("who", ["caller", "called"])
def test_either_side_of_a_call(plan: Plan, who: str) -> None:
    harness, call = begin(plan, "Dial(Fake/b)")
    (far,) = harness.core.fake.drivers["b"]
    far.say(Control.ANSWER)
    (call.far if who == "caller" else far).hang_up()
    assert call.ended
    assert call.variable("BY") == (call.channel.name if who == "caller" else far.channel.name)


def test_a_local_channel_is_nobody(plan: Plan) -> None:
    harness, call = begin(plan, "Dial(Local/200@default)")
    harness.core.clock.advance(0)
    assert (call.ended, call.variable("BY")) == (True, "")
