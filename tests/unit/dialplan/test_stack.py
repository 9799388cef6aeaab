"""Subroutines: Gosub, GosubIf, Return, StackPop, LOCAL, LOCAL_PEEK, STACK_PEEK."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan.stack import MAX_DEPTH
from pbx.core import messages
from pbx.core.variables import VariableStore
from pbx.testing.dialplan import Plan
from tests.unit.dialplan.subroutine_steps import SUB, conf, run


class TestGosub:
    def test_it_goes_and_comes_back_with_a_value(self, plan: Plan) -> None:
        _harness, call = run(plan, "Gosub(sub,s,1(one,two,three))", "Set(A=${GOSUB_RETVAL}/${ARG1}/${ARGC})")
        assert call.variable("GOT") == "3:one:two"
        assert call.variable("PLACE") == "default,100,1-default-100-1"
        assert call.variable("A") == "value one//"

    @pytest.mark.parametrize(
        ("target", "value"),
        [
            ("sub,s,said", "value "),
            ("sub,12345,1", "12345"),
            ("sub,plain,1()", ""),
            ("sub, s , said(x)", "value x"),
            ("101,1", "here"),
            ("+4", "later"),
            ("later", "later"),
        ],
    )
    def test_where_to(self, plan: Plan, target: str, value: str) -> None:
        more = "exten => 101,1,Return(here)\nexten => 100,5(later),Return(later)\n" + SUB
        _harness, call = run(plan, f"Gosub({target})", "Set(A=${GOSUB_RETVAL})", "Hangup", more=more)
        assert (call.variable("A"), call.ended) == (value, True)

    def test_arguments_keep_their_quotes_and_brackets(self, plan: Plan) -> None:
        _harness, call = run(plan, 'Gosub(sub,s,1("a,b",(c,d)))', "NoOp")
        assert call.variable("GOT") == '2:"a,b":(c,d)'

    def test_arguments_of_the_subroutine_around_are_hidden_and_come_back(self, plan: Plan) -> None:
        more = (
            "[outer]\nexten => s,1,Gosub(inner,s,1(x))\n same => n,Set(B=${ARGC}:${ARG1}:${ARG2})\n same => n,Return\n"
            "[inner]\nexten => s,1,Set(A=${ARGC}:${ARG1}:${ARG2})\n same => n,Return\n"
        )
        _harness, call = run(plan, "Set(ARG1=mine)", "Gosub(outer,s,1(one,two))", "Set(C=${ARG1})", more=more)
        assert [call.variable(name) for name in "ABC"] == ["1:x:", "2:one:two", "mine"]

    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            ("Gosub", "Gosub requires an argument"),
            ("Gosub(sub,s,nowhere)", "must be a number > 0, or a valid label"),
            ("Gosub(sub,s,0)", "must be a number > 0"),
            ("Gosub(sub,s,-5)", "must be a number > 0"),
            ("Gosub(sub,nobody,1)", "attempted to reach non-existent destination 'sub,nobody,1'"),
            ("Gosub(gone,s,1)", "non-existent destination 'gone,s,1'"),
            ("Return(1)", "Return without Gosub: stack is unallocated"),
        ],
    )
    def test_a_wrong_call_ends_the_call(self, plan: Plan, step: str, reason: str) -> None:
        harness, call = run(plan, step, "Set(A=1)")
        assert (call.ended, call.variable("A"), call.variable("H")) == (True, None, "yes")
        assert harness.logged(reason)
        assert harness.logged("at 100@default:1")

    def test_return_from_an_empty_stack(self, plan: Plan) -> None:
        harness, call = run(plan, "Gosub(sub,plain,1)", "Return", "Set(A=1)")
        assert (call.ended, call.variable("A")) == (True, None)
        assert harness.logged("Return without Gosub: stack is empty")

    def test_a_parenthesis_that_is_not_closed(self, plan: Plan) -> None:
        harness, call = run(plan, "Gosub(sub\\,s\\,1(a", "NoOp")
        assert call.ended
        script = "extensions = { default = { ['100'] = function() app.Gosub('sub,s,1(a') end } }"
        harness = plan(script, extensions_conf=SUB)
        call = harness.call("100")
        assert (call.variable("GOT"), call.ended) == ("1:a:", True)
        assert harness.logged("No closing paren: 'sub,s,1(a'")

    def test_a_recursion_without_an_end_is_ended(self, plan: Plan) -> None:
        more = "[deep]\nexten => s,1,Gosub(s,1(${ARGC}))\nexten => h,1,Set(H=${ARGC})\n"
        harness, call = run(plan, "Gosub(deep,s,1(a,b))", more=more)
        for _turn in range(20):
            harness.core.clock.turn()
        assert (call.ended, call.variable("H")) == (True, "1")
        assert harness.logged(f"one subroutine too many: {MAX_DEPTH} have not returned yet")

    def test_from_lua_it_is_a_jump_and_return_ends_the_extension(self, plan: Plan) -> None:
        script = """
            extensions = { default = {
                ["100"] = function() app.Gosub("sub,s,1(lua)") channel.NOT = "reached" end,
                h = function() channel.H = "yes" end,
            }, back = { s = function(context) channel.LUA = channel.ARG1:get() app["Return"]("x") end } }
        """
        harness = plan(script, extensions_conf=SUB + "[conf]\nexten => 1,1,Gosub(back,s,1(arg))\n same => n,Set(A=1)\n")
        call = harness.call("100")
        assert [call.variable(name) for name in ("GOT", "GOSUB_RETVAL", "NOT", "H")] == [
            "1:lua:",
            "value lua",
            None,
            "yes",
        ]
        call = harness.call("1", "conf")
        assert [call.variable(name) for name in ("LUA", "GOSUB_RETVAL", "A")] == ["arg", "x", "1"]

    def test_events(self, plan: Plan) -> None:
        harness = plan(extensions_conf=conf("Set(ARG1=mine)", "Gosub(sub,plain,1(a))", "NoOp"))
        seen: list[tuple[str, str]] = []
        harness.core.bus.subscribe(messages.VariableSet, lambda message: seen.append((message.name, message.value)))
        harness.call("100")
        assert seen == [
            ("ARG1", "mine"),
            ("LOCAL(ARG1)", "a"),
            ("LOCAL(ARGC)", "1"),
            ("ARGC", ""),
            ("ARG1", ""),
            ("GOSUB_RETVAL", ""),
            ("H", "yes"),
        ]


class TestGosubIf:
    @pytest.mark.parametrize(
        ("condition", "value"),
        [
            ("1?sub,s,1(yes):sub,s,1(no)", "value yes"),
            ("0?sub,s,1(yes):sub,s,1(no)", "value no"),
            ("?sub,s,1(yes):sub,s,1(no)", "value no"),
            ("text?sub,s,1(a:b)", "value a:b"),
            ("0?sub,s,1(yes)", None),
            ("1?:sub,s,1(no)", None),
            ("nonsense", None),
            ("", None),
        ],
    )
    def test_it(self, plan: Plan, condition: str, value: str | None) -> None:
        _harness, call = run(plan, f"GosubIf({condition})", "Set(A=1)")
        assert (call.variable("GOSUB_RETVAL"), call.variable("A")) == (value, "1")

    def test_a_place_that_is_not_there(self, plan: Plan) -> None:
        _harness, call = run(plan, "GosubIf(1?gone,s,1)", "Set(A=1)")
        assert (call.ended, call.variable("A")) == (True, None)


class TestStack:
    def test_stack_pop_returns_further(self, plan: Plan) -> None:
        more = (
            "[one]\nexten => s,1,Gosub(two,s,1)\n same => n,Set(NOT=1)\n"
            "[two]\nexten => s,1,StackPop\n same => n,Return(x)\n"
        )
        _harness, call = run(plan, "StackPop", "Gosub(one,s,1)", "Set(A=${GOSUB_RETVAL})", "StackPop", more=more)
        assert (call.variable("A"), call.variable("NOT")) == ("x", None)

    def test_locals(self, plan: Plan) -> None:
        more = """[one]
exten => s,1,Set(LOCAL(x)=inner)
 same => n,Set(LOCAL(x)=changed)
 same => n,Set(SEEN=${x}:${LOCAL(x)}:${LOCAL(y)}:${LOCAL_PEEK(0,x)}:${LOCAL_PEEK(1,x)}:${LOCAL_PEEK(2,x)}:)
 same => n,Gosub(two,s,1)
 same => n,Set(AFTER=${x})
 same => n,Return
[two]
exten => s,1,Set(BEFORE=${x})
 same => n,Set(LOCAL(x)=innermost)
 same => n,Set(DEEP=${STACK_PEEK(2,l)}:${LOCAL_PEEK(2,x)})
 same => n,Return
"""
        _harness, call = run(plan, "Set(x=outer)", "Gosub(one,s,1)", "Set(A=${x})", more=more)
        assert call.variable("SEEN") == "changed:changed::changed:outer::"
        assert [call.variable(name) for name in ("BEFORE", "DEEP", "AFTER", "A")] == [
            "changed",
            "default,100,2:outer",
            "changed",
            "outer",
        ]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("LOCAL(x)", "outside of a Gosub routine"),
            ("LOCAL_PEEK(1)", "requires parameters n and varname"),
            ("STACK_PEEK(1)", "requires parameters n and which"),
            ("STACK_PEEK(0,l)", "positive peek value"),
            ("STACK_PEEK(1,l)", "more stack frames than I have"),
        ],
    )
    def test_wrong_reads(self, plan: Plan, text: str, reason: str) -> None:
        harness, call = run(plan, "Set(A=<${" + text + "}>)")
        assert call.variable("A") == "<>"
        assert harness.logged(reason)

    def test_more_wrong_use(self, plan: Plan) -> None:
        more = "[one]\nexten => s,1,Set(A=${STACK_PEEK(1,z)})\n same => n,Set(LOCAL()=1)\n same => n,Return\n"
        harness, call = run(
            plan, "Set(LOCAL(x)=1)", "Set(B=<${STACK_PEEK(1,l,yes)}>)", "Gosub(one,s,1)", "Set(C=1)", more=more
        )
        assert [call.variable(name) for name in ("x", "B", "C")] == [None, "<>", "1"]
        assert harness.logged("Tried to set LOCAL(x), but we aren't within a Gosub routine")
        assert harness.logged("Unknown argument 'z' to STACK_PEEK")
        assert harness.logged("LOCAL requires the name of a variable")

    def test_locals_hide_what_is_inherited_only_here(self, plan: Plan) -> None:
        more = "[one]\nexten => s,1,Set(LOCAL(x)=inner)\n same => n,Dial(Fake/bob)\n same => n,Return\n"
        harness, call = run(plan, "Set(__x=outer)", "Gosub(one,s,1)", "NoOp", more=more)
        bob = harness.core.fake.drivers["bob"][-1]
        assert bob.channel.variables.get("x") == "outer"
        call.far.hang_up()


#: What a subroutine does: call another one with some arguments, set a local or a plain variable, return.
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("gosub"), st.lists(st.sampled_from(["a", "b", ""]), max_size=3)),
        st.tuples(st.just("local"), st.sampled_from(["x", "ARG1", "ARG3"]), st.sampled_from(["", "1", "2"])),
        st.tuples(st.just("set"), st.sampled_from(["x", "ARG1", "ARG3"]), st.sampled_from(["", "3", "4"])),
        st.tuples(st.just("return")),
    ),
    max_size=40,
)


class _Reference:
    """Variables as a list of pairs, the newest first, exactly as app_stack keeps them."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.frames: list[tuple[list[str], int]] = []

    def remove(self, name: str) -> None:
        at = next((at for at, pair in enumerate(self.pairs) if pair[0] == name), None)
        if at is not None:
            del self.pairs[at]

    def set(self, name: str, value: str) -> None:
        self.remove(name)
        self.pairs.insert(0, (name, value))

    def local(self, name: str, value: str) -> None:
        names = self.frames[-1][0]
        if name in names:
            self.set(name, value)
        else:
            names.append(name)
            self.pairs.insert(0, (name, value))

    def gosub(self, arguments: list[str]) -> None:
        count = max(len(arguments), self.frames[-1][1] if self.frames else 0)
        self.frames.append(([], count))
        for number in range(count):
            self.local(f"ARG{number + 1}", arguments[number] if number < len(arguments) else "")
        self.local("ARGC", str(len(arguments)))

    def leave(self) -> None:
        for name in self.frames.pop()[0]:
            self.remove(name)

    def seen(self) -> dict[str, str]:
        return dict(reversed(self.pairs))


@settings(max_examples=200)
@given(operations=OPERATIONS)
def test_variables_are_those_of_a_simple_list(operations: list[tuple[object, ...]]) -> None:
    from dialplan.stack import made_stack, set_local
    from pbx.testing.core import FakeCore

    channel = FakeCore().fake.incoming("phone").channel
    stack, reference = made_stack(channel), _Reference()
    for operation, *rest in operations:
        if operation == "gosub":
            arguments: list[str] = rest[0]  # type: ignore[assignment]
            stack.push(channel, ("c", "e", 1), arguments)
            reference.gosub(arguments)
        elif operation == "set":
            name, value = map(str, rest)
            channel.set_variable(name, value)
            reference.set(name, value)
        elif operation == "local" and stack.top is not None:
            name, value = map(str, rest)
            set_local(channel, stack.top, name, value)
            reference.local(name, value)
        elif operation == "return" and stack.frames:
            stack.pop(channel)
            reference.leave()
        assert dict(channel.variables) == reference.seen()
    while stack.frames:
        stack.pop(channel)
        reference.leave()
    assert dict(channel.variables) == reference.seen()


def test_hidden_values_keep_their_marks() -> None:
    store = VariableStore()
    store.set("__x", "1")
    store.push("x", "2")
    store.push("_x", "3")
    assert list(store.inherited()) == [("x", "3")]
    assert [store.peek("x", depth) for depth in (-1, 0, 1, 2, 3)] == ["3", "3", "2", "1", None]
    assert store.remove("x") == "3"
    assert (store.get("x"), list(store.inherited())) == ("2", [("__x", "1")])
    assert (store.remove("x"), store.remove("x"), store.remove("x")) == ("2", "1", None)
    assert list(store.inherited()) == []
