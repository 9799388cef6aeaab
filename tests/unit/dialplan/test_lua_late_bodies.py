"""A file's body runs when a call first needs what it defines. No script can tell that from running it first.

Each file is run as it is, where its body may run late, and with a call of ``os.time`` before it, where it may not.
"""

from __future__ import annotations

import re

import pytest

from dialplan.lua._runtime import LuaMachine
from dialplan.lua.module import LuaModule
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan

FIRST = "local began = os.time() "

#: What stands above the extensions, the first extension, what it does, and what R is in it and in the second call.
CASES = {
    "a class": (
        "Counter = {} Counter.__index = Counter function Counter.new() return setmetatable({ n = 0 }, Counter) end",
        "local c = Counter.new() function Counter:add() self.n = self.n + 1 end c:add() app.Wait(1) channel.R = c.n",
        "1",
    ),
    "a required module": ("util = require('util')", "util.n = (util.n or 0) + 1 app.Wait(1) channel.R = util.n", "1"),
    "a module required by the body and the script": (
        "util = require('util')",
        "channel.R = tostring(require('util') == util)",
        "true",
    ),
    "a module that sets globals": ("require('sets')", "channel.R = fruit", "apple"),
    "a module that sets globals, required again": (
        "require('sets')",
        "fruit = 'pear' require('sets') channel.R = fruit",
        "pear",
    ),
    "a preloaded module": (
        "util = require('util')",
        "package.preload.util = function() return { name = 'mine' } end channel.R = util.name",
        "util",
    ),
    "the loaded modules of the body": ("require('util')", "channel.R = package.loaded.util.name", "util"),
    "a table that makes its fields": (
        "t = setmetatable({}, { __index = function(_, k) return k .. '!' end })",
        "channel.R = t.x t = nil",
        "x!",
    ),
    "the environment": ("home = tostring(os.getenv('NOTHING_OF_THE_KIND'))", "channel.R = home", "nil"),
    "a table of the body": (
        "numbers = { count = 0 }",
        "numbers.count = numbers.count + 1 app.Wait(1) channel.R = numbers.count",
        "1",
    ),
    "a table of the body, in the extensions": (
        "",
        'extensions.default.extra = (extensions.default.extra or "") .. "x" channel.R = extensions.default.extra',
        "x",
    ),
    "a value of the body": ('greeting = "hello"', "channel.R = greeting greeting = greeting .. '!'", "hello"),
    "a value written before it is read": ('greeting = "hello"', "greeting = 'mine' channel.R = greeting", "mine"),
    "a value taken away": ('greeting = "hello"', "greeting = nil channel.R = tostring(greeting)", "nil"),
    "a global that the body lacks": ("", "channel.R = tostring(other) other = 1", "nil"),
    "a global that the body asks for": (
        "found = other == nil",
        "other = 1 channel.R = tostring(found)",
        "true",
    ),
    "a function of the body": ("function double(n) return n * 2 end", "channel.R = double(4)", "8"),
    "a local of the body": ("local n = 0", "n = n + 1 channel.R = n", "1"),
    "a local function": ("local function double(n) return n * 2 end", "channel.R = double(4)", "8"),
    "a local function of globals": ("half = 2 local function one() return half / 2 end", "channel.R = one()", "1.0"),
    "a base function of the body's own": ("tostring = function() return 'mine' end", "channel.R = tostring(1)", "mine"),
    "a base function replaced by the script": (
        "local t = tostring names = { tostring }",
        "tostring = function() return 'mine' end channel.R = names[1](1) .. tostring(2)",
        "1mine",
    ),
    "a library of the body's own": ("string = { upper = 'mine' }", "channel.R = string.upper", "mine"),
    "a library changed by the body": ("string.upper = 'mine'", "channel.R = string.upper .. ('a'):upper()", "mineA"),
    "a library that the body reads": (
        "up = string.upper",
        "string.upper = 'mine' channel.R = up('a') .. string.upper",
        "Amine",
    ),
    "a library that the body does not read": ("x = 1", "math.floor = 'mine' channel.R = math.floor .. x", "mine1"),
    "a helper of the body's own": ("app = 1 channel = 2", "channel.R = type(app)", "table"),
    "a helper that the body asks for": ("early = app", "channel.R = type(early)", "nil"),
    "a helper changed by the script": ("early = 1", "app.x = 'mine' channel.R = early .. app.x", "1mine"),
    "a helper replaced by the script": ("early = 1", "app = 'mine' channel.R = early .. app", "1mine"),
    "_G": ("greeting = 'hello'", "channel.R = _G.greeting", "hello"),
    "_ENV": ("greeting = 'hello'", "local e = _ENV channel.R = e['greeting']", "hello"),
    "rawget": ("greeting = 'hello'", "channel.R = rawget(_ENV, 'greeting')", "hello"),
    "rawset": ("greeting = 'hello'", "rawset(_ENV, 'greeting', 'mine') channel.R = greeting", "mine"),
    "next": ("greeting = 'hello'", "channel.R = select(2, next(_ENV, 'greeting')) ~= 'hello' and 'yes'", "yes"),
    "pairs": (
        "a1, a2, a3 = 1, 2, 3",
        "local n = 0 for k, v in pairs(_ENV) do if k:find('^a%d') then n = n + v end end channel.R = n",
        "6",
    ),
    "ipairs": (
        "_ENV[1], _ENV[2] = 'a', 'b'",
        "local s = '' for _, v in ipairs(_ENV) do s = s .. v end channel.R = s",
        "ab",
    ),
    "length": ("_ENV[1], _ENV[2] = 'a', 'b'", "channel.R = #_ENV", "2"),
    "metatable": ("greeting = 'hello'", "channel.R = tostring(getmetatable(_ENV))", "nil"),
    "metatable of the script's own": (
        "greeting = 'hello'",
        "setmetatable(_ENV, {__index = function() return 'lacking' end}) channel.R = greeting .. other",
        "hellolacking",
    ),
    "metatable of the body's own": (
        "setmetatable(_ENV, {__index = function() return 'lacking' end})",
        "channel.R = tostring(other)",
        "lacking",
    ),
    "load": ("greeting = 'hello'", "channel.R = load('return greeting')()", "hello"),
    "a module": ("greeting = 'hello'", "channel.R = require('reads')", "hello"),
    "the loaded modules": ("package.loaded.own = 'mine'", "channel.R = require('own')", "mine"),
    "a coroutine": ("greeting = 'hello'", "channel.R = coroutine.wrap(function() return greeting end)()", "hello"),
    "a task": ("greeting = 'hello'", "channel.R = pbx.spawn(function() return greeting end):wait()", "hello"),
    "a task after a change": (
        "greeting = 'hello'",
        "greeting = 'mine' channel.R = pbx.spawn(function() return greeting end):wait()",
        "mine",
    ),
    "another extension's function": ("", "extensions.default['200']() channel.R = channel.TWO.value", "two"),
    "an extension added": (
        "",
        "extensions.default['200'] = function() channel.R = 'added' end app.Goto('200', 1)",
        "added",
    ),
    "an extension changed for the next call only": (
        "",
        "local was = extensions.default.h extensions.default.h = nil channel.R = type(was)",
        "function",
    ),
    "Goto": ("greeting = 'hello'", "greeting = 'mine' app.Goto('300', 1)", "mine"),
    "Goto before anything of the body": ("greeting = 'hello'", "app.Goto('300', 1)", "hello"),
    "Goto itself": ("n = 0", "n = n + 1 if n < 5 then app.Goto('100', 1) end channel.R = n", "5"),
    "an error": ("greeting = 'hello'", "channel.R = greeting error('here')", "hello"),
    "a global with no name": ("x = 1", "channel.R = select(2, pcall(function() _ENV[nil] = 1 end))", None),
    "a body that calls": (
        "local function made(n) return function() return n end end one = made(1)",
        "channel.R = one() one = function() return 2 end",
        "1",
    ),
    "a body of loops": (
        "names = {} for i, name in ipairs { 'a', 'b' } do names[#names + 1] = ('%s%d'):format(name, i) end",
        "channel.R = table.concat(names) names[1] = 'x'",
        "a1b2",
    ),
    "a body with a metamethod": (
        "local n = 0 local t = setmetatable({}, { __index = function() n = n + 1 return n end }) one = t.x",
        "channel.R = one .. n",
        "11",
    ),
    "globals replaced": (
        "",
        "_ENV = { app = app, channel = channel, mine = 'mine' } app.Wait(1) channel.R = mine",
        "mine",
    ),
    "globals of the body's own": (
        "local outer = _ENV _ENV = setmetatable({}, { __index = outer }) outer.extensions = {} n = 0",
        "n = n + 1 channel.R = n",
        None,
    ),
}


#: Modules that files require while they are loaded.
MODULES = {
    "lua/util_lua": "local M = { name = 'util' } function M.twice(n) return n * 2 end return setmetatable(M, {})",
    "lua/sets_lua": "fruit = 'apple'",
    "lua/late_lua": "return { at = os.time() }",
}


def lua(above: str, body: str) -> str:
    return (
        f"{above}\nextensions = {{ default = {{\n"
        f'["100"] = function(context, exten)\n{body}\nend,\n'
        '["200"] = function() channel.TWO = "two" end,\n'
        '["300"] = function() channel.R = greeting end,\n'
        'h = function() channel.H = "yes" end,\n'
        "} }\n"
    )


def outcome(harness: DialplanHarness) -> list[tuple[str | None, str | None]]:
    """R and H of three calls, of which the first two are there at the same time."""
    harness.write("lua/reads.lua", "return greeting")
    calls = [harness.call("100"), harness.call("100")]
    harness.core.clock.advance(1)
    calls.append(harness.call("100"))
    harness.core.clock.advance(1)
    assert all(call.ended for call in calls)
    return [(call.variable("R"), call.variable("H")) for call in calls]


def complaints(harness: DialplanHarness) -> list[str]:
    return [re.sub(r"-\d{8}", "", line) for line in harness.log if line.startswith("Error executing")]


@pytest.mark.parametrize(("above", "body", "value"), CASES.values(), ids=CASES.keys())
def test_a_body_that_runs_late_cannot_be_told_from_one_that_runs_first(
    plan: Plan, above: str, body: str, value: str | None
) -> None:
    late, first = plan(lua(above, body), **MODULES), plan(FIRST + lua(above, body), **MODULES)
    found = outcome(late)
    assert found == outcome(first), late.log
    assert complaints(late) == complaints(first)
    assert found[0] == found[1] == found[2]
    if value is not None:
        assert found[0][0] == value, late.log


def test_what_one_call_left_in_its_globals_is_there_in_h(plan: Plan) -> None:
    text = lua("greeting = 'hello'", "greeting = 'mine' app.Hangup()").replace('"yes"', "greeting")
    assert plan(text).call("100").variable("H") == "mine"
    assert plan(text.replace("greeting = 'mine' ", "")).call("100").variable("H") == "hello"


def memory_of_calls(harness: DialplanHarness, count: int) -> float:
    """Bytes of Lua's that each of some calls in Wait takes."""
    machine = machine_of(harness)
    machine.collect()
    before = machine.memory_used
    for _ in range(count):
        harness.call("100")
    machine.collect()
    return (machine.memory_used - before) / count


def machine_of(harness: DialplanHarness) -> LuaMachine:
    entry = harness.server.modules.find(LuaModule.name)
    assert entry is not None
    module = entry.instance
    assert isinstance(module, LuaModule)
    assert module.generation is not None
    return module.generation.machine


@pytest.mark.parametrize(
    "above",
    [
        "",
        "function helper() end",
        "local limit = 5",
        "for i = 1, 9 do _ENV['n' .. i] = tostring(i) end",
        "up = string.upper",
        "local Class = {} Class.__index = Class one = setmetatable({}, Class)",
        "home = os.getenv('HOME')",
    ],
)
def test_a_call_that_needs_nothing_of_the_body_does_not_hold_it(plan: Plan, above: str) -> None:
    above += " big = {} for i = 1, 1000 do big[i] = { i } end"
    assert memory_of_calls(plan(lua(above, "app.Wait(60)"), **MODULES), 50) < 3_000
    assert memory_of_calls(plan(lua(above, "app.Wait(#big)"), **MODULES), 50) > 50_000
    assert memory_of_calls(plan(FIRST + lua(above, "app.Wait(60)"), **MODULES), 50) > 50_000


@pytest.mark.parametrize(
    "above",
    [
        "print('loaded')",
        "began = os.time()",
        "pcall(require, 'nowhere')",
        "util = require('util')",
        "late = require('late')",
        "setmetatable(_G, {})",
        "package.preload.x = function() end",
    ],
)
def test_a_body_that_others_see_runs_first(plan: Plan, above: str) -> None:
    above += " big = {} for i = 1, 1000 do big[i] = { i } end"
    assert memory_of_calls(plan(lua(above, "app.Wait(60)"), **MODULES), 50) > 50_000


@pytest.mark.parametrize("table", ["extensions", "extensions.default"])
def test_tables_of_extensions_that_answer_by_themselves_are_not_asked_outside_of_a_call(plan: Plan, table: str) -> None:
    harness = plan(
        lua("", "channel.R = 'x'") + f"setmetatable({table}, {{ __index = function() while true do end end }})"
    )
    assert harness.call("100").variable("R") == "x"


def test_running_out_of_instructions_in_a_late_body_names_its_line_and_h_has_everything(plan: Plan) -> None:
    text = lua(
        "big = {} greeting = 'hello'\nfor i = 1, 50000 do big[i] = i end", "for i = 1, 700000 do end return big"
    ).replace('"yes"', "#big .. greeting")
    harness = plan(text, lua_conf="[general]\ninstructions = 800000\n")
    assert harness.call("100").variable("H") == "50000hello", harness.log
    assert harness.logged("extensions.lua:2: instruction budget exhausted"), harness.log
    assert harness.call("200").variable("TWO") == "two"


def test_running_out_of_memory_in_a_late_body_names_its_line_and_h_has_everything(plan: Plan) -> None:
    greedy = "local t = {} for i = 1, 4 do t[i] = ('x'):rep(1000000 + i) end return big, t"
    text = lua("big = {}\nfor i = 1, 50000 do big[i] = { i } end", greedy).replace('"yes"', "#big")
    harness = plan(text, lua_conf="[general]\nmemory_slice = 6144\n")
    machine_of(harness).collect()
    assert harness.call("100").variable("H") == "50000", harness.log
    assert harness.logged("extensions.lua:2: not enough memory"), harness.log


def test_each_generation_has_its_own_body(plan: Plan) -> None:
    harness = plan(lua("greeting = 'one'", "app.Wait(1) channel.R = greeting"))
    old = harness.call("100")
    harness.write("extensions.lua", lua("greeting = 'two'", "app.Wait(1) channel.R = greeting"))
    result_of(start(harness.server.modules.reload("pbx_lua")))
    new = harness.call("100")
    harness.core.clock.advance(1)
    assert (old.variable("R"), new.variable("R")) == ("one", "two")


def test_a_shared_state_is_one(plan: Plan) -> None:
    harness = plan(lua("n = 0", "n = n + 1 channel.R = n"), lua_conf="[general]\nstate = shared\n")
    assert [harness.call("100").variable("R") for _ in range(3)] == ["1", "2", "3"]


def test_a_module_that_replaces_its_globals_does_so_in_its_own_call_alone(plan: Plan) -> None:
    text = lua("", "local m = require('own') m.n = (m.n or 0) + 1 app.Wait(1) channel.R = m.n .. m.get()")
    harness = plan(text)
    module = "local _G = _ENV\n_ENV = {}\nfunction get() return _G.type(_G.app) .. n end\nreturn _ENV"
    harness.write("lua/own.lua", module)
    calls = [harness.call("100"), harness.call("100")]
    harness.core.clock.advance(1)
    assert [call.variable("R") for call in calls] == ["1table1", "1table1"], harness.log
