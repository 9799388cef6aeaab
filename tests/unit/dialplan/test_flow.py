"""Branches, loops, applications inside applications, waits, and the functions that evaluate: each by what it does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan.engine import MAX_INSIDE
from pbx.testing.clock import EPOCH
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan


def conf(*steps: str, more: str = "") -> str:
    """100 of ``default`` runs the steps; ``h`` sets H."""
    body = "\n".join(f"exten => 100,{number},{step}" for number, step in enumerate(steps, 1))
    return f"[default]\n{body}\nexten => h,1,Set(H=yes)\n{more}"


def run(plan: Plan, *steps: str, more: str = "") -> tuple[DialplanHarness, DialplanCall]:
    harness = plan(extensions_conf=conf(*steps, more=more))
    return harness, harness.call("100")


def trace(name: str) -> str:
    """A step that adds a letter to T."""
    return f"Set(T=${{T}}{name})"


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


class TestWhile:
    def test_a_loop(self, plan: Plan) -> None:
        _harness, call = run(
            plan, "Set(I=0)", "While($[${I} < 3])", trace("${I}"), "Set(I=$[${I} + 1])", "EndWhile", trace("e")
        )
        assert call.variable("T") == "012e"
        assert [name for name, _value in call.channel.variables if "WHILE" in name or "default" in name] == []

    def test_never_entered(self, plan: Plan) -> None:
        _harness, call = run(plan, "While(0)", trace("x"), "While(1)", trace("y"), "EndWhile", "EndWhile", trace("e"))
        assert call.variable("T") == "e"

    def test_inside_each_other_twice(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            "Set(I=0)",
            "While($[${I} < 2])",
            "Set(J=0)",
            "While($[${J} < 2])",
            trace("${I}${J} "),
            "Set(J=$[${J} + 1])",
            "EndWhile",
            "Set(I=$[${I} + 1])",
            "EndWhile",
            trace("e"),
        )
        assert call.variable("T") == "00 01 10 11 e"

    def test_exit_and_continue(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            "Set(I=0)",
            "While(1)",
            "Set(I=$[${I} + 1])",
            "ExecIf($[${I} = 2]?ContinueWhile)",
            "ExecIf($[${I} = 5]?ExitWhile)",
            trace("${I}"),
            "EndWhile",
            trace("e"),
        )
        assert call.variable("T") == "134e"

    def test_its_variables_are_asterisks(self, plan: Plan) -> None:
        _harness, call = run(
            plan, "While(1)", "Set(A=${WHILE_0}:${default_100_1})", "ExitWhile", "EndWhile", "EndWhile"
        )
        assert call.variable("A") == "default,100,1:0"

    def test_no_end(self, plan: Plan) -> None:
        harness, call = run(plan, "While(0)", trace("x"), "EndWhile(", "ExitWhile", "ContinueWhile")
        assert call.ended
        harness, call = run(plan, "While(0)", trace("x"))
        assert call.variable("T") == "x"
        assert harness.logged("Couldn't find matching EndWhile? (While at 100@default priority 1)")

    def test_outside_of_a_loop(self, plan: Plan) -> None:
        harness, call = run(plan, "EndWhile", "ContinueWhile", "ExitWhile", trace("e"))
        assert call.variable("T") == "e"
        assert harness.logged("Couldn't find matching EndWhile?")

    def test_in_an_extension_that_is_included(self, plan: Plan) -> None:
        more = (
            "[default]\ninclude => more\n[more]\nexten => 7,1,While(0)\n same => n,Set(T=x)\n"
            " same => n,EndWhile\n same => n,Set(A=1)\n"
        )
        harness, _call = run(plan, "NoOp", more=more)
        call = harness.call("7")
        assert (call.variable("T"), call.variable("A")) == (None, "1")

    def test_from_lua_the_extension_begins_again(self, plan: Plan) -> None:
        harness = plan(
            """
            extensions = { default = { ["100"] = function()
                local count = tonumber(channel.I:get() or "0") + 1
                channel.I = count
                app.While(count < 3 and "1" or "0")
                if count < 3 then app.EndWhile() end
                channel.T = "done"
            end } }
            """
        )
        call = harness.call("100")
        assert (call.ended, call.variable("I"), call.variable("T")) == (True, "3", None)


class TestIf:
    def branches(self, plan: Plan, *steps: str, **variables: str) -> str | None:
        sets = [f"Set({name}={value})" for name, value in variables.items()]
        _harness, call = run(plan, *sets, *steps, trace("e"))
        return call.variable("T")

    @pytest.mark.parametrize(("a", "b", "expected"), [("1", "0", "ae"), ("0", "1", "be"), ("0", "0", "ce")])
    def test_if_else_if_else(self, plan: Plan, a: str, b: str, expected: str) -> None:
        steps = ("If(${A})", trace("a"), "ExitIf", "ElseIf(${B})", trace("b"), "ExitIf", "Else", trace("c"), "EndIf")
        assert self.branches(plan, *steps, A=a, B=b) == expected

    @pytest.mark.parametrize(("a", "expected"), [("1", "ae"), ("0", "e")])
    def test_if_alone(self, plan: Plan, a: str, expected: str) -> None:
        assert self.branches(plan, "If(${A})", trace("a"), "EndIf", A=a) == expected

    @pytest.mark.parametrize(("a", "expected"), [("1", "ae"), ("0", "be")])
    def test_a_branch_that_was_taken_ends_at_else(self, plan: Plan, a: str, expected: str) -> None:
        assert self.branches(plan, "If(${A})", trace("a"), "Else", trace("b"), "EndIf", A=a) == expected

    def test_a_branch_falls_through_into_else_if(self, plan: Plan) -> None:
        steps = ("If(1)", trace("a"), "ElseIf(1)", trace("b"), "Else", trace("c"), "EndIf")
        assert self.branches(plan, *steps) == "abe"

    @pytest.mark.parametrize(
        ("a", "b", "expected"), [("1", "1", "1abe"), ("1", "0", "1ace"), ("0", "1", "de"), ("0", "0", "de")]
    )
    def test_inside_each_other(self, plan: Plan, a: str, b: str, expected: str) -> None:
        steps = (
            *("If(${A})", trace("1a"), "If(${B})", trace("b"), "Else", trace("c"), "EndIf"),
            *("ExitIf", "Else", trace("d"), "EndIf"),
        )
        assert self.branches(plan, *steps, A=a, B=b) == expected

    def test_in_a_loop(self, plan: Plan) -> None:
        steps = (
            *("While($[${I} < 4])", "If($[${I} % 2])", trace("o"), "Else", trace("g"), "EndIf"),
            *("Set(I=$[${I} + 1])", "EndWhile"),
        )
        assert self.branches(plan, *steps, I="0") == "gogoe"

    def test_no_end(self, plan: Plan) -> None:
        harness, call = run(plan, "If(1)", "ExitIf", trace("x"), "If(0)", trace("y"), "Else", trace("z"))
        assert call.variable("T") == "xyz"
        assert harness.logged("Couldn't find matching EndIf? (If at 100@default priority 2)")

    def test_outside_of_a_branch(self, plan: Plan) -> None:
        assert self.branches(plan, "EndIf", "ExitIf", "Else", "ElseIf(0)") == "e"


class _Program:
    """A program of nested loops and branches: its steps, and what it writes."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.counters = 0


def _blocks() -> st.SearchStrategy[list[tuple[object, ...]]]:
    leaf = st.tuples(st.just("say"), st.sampled_from("abc"))
    return st.recursive(
        st.lists(leaf, max_size=2),
        lambda inner: st.lists(
            st.one_of(
                leaf,
                st.tuples(st.just("while"), st.integers(0, 3), inner),
                st.tuples(st.just("if"), st.booleans(), inner, inner),
            ),
            max_size=3,
        ),
        max_leaves=8,
    )


def _compile(block: list[tuple[object, ...]], program: _Program) -> None:
    steps = program.steps
    for kind, *rest in block:
        if kind == "say":
            steps.append(trace(str(rest[0])))
        elif kind == "while":
            program.counters += 1
            name = f"I{program.counters}"
            steps += [f"Set({name}=0)", f"While($[${{{name}}} < {rest[0]}])", f"Set({name}=$[${{{name}}} + 1])"]
            _compile(rest[1], program)  # type: ignore[arg-type]
            steps.append("EndWhile")
        else:
            steps.append(f"If({int(bool(rest[0]))})")
            _compile(rest[1], program)  # type: ignore[arg-type]
            steps.append("Else")
            _compile(rest[2], program)  # type: ignore[arg-type]
            steps.append("EndIf")


def _meaning(block: list[tuple[object, ...]]) -> str:
    said = ""
    for kind, *rest in block:
        if kind == "say":
            said += str(rest[0])
        elif kind == "while":
            said += _meaning(rest[1]) * int(str(rest[0]))  # type: ignore[arg-type]
        else:
            said += _meaning(rest[1] if rest[0] else rest[2])  # type: ignore[arg-type]
    return said


@settings(max_examples=60)
@given(block=_blocks())
def test_loops_and_branches_mean_what_they_say(
    block: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = _Program()
    _compile(block, program)
    harness = DialplanHarness(tmp_path_factory.mktemp("plan"), {"extensions.conf": conf(*program.steps, "Set(DONE=1)")})
    result_of(start(harness.start()))
    call = harness.call("100")
    for _turn in range(200):
        if call.ended:
            break
        harness.core.clock.turn()
    assert (call.ended, call.variable("DONE"), call.variable("T") or "") == (True, "1", _meaning(block))
    result_of(start(harness.stop()))


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


class TestFunctions:
    def read(self, plan: Plan, text: str, *before: str, more: str = "") -> str | None:
        _harness, call = run(plan, *before, f"Set(A=<{text}>)", more=more)
        return call.variable("A")

    def test_set_and_eval(self, plan: Plan) -> None:
        assert self.read(plan, "${SET(B= 5 )}${B}") == "<55>"
        assert self.read(plan, "${SET(GLOBAL(G)=7)}${GLOBAL(G)}") == "<77>"
        assert self.read(plan, "${SET(B)}${SET(=1)}") == "<>"
        assert self.read(plan, "${EVAL()}") == "<>"
        harness = plan(extensions_conf=conf("Set(C=x)", "Set(A=${EVAL(${B})})"))
        harness.server.channels.set_global("B", "${C}y")
        assert harness.call("100").variable("A") == "xy"

    def test_eval_that_evaluates_itself(self, plan: Plan) -> None:
        harness = plan(extensions_conf=conf("Set(A=${EVAL(${B})})", "Set(T=1)"))
        harness.server.channels.set_global("B", "${EVAL(${B})}")
        call = harness.call("100")
        assert (call.ended, call.variable("T")) == (True, "1")
        assert harness.logged("Exceeded maximum variable substitution recursion depth")

    def test_other_channels(self, plan: Plan) -> None:
        harness, call = run(plan, "Set(X=abc)", "Answer", "Wait(9)")
        name = call.channel.name
        harness.write(
            "extensions.conf",
            f"[default]\nexten => 100,1,NoOp\n[b]\nexten => 1,1,Set(A=${{IMPORT({name},X)}}${{IMPORT({name},X:1)}}"
            f"${{IMPORT({name},CHANNEL(state))}}${{IMPORT(gone,X)}}${{IMPORT({name})}})\n"
            f" same => n,Set(EXPORT({name},Y)=set)\n same => n,Set(EXPORT({name},CHANNEL(language))=fr)\n"
            " same => n,Set(EXPORT(gone,Y)=1)\n same => n,Set(EXPORT(x)=1)\n same => n,Set(B=${EXPORT(x,y)})\n",
        )
        harness.server.config.forget()
        waiting = start(harness.server.modules.reload("pbx_config"))
        harness.core.clock.advance(0)
        result_of(waiting)
        other = harness.call("1", "b")
        assert (other.variable("A"), other.variable("B")) == ("abcbcUp", "")
        assert (call.variable("Y"), call.channel.language) == ("set", "fr")
        assert harness.logged("Channel 'gone' not found! 'Y' not set.")
        call.far.hang_up()

    def test_the_master_channel(self, plan: Plan) -> None:
        more = (
            "[pre]\nexten => s,1,Set(A=${MASTER_CHANNEL(X)}${MASTER_CHANNEL(CHANNEL(exten))})\n"
            " same => n,Set(MASTER_CHANNEL(FROM)=${CHANNEL(name)})\n"
            " same => n,Set(MASTER_CHANNEL(CHANNEL(language))=fr)\n same => n,Return\n"
        )
        harness, call = run(
            plan, "Set(X=caller)", "Set(MASTER_CHANNEL(S)=self)", "Dial(Fake/bob,9,b(pre^s^1))", more=more
        )
        bob = harness.core.fake.drivers["bob"][-1].channel
        assert bob.variables.get("A") == "caller100"
        assert (call.variable("FROM"), call.channel.language, call.variable("S")) == (bob.name, "fr", "self")
        call.far.hang_up()

    EXTENS = """[table]
exten => _1XX,1,Return(one ${EXTEN} ${CONTEXT} ${PRIORITY} ${X})
exten => _2XX,1(way),NoOp(two)
exten => s,1,Set(LOCAL(v)=${ARG1})
 same => n,Return(${v}${v})
exten => wait,1,Wait(5)
 same => n,Return(late)
exten => deep,1,Return(${EVAL_SUB(table,deep,1)})
"""

    def test_eval_exten(self, plan: Plan) -> None:
        assert self.read(plan, "${EVAL_EXTEN(table,123,1)}", "Set(X=x)", more=self.EXTENS) == "<one 123 table 1 x>"
        assert self.read(plan, "${EVAL_EXTEN(table,200,way)}", more=self.EXTENS) == "<two>"
        assert self.read(plan, "${EVAL_EXTEN(1)}", "NoOp(mine)", more=self.EXTENS) == "<mine>"
        assert self.read(plan, "${EVAL_EXTEN(table,999,1)}${EVAL_EXTEN()}${EVAL_EXTEN(table,1,x)}") == "<>"

    def test_eval_sub(self, plan: Plan) -> None:
        assert self.read(plan, "${EVAL_SUB(table,s,1(ab))}-${EXTEN}", more=self.EXTENS) == "<abab-100>"
        assert self.read(plan, "${EVAL_SUB(table,gone,1)}${EVAL_SUB()}", "Set(GOSUB_RETVAL=stale)") == "<>"
        harness, call = run(plan, "Set(A=${EVAL_SUB(table,wait,1)})", more=self.EXTENS)
        assert call.channel.exten == "wait"
        harness.core.clock.advance(5)
        assert call.variable("A") == "late"

    def test_eval_sub_that_calls_itself(self, plan: Plan) -> None:
        harness, call = run(plan, "Set(A=${EVAL_SUB(table,deep,1)})", "Set(T=1)", more=self.EXTENS)
        assert (call.ended, call.variable("T")) == (True, "1")
        assert harness.logged("subroutines wait for each other")

    def test_eval_sub_from_lua_and_inside_a_subroutine_that_waited(self, plan: Plan) -> None:
        more = "[outer]\nexten => s,1,Wait(1)\n same => n,Return(<${EVAL_SUB(table,s,1(x))}>)\n"
        harness = plan(
            """extensions = { default = { ["100"] = function()
                channel.A = channel.EVAL_SUB("outer", "s", "1"):get() channel.T = "on"
            end } }""",
            extensions_conf=more + self.EXTENS,
        )
        call = harness.call("100")
        harness.core.clock.advance(1)
        assert (call.variable("A"), call.variable("T"), call.ended) == ("<xx>", "on", True)

    def test_eval_sub_while_an_application_waits_is_refused(self, plan: Plan) -> None:
        harness, call = run(plan, "Wait(9)", more=self.EXTENS)
        waiting = start(self._read(harness, call))
        assert waiting.called
        waiting.addErrback(lambda _failure: None)
        assert harness.logged("an application is busy here")
        assert (call.channel.exten, call.channel.priority) == ("100", 1)
        call.far.hang_up()

    @staticmethod
    async def _read(harness: DialplanHarness, call: DialplanCall) -> str:
        value = harness.engine.read_function(call.channel, "EVAL_SUB(table,s,1(x))")
        return value if isinstance(value, str) else await value

    def test_clear_hash_and_dbdeltree(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            *("Set(HASH(h,a)=1)", "Set(HASH(h,b)=2)", "Set(HASH(other,a)=3)", "ClearHash(h)"),
            "Set(A=${HASH(h,a)}${HASHKEYS(h)}:${HASH(other,a)})",
            *("Set(DB(f/a/x)=1)", "Set(DB(f/a/y)=1)", "Set(DB(f/b)=1)", "Set(DB(g/a)=1)"),
            "DBdeltree(f/a)",
            "Set(B=${DB_EXISTS(f/a/x)}${DB_EXISTS(f/b)}${DB_EXISTS(g/a)})",
            *("DBdeltree(f)", "DBdeltree()", "DBdeltree(/)"),
            "Set(C=${DB_EXISTS(f/b)}${DB_EXISTS(g/a)})",
        )
        assert [call.variable(name) for name in "ABC"] == [":3", "011", "01"]
