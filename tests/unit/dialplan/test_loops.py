"""While and If blocks: each by what it does, and all by what a program of them means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan
from tests.unit.dialplan.steps import conf, run, trace


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
