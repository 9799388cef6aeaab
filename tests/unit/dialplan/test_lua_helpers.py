"""The global `pbx`: helpers that wait while other calls go on, and tasks beside the extension."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbx.core import messages
from pbx.modules import ModuleError
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, Plan, extensions


def run(plan: Plan, body: str, **files: str) -> DialplanCall:
    call = plan(extensions(body), **files).call("100")
    assert call.ended
    return call


class TestSleep:
    def test_other_calls_go_on(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.sleep(3600) channel.R = 'slept'"))
        one = harness.call("100")
        harness.core.clock.advance(1800)
        two = harness.call("100")
        harness.core.clock.advance(1800)
        assert (one.variable("R"), two.variable("R")) == ("slept", None)
        assert one.ended
        assert not two.ended

    def test_a_hangup_unwinds_as_in_an_application(self, plan: Plan) -> None:
        harness = plan(extensions("local ok, e = pcall(pbx.sleep, 10) channel.E = e pbx.sleep(1) channel.NO = '1'"))
        call = harness.call("100")
        call.far.hang_up()
        assert call.ended
        assert (call.variable("E"), call.variable("NO"), call.variable("H")) == ("-1", None, "yes")

    def test_a_redirect_abandons_the_function(self, plan: Plan) -> None:
        harness = plan(
            extensions("local ok, e = pcall(pbx.sleep, 10) channel.E = e error(e, 0)")
            + "extensions.default.x = function() channel.X = '1' end"
        )
        call = harness.call("100")
        call.channel.redirect("default", "x", 1)
        assert call.ended
        assert (call.variable("E"), call.variable("X")) == ("5", "1")

    def test_in_h_it_unwinds_at_once(self, plan: Plan) -> None:
        harness = plan(extensions("") + "extensions.default.h = function() pbx.sleep(9) channel.NO = '1' end")
        call = harness.call("100")
        assert call.ended
        assert call.variable("NO") is None

    @pytest.mark.parametrize("value", ["", "nil", "'x'", "-1", "0/0", "{}", "true"])
    def test_what_is_no_time_is_an_error_at_its_line(self, plan: Plan, value: str) -> None:
        harness = plan(extensions(f"channel.B = '1'\npbx.sleep({value})"))
        call = harness.call("100")
        assert (call.variable("B"), call.variable("H")) == ("1", "yes")
        assert harness.logged("extensions.lua:4: pbx.sleep: ")


class TestHttp:
    def test_an_answer_is_a_table(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                """
                local r = pbx.http("https://crm/who?n=" .. channel.CALLERID("num"):get())
                channel.R = r.status .. r.body .. r.headers["x-one"] .. tostring(r.json)
                """
            )
        )
        harness.web.answer("https://crm/who", "Ann", 200, {"X-One": "1"}, after=2.0)
        call = harness.call("100", caller="5")
        assert not call.ended
        harness.core.clock.advance(2)
        assert call.variable("R") == "200Ann1nil"
        assert harness.web.requests[0].url == "https://crm/who?n=5"

    def test_json_goes_both_ways(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                """
                local r = pbx.http{url = "http://x/", json = {n = 1, list = {1, "two", {a = true}}, empty = {}}}
                channel.R = r.json.names[2] .. r.json.deep.n .. tostring(r.json.flag) .. tostring(r.json.none)
                """
            )
        )
        text = '{"names": ["a", "b"], "deep": {"n": 1.5}, "flag": false, "none": null}'
        harness.web.answer("http://x/", text, 200, {"Content-Type": "application/json; charset=utf-8"})
        call = harness.call("100")
        assert call.variable("R") == "b1.5falsenil", harness.log
        request = harness.web.requests[0]
        assert request.method == "POST"
        assert request.headers == {"Content-Type": "application/json"}
        assert json.loads(request.body or b"") == {"n": 1, "list": [1, "two", {"a": True}], "empty": {}}

    def test_what_fails_is_nil_and_why(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                """
                local r, why = pbx.http{url = "http://slow/", timeout = 0.5}
                channel.R = tostring(r) .. ":" .. why
                r, why = pbx.http("http://nowhere/")
                channel.S = tostring(r) .. ":" .. why
                r = pbx.http("http://gone/")
                channel.T = r.status
                """
            )
        )
        harness.web.answer("http://slow/", after=5.0)
        harness.web.answer("http://gone/", status=404)
        call = harness.call("100")
        harness.core.clock.advance(0.5)
        assert call.variable("R") == "nil:no answer within 0.5 seconds"
        assert (call.variable("S") or "").startswith("nil:the test gives no answer")
        assert call.variable("T") == "404"

    @pytest.mark.parametrize(
        ("request_", "why"),
        [
            ("", "a URL or a table is needed, not nil"),
            ("{}", "url must be a text, not nil"),
            ("{url = 'http://x', colour = 1}", "unknown field 'colour'"),
            ("{url = 'http://x', headers = 5}", "headers must be a table, not 5"),
            ("{url = 'http://x', body = {}}", "body must be a text, not a table"),
            ("{url = 'http://x', timeout = 'x'}", "timeout must be a number of seconds, not 'x'"),
            ("{url = 'http://x', max_bytes = 1 << 40}", "max_bytes must be"),
            ("{url = print}", "a function cannot be given to it"),
            ("(function() local t = {} t.t = t return t end)()", "nested too deep"),
        ],
    )
    def test_a_wrong_call_is_an_error_at_its_line(self, plan: Plan, request_: str, why: str) -> None:
        harness = plan(extensions(f"pbx.http({request_})"))
        call = harness.call("100")
        assert call.variable("H") == "yes"
        assert harness.logged("extensions.lua:3: pbx.http: ")
        assert harness.logged(why), harness.log

    def test_it_works_in_h(self, plan: Plan) -> None:
        harness = plan(
            extensions("") + "extensions.default.h = function() channel.R = pbx.http('http://x/').status end"
        )
        harness.web.answer("http://x/", after=1.0)
        call = harness.call("100")
        assert call.channel.alive
        harness.core.clock.advance(1)
        assert call.ended
        assert call.variable("R") == "200"


class TestDatabase:
    BODY = """
    local db = pbx.db("sqlite:///t.db")
    assert(db:query("create table people (number text, name text, age integer)"))
    assert(db:query("insert into people values (?, ?, ?), ('7', 'Bob', null)", "5", "A'nn", 30).affected == 2)
    local rows = assert(db:query("select * from people order by number"))
    channel.R = #rows .. rows[1].name .. rows[1].age .. rows[2].name .. tostring(rows[2].age)
    local named = db:query("select name from people where number = :n", {n = "7"})
    channel.S = named[1].name .. #db:query("select * from people where number = ?", channel.CALLERID("num"):get())
    local listed = db:query("select ? || ?", {"a", "b"})
    local _, value = next(listed[1])
    channel.T = value
    local nothing, why = db:query("select * from nowhere")
    channel.U = tostring(nothing) .. ":" .. why
    """

    def test_rows_are_tables(self, plan: Plan) -> None:
        harness = plan(extensions(self.BODY))
        call = harness.call("100", caller="' or 1=1 --")
        assert call.variable("R") == "2A'nn30Bobnil", harness.log
        assert call.variable("S") == "Bob0"
        assert call.variable("T") == "ab"
        assert call.variable("U") == "nil:no such table: nowhere"

    @pytest.mark.parametrize(
        ("code", "why"),
        [
            ("pbx.db('sqlite:////etc/passwd'):query('select 1')", "outside of"),
            ("pbx.db('sqlite:///../../x.db'):query('select 1')", "outside of"),
            ("pbx.db('crm'):query('select 1')", "no database 'crm' in lua.conf"),
            ("pbx.db('sqlite://'):query('select ?')", "more places"),
            ("pbx.db('sqlite://'):query('select ?', {{}})", "not a table"),
            ("pbx.db('sqlite://'):query()", "the statement must be a text, not nil"),
            ("pbx.db('sqlite://', {timeout = 'x'}):query('select 1')", "timeout must be"),
            ("pbx.db('sqlite://').query('select 1')", "use ':' to call query"),
            ("pbx.db()", "bad argument #1 to 'db'"),
        ],
    )
    def test_a_wrong_call_is_an_error_at_its_line(self, plan: Plan, code: str, why: str) -> None:
        harness = plan(extensions(code))
        assert harness.call("100").variable("H") == "yes"
        assert harness.logged("extensions.lua:3: ")
        assert harness.logged(why), harness.log

    def test_lua_conf_names_databases(self, plan: Plan, tmp_path: Path) -> None:
        conf = f"[general]\n[databases]\ncrm = sqlite:///{tmp_path}/crm.db\n"
        call = run(plan, "channel.R = pbx.db('crm'):query('select 5 as n')[1].n", lua_conf=conf)
        assert call.variable("R") == "5"

    def test_a_name_without_a_url_is_refused(self, plan: Plan) -> None:
        with pytest.raises(ModuleError, match=r"lua\.conf:2.*a URL such as"):
            plan(extensions(""), lua_conf="[databases]\ncrm = host\n")


class TestSpawn:
    def test_a_task_runs_beside_the_extension(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                """
                local task = pbx.spawn(function(a, b) pbx.sleep(2) channel.T = "done" return a + b, nil, "x" end, 1, 2)
                channel.BEFORE = tostring(task:done())
                app.Wait(1)
                local n, none, x = task:wait()
                channel.R = n .. tostring(none) .. x .. tostring(task:done())
                """
            )
        )
        call = harness.call("100")
        assert (call.variable("BEFORE"), call.channel.application) == ("false", "Wait")
        harness.core.clock.advance(1)
        assert call.variable("T") is None
        harness.core.clock.advance(1)
        assert (call.variable("T"), call.variable("R")) == ("done", "3nilxtrue")
        assert call.ended

    def test_an_error_is_logged_and_given_to_who_waits(self, plan: Plan) -> None:
        harness = plan(
            extensions("local t = pbx.spawn(function() error('oh') end) channel.E = select(2, pcall(t.wait, t))")
        )
        call = harness.call("100")
        assert call.variable("E") == "extensions.lua:3: oh"
        assert harness.logged("extensions.lua:3: oh")

    def test_a_task_cannot_run_applications(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.spawn(function() app.Wait(1) end):wait()"))
        harness.call("100")
        assert harness.logged("extensions.lua:3: a task cannot run application 'Wait'")

    def test_an_endless_task_ends_alone(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.spawn(function() while true do end end) app.Wait(1) channel.R = 'fine'"))
        call = harness.call("100")
        harness.core.clock.advance(1)
        assert call.variable("R") == "fine"
        assert harness.logged("instruction budget exhausted")

    def test_a_task_ends_with_its_call(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.spawn(function() while true do pbx.sleep(1) channel.N = 'x' end end)"))
        call = harness.call("100")
        assert call.ended
        harness.core.clock.advance(10)
        assert call.variable("N") is None
        assert harness.core.clock.next_timer_seconds() is None

    def test_cancel(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                """
                local task = pbx.spawn(function() pbx.sleep(100) channel.NO = '1' end)
                task:cancel()
                channel.R = tostring(task:done()) .. select(2, pcall(task.wait, task))
                """
            )
        )
        call = harness.call("100")
        assert call.ended
        assert call.variable("R") == "truethe task was cancelled"

    def test_only_so_many(self, plan: Plan) -> None:
        harness = plan(extensions("for i = 1, 17 do pbx.spawn(pbx.sleep, 100) channel.N = i end"))
        call = harness.call("100")
        assert call.variable("N") == "16"
        assert harness.logged("extensions.lua:3: more than 16 tasks of one call")

    def test_h_waits_for_a_task_but_not_for_ever(self, plan: Plan) -> None:
        harness = plan(
            extensions("task = pbx.spawn(pbx.sleep, 5000)")
            + "extensions.default.h = function() channel.A = '1' task:wait() channel.NO = '1' end"
        )
        call = harness.call("100")
        assert call.channel.alive
        harness.core.clock.advance(30)
        assert call.ended
        assert (call.variable("A"), call.variable("NO")) == ("1", None)

    def test_a_hangup_cuts_into_waiting(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.spawn(pbx.sleep, 50):wait() channel.NO = '1'"))
        call = harness.call("100")
        call.far.hang_up()
        assert call.ended
        assert call.variable("NO") is None

    @pytest.mark.parametrize("code", ["pbx.spawn()", "pbx.spawn(5)", "pbx.spawn(print).wait()", "pbx.spawn(print):x()"])
    def test_a_wrong_call_is_an_error_at_its_line(self, plan: Plan, code: str) -> None:
        harness = plan(extensions(code))
        assert harness.call("100").variable("H") == "yes"
        assert harness.logged("extensions.lua:3: ")

    def test_tasks_of_shared_state_know_their_call(self, plan: Plan) -> None:
        lua = extensions("pbx.spawn(function() pbx.sleep(1) channel.WHO = channel.CALLERID('num'):get() end):wait()")
        harness = plan(lua, lua_conf="[general]\nstate = shared\n")
        calls = [harness.call("100", caller=number) for number in ("1", "2")]
        harness.core.clock.advance(1)
        assert [call.variable("WHO") for call in calls] == ["1", "2"]


class TestLog:
    def test_lines_name_place_and_call(self, plan: Plan) -> None:
        harness = plan(extensions("pbx.log('hello {0}')\npbx.log('warning', 5)"))
        call = harness.call("100")
        assert f"{call.channel.name}: extensions.lua:3: hello {{0}}" in harness.log
        assert f"{call.channel.name}: extensions.lua:4: 5" in harness.log

    def test_it_works_while_the_file_is_loaded_and_nothing_else_does(self, plan: Plan) -> None:
        harness = plan("pbx.log('loading')\n" + extensions(""))
        assert "extensions.lua:1: loading" in harness.log
        harness.write("extensions.lua", "\npbx.sleep(1)\n" + extensions(""))
        with pytest.raises(ModuleError, match=r"extensions\.lua:2: pbx\.sleep: it needs a call"):
            result_of(start(harness.server.modules.reload("pbx_lua")))

    @pytest.mark.parametrize("code", ["pbx.log()", "pbx.log({})", "pbx.log('loud', 'x')"])
    def test_a_wrong_call_is_an_error_at_its_line(self, plan: Plan, code: str) -> None:
        harness = plan(extensions(code))
        assert harness.call("100").variable("H") == "yes"
        assert harness.logged("extensions.lua:3: pbx.log: ")


def test_a_file_s_own_global_of_that_name_stays(plan: Plan) -> None:
    harness = plan("pbx = { mine = 'mine' }\n" + extensions("channel.R = pbx.mine"))
    assert harness.call("100").variable("R") == "mine"


def test_nothing_of_pbx_is_shared_between_callers(plan: Plan) -> None:
    harness = plan(
        extensions("pbx.leak = 'secret' app.Wait(1)")
        + "extensions.default['200'] = function() channel.R = tostring(pbx.leak) end"
    )
    harness.call("100")
    assert harness.call("200").variable("R") == "nil"


def test_managers_and_applications_are_told_of_script_errors(plan: Plan) -> None:
    body = 'channel.ID = channel.CHANNEL("callid"):get()\nlocal function inner() error("oh")\nend\ninner()'
    harness = plan(extensions(body))
    seen: list[messages.UserEvent] = []
    harness.core.bus.subscribe(messages.UserEvent, seen.append)
    call = harness.call("100")
    (event,) = seen
    assert event.name == "LuaError"
    assert event.channel is not None
    assert event.channel.uniqueid == call.channel.uniqueid
    fields = dict(event.fields)
    assert fields["Error"] == "extensions.lua:4: oh"
    assert "extensions.lua:6: in" in fields["Traceback"]
    assert fields["CallID"] == call.variable("ID") == f"[{call.channel.callid}]"
    assert fields["Generation"] == "1"
    assert "obelisk" not in fields["Traceback"]
