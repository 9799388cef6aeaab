"""What a script cannot do: run for ever, eat the memory, reach another caller, Python or the machine.

Each attack hangs up its own call, with `h` run and the place in the log, and leaves a call beside it untouched.
"""

from __future__ import annotations

import time

import pytest

from dialplan.lua._runtime import APPLICATION, DONE, FAILED, INTERRUPTED, Limits, LuaError, LuaMachine
from pbx.testing.dialplan import Plan, extensions

ENDLESS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "xpcall": "while true do xpcall(function() while true do end end, function(e) while true do end end) end",
    "nested pcall": "local function f() pcall(f) while true do end end f()",
    "index metamethod": "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    "close metamethod": "local x <close> = setmetatable({}, {__close = function() while true do end end})",
    "tostring metamethod": "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "tostring of an error": "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "coroutine": "coroutine.wrap(function() while true do end end)()",
    "coroutines in coroutines": (
        "local function f(n) return coroutine.wrap(function() if n > 0 then f(n - 1)() end while true do end end) end "
        "while true do pcall(f(20)) end"
    ),
    "coroutines one after the other": "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "goto": "::again:: goto again",
    "pattern": 'return (("a"):rep(3000)):find((".-"):rep(6) .. "b")',
    "optional items": 'return (("a"):rep(40)):match("^" .. ("a?"):rep(40) .. ("a"):rep(40) .. "b")',
    "gsub": 'return (("a"):rep(3000)):gsub((".-"):rep(6) .. "b", "")',
    "gmatch": 'for _ in (("a"):rep(3000)):gmatch((".-"):rep(6) .. "b") do end',
    "many quick patterns": 'local s = ("a"):rep(90) while true do s:find((".-"):rep(3) .. "b") end',
    "sort": "local t = {} for i = 1, 300 do t[i] = i end table.sort(t, function() while true do end end)",
    "sort of many": "for n = 1, 1000 do local t = {} for i = 1, 5000 do t[i] = -i end table.sort(t) end",
    "insert into an endless table": "table.insert(setmetatable({}, {__len = os.time}), 1, 1)",
    "concat of an endless table": (
        "table.concat(setmetatable({}, {__index = table.concat, __len = os.time}), '', 1, 1000000000)"
    ),
    "move": "table.move({}, 1, 1000000000, 2)",
    "load": 'local f = load("while true do end") f()',
    "iterator": "for _ in function() return 1 end do end",
    "long texts joined": 'local s = ("x"):rep(1 << 20) s = s .. s while true do local t = s .. "a" end',
    "long texts compared": (
        'local s = ("x"):rep(1 << 20) local a, b = s .. "a", s .. "b" while true do local c = a < b end'
    ),
    "part of a long text": 'local s = ("x"):rep(1 << 20) s = s .. s while true do local t = s:sub(2) end',
    "number in a long text": 'local s = (" "):rep(1 << 20) while true do tonumber(s) end',
    "size of a long format": 'local f = ("i8"):rep(100000) while true do string.packsize(f) end',
    "text found nowhere": (
        'local s, p = ("a"):rep(1 << 20), ("a"):rep(1000) .. "b" while true do s:find(p, 1, true) end'
    ),
    "one long text sorted": (
        'local s, t = ("x"):rep(1 << 20), {} for i = 1, 100000 do t[i] = s end table.sort(t) while true do end'
    ),
    "many texts put together": 'local t = {} for i = 1, 50000 do t[i] = "x" end while true do table.concat(t) end',
    "long text replaced": 'local s = ("a"):rep(400000) while true do s:gsub("a", "b") end',
    "first of an emptied table": (
        'local t = {} for i = 1, 100000 do t["k" .. i] = i end for k in pairs(t) do t[k] = nil end '
        "while true do next(t) end"
    ),
}


@pytest.mark.parametrize("attack", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_script_that_runs_for_ever_loses_its_call_and_no_other(plan: Plan, attack: str) -> None:
    harness = plan(extensions(attack) + 'extensions.default["200"] = function() app.Wait(5) channel.OK = "1" end')
    other = harness.call("200")
    began = time.process_time()
    call = harness.call("100")
    assert time.process_time() - began < 5
    assert call.ended
    assert call.variable("H") == "yes"
    assert harness.logged("100@default on Fake/phone")
    assert harness.logged("extensions.lua:")
    harness.core.clock.advance(5)
    assert other.ended
    assert other.variable("OK") == "1"


def test_ordinary_work_has_the_whole_budget(plan: Plan) -> None:
    # Work that allocates is the slowest that instructions do; the collector's part counts, too.
    work = 'for n = 1, 1500 do local t = {} for i = 1, 250 do t["k" .. i] = { i } end end channel.OK = "1"'
    harness = plan(extensions(work))
    assert harness.call("100").variable("OK") == "1", harness.log


def test_any_list_is_sorted(plan: Plan) -> None:
    body = """
    local s, t = ("x"):rep(300), {}
    for i = 1, 30 do t[i] = s .. (100 - i) end
    table.sort(t)
    for i = 2, 30 do assert(t[i - 1] < t[i]) end
    table.sort(t, function(one, other) return one > other end)
    for i = 2, 30 do assert(t[i - 1] > t[i]) end
    local n = {} for i = 1, 30 do n[i] = -i end
    table.sort(n)
    assert(n[1] == -30 and n[30] == -1)
    assert(not pcall(table.sort, { 1, "x" }))
    channel.OK = "1"
    """
    harness = plan(extensions(body))
    assert harness.call("100").variable("OK") == "1", harness.log


GREEDY = {
    "concatenation": 'local s = "x" while true do s = s .. s end',
    "table": "local t = {} while true do t[#t + 1] = {} end",
    "recursion": "local function f() return 1 + f() end f()",
    "string.rep": '("x"):rep(1 << 40)',
    "string.rep with separator": '("x"):rep(1 << 22, ("y"):rep(100))',
    "table.concat": 'local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1 << 20) end table.concat(t)',
    "format": 'local s = ("x"):rep(1 << 20) s = s:format() local t = {s, s, s, s, s, s, s, s, s} '
    'for i = 1, 99 do t[1] = ("%s%s%s%s%s%s%s%s%s"):format(table.unpack(t)) end',
    "buffer in coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
}


@pytest.mark.parametrize("attack", GREEDY.values(), ids=GREEDY.keys())
def test_a_script_that_takes_all_memory_loses_its_call_and_no_other(plan: Plan, attack: str) -> None:
    harness = plan(
        extensions(attack) + 'extensions.default["200"] = function() app.Wait(5) channel.OK = ("y"):rep(100) end'
    )
    other = harness.call("200")
    call = harness.call("100")
    assert call.ended
    assert call.variable("H") == "yes"
    assert harness.logged(": extensions.lua:3: ")
    harness.core.clock.advance(5)
    assert other.variable("OK") == "y" * 100


def test_memory_that_a_script_gives_back_is_there_for_the_next(plan: Plan) -> None:
    harness = plan(extensions('pcall(function() local s = "x" while true do s = s .. s end end) channel.OK = "1"'))
    for _ in range(20):
        assert harness.call("100").variable("OK") == "1"


FORBIDDEN = {
    "__gc": "setmetatable({}, {__gc = function() end})",
    "sethook": "debug.sethook(function() end, '', 1)",
    "getregistry": "debug.getregistry()",
    "setmetatable of strings": "debug.setmetatable('', {})",
    "io": "io.open('/etc/passwd')",
    "os.execute": "os.execute('true')",
    "os.exit": "os.exit(1)",
    "os.remove": "os.remove('/tmp/none')",
    "os.rename": "os.rename('/tmp/none', '/tmp/other')",
    "os.tmpname": "os.tmpname()",
    "loadlib": "package.loadlib('libc.so.6', '*')",
    "string.dump": "string.dump(function() end)",
    "python": "python.eval('1')",
    "bytecode": 'assert(load("\\27Lua"))',
    "string metatable": 'getmetatable("").__index.find = nil',
    "main yield": "coroutine.yield(1)",
    "require above": 'require("../../../etc/passwd")',
    "dofile above": 'dofile("../../../../../../../etc/passwd")',
    "dofile absolute": 'dofile("/etc/passwd")',
}


@pytest.mark.parametrize("attack", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_is_not_given_to_scripts_is_an_error_with_its_place(plan: Plan, attack: str) -> None:
    harness = plan(extensions(f'channel.BEFORE = "1" {attack} channel.AFTER = "1"'))
    call = harness.call("100")
    assert call.variable("BEFORE") == "1"
    assert call.variable("AFTER") is None
    assert call.variable("H") == "yes"
    assert harness.logged("extensions.lua:3: ")


def test_what_stays_is_there(plan: Plan) -> None:
    body = """
    assert(os.time() > 0 and os.date("%Y") and os.clock() and os.getenv("NOTHING_OF_THE_KIND") == nil)
    assert(string.format("%5.2f|%s", 1.5, "x") == " 1.50|x")
    assert(table.concat({1, 2, 3}, "-") == "1-2-3" and #table.pack(1, 2) == 2)
    assert(math.floor(1.5) == 1 and utf8.char(228) == "ä")
    assert(select("#", table.unpack({1, 2, 3})) == 3)
    assert(pcall(error, "x") == false)
    assert(debug.traceback("x"):find("x"))
    assert(load("return 7")() == 7)
    local t = {3, 1, 2} table.sort(t) assert(t[1] == 1 and t[3] == 3)
    assert(_G.assert == assert and _G == _ENV and rawget(_G, "math") == math)
    local n = 0 for name in pairs(_G) do n = n + 1 end assert(n > 20)
    channel.OK = "1"
    """
    harness = plan(extensions(body))
    assert harness.call("100").variable("OK") == "1", harness.log


def test_dangerous_libraries_come_only_when_lua_conf_says_so(plan: Plan) -> None:
    body = "channel.OK = type(io.open) .. type(os.execute) .. type(package.loadlib)"
    harness = plan(extensions(body), lua_conf="[general]\nlive_dangerously = yes\n")
    assert harness.call("100").variable("OK") == "functionfunctionfunction"


ISOLATION = {
    "global": ("leak = 'secret'", "leak"),
    "_G": ("_G.leak = 'secret'", "_G.leak"),
    "_ENV": ("_ENV.leak = 'secret'", "leak"),
    "rawset of _G": ("rawset(_G, 'leak', 'secret')", "leak"),
    "rawset of _ENV": ("rawset(_ENV, 'leak', 'secret')", "rawget(_ENV, 'leak')"),
    "library": ("string.leak = 'secret'", "string.leak"),
    "library through a value": ("string.leak = 'secret'", "('').leak"),
    "table library": ("table.insert = 'secret'", "type(table.insert) == 'string' and 'secret' or nil"),
    "base function": ("tostring = function() return 'secret' end", "tostring(1) == 'secret' and 'secret' or nil"),
    "package.loaded": ("package.loaded.leak = 'secret'", "package.loaded.leak"),
    "metatable of _G": (
        "setmetatable(_G, {__index = function(_, k) if k == 'leak' then return 'secret' end end})",
        "leak",
    ),
    "app": ("app.leak = 'secret'", "rawget(app, 'leak')"),
    "channel table": ("rawset(channel, 'leak', 'secret')", "rawget(channel, 'leak')"),
    "extensions": ("extensions.leak = 'secret'", "extensions.leak"),
    "load": ("load(\"leak = 'secret'\")()", "leak"),
    "module": ("require('shared').leak = 'secret'", "require('shared').leak"),
    "coroutine library": ("coroutine.leak = 'secret'", "coroutine.leak"),
    "math seed": ("math.randomseed(42) first = math.random(1 << 40)", "nil"),
}


@pytest.mark.parametrize(("leave", "look"), ISOLATION.values(), ids=ISOLATION.keys())
def test_nothing_of_one_caller_reaches_another(plan: Plan, leave: str, look: str) -> None:
    lua = (
        "extensions = { default = {\n"
        f'["100"] = function() {leave} app.Wait(1) channel.OWN = "done" end,\n'
        f'["200"] = function() local found = {look} channel.FOUND = tostring(found) end,\n'
        "} }\n"
    )
    harness = plan(lua)
    harness.write("lua/shared.lua", "return {}")
    one = harness.call("100")
    two = harness.call("200")
    assert two.variable("FOUND") == "nil", harness.log
    harness.core.clock.advance(1)
    assert one.variable("OWN") == "done", harness.log


def test_two_callers_in_the_middle_of_their_work_keep_their_globals(plan: Plan) -> None:
    lua = extensions("mine = channel.CALLERID('num'):get() app.Wait(1) app.Wait(1) channel.MINE = mine")
    harness = plan(lua)
    calls = [harness.call("100", caller=str(number)) for number in range(1000, 1020)]
    harness.core.clock.advance(1)
    harness.core.clock.advance(1)
    assert [call.variable("MINE") for call in calls] == [str(number) for number in range(1000, 1020)]


def test_shared_state_is_shared_on_request(plan: Plan) -> None:
    lua = "count = 0\n" + extensions("count = count + 1 channel.COUNT = count")
    harness = plan(lua, lua_conf="[general]\nstate = shared\n")
    assert [harness.call("100").variable("COUNT") for _ in range(3)] == ["1", "2", "3"]
    own = plan(lua)
    assert [own.call("100").variable("COUNT") for _ in range(3)] == ["1", "1", "1"]


@pytest.mark.parametrize("count", [199, 200, 201, 250, 5000])
def test_coroutines_may_pass_any_number_of_values(plan: Plan, count: int) -> None:
    body = f"""
    local values = {{}} for i = 1, {count} do values[i] = i end
    local co = coroutine.create(function(...)
        local back = table.pack(coroutine.yield(...))
        return table.unpack(back, 1, back.n)
    end)
    local there = table.pack(coroutine.resume(co, table.unpack(values)))
    local back = table.pack(coroutine.resume(co, table.unpack(values)))
    channel.OK = there.n .. "," .. back.n .. "," .. back[back.n]
    """
    harness = plan(extensions(body))
    for _ in range(20):
        assert harness.call("100").variable("OK") == f"{count + 1},{count + 1},{count}"


def test_an_application_called_in_nested_coroutines_yields_through_all_of_them(plan: Plan) -> None:
    body = """
    local inner = coroutine.wrap(function()
        app.Wait(1)
        coroutine.yield("from inside")
        local deeper = coroutine.wrap(function() app.Wait(1) return "deepest" end)
        return deeper()
    end)
    channel.ONE = inner()
    channel.TWO = inner()
    """
    harness = plan(extensions(body))
    call = harness.call("100")
    assert call.channel.application == "Wait"
    harness.core.clock.advance(1)
    assert call.variable("ONE") == "from inside"
    assert not call.ended
    harness.core.clock.advance(1)
    assert call.variable("TWO") == "deepest"
    assert call.ended


@pytest.mark.parametrize(
    "wrapped",
    [
        "pcall(app.Wait, 1)",
        "pcall(pcall, app.Wait, 1)",
        "xpcall(app.Wait, print, 1)",
        "local x = setmetatable({}, {__index = function() app.Wait(1) return 1 end}).field",
        "for _ in function(_, last) app.Wait(1) return nil end do end",
    ],
)
def test_an_application_may_be_called_from_most_places(plan: Plan, wrapped: str) -> None:
    harness = plan(extensions(wrapped + ' channel.OK = "1"'))
    call = harness.call("100")
    assert call.channel.application == "Wait"
    harness.core.clock.advance(1)
    assert call.variable("OK") == "1"


def test_where_lua_cannot_yield_it_says_so(plan: Plan) -> None:
    harness = plan(extensions("tostring(setmetatable({}, { __tostring = function() app.Wait(1) return 'x' end }))"))
    call = harness.call("100")
    assert call.ended
    assert harness.logged("attempt to yield across a C-call boundary")


def test_a_loop_that_ignores_the_hangup_ends(plan: Plan) -> None:
    harness = plan(extensions("while true do pcall(app.Wait, 1) end"))
    call = harness.call("100")
    call.far.hang_up()
    for _ in range(100):
        harness.core.clock.advance(0)
    assert call.ended
    assert harness.logged("steps after the hangup")


def test_a_loop_of_applications_that_never_wait_lets_others_run(plan: Plan) -> None:
    harness = plan(extensions("while true do app.NoOp() end") + "extensions.default['200'] = function() end")
    endless = harness.call("100")
    assert not endless.ended
    assert harness.call("200").ended
    endless.far.hang_up()
    for _ in range(100):
        harness.core.clock.advance(0)
    assert endless.ended


def test_print_goes_to_the_log_and_is_bounded(plan: Plan) -> None:
    harness = plan(extensions("print('a', 1, nil) for i = 1, 100000 do print(('x'):rep(100)) end"))
    harness.call("100")
    assert harness.logged("extensions.lua on Fake/phone-")
    assert harness.logged("a\t1\tnil")
    assert sum(len(line) for line in harness.log) < 200_000


def test_python_is_not_visible_through_errors(plan: Plan) -> None:
    harness = plan(extensions("local ok, e = pcall(function() return app.NoSuchThing() end) channel.E = type(e) .. e"))
    call = harness.call("100")
    assert call.variable("E") == "stringextensions.lua:3: application 'NoSuchThing' not found"


class TestMachine:
    """The machine alone, without an exchange."""

    def test_a_step_names_what_the_script_wants(self) -> None:
        machine = LuaMachine()
        chunk = machine.compile(b'extensions={d={x=function() app.Dial("a", nil, "m") end}}', b"@x.lua")
        call = machine.open(chunk)
        assert machine.start(call, b"d", b"x", b"d", b"x") == (APPLICATION, b"Dial", b"a,,m")
        assert machine.resume(call, 0) == (DONE, b"", b"")
        machine.close(call)
        assert machine.open_calls == 0

    def test_syntax_errors_carry_file_and_line(self) -> None:
        with pytest.raises(LuaError, match=r"x\.lua:2: "):
            LuaMachine().compile(b"x = 1\ny = = 2\n", b"@x.lua")

    def test_goto_is_a_keyword(self) -> None:
        with pytest.raises(LuaError, match="goto"):
            LuaMachine().compile(b"app.goto('x')", b"@x.lua")

    def test_nobody_is_resumed_when_all_memory_is_taken(self) -> None:
        machine = LuaMachine(Limits(memory_slice=64 << 20, memory_total=8 << 20))
        chunk = machine.compile(
            b"extensions={d={x=function() keep={} for i=1,400000 do keep[i]={} end app.W() end,"
            b"y=function() app.W() end}}",
            b"@x.lua",
        )
        hog, other = machine.open(chunk), machine.open(chunk)
        step = machine.start(hog, b"d", b"x", b"d", b"x")
        while step[0] == INTERRUPTED:
            step = machine.go_on(hog)
        assert step[0] == APPLICATION
        assert machine.start(other, b"d", b"y", b"d", b"y") == (FAILED, b"not enough memory", b"")
        machine.close(hog)
        assert machine.start(other, b"d", b"y", b"d", b"y")[0] == APPLICATION

    def test_parked_calls_are_small(self) -> None:
        machine = LuaMachine()
        body = b"".join(b'["%d"]=function() app.Wait(1) end,' % number for number in range(30))
        chunk = machine.compile(b"extensions={d={" + body + b"}}", b"@x.lua")
        calls = [machine.open(chunk) for _ in range(200)]
        machine.collect()
        before = machine.memory_used
        for call in calls:
            machine.start(call, b"d", b"7", b"d", b"7")
        machine.collect()
        assert (machine.memory_used - before) / len(calls) < 6 * 1024
        for call in calls:
            machine.close(call)
        machine.collect()
        assert machine.memory_used <= before
