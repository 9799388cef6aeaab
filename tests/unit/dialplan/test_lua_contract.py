"""The contract of pbx_lua: what a script that was written for Asterisk finds here."""

from __future__ import annotations

import pytest

from pbx.core import messages
from pbx.modules import ModuleError
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, Plan, extensions


def run(plan: Plan, body: str, exten: str = "100") -> DialplanCall:
    call = plan(extensions(body)).call(exten)
    assert call.ended
    return call


def test_the_function_gets_context_and_dialled_extension(plan: Plan) -> None:
    harness = plan(extensions('channel.GOT = context .. "," .. extension .. "," .. select("#", context)', "_1XX"))
    assert harness.call("123").variable("GOT") == "default,123,1"


def test_an_include_gives_the_outer_context(plan: Plan) -> None:
    harness = plan(
        """extensions = { outer = { include = { "nowhere", "inner" } },
        inner = { [100] = function(c, e) channel.GOT = c .. "," .. e .. "," .. channel.CONTEXT:get() end } }"""
    )
    assert harness.call("100", "outer").variable("GOT") == "outer,100,outer"
    assert harness.engine.exists("outer", "100")
    assert not harness.engine.exists("outer", "100", 2)


def test_includes_that_go_round_end(plan: Plan) -> None:
    harness = plan('extensions = { a = { include = { "b" } }, b = { include = { "a" } } }')
    assert not harness.engine.exists("a", "1")


@pytest.mark.parametrize(
    ("call", "data"),
    [
        ('app.NoOp("x")', "x"),
        ("app.noop('x')", "x"),
        ('app["NOOP"](1, 2.5)', "1,2.5"),
        ('app.NoOp("a", nil, "c")', "a,,c"),
        ('app.NoOp("a", nil)', "a,"),
        ("app.NoOp(nil)", ""),
        ("app.NoOp()", ""),
        ("app.NoOp(60.0)", "60.0"),
        ('app.NoOp("a,b", "${EXTEN}")', "a,b,${EXTEN}"),
    ],
)
def test_arguments_are_joined_with_commas_and_nothing_else(plan: Plan, call: str, data: str) -> None:
    harness = plan(extensions(call))
    seen: list[str] = []
    harness.core.bus.subscribe(
        messages.ChannelChanged,
        lambda changed: (
            seen.append(changed.channel.application_data) if changed.channel.application == "NoOp" else None
        ),
    )
    harness.call("100")
    assert seen == [data]


@pytest.mark.parametrize("value", ["true", "{}", "print"])
def test_other_values_are_errors_at_the_script_s_line(plan: Plan, value: str) -> None:
    harness = plan(extensions(f'app.NoOp("a", {value})'))
    assert harness.call("100").variable("H") == "yes"
    assert harness.logged("extensions.lua:3: attempt to concatenate a")


def test_an_unknown_application_is_an_error_when_called(plan: Plan) -> None:
    harness = plan(extensions('local f = app.Nothing channel.BEFORE = "1" f()'))
    assert harness.call("100").variable("BEFORE") == "1"
    assert harness.logged("application 'Nothing' not found")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("local function f()\napp.No()\nend\nf()", 4),
        ("pcall(app.No)\napp.No()", 4),
        ("local function f() return app.No() end\nf()", 4),
    ],
)
def test_the_place_of_an_error_is_the_nearest_line_of_the_script(plan: Plan, body: str, line: int) -> None:
    harness = plan(extensions(body))
    harness.call("100")
    assert harness.logged(f"extensions.lua:{line}: application 'No' not found"), harness.log


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("channel.X = 'v' channel.R = channel.X:get()", "v"),
        ("channel.X = 5 channel.R = channel.X.value", "5"),
        ("channel['X'] = 5 channel.R = channel.X.name", "X"),
        ("channel.R = tostring(channel.UNSET:get())", "nil"),
        ("channel.X = '' channel.R = '[' .. channel.X:get() .. ']'", "[]"),
        ("channel.X = 'old' local x = channel.X channel.X = 'new' channel.R = x.value .. x:get()", "oldnew"),
        ("channel.R = tostring(rawget(channel['LEN(abc)'], 'value'))", "nil"),
        ("channel.R = channel['LEN(abc)'].value .. channel.LEN('abcd').value", "34"),
        ("channel.R = tostring(channel['NOSUCH(x)'].value)", "nil"),
        ("local g = channel.GLOBAL('G') g:set('1') local a = g.value g:set('2') channel.R = a .. g.value", "12"),
        ("channel.R = channel['LEN(abc)']:get()", "3"),
        ("channel.R = channel.LEN('abc'):get()", "3"),
        ("channel.R = channel.FILTER('0-9', 'a1b2'):get()", "12"),
        ("channel.R = tostring(channel['NOSUCH(x)']:get())", "nil"),
        ("channel['GLOBAL(G)'] = 'v' channel.R = channel.GLOBAL('G'):get()", "v"),
        ("channel.GLOBAL('G'):set('w') channel.R = channel.G:get()", "w"),
        ("channel.CALLERID('num'):set('777') channel.R = channel['CALLERID(num)']:get()", "777"),
        ("channel.X = 'abcdef' channel.R = tostring(channel['X:1:3']:get())", "nil"),
        ("channel.X = ('x'):rep(5000) channel.R = #channel.X:get()", "4095"),
        ("channel.R = channel.EXTEN:get() .. channel.PRIORITY:get()", "1001"),
        ("channel.X = ' a, b ' channel.R = channel.X:get()", " a, b "),
    ],
)
def test_variables_and_functions(plan: Plan, body: str, value: str) -> None:
    assert run(plan, body).variable("R") == value


@pytest.mark.parametrize("value", ["nil", "true", "{}"])
def test_a_variable_takes_only_strings_and_numbers(plan: Plan, value: str) -> None:
    harness = plan(extensions(f"channel.X = {value}"))
    harness.call("100")
    assert harness.logged("string expected, got")


@pytest.mark.parametrize("form", ["channel.X.get()", "channel.X.set('v')"])
def test_a_dot_for_a_colon_is_explained(plan: Plan, form: str) -> None:
    harness = plan(extensions(form))
    harness.call("100")
    assert harness.logged("User probably used '.' instead of ':'")


def test_inheritance_marks_are_kept(plan: Plan) -> None:
    call = run(plan, "channel._ONE = '1' channel.__ALL = '2'")
    assert list(call.channel.variables.inherited()) == [("__ALL", "2"), ("ONE", "1")]


def test_hangup_unwinds_with_minus_one(plan: Plan) -> None:
    call = run(plan, "local ok, e = pcall(app.Hangup) channel.E = math.type(e) .. e app.Hangup() channel.NO = '1'")
    assert call.variable("E") == "integer-1"
    assert call.variable("NO") is None
    assert call.variable("H") == "yes"


def test_goto_raises_five_even_to_the_same_place(plan: Plan) -> None:
    body = """
    local n = tonumber(channel.N:get() or 0) + 1
    channel.N = n
    if n < 3 then
        local ok, e = pcall(app.Goto, "default", "100", 1)
        channel.E = e
        error(e, 0)
    end
    channel.END = "1"
    """
    call = run(plan, body)
    assert (call.variable("N"), call.variable("E"), call.variable("END")) == ("3", "5", "1")


def test_a_redirect_while_an_application_runs_abandons_the_function(plan: Plan) -> None:
    harness = plan(
        extensions("app.Wait(10) channel.NO = '1'") + "extensions.default.x = function() channel.X = '1' end"
    )
    call = harness.call("100")
    call.channel.redirect("default", "x", 1)
    assert call.ended
    assert (call.variable("NO"), call.variable("X")) == (None, "1")


@pytest.mark.parametrize(
    ("value", "effect"),
    [("1", "E"), ('"1"', "E"), ("-1", "H"), ("string.byte('7')", "SEVEN"), ("12", "I")],
)
def test_numeric_errors_are_results(plan: Plan, value: str, effect: str) -> None:
    harness = plan(
        extensions(f"error({value}, 0)")
        + """
        local d = extensions.default
        d["7"] = function() channel.SEVEN = "yes" end
        d.e = function() channel.E = "yes" channel.WHY = channel.EXCEPTION("reason"):get() end
        d.i = function() channel.I = "yes" end
        """
    )
    call = harness.call("100")
    harness.core.clock.advance(5)
    assert call.ended
    assert call.variable(effect) == "yes"
    if effect == "E":
        assert call.variable("WHY") == "ERROR"


def test_errors_of_text_do_not_go_to_e_and_show_where_they_were(plan: Plan) -> None:
    harness = plan(
        extensions('local function inner()\nerror("oh")\nend\ninner()')
        + "extensions.default.e = function() channel.E = '1' end"
    )
    call = harness.call("100")
    assert (call.variable("E"), call.variable("H")) == (None, "yes")
    line = next(line for line in harness.log if "oh" in line)
    assert "extensions.lua:4: oh" in line
    assert "stack traceback:" in line
    assert "extensions.lua:6:" in line
    assert call.channel.name in line
    assert "obelisk" not in line


def test_autoservice_is_a_flag_that_starts_on_and_stays(plan: Plan) -> None:
    harness = plan(
        extensions("autoservice_stop() app.Goto('default', '101', 1)")
        + """extensions.default["101"] = function() channel.R = tostring(autoservice_status()) autoservice_start()
        channel.S = tostring(autoservice_status()) end"""
    )
    call = harness.call("100")
    assert (call.variable("R"), call.variable("S")) == ("false", "true")


def test_check_hangup(plan: Plan) -> None:
    harness = plan(
        extensions("channel.A = tostring(check_hangup()) pcall(app.Wait, 5) channel.B = tostring(check_hangup())")
    )
    call = harness.call("100")
    call.far.hang_up()
    assert (call.variable("A"), call.variable("B")) == ("false", "true")


def test_helpers_are_not_there_at_file_level_and_replace_the_file_s(plan: Plan) -> None:
    harness = plan(
        "early = tostring(app) .. tostring(channel) app = 5\n" + extensions("channel.R = early .. type(app)")
    )
    assert harness.call("100").variable("R") == "nilniltable"


def test_globals_live_as_long_as_the_channel(plan: Plan) -> None:
    harness = plan(
        "runs = (runs or 0) + 1\n"
        + extensions("mine = runs app.Goto('default', '101', 1)")
        + "extensions.default['101'] = function() channel.R = mine .. runs end "
        "extensions.default.h = function() channel.IN_H = mine end"
    )
    for _ in range(2):
        call = harness.call("100")
        assert (call.variable("R"), call.variable("IN_H")) == ("11", "1")


def test_in_h_an_application_that_needs_the_call_unwinds(plan: Plan) -> None:
    harness = plan(
        extensions("")
        + "extensions.default.h = function() app.NoOp() channel.ONE = '1' app.Wait(1) channel.TWO = '1' end"
    )
    call = harness.call("100")
    assert call.ended
    assert (call.variable("ONE"), call.variable("TWO")) == ("1", None)


def test_extensions_may_be_called_from_lua(plan: Plan) -> None:
    call = run(plan, "extensions.default.h(context, extension) channel.R = channel.EXTEN:get()")
    assert call.variable("R") == "100"


def test_hints_are_read(plan: Plan) -> None:
    harness = plan(
        "extensions = { a = {} } "
        "hints = { a = { [100] = 'PJSIP/x', number = 5, bad = true, ['_2XX'] = 'Custom:y' }, only = { h = 'Z/z' } }"
    )
    assert harness.hint("a", "100") == "PJSIP/x"
    assert harness.hint("a", "234") == "Custom:y"
    assert harness.hint("a", "number") == "5"
    assert harness.hint("a", "bad") is None
    assert harness.hint("only", "h") == "Z/z"


class TestReload:
    """New code for new calls, old code for those that run, the old plan when the new one is wrong."""

    OLD = extensions("app.Wait(1) channel.R = 'old' app.Goto('default', '101', 1)") + (
        "extensions.default['101'] = function() channel.S = 'old' end"
    )

    def test_running_calls_keep_their_code(self, plan: Plan) -> None:
        harness = plan(self.OLD)
        before = harness.call("100")
        harness.write("extensions.lua", self.OLD.replace("'old'", "'new'"))
        result_of(start(harness.server.modules.reload("pbx_lua")))
        after = harness.call("100")
        harness.core.clock.advance(1)
        assert (before.variable("R"), before.variable("S")) == ("old", "old")
        assert (after.variable("R"), after.variable("S")) == ("new", "new")

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ("extensions = {", r"extensions\.lua:1: "),
            ("x = nil + 1", r"extensions\.lua:1: attempt to perform arithmetic"),
            ("y = 5", "Unable to find 'extensions' table"),
            ("extensions = { a = 5 }", r"extensions\[\"a\"\] must be a table"),
            ("extensions = { a = { [true] = print } }", "only strings and numbers are names"),
            ("extensions = { [5] = {} }", "a context name must be a string"),
            ("while true do end", "instruction budget exhausted"),
            ("error({})", "error object is a table"),
            ("error(5)", "the error 5 outside of an extension"),
        ],
    )
    def test_a_broken_file_leaves_the_plan_in_force(self, plan: Plan, broken: str, why: str) -> None:
        harness = plan(self.OLD)
        harness.write("extensions.lua", broken)
        with pytest.raises(ModuleError, match=why):
            result_of(start(harness.server.modules.reload("pbx_lua")))
        call = harness.call("101")
        assert call.variable("S") == "old"

    def test_a_report_names_the_generation(self, plan: Plan) -> None:
        harness = plan(self.OLD)
        modules = harness.server.modules
        running = [harness.call("100") for _ in range(3)]
        result_of(start(modules.reload("pbx_lua")))
        assert modules.report("pbx_lua.so") == (
            "extensions.lua: generation 2 with 1 contexts and 3 extensions is in force; "
            "3 calls end with the code they began with"
        )
        assert harness.logged(modules.report("pbx_lua"))
        module = modules.find("pbx_lua")
        assert module is not None
        assert module.instance is not None
        assert module.instance.use_count == 3
        harness.core.clock.advance(1)
        assert all(call.ended for call in running)
        assert module.instance.use_count == 0
        assert modules.report("pbx_lua").endswith("3 extensions is in force")

    def test_a_large_file_is_reloaded_in_stages_while_calls_go_on(self, plan: Plan) -> None:
        harness = plan(self.OLD)
        rows = "".join(f"t[{number}] = function() channel.S = 'new' end\n" for number in range(3000))
        harness.write("extensions.lua", f"local t = {{}}\n{rows}extensions = {{ default = t }}")
        modules = harness.server.modules
        waiting = [start(modules.reload("pbx_lua")) for _ in range(2)]
        assert not any(each.called for each in waiting)
        assert harness.call("101").variable("S") == "old"
        while not all(each.called for each in waiting):
            harness.core.clock.advance(0)
        for each in waiting:
            result_of(each)
        assert modules.report("pbx_lua").startswith("extensions.lua: generation 3 with 1 contexts and 3000 extensions")
        assert harness.call("2999").variable("S") == "new"
        harness.write("extensions.lua", f"local t = {{}}\n{rows}extensions = 1")
        failing = start(modules.reload("pbx_lua"))
        while not failing.called:
            harness.core.clock.advance(0)
        with pytest.raises(ModuleError, match="extensions"):
            result_of(failing)
        assert harness.call("2999").variable("S") == "new"

    def test_contexts_that_are_gone_are_gone(self, plan: Plan) -> None:
        harness = plan("extensions = { a = { [1] = print }, b = {} }")
        harness.write("extensions.lua", "extensions = { b = {} }")
        result_of(start(harness.server.modules.reload("pbx_lua")))
        assert not harness.engine.exists("a", "1")
        assert harness.engine.contexts.context("a") is None


class TestRequire:
    """Modules come from the configured directories, once for each call."""

    def test_a_module_is_found_and_run_for_each_call(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                "local m = require('sub.helper') channel.R = m.count() .. m.count() .. require('sub.helper').count()"
            )
        )
        harness.write("lua/sub/helper.lua", "local n = 0 return { count = function() n = n + 1 return n end }")
        assert harness.call("100").variable("R") == "123"
        assert harness.call("100").variable("R") == "123"

    def test_at_file_level_too(self, plan: Plan, tmp_path: object) -> None:
        harness = plan(extensions(""))
        harness.write("lua/names.lua", "return { who = 'me' }")
        harness.write("extensions.lua", "local names = require 'names'\n" + extensions("channel.R = names.who"))
        result_of(start(harness.server.modules.reload("pbx_lua")))
        assert harness.call("100").variable("R") == "me"

    def test_errors_name_the_module(self, plan: Plan) -> None:
        harness = plan(extensions("require('missing')"))
        harness.call("100")
        assert harness.logged("module 'missing' not found")
        harness.write("lua/broken.lua", "x = = 1")
        harness.write("extensions.lua", extensions("require('broken')"))
        result_of(start(harness.server.modules.reload("pbx_lua")))
        harness.call("100")
        assert harness.logged("broken.lua:1:")

    def test_dofile_and_loadfile(self, plan: Plan) -> None:
        harness = plan(extensions("dofile('lua/set.lua') channel.R = value .. tostring(loadfile('no.lua'))"))
        harness.write("lua/set.lua", "value = 'v'")
        assert harness.call("100").variable("R") == "vnil"
