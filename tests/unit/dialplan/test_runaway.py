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
    "a loop whose condition always holds": "exten => 100,1,While(1)\n same => n,EndWhile",
    "a loop that always begins again": "exten => 100,1,While(1)\n same => n,ContinueWhile\n same => n,EndWhile",
    "a branch that is taken for ever": "exten => 100,1,If(1)\n same => n,ExitIf\n same => n,EndIf\n same => n,Goto(1)",
    "a condition that always holds": "exten => 100,1,GotoIf(1?1)",
    "a time that is always now": "exten => 100,1,GotoIfTime(*,*,*,*?1)",
    "subroutines that return": "exten => 100,1,Gosub(101,1)\n same => n,Goto(1)\nexten => 101,1,Return",
    "a subroutine left by a jump": "exten => 100,1,Gosub(101,1)\nexten => 101,1,StackPop\n same => n,Goto(100,1)",
    "a jump inside an application": "exten => 100,1,ExecIf(1?TryExec(Goto(1)))",
    "functions that run subroutines": "exten => 100,1,GotoIf(${EVAL_SUB(2)}?1)\n same => n,Return(1)",
    "a subroutine that a function waits for": "exten => 100,1,NoOp(${EVAL_SUB(101,1)})\nexten => 101,1,Goto(1)",
    "an exception that is raised again": "exten => 100,1,RaiseException(x)\nexten => e,1,RaiseException(y)",
    "a condition that is not awaited": "exten => 100,1,WaitForCondition(#,#[1])\n same => n,Goto(1)",
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


ENDS = {
    "subroutines without an end": ("exten => 100,1,Gosub(1(a,b,c))", "one subroutine too many"),
    "subroutines in functions": ("exten => 100,1,NoOp(${EVAL_SUB(1)})", "subroutines wait for each other"),
    "an evaluation without an end": ("exten => 100,1,NoOp(${EVAL(${SELF})})", "recursion depth"),
    "a step that evaluates itself": ("exten => 100,1,NoOp(${EVAL_EXTEN(1)})", "recursion depth"),
    "applications in applications": (f"exten => 100,1,{'ExecIf(1?' * 500}NoOp{')' * 500}", "run inside each other"),
    "brackets without an end": (f"exten => 100,1,NoOp({'${' * 2000})", "Error in extension logic"),
    "an expression without an end": (f"exten => 100,1,NoOp($[{'(' * 2000}1])", "100@default:1"),
    "an application that is not there": ("exten => 100,1,Gone(1)", "No application 'Gone'"),
    "a type that is wrong": ("exten => 100,1,NoOp($[1 + x])\n same => n,Goto(x)", "valid label"),
}


@pytest.mark.parametrize(("step", "reason"), ENDS.values(), ids=list(ENDS))
def test_what_cannot_go_on_ends_with_a_reason(plan: Plan, step: str, reason: str) -> None:
    harness = plan(extensions_conf=f"{OTHERS}[default]\n{step}\nexten => h,1,Set(H=yes)\n")
    harness.server.channels.set_global("SELF", "${EVAL(${SELF})}")
    call = harness.call("100")
    others_run(harness)
    turns(harness, 20)
    assert (call.ended, call.variable("H")) == (True, "yes")
    assert harness.logged(reason)
    assert not harness.logged("the dialplan failed")


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
