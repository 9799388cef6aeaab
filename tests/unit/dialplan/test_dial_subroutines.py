"""Subroutines that Dial runs: its options b, B and U."""

from __future__ import annotations

import pytest

from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan
from tests.unit.dialplan.subroutine_steps import conf, run


class TestRunByApplications:
    """Dial's b, B and U."""

    MORE = """[pre]
exten => s,1,Set(WHO=${CHANNEL}:${ARG1}:${ARG2})
 same => n,Set(__HANDED=${ARG1})
 same => n,Return(pre)
exten => wait,1,Wait(5)
 same => n,Return
exten => gone,1,Hangup
exten => none,1,NoOp
exten => digit,1,StackPop
exten => answer,1,Set(GOSUB_RESULT=${ARG1})
 same => n,Return(done)
[answer]
exten => s,1,Set(GOSUB_RESULT=${ARG1})
 same => n,Return(done)
[slow]
exten => s,1,Wait(5)
 same => n,Set(LATE=1)
 same => n,Return
[elsewhere]
exten => s,1,Set(THERE=1)
 same => n,Wait(1)
"""

    def dial(self, plan: Plan, options: str, *steps: str) -> tuple[DialplanHarness, DialplanCall]:
        return run(plan, f"Dial(Fake/bob,30,{options})", *(steps or ("Set(A=${DIALSTATUS})",)), more=self.MORE)

    def test_predial_on_both(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "b(pre^s^1(x^y))B(pre^s^1(caller))")
        bob = harness.core.fake.drivers["bob"][-1]
        assert call.variable("WHO") == f"{call.channel.name}:caller:"
        assert bob.channel.variables.get("WHO") == f"{bob.channel.name}:x:y"
        assert (bob.channel.exten, bob.channel.application, bob.told) == ("100", "AppDial", ["call"])
        assert (call.channel.exten, call.channel.application, call.variable("GOSUB_RETVAL")) == ("100", "Dial", "pre")
        bob.say(Control.ANSWER)
        assert bob.channel.bridge is not None
        call.far.hang_up()

    def test_a_subroutine_that_hangs_up_ends_its_own_channel(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "b(pre^gone^1)")
        assert harness.core.fake.drivers["bob"][-1].told == ["hangup 16"]
        assert call.variable("DIALSTATUS") == "CHANUNAVAIL"

    @pytest.mark.parametrize("where", ["pre^none^1", "pre^digit^1"])
    def test_a_subroutine_that_does_not_return(self, plan: Plan, where: str) -> None:
        harness, call = self.dial(plan, f"b({where})B({where})")
        bob = harness.core.fake.drivers["bob"][-1]
        assert harness.logged("Abnormal 'Gosub(")
        assert (bob.told, bob.channel.variables.get("GOSUB_RETVAL")) == (["call"], "")
        call.far.hang_up()

    @pytest.mark.parametrize("where", ["gone^s^1", "s^nowhere", ""])
    def test_a_subroutine_that_is_not_there(self, plan: Plan, where: str) -> None:
        harness, call = self.dial(plan, f"b({where})U({where})")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        assert bob.channel.bridge is not None
        call.far.hang_up()

    def test_the_caller_hangs_up_during_predial(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "b(pre^wait^1)")
        bob = harness.core.fake.drivers["bob"][-1]
        assert bob.told == []
        call.far.hang_up()
        harness.core.clock.advance(5)
        assert (call.ended, call.variable("DIALSTATUS"), bob.channel.alive) == (True, "CANCEL", False)

    def test_the_called_party_is_gone_after_predial(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "b(pre^wait^1)")
        harness.core.fake.drivers["bob"][-1].hang_up(17)
        assert call.variable("A") == "BUSY"

    @pytest.mark.parametrize(
        ("result", "status", "goes_on"),
        [
            ("", "ANSWER", None),
            ("BUSY", "BUSY", True),
            ("CONGESTION", "CONGESTION", True),
            ("CHANUNAVAIL", "CHANUNAVAIL", True),
            ("CONTINUE", "ANSWER", True),
            ("ABORT", "ANSWER", False),
            ("GOTO:gone", "ANSWER", False),
        ],
    )
    def test_what_the_called_party_decides(self, plan: Plan, result: str, status: str, goes_on: bool | None) -> None:
        harness, call = self.dial(plan, f"U(answer^{result})", "Set(A=1)")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        if goes_on is None:
            assert bob.channel.bridge is not None
            call.far.hang_up()
        assert call.variable("DIALSTATUS") == status
        assert (call.variable("A"), call.variable("GOSUB_RETVAL")) == ("1" if goes_on else None, "done")
        assert not bob.channel.alive

    def test_the_called_party_sends_the_caller_elsewhere(self, plan: Plan) -> None:
        more = self.MORE + "[direct]\nexten => s,1,Set(GOSUB_RESULT=GOTO:elsewhere^s^1)\n same => n,Return\n"
        harness, call = run(plan, "Dial(Fake/bob,30,U(direct))", "Set(A=1)", more=more)
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        assert (call.variable("THERE"), call.variable("A"), bob.channel.alive) == ("1", None, False)
        call.far.hang_up()

    def test_the_called_party_hangs_up_in_its_subroutine(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "U(slow)")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        bob.hang_up()
        assert (call.ended, bob.channel.alive, bob.channel.variables.get("LATE")) == (True, False, None)

    def test_the_caller_hangs_up_in_the_others_subroutine(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "U(slow)")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        call.far.hang_up()
        harness.core.clock.advance(5)
        assert (call.ended, bob.channel.alive) == (True, False)

    def test_the_called_party_is_redirected_in_its_subroutine(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "gU(slow)")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        bob.channel.redirect("elsewhere", "s", 1)
        assert bob.channel.variables.get("THERE") == "1"
        assert (bob.channel.alive, bob.channel.owner, call.variable("A")) == (True, "pbx", "ANSWER")
        harness.core.clock.advance(1)
        assert not bob.channel.alive

    def test_the_caller_is_redirected_in_its_own_subroutine(self, plan: Plan) -> None:
        harness, call = self.dial(plan, "B(slow^s^1)")
        call.channel.redirect("elsewhere", "s", 1)
        assert (call.variable("THERE"), call.variable("DIALSTATUS"), call.variable("A")) == ("1", "CANCEL", None)
        harness.core.clock.advance(1)
        assert call.ended

    def test_a_limit_set_before_the_call_holds_during_it(self, plan: Plan) -> None:
        more = self.MORE + "[limit]\nexten => s,1,Set(TIMEOUT(absolute)=60)\n same => n,Return\n"
        harness, call = run(plan, "Dial(Fake/bob,30,gb(limit^s^1))", "Set(A=${DIALSTATUS})", more=more)
        bob = harness.core.fake.drivers["bob"][-1]
        assert harness.engine.read_function(bob.channel, "TIMEOUT(absolute)") == "60.000"
        bob.say(Control.ANSWER)
        harness.core.clock.advance(59)
        assert bob.channel.bridge is not None
        harness.core.clock.advance(1)
        assert (bob.channel.alive, call.variable("A")) == (False, "ANSWER")

    def test_without_app_stack(self, plan: Plan) -> None:
        from pbx.testing.deferreds import result_of, start

        harness = plan(extensions_conf=conf("Dial(Fake/bob,30,b(pre^s^1)U(answer))", more=self.MORE))
        result_of(start(harness.server.modules.unload("app_stack")))
        call = harness.call("100")
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        assert bob.channel.bridge is not None
        assert harness.logged("The app_stack module is not available.")
        call.far.hang_up()
