"""Scripts that compute for long let others go on in the middle of it, wherever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.lua._runtime import DONE, FAILED, INTERRUPTED, MEMORY_MARGIN, LuaMachine, Step
from pbx.testing.core import FakeCore
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions

#: More than one script may compute at once, and less than it may in all.
WORK = "local n = 0 for i = 1, 2000000 do n = n + 1 end"

ENDLESS = {
    "a loop": "while true do end",
    "a cheap function": 'local s = "abc" for i = 1, 1e9 do string.len(s) end',
    "protected calls": "while true do pcall(function() while true do end end) end",
    "protected calls in protected calls": "local function f() pcall(f) pcall(f) end while true do f() end",
    "a metamethod": "local _ = setmetatable({}, { __index = function() while true do end end }).x",
    "a coroutine": "coroutine.wrap(function() while true do end end)()",
    "coroutines in coroutines": (
        "local function f(n) if n == 0 then while true do end end coroutine.wrap(f)(n - 1) end f(20)"
    ),
    "a module's function": "while true do coroutine.wrap(function() end)() end",
    "a comparison": "table.sort({ 2, 1 }, function() while true do end end)",
    "a replacement": "('x'):gsub('x', function() while true do end end)",
    "a pattern": 'return (("a"):rep(3000)):find((".-"):rep(6) .. "b")',
    "a plain search": 'local s, p = ("a"):rep(1 << 20), ("a"):rep(1000) .. "b" while true do s:find(p, 1, true) end',
    "long texts": 'local s = ("x"):rep(1 << 20) s = s .. s while true do local t = s .. "a" end',
    "changed texts": 'local s = ("x"):rep(1 << 20) s = s .. s while true do s:upper() end',
    "quoted texts": "local s = ('\\0'):rep(1 << 20) while true do ('%q'):format(s) end",
    "a long list": "local t = {} for i = 1, 100000 do t[i] = i * 7919 % 100003 end while true do table.sort(t) end",
    "a long list put together": "local t = {} for i = 1, 99999 do t[i] = i + 0.5 end while true do table.concat(t) end",
}


def begin(harness: DialplanHarness, exten: str = "100", resource: str = "phone") -> DialplanCall:
    """A call whose script is not helped to go on when it is interrupted, as `DialplanHarness.call` does."""
    far = harness.core.fake.incoming(resource, "default", exten)
    return DialplanCall(far, harness.engine.start(far.channel))


def turns_until_ended(core: FakeCore, call: DialplanCall, most: int = 2000) -> int:
    for turn in range(most):
        if call.ended:
            return turn
        core.clock.turn()
    raise AssertionError("the call has not ended")


@pytest.mark.parametrize("body", ENDLESS.values(), ids=list(ENDLESS))
def test_others_go_on_while_a_script_runs_for_ever(plan: Plan, body: str) -> None:
    script = "extensions.default['200'] = function() for i = 1, 2 do app.Wait(0.01) end channel.OK = '1' end"
    harness = plan(extensions(body) + script)
    endless = begin(harness)
    other = begin(harness, "200", "other")
    for _turn in range(8):
        if other.variable("OK") is None:
            harness.core.clock.turn(0.02)
    assert other.variable("OK") == "1"
    assert not endless.ended
    turns_until_ended(harness.core, endless)
    assert endless.variable("H") == "yes"
    assert harness.logged("budget exhausted")
    assert harness.logged("extensions.lua:")


@pytest.mark.parametrize(
    "body",
    [
        f"{WORK} channel.R = n",
        f"local ok, n = pcall(function() {WORK} return n end) channel.R = ok and n",
        f"local n = coroutine.wrap(function() {WORK} return n end)() channel.R = n",
        (
            f"local f = coroutine.wrap(function() {WORK} coroutine.yield() coroutine.yield(nil, n) end) "
            "assert(select('#', f()) == 0) local _, n = f() channel.R = n"
        ),
        f"local t = setmetatable({{}}, {{ __add = function() {WORK} return n end }}) channel.R = t + 1",
        f"local n for v in function(_, last) if not last then {WORK} return n end end do n = v end channel.R = n",
        f"local r = ('x'):gsub('.', function() {WORK} return n end) channel.R = r",
        f"local task = pbx.spawn(function() {WORK} return n end) channel.R = task:wait()",
        (
            f"local t = {{ 3, 1, 2 }} table.sort(t, function(a, b) {WORK} return a < b end) "
            "channel.R = ('%d%d%d'):format(t[1], t[2], t[3]) == '123' and 2000000"
        ),
    ],
)
def test_a_script_goes_on_where_it_was_interrupted(plan: Plan, body: str) -> None:
    harness = plan(extensions(body), lua_conf="[general]\ninstructions = 100000000\n")
    call = begin(harness)
    assert not call.ended
    assert turns_until_ended(harness.core, call) > 1
    assert call.variable("R") == "2000000", harness.log


def test_scripts_that_are_interrupted_keep_their_own_globals(plan: Plan) -> None:
    body = "mine = channel.ME.value for i = 1, 1500000 do mine = mine end channel.MINE = mine"
    harness = plan(extensions(f"app.Wait(1) {body}"))
    calls = [begin(harness, resource=f"phone{number}") for number in range(5)]
    for number, call in enumerate(calls):
        call.channel.set_variable("ME", f"call {number}")
    harness.core.clock.turn(1)
    assert not any(call.ended for call in calls)
    for call in calls:
        turns_until_ended(harness.core, call)
    assert [call.variable("MINE") for call in calls] == [f"call {number}" for number in range(5)]


def test_one_of_many_goes_on_in_a_turn(plan: Plan) -> None:
    harness = plan(extensions("while true do end"))
    calls = [begin(harness, resource=f"phone{number}") for number in range(8)]
    for _turn in range(8):
        harness.core.clock.turn()
    assert not any(call.ended for call in calls)
    for call in calls:
        turns_until_ended(harness.core, call)


def test_a_loop_of_long_steps_gives_way_at_each_application(plan: Plan) -> None:
    body = "for n = 1, 20 do for i = 1, 200000 do end app.NoOp() end channel.OK = '1'"
    harness = plan(extensions(body))
    call = begin(harness)
    assert turns_until_ended(harness.core, call) >= 3
    assert call.variable("OK") == "1"


def test_a_hangup_in_the_middle_of_work_ends_the_call_after_it(plan: Plan) -> None:
    harness = plan(extensions(f"{WORK} app.NoOp() channel.R = n app.Wait(10)"))
    call = begin(harness)
    call.far.hang_up()
    turns_until_ended(harness.core, call)
    assert call.variable("H") == "yes"


def run(body: str) -> tuple[LuaMachine, int, Step]:
    """A machine whose script was interrupted once, or has ended."""
    machine = LuaMachine()
    chunk = machine.compile(b"extensions = { d = { x = function() " + body.encode() + b" end } }", b"@x.lua")
    call = machine.open(chunk)
    return machine, call, machine.start(call, b"d", b"x", b"d", b"x")


def test_memory_is_that_of_one_slice_however_often_a_script_is_interrupted() -> None:
    machine, call, step = run("local t = {} for i = 1, 1e9 do t[i] = { i } end")
    before = machine.memory_used
    assert step[0] == INTERRUPTED
    while step[0] == INTERRUPTED:
        step = machine.go_on(call)
        assert machine.memory_used < before + machine.limits.memory_slice
    assert step[0] == FAILED
    assert b"not enough memory" in step[1]


def test_a_script_that_is_interrupted_with_no_memory_left_fails_and_nothing_else() -> None:
    machine, call, step = run("local t = {} for i = 1, 1e9 do t[i] = { i } end")
    for _turn in range(100):
        if step[0] != INTERRUPTED:
            break
        spent, left = machine._interrupted[call]
        assert left >= MEMORY_MARGIN
        machine._interrupted[call] = spent, MEMORY_MARGIN
        assert machine.open_calls == 1
        step = machine.go_on(call)
    assert step[0] == FAILED


def test_what_an_interrupted_script_keeps_is_gone_with_its_call() -> None:
    machine, call, step = run("local t = {} for i = 1, 1000 do t[i] = {} end while true do end")
    assert step[0] == INTERRUPTED
    machine.close(call)
    machine.collect()
    before = machine.memory_used
    machine, call, step = run("while true do end")
    assert step[0] == INTERRUPTED
    assert before < 8 << 20


def test_a_killed_script_cannot_catch_it_where_it_cannot_yield() -> None:
    machine, call, step = run(
        "local function f() pcall(f) pcall(f) end "
        "tostring(setmetatable({}, { __tostring = function() while true do f() end end }))"
    )
    while step[0] == INTERRUPTED:
        step = machine.go_on(call)
    assert step[0] == FAILED
    assert b"budget exhausted" in step[1]


ITEM = st.sampled_from(["a", "b", ".", "%a", "[ab]", "%d", "", "x"])
MARK = st.sampled_from(["", "*", "+", "-", "?"])
PATTERN = st.lists(st.tuples(ITEM, MARK), min_size=1, max_size=3).map(
    lambda items: "".join(item + mark for item, mark in items if item)
)


@given(text=st.text("abx1 ", max_size=12), pattern=PATTERN, anchor=st.sampled_from(["", "^"]), most=st.integers(0, 5))
def test_a_function_replaces_what_a_text_does(text: str, pattern: str, anchor: str, most: int) -> None:
    body = (
        f"local s, p, n = {lua(text)}, {lua(anchor + '(' + pattern + ')')}, {most} "
        "local one, count = s:gsub(p, '<%1>', n) "
        "local other, number = s:gsub(p, function(c) return '<' .. c .. '>' end, n) "
        "assert(one == other and count == number, one .. ' and ' .. other)"
    )
    _machine, _call, step = run(body)
    assert step[0] == DONE, step


@given(st.lists(st.integers(-50, 50), max_size=60))
def test_a_list_is_sorted_by_a_function_as_without(values: list[int]) -> None:
    numbers = ", ".join(map(str, values))
    body = (
        f"local one, other = {{ {numbers} }}, {{ {numbers} }} table.sort(one) "
        "table.sort(other, function(a, b) return a < b end) "
        "for i = 1, #one do assert(one[i] == other[i]) end"
    )
    _machine, _call, step = run(body)
    assert step[0] == DONE, step


def test_a_comparison_that_fails_leaves_every_element() -> None:
    body = (
        "local t, n = {}, 0 for i = 1, 100 do t[i] = i * 37 % 101 end "
        "assert(not pcall(table.sort, t, function(a, b) n = n + 1 if n > 300 then error('x') end return a < b end)) "
        "local seen = {} for i = 1, 100 do seen[t[i]] = true end "
        "local count = 0 for _ in pairs(seen) do count = count + 1 end assert(count == 100)"
    )
    _machine, _call, step = run(body)
    assert step[0] == DONE, step


@given(st.lists(st.sampled_from(["\0", "1", "a", "\n", '"', "\\"]), max_size=30))
def test_a_long_text_is_quoted_as_a_short_one(pieces: list[str]) -> None:
    long = "".join(pieces)
    body = (
        f"local s = ('x'):rep((1 << 16) - {len(pieces) // 2}) .. {lua(long)} .. ('y'):rep(10) "
        "assert(load('return ' .. ('%q'):format(s))() == s) "
        "assert(('%%%d%q%d'):format(4, s, 5) == '%4' .. ('%q'):format(s) .. '5')"
    )
    _machine, _call, step = run(body)
    while step[0] == INTERRUPTED:
        step = _machine.go_on(_call)
    assert step[0] == DONE, step


def lua(text: str) -> str:
    """A text as a Lua program writes it."""
    return '"' + "".join(f"\\{ord(letter):03d}" for letter in text) + '"'
