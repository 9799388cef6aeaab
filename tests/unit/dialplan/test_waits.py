"""Wait, WaitDigit and their kin."""

from __future__ import annotations

import pytest

from pbx.testing.clock import EPOCH
from pbx.testing.dialplan import Plan
from tests.unit.dialplan.steps import run


class TestWaits:
    @pytest.mark.parametrize(
        ("epoch", "status"),
        [("", "FAILURE"), ("soon", "FAILURE"), ("1", "PAST"), (f"{EPOCH - 1:.0f}", "PAST"), (f"{EPOCH:.0f}", "OK")],
    )
    def test_wait_until_at_once(self, plan: Plan, epoch: str, status: str) -> None:
        _harness, call = run(plan, f"WaitUntil({epoch})", "Set(T=${WAITUNTILSTATUS})")
        assert call.variable("T") == status

    def test_wait_until(self, plan: Plan) -> None:
        harness, call = run(plan, f"WaitUntil({EPOCH + 20_000_000:.0f}.5)", "Set(T=${WAITUNTILSTATUS})")
        harness.core.clock.advance(20_000_000)
        assert not call.ended
        harness.core.clock.advance(0.5)
        assert call.variable("T") == "OK"
        harness, call = run(plan, f"WaitUntil({EPOCH + 9:.0f})", "Set(T=1)")
        call.far.hang_up()
        assert (call.ended, call.variable("WAITUNTILSTATUS"), call.variable("T")) == (True, "HANGUP", None)

    @pytest.mark.parametrize(
        "arguments", ["", "#,1", "$,$[1]", "[,[[1]", "#;#[1]", "#,[1]", "#,#[[1]", "#,#(1)", "#,#]1["]
    )
    def test_wait_for_nonsense(self, plan: Plan, arguments: str) -> None:
        script = f"""extensions = {{ default = {{ ["100"] = function()
            app.WaitForCondition([=[{arguments}]=]) channel.T = channel.WAITFORCONDITIONSTATUS:get() end }} }}"""
        harness = plan(script)
        assert harness.call("100").variable("T") == "FAILURE"

    @pytest.mark.parametrize("rest", ["x", "1,x", "1,0", "1,-1", "1,0.0001", "1,nan", "nan"])
    def test_wait_for_a_condition_with_wrong_times(self, plan: Plan, rest: str) -> None:
        _harness, call = run(plan, f"WaitForCondition(#,#[0],{rest})", "Set(T=1)")
        assert (call.ended, call.variable("T")) == (True, None)

    def test_wait_for_a_condition(self, plan: Plan) -> None:
        step = 'WaitForCondition(#,#["#{GLOBAL(DOOR)}" = "open"],10,0.5)'
        harness, call = run(plan, step, "Set(T=${WAITFORCONDITIONSTATUS})")
        harness.core.clock.pump([0.5] * 4)
        assert not call.ended
        harness.server.channels.set_global("DOOR", "open")
        harness.core.clock.advance(0.5)
        assert call.variable("T") == "TRUE"
        harness, call = run(plan, step, "Set(T=${WAITFORCONDITIONSTATUS})")
        harness.core.clock.pump([0.5] * 21)
        assert call.variable("T") == "TIMEOUT"
        harness, call = run(plan, "WaitForCondition(#,#[0])", "Set(T=1)")
        call.far.hang_up()
        assert (call.ended, call.variable("WAITFORCONDITIONSTATUS"), call.variable("T")) == (True, "HANGUP", None)
