"""Branches, and applications inside applications: each by what it does."""

from __future__ import annotations

import pytest

from dialplan.engine import MAX_INSIDE
from pbx.testing.dialplan import Plan
from tests.unit.dialplan.steps import conf, run


class TestBranches:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ("1?there", "t"),
            ("0?there", "n"),
            ("?there", "n"),
            (" 0 ?there", "n"),
            ("00?there", "n"),
            ("-1?there", "t"),
            ("text?there", "t"),
            ("0?here:there", "t"),
            ("1?:there", "n"),
            ("1?101,1", "x"),
            ("1?default,101,1:there", "x"),
            ("1?+2", "t"),
            ("nothing", "n"),
            ("", "n"),
            ("$[1 = 1]?there", "t"),
        ],
    )
    def test_goto_if(self, plan: Plan, arguments: str, expected: str) -> None:
        harness = plan(
            extensions_conf=f"[default]\nexten => 100,1,GotoIf({arguments})\n same => n,Set(T=n)\n"
            " same => n(there),Set(T=${IF(${EXISTS(${T})}?n:t)})\nexten => 101,1,Set(T=x)\n"
        )
        assert harness.call("100").variable("T") == expected

    @pytest.mark.parametrize("place", ["1?nowhere", "0?:gone", "0?1:0", "1?a,b,c"])
    def test_goto_if_to_nowhere_ends_the_call(self, plan: Plan, place: str) -> None:
        harness, call = run(plan, f"GotoIf({place})", "Set(T=1)")
        assert (call.ended, call.variable("T"), call.variable("H")) == (True, None, "yes")
        assert harness.logged("must be a number > 0, or a valid label")

    # The clock says Tuesday, 14 November 2023, 22:13 UTC.
    @pytest.mark.parametrize(
        ("times", "holds"),
        [
            ("*,*,*,*,UTC", True),
            ("22:00-22:30,tue,14,nov,UTC", True),
            ("22:00-22:30,mon,14,nov,UTC", False),
            ("09:00-17:00,*,*,*,UTC", False),
            ("", False),
        ],
    )
    def test_by_time(self, plan: Plan, times: str, holds: bool) -> None:
        harness = plan(
            extensions_conf=f"[default]\nexten => 100,1,GotoIfTime({times}?there:other)\n same => n,Set(T=none)\n"
            f" same => n(other),Set(T=other)\n same => n,Goto(last)\n same => n(there),Set(T=there)\n"
            f" same => n(last),ExecIfTime({times or '1:00'}?Set(E=(1,2)))\n"
        )
        call = harness.call("100")
        assert call.variable("T") == ("there" if holds else "other")
        assert call.variable("E") == ("(1,2)" if holds else None)

    def test_by_another_time(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            "Set(TESTTIME()=2026/11/27 09:00:00 UTC)",
            "GotoIfTime(09:00-09:01,fri,27,nov,UTC?4)",
            "Set(T=no)",
            "ExecIfTime(09:00-09:01,fri,27,nov,UTC?Set(E=1))",
        )
        assert (call.variable("T"), call.variable("E")) == (None, None)

    @pytest.mark.parametrize(
        "step", ["GotoIfTime()", "ExecIfTime()", "ExecIfTime(*,*,*,*)", "ExecIfTime(*,*,*,*?Gone())"]
    )
    def test_wrong_times_end_the_call(self, plan: Plan, step: str) -> None:
        _harness, call = run(plan, step, "Set(T=1)")
        assert (call.ended, call.variable("T")) == (True, None)

    def test_times_that_cannot_be_read_are_told(self, plan: Plan) -> None:
        harness, _call = run(plan, "ExecIfTime(25:00,*,*,*?NoOp())", "GotoIfTime(*,xyz,*,*?1)")
        assert harness.logged("ExecIfTime: '25:00' isn't a valid time")
        assert harness.logged("GotoIfTime: invalid day of week 'xyz'")

    def test_raise_exception(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            "NoOp",
            "RaiseException(too bad)",
            more="exten => e,1,Set(E=${EXCEPTION(reason)}:${EXCEPTION(context)}:${EXCEPTION(exten)})\n"
            " same => n,Set(P=${EXCEPTION(priority)})\n",
        )
        assert (call.variable("E"), call.variable("P")) == ("too bad:default:100", "2")
        harness, call = run(plan, "RaiseException(x)", "Set(T=1)")
        assert (call.ended, call.variable("T")) == (True, None)
        assert harness.logged("context,exten,priority=default,e,1")


class TestExec:
    @pytest.mark.parametrize(
        ("step", "value"),
        [
            ("Exec(Set(T=1))", "1"),
            ("Exec(set(T=(1)))", "(1)"),
            ("Exec(Set(T=1)", "1"),
            ("TryExec(Set(T=1))", "1"),
            ("ExecIf(1?Set(T=1):Set(T=2))", "1"),
            ("ExecIf(0?Set(T=1):Set(T=2))", "2"),
            ("ExecIf(0?Set(T=1))", None),
            ("ExecIf(1?Set(T=a,b):NoOp)", "a,b"),
            ("ExecIf(1?ExecIf(1?Set(T=x:y)))", "x:y"),
            ("ExecIf($[2 > 1],Set,T=old)", "old"),
            ("ExecIf(0?:Set(T=2))", "2"),
            ("ExecIf(1?Goto(4))", "jumped"),
            ("Exec(Goto(4))", "jumped"),
            ("TryExec(Goto(4))", "jumped"),
            ("Exec()", None),
            ("TryExec()", None),
        ],
    )
    def test_it(self, plan: Plan, step: str, value: str | None) -> None:
        _harness, call = run(plan, step, "Set(A=on)", "Hangup", "Set(T=jumped)")
        assert call.variable("T") == value
        assert call.variable("A") == (None if value == "jumped" else "on")

    def test_arguments_are_substituted_once_more(self, plan: Plan) -> None:
        harness = plan(extensions_conf=conf("Set(B=b)", "Exec(${A})"))
        harness.server.channels.set_global("A", "Set(T=${B})")
        assert harness.call("100").variable("T") == "b"

    @pytest.mark.parametrize(
        "step", ["Exec(Gone(1))", "ExecIf(1?Gone(1))", "ExecIf(0?NoOp:Gone)", "ExecIf(1?)", "ExecIf(1?:NoOp)"]
    )
    def test_an_application_that_is_not_there(self, plan: Plan, step: str) -> None:
        _harness, call = run(plan, step, "Set(T=1)")
        assert (call.ended, call.variable("T"), call.variable("H")) == (True, None, "yes")

    @pytest.mark.parametrize(
        ("call_text", "status"),
        [("NoOp", "SUCCESS"), ("Goto(nowhere)", "FAILED"), ("Gone()", "NOAPP")],
    )
    def test_the_status_of_try_exec(self, plan: Plan, call_text: str, status: str) -> None:
        _harness, call = run(plan, f"TryExec({call_text})", "Set(T=${TRYSTATUS})")
        assert call.variable("T") == status

    def test_a_hangup_that_was_tried_is_one(self, plan: Plan) -> None:
        _harness, call = run(plan, "TryExec(Hangup)", "Set(T=${TRYSTATUS})")
        assert (call.variable("TRYSTATUS"), call.variable("T")) == ("FAILED", None)

    def test_a_hangup_inside(self, plan: Plan) -> None:
        for step in ("TryExec(Wait(9))", "Exec(Wait(9))", "ExecIf(1?Wait(9))"):
            _harness, call = run(plan, step, "Set(T=1)")
            assert (call.channel.application, call.channel.application_data) == ("Wait", "9")
            call.far.hang_up()
            assert (call.ended, call.variable("T")) == (True, None)
            assert call.variable("TRYSTATUS") == ("FAILED" if step.startswith("Try") else None)

    @pytest.mark.parametrize("name", ["Exec", "TryExec"])
    def test_too_many_inside_each_other(self, plan: Plan, name: str) -> None:
        step = f"{name}(" * (MAX_INSIDE + 5) + "NoOp" + ")" * (MAX_INSIDE + 5)
        harness, call = run(plan, step, "Set(T=1)")
        assert call.ended
        assert harness.logged(f"{MAX_INSIDE} applications run inside each other")
        assert call.variable("T") == ("1" if name == "TryExec" else None)

    def test_far_too_many_inside_each_other(self, plan: Plan) -> None:
        harness, call = run(plan, "ExecIf(1?" * 600 + "NoOp" + ")" * 600, "Set(T=1)")
        assert (call.ended, call.variable("T"), call.variable("H")) == (True, None, "yes")
        assert harness.logged(f"{MAX_INSIDE} applications run inside each other")


@pytest.mark.parametrize(
    ("step", "last"),
    [
        ("Goto(there)", "|"),
        ("Goto(4)", "|"),
        ("GotoIf(1?there)", "|"),
        ("Goto(100,there)", "|100"),
        ("Goto(100,+2)", "|100"),
        ("Goto(default,100,there)", "default|100"),
        ("Goto(,100,there)", "|100"),
    ],
)
def test_where_a_call_came_from_is_known_of_what_a_jump_names(plan: Plan, step: str, last: str) -> None:
    harness = plan(
        extensions_conf=f"""[default]
exten => 100,1,Wait(1)
 same => n,{step}
 same => n,NoOp()
 same => n(there),Set(R=${{CHANNEL(lastcontext)}}|${{CHANNEL(lastexten)}})
exten => h,1,Set(H=${{CHANNEL(lastcontext)}}|${{CHANNEL(lastexten)}})
"""
    )
    call = harness.call("100")
    # As a call that was made where it is, and not sent there.
    call.channel.last_context = call.channel.last_exten = ""
    harness.core.clock.advance(1)
    assert call.variable("R") == last
    assert call.variable("H") == f"{last.partition('|')[0]}|100"
