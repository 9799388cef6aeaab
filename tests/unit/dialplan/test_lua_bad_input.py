"""Bad scripts beside a hundred good calls: a clear error, the call hung up with `h` run, no other touched.

The good calls run in the same Lua machine as the bad one, and are in the middle of an application, a coroutine and a
task when it goes wrong.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness
from tests.unit.dialplan.log_events import LogEvents

OTHERS = """
extensions.others = {
    work = function(context, extension)
        mine = channel.CALLERID("num"):get()
        local task = pbx.spawn(function(...) pbx.sleep(1) return ... end, mine)
        local co = coroutine.wrap(function()
            app.Wait(1)
            coroutine.yield(mine)
            return ("%s-%d"):format(mine, #mine)
        end)
        channel.ONE = co()
        channel.TWO = co()
        channel.THREE = task:wait()
    end,
    h = function() channel.OK = mine end,
}
"""
COUNT = 100
#: Seconds of CPU that a bad call may take from the others at once.
SECONDS = 4.0


#: Modules that the bad calls need.
MODULES = {
    "broken": "local x\nreturn x.y\n",
    "circle": "return require('circle')\n",
    "waits1": "app.Wait(1) return 1",
    "waits2": "pbx.sleep(1) return 1",
}


def script(bodies: Iterable[str]) -> str:
    """A file with an extension 0, 1, 2 ... for each body, and the hundred others' work."""
    lines = ["extensions = { default = { h = function() channel.H = 'yes' end } }"]
    for number, body in enumerate(bodies):
        lines += [
            f"extensions.default['{number}'] = function(context, extension) do",
            body,
            "end channel.FINE = 'yes' end",
        ]
    return "\n".join(lines) + OTHERS


def text_of(event: dict[str, Any]) -> str:
    return str(event["log_format"]).format(**event)


def run(harness: DialplanHarness, exten: int) -> tuple[DialplanCall, list[dict[str, Any]]]:
    """The bad call beside a hundred good ones, which must all end well; the bad call and the errors told."""
    others = [harness.call("work", "others", caller=str(1000 + n), resource=f"other{n}") for n in range(COUNT)]
    with LogEvents() as log:
        began = time.process_time()
        call = harness.call(str(exten))
        assert time.process_time() - began < SECONDS
        for _turn in range(4):
            harness.core.clock.turn(1)
    for number, other in enumerate(others):
        caller = str(1000 + number)
        values = [other.variable(name) for name in ("ONE", "TWO", "THREE", "OK")]
        assert (other.ended, values) == (True, [caller, f"{caller}-4", caller, caller])
    assert log.failures() == []
    return call, log.errors()


def check(harness: DialplanHarness, exten: int, why: str) -> None:
    call, told = run(harness, exten)
    assert call.ended
    assert (call.variable("H"), call.variable("FINE")) == ("yes", None)
    (event,) = told
    assert event["call_id"] == call.channel.callid
    text = text_of(event)
    assert re.search(r"[a-z]+\.lua:\d+: ", text), text
    assert f"{exten}@default" in text
    assert why in text, text
    module = harness.server.modules.find("pbx_lua")
    assert module is not None
    assert module.instance is not None
    assert module.instance.use_count == 0


WRONG = {
    "error": ("error('oh')", "oh"),
    "error in a function": ("local function f()\nlocal x = nil\nreturn x.y\nend\nf()", "attempt to index a nil value"),
    "nothing": ("error()", ": nil"),
    "table": ("error({ code = 5 })", "(error object is a table)"),
    "an error that cannot be told": (
        "error(setmetatable({}, { __tostring = function() error('again') end }))",
        "(error object is a table)",
    ),
    "an error that says no text": (
        "error(setmetatable({}, { __tostring = function() return {} end }))",
        "(error object",
    ),
    "an error that waits": (
        "error(setmetatable({}, { __tostring = function() app.Wait(1) return 'x' end }))",
        "(error object is a table)",
    ),
    "assert": ("assert(nil, 'why')", "why"),
    "several lines": ("error('one\\ntwo')", "one\ntwo"),
    "a long text": ("error(('x'):rep(100000))", "xxx"),
    "bytes": ("error('\\0\\xff\\xfe')", ": "),
    "a global that is none": ("nosuch()", "attempt to call a nil value (global 'nosuch')"),
    "arithmetic": ("return {} + 1", "attempt to perform arithmetic on a table value"),
    "comparison": ("return {} < 1", "attempt to compare"),
    "index of nil": ("return channel.X.nosuch.nosuch", "attempt to index a nil value"),
    "for without a number": ("for i = 1, 'x' do end", "'for' limit"),
    "for with step 0": ("for i = 1, 2, 0 do end", "'for' step is zero"),
    "division by zero": ("return 1 // 0", "attempt to divide by zero"),
    "syntax in load": ("assert(load('x = = 1'))", "unexpected symbol near '='"),
    "in a coroutine": ("coroutine.wrap(function() error('inside') end)()", "inside"),
    "a dead coroutine": ("local f = coroutine.wrap(function() end) f() f()", "cannot resume dead coroutine"),
    "close": ("local x <close> = 5", "got a non-closable value"),
    "constants": ("math.floor({})", "bad argument #1 to 'floor'"),
    "require": ("require('nothing.here')", "module 'nothing.here' not found"),
    "in a module": ("require('broken')", "broken.lua:2: "),
    "a module that needs itself": ("require('circle')", "loop or previous error loading module 'circle'"),
}

RECURSION = {
    "function": "local function f() return 1 + f() end f()",
    "through pcall": "local function f() return select(2, pcall(f)) + 1 end f() error('over')",
    "index": "local t = {} setmetatable(t, { __index = function(_, k) return t[k .. 'x'] end }) return t.x",
    "newindex": "local t = setmetatable({}, { __newindex = function(t, k, v) t[k] = v end }) t.x = 1",
    "tostring": "local t = setmetatable({}, { __tostring = function(t) return tostring(t) end }) return tostring(t)",
    "call": "local t = setmetatable({}, { __call = function(t) return 1 + t() end }) t()",
    "concat": "local t = setmetatable({}, { __concat = function(a, b) return a .. b end }) return t .. 'x'",
    "coroutines": "local function f() return coroutine.wrap(f)() end f() error('over')",
    "gsub": "local function f(s) return ('x'):gsub('x', f) end f('x')",
    "sort": "local function f() table.sort({ 2, 1 }, f) return true end f()",
    "xpcall": "local function f() return xpcall(f, f) end f() error('over')",
    "load": "load(('('):rep(100000))() error('over')",
    "a long expression": "load('return ' .. ('-'):rep(100000) .. '1')() error('over')",
}

ENDLESS = {
    "upper": "local s = ('a'):rep(1 << 20) while true do s:upper() end",
    "comparing": "local a, b = ('a'):rep(1 << 20) .. 1, ('a'):rep(1 << 20) .. 2 while true do local _ = a < b end",
    "joining": "local s = ('a'):rep(1 << 20) while true do local _ = s .. 'x' end",
    "inserting": "local t = {} for i = 1, 300000 do t[i] = i end while true do table.insert(t, 1, 0) t[#t] = nil end",
    "concatenating": "local t = {} for i = 1, 300000 do t[i] = 'x' end while true do table.concat(t) end",
    "an emptied table": "local t = {} for i = 1, 99999 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end "
    "while true do next(t) end",
    "utf8": "local s = ('a'):rep(1 << 20) while true do utf8.len(s) end",
    "tonumber": "local s = ('1'):rep(1 << 20) while true do tonumber(s) end",
    "traceback": "while true do debug.traceback(('x'):rep(1 << 20)) end",
    "rep": "while true do ('x'):rep(1 << 20) end",
    "unpack": "local t = {} for i = 1, 99999 do t[i] = i end while true do select('#', table.unpack(t)) end",
    "plain find": "local s, p = ('a'):rep(1 << 20), ('a'):rep(1000) .. 'b' while true do s:find(p, 1, true) end",
    "quoting": "local s = ('\\0'):rep(1 << 20) while true do ('%q'):format(s) end",
    "errors": "while true do pcall(error, ('x'):rep(1 << 20)) end",
    "in a metamethod": "local t = setmetatable({}, { __lt = function() while true do end end }) return t < t",
    "closing": "local m = { __close = function() while true do end end } local c = coroutine.create(function() "
    "local x <close> = setmetatable({}, m) coroutine.yield() end) coroutine.resume(c) coroutine.close(c)",
    "handlers in handlers": "while true do xpcall(error, function() while true do end end, 'x') end",
    "coroutines that yield": "local f = coroutine.wrap(function() while true do coroutine.yield() end end) "
    "while true do f() end",
    "coroutines by the thousand": "while true do coroutine.wrap(function() pcall(error) end)() end",
}

GIANT = {
    "joined twice and again": "local s = 'x' while true do s = s .. s end",
    "rep": "return ('x'):rep(1 << 40)",
    "a table": "local t = {} while true do t[#t + 1] = { t } end",
    "many arguments": "local t = {} for i = 1, 1 << 20 do t[i] = i end app.NoOp(table.unpack(t))",
    "an argument": "local s = ('x'):rep(1 << 20) app.NoOp(s, s, s, s, s, s, s, s, s, s, s, s)",
    "captures": "return ('x'):rep(100):match(('(x)'):rep(33))",
    "format": "return ('%99999d'):format(1)",
    "char": "local t = {} for i = 1, 1 << 20 do t[i] = 65 end return string.char(table.unpack(t))",
}


#: Places where Lua cannot wait, each with ``%s`` for what waits.
CLOSED = {
    "tostring": "tostring(setmetatable({}, { __tostring = function() %s end }))",
    "tostring of print": "print(setmetatable({}, { __tostring = function() %s end }))",
    "reader of load": "assert(load(function() %s end))",
    "name": "('%%s'):format(setmetatable({}, { __tostring = function() %s end }))",
    "gsub of a table": "('x'):gsub('x', setmetatable({}, { __index = function() %s end }))",
    "closing a coroutine": "local m = { __close = function() %s end } local c = coroutine.create(function() "
    "local x <close> = setmetatable({}, m) coroutine.yield() end) coroutine.resume(c) assert(coroutine.close(c))",
}
#: Places where it can.
OPEN = {
    "gsub": "('x'):gsub('x', function() %s end)",
    "gsub of a long text": "('ab'):rep(5000):gsub('.-b$', function() %s end)",
    "sort": "table.sort({ 2, 1 }, function() %s end)",
    "less than, sorting": "local t = setmetatable({}, { __lt = function() %s end }) table.sort({ t, t })",
    "index": "local _ = setmetatable({}, { __index = function() %s end }).x",
    "newindex": "setmetatable({}, { __newindex = function() %s end }).x = 1",
    "call": "setmetatable({}, { __call = function() %s end })()",
    "add": "local _ = setmetatable({}, { __add = function() %s end }) + 1",
    "concat": "local _ = setmetatable({}, { __concat = function() %s end }) .. 'x'",
    "eq": "local m = { __eq = function() %s end } local _ = setmetatable({}, m) == setmetatable({}, m)",
    "lt": "local _ = setmetatable({}, { __lt = function() %s end }) < 1",
    "le": "local _ = setmetatable({}, { __le = function() %s end }) <= 1",
    "len": "local _ = #setmetatable({}, { __len = function() %s return 1 end })",
    "unm": "local _ = -setmetatable({}, { __unm = function() %s end })",
    "close": "do local x <close> = setmetatable({}, { __close = function() %s end }) end",
    "close after an error": "local m = { __close = function() %s end } "
    "pcall(function() local x <close> = setmetatable({}, m) error() end)",
    "pairs": "for _ in pairs(setmetatable({}, { __pairs = function() %s return next, {} end })) do end",
    "iterator": "for _ in function(_, last) if not last then %s return nil end end do end",
    "pcall": "pcall(function() %s end)",
    "xpcall": "xpcall(function() %s end, print)",
    "coroutine": "coroutine.wrap(function() %s end)()",
    "coroutine in a coroutine": "coroutine.wrap(function() coroutine.wrap(function() %s end)() end)()",
    "resume": "coroutine.resume(coroutine.create(function() %s end))",
    "dofile": "dofile('waits@.lua')",
    "require": "require('waits@')",
    "load": "assert(load([[%s]]))()",
    "varargs": "select('#', (function(...) %s return ... end)(1, 2, 3))",
}
WAITS = {"1": "app.Wait(1)", "2": "pbx.sleep(1)"}


def waiting(places: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Each place with each way of waiting."""
    return {
        f"{what} in {name}": ((place % what if "%s" in place else place).replace("@", number), "")
        for name, place in places.items()
        for number, what in WAITS.items()
    }


#: What is wrong: a body, and what the error says.
BAD: dict[str, tuple[str, str]] = {
    **WRONG,
    **{f"recursion: {name}": (body, "") for name, body in RECURSION.items()},
    **{f"endless: {name}": (body, "budget exhausted") for name, body in ENDLESS.items()},
    **{f"giant: {name}": (body, "") for name, body in GIANT.items()},
    **{name: (body, "attempt to yield across a C-call boundary") for name, (body, _) in waiting(CLOSED).items()},
}
GOOD = waiting(OPEN)


def made(directory: Path, bodies: Iterable[str]) -> Iterator[DialplanHarness]:
    files = {"extensions.lua": script(bodies)}
    files |= {f"lua/{name}.lua": text for name, text in MODULES.items()}
    harness = DialplanHarness(directory, files)
    result_of(start(harness.start()))
    yield harness
    result_of(start(harness.stop()))
    assert len(harness.core.channels) == 0


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialplanHarness]:
    yield from made(tmp_path_factory.mktemp("bad"), (body for body, _ in BAD.values()))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialplanHarness]:
    yield from made(tmp_path_factory.mktemp("good"), (body for body, _ in GOOD.values()))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_ends_alone(bad: DialplanHarness, name: str) -> None:
    check(bad, list(BAD).index(name), BAD[name][1])


@pytest.mark.parametrize("name", GOOD)
def test_waiting_where_lua_can(good: DialplanHarness, name: str) -> None:
    call, told = run(good, list(GOOD).index(name))
    assert (call.ended, call.variable("FINE"), call.variable("H")) == (True, "yes", "yes"), good.log[-5:]
    assert told == []
