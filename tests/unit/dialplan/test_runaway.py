"""Dialplans that never end or fail at each step: the call at fault ends or can be ended, 100 others run beside it."""

from __future__ import annotations

import pytest

from dialplan.run import MAX_STEPS_HUNG_UP, STEPS_PER_TURN
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan

OTHERS = """
[others]
exten => ok,1,Set(A=${EXTEN})
 same => n,Wait(1)
 same => n,Set(B=$[1 + 1])
exten => h,1,Set(H=yes)
"""

LOOPS = {
    "a jump to itself": "exten => 100,1,Goto(1)",
    "two extensions that jump to each other": "exten => 100,1,Goto(101,1)\nexten => 101,1,Goto(100,1)",
    "an invalid extension whose handler goes there again": "exten => 100,1,Goto(gone,1)\nexten => i,1,Goto(gone,1)",
    "an exception whose handler raises it again": "exten => 100,1,Goto(gone,1)\nexten => e,1,Goto(gone,1)",
    "a jump back by a label": "exten => 100,1(top),NoOp\n same => n,Goto(top)",
    "an expression that fails each time": 'exten => 100,1,Set(A=$[1 + "a])\n same => n,Goto(1)',
}


def others_run(harness: DialplanHarness) -> None:
    """100 calls beside the one at fault run to their end."""
    calls = [harness.call("ok", "others", resource=f"other{number}") for number in range(100)]
    assert not any(call.ended for call in calls)
    for _turn in range(20):
        harness.core.clock.turn(0.1)
    assert all((call.ended, call.variable("B"), call.variable("H")) == (True, "2", "yes") for call in calls)


def turns(harness: DialplanHarness, count: int) -> None:
    for _turn in range(count):
        harness.core.clock.turn()


def ends_after_hangup(harness: DialplanHarness, call: DialplanCall) -> None:
    call.far.hang_up()
    turns(harness, MAX_STEPS_HUNG_UP // STEPS_PER_TURN + 2)
    assert call.ended


@pytest.mark.parametrize("loop", LOOPS.values(), ids=list(LOOPS))
def test_an_endless_loop_lets_others_run_and_ends_with_the_call(plan: Plan, loop: str) -> None:
    harness = plan(extensions_conf=f"{OTHERS}[default]\n{loop}\n")
    call = harness.call("100")
    others_run(harness)
    ends_after_hangup(harness, call)


@pytest.mark.parametrize(
    "body",
    ["app['goto'](extension, 1)", "while true do app.NoOp() end", "while true do pcall(app.Goto, 'gone', 1) end"],
)
def test_an_endless_loop_of_a_script(plan: Plan, body: str) -> None:
    script = f"extensions = {{ default = {{ ['100'] = function(context, extension)\n{body}\nend }} }}"
    harness = plan(script, extensions_conf=OTHERS)
    call = harness.call("100")
    others_run(harness)
    ends_after_hangup(harness, call)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=list(LOOPS))
def test_an_endless_loop_can_be_redirected(plan: Plan, loop: str) -> None:
    harness = plan(extensions_conf=f"{OTHERS}[default]\n{loop}\n")
    call = harness.call("100")
    call.channel.redirect("others", "ok", 1)
    turns(harness, 2)
    assert call.variable("A") == "ok"


def test_an_endless_loop_after_the_hangup_is_ended(plan: Plan) -> None:
    harness = plan(extensions_conf=f"{OTHERS}[default]\nexten => 100,1,Hangup\nexten => h,1,Goto(1)\n")
    call = harness.call("100")
    others_run(harness)
    turns(harness, MAX_STEPS_HUNG_UP // STEPS_PER_TURN + 1)
    assert call.ended
    assert harness.logged(f"h@default:1 was ended: {MAX_STEPS_HUNG_UP} steps since the hangup")


def test_contexts_that_include_each_other(plan: Plan) -> None:
    harness = plan(
        "extensions = { a = { include = { 'b' } }, b = { include = { 'a' } } }",
        extensions_conf=f"{OTHERS}[default]\ninclude => one\n[one]\ninclude => default\ninclude => one\n",
    )
    assert harness.call("100").ended
    assert harness.call("100", "a").ended
    others_run(harness)
