"""``obelisk dialplan check``: each check finds its example, and nothing where the example is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialplan.lint import CHECKS, Check, Severity, check_directory
from pbx.errors import ConfigError
from tests.unit.dialplan.linting import Lint, function, ids, shown

ROOT = Path(__file__).parents[3]
EXAMPLES = [check for check in CHECKS.values() if check.bad]


@pytest.mark.parametrize("check", EXAMPLES, ids=lambda check: check.id)
def test_each_check_finds_its_example(lint: Lint, check: Check) -> None:
    more = "\nexten => 2,1,NoOp()"
    if check.language == "conf":
        assert check.id in ids(lint(check.bad + more))
        assert ids(lint(check.good + more)) == set()
    elif check.id == "lua-not-a-function":
        assert check.id in ids(lint(lua=f"extensions = {{ default = {{ {check.bad} }} }}"))
        assert ids(lint(lua=f"extensions = {{ default = {{ {check.good} }} }}")) == set()
    else:
        assert check.id in ids(lint(lua=check.bad))
        assert ids(lint(lua=check.good)) == set()


# What is told, and where


def test_a_finding_names_file_and_line_of_an_included_file(lint: Lint) -> None:
    report = lint(
        "[default]\n#include sub/more.conf\n", **{"sub/more_conf": "exten => 1,1,NoOp()\n same => n,Plaback(x)\n"}
    )
    assert shown(report) == [
        "sub/more.conf:2: error: there is no application 'Plaback': do you mean Playback? [unknown-application]"
    ]


def test_a_template_used_twice_is_told_of_once(lint: Lint) -> None:
    report = lint("[t](!)\nexten => 1,1,Nothing()\n[a](t)\n[b](t)\n")
    assert shown(report) == ["extensions.conf:2: error: there is no application 'Nothing' [unknown-application]"]


def test_a_module_of_lua_is_read_as_well(lint: Lint) -> None:
    lua = "local m = require('menu')\nextensions = { default = { ['1'] = m.run } }\n"
    report = lint(lua=lua, **{"lua/menu_lua": "local m = {}\nfunction m.run()\n  app.Plaback('x')\nend\nreturn m\n"})
    assert shown(report) == [
        "lua/menu.lua:3: error: there is no application 'Plaback': do you mean Playback? [unknown-application]"
    ]


def test_files_that_do_not_load(lint: Lint) -> None:
    report = lint(
        "[a\nexten => 1,1,NoOp()\n", lua="extensions = { default = {\n['1'] = function() app.goto('x') end } }\n"
    )
    assert [(each.place.line, each.check) for each in report.findings] == [(1, "syntax"), (2, "syntax")]
    assert 'app["goto"]' in str(report.findings[1])
    assert report.status == 2
    report = lint("exten => 1,1,NoOp()", lua="extensions = nil + 1")
    assert [each.place.line for each in report.findings if each.place.file == "extensions.lua"] == [1]


def test_no_dialplan(lint: Lint, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither"):
        check_directory(tmp_path)


def test_severities_and_status(lint: Lint) -> None:
    assert lint("exten => 1,1,NoOp()").status == 0
    report = lint("exten => 1,1,Set(A=1,B=2)")
    assert (report.status, len(report.errors), len(report.warnings)) == (1, 0, 1)
    assert lint("exten => 1,1,Nothing()").status == 2
    assert all(check.severity in Severity for check in CHECKS.values())


# Suppression


def test_a_comment_allows_a_finding(lint: Lint) -> None:
    allowed = "exten => 1,1,Set(A=1,B=2) ; obelisk: allow several-assignments"
    assert shown(lint(allowed)) == []
    before = "; obelisk: allow several-assignments, blank-in-assignment\nexten => 1,1,Set(A= 1,B=2)"
    assert shown(lint(before)) == []
    assert shown(lint(lua='app.Plaback("x") -- obelisk: allow unknown-application', extensions_conf="[a]")) == []


def test_a_comment_that_allows_nothing_is_told_of(lint: Lint) -> None:
    report = lint("exten => 1,1,NoOp() ; obelisk: allow several-assignments\n same => n,NoOp() ; obelisk: allow x\n")
    assert [each.check for each in report.findings] == ["bad-suppression"] * 2


# Names


def test_modules_that_are_not_loaded(lint: Lint) -> None:
    report = lint(
        "exten => 1,1,Echo()\n same => n,NoOp(${MD5(x)})",
        modules_conf="[modules]\nnoload = app_echo.so\nnoload => func_md5\n",
    )
    assert [each.check for each in report.findings] == ["module-not-loaded"] * 2


def test_functions_of_func_odbc(lint: Lint) -> None:
    files = {
        "res_odbc_conf": "[d]\nurl = sqlite://\n",
        "func_odbc_conf": "[NAME]\ndsn = d\nreadsql = SELECT n FROM t WHERE c = '${SQL_ESC(${ARG1})}'\n"
        "[RAW]\ndsn = d\nreadsql = SELECT n FROM t WHERE c = '${ARG1}'\n",
    }
    report = lint("exten => 1,1,NoOp(${ODBC_NAME(${CALLERID(num)})}${ODBC_RAW(${CALLERID(num)})})", **files)
    assert shown(report) == ["extensions.conf:2: error: ODBC_RAW() with CALLERID(num): FILTER() it [unsafe-command]"]


def test_applications_compare_without_regard_to_case_and_functions_with(lint: Lint) -> None:
    assert ids(lint("exten => 1,1,noop(${LEN(x)})")) == set()
    assert ids(lint("exten => 1,1,NoOp(${len(x)})")) == {"unknown-function"}


# Arguments


@pytest.mark.parametrize(
    "call",
    [
        "Dial(PJSIP/a&PJSIP/b,20,rS(5)A(a:b))",
        "Dial(PJSIP/${X},,${OPTIONS})",
        "Dial(PJSIP/a,,S(${X})r)",
        "Verbose(1,a, b, c)",
        "Log(NOTICE,a, b)",
        "NoOp(a,b,c)",
        "Set(A=a,b)",
        'Set(A="x,B=1")',
        "MSet(A=1,B=2)",
        "Wait(${X})",
        "Answer()",
        "Answer",
        "AGI(program.py)",
        "PJSIPNotify(,Event=x)",
        "If($[0${X} > 1])\n same => n,Else()\n same => n,EndIf()",
        'ExecIf($["${X}" = "1"]?NoOp(a,b):Wait(1))',
        "ExecIfTime(09:00-17:00,mon-fri,*,*?NoOp(a:b))",
        "GosubIf($[0${X} > 1]?sub)\n same => n(sub),Return()",
        "Playback(a&b,noanswer)",
        "UserEvent(X,A: 1,B: 2)",
        'Set(A=${IF($["${B}" = "1"]?x,y:z)})',
        "Set(A=$[${LEN(x)} > 1])",
        "Set(A=$[0${X} + 1])",
        "Set(A=$[${EXTEN} + 1])",
        'Set(A=$["${X}" : "([0-9]+)"])',
        "Set(A=${CUT(B,\\,,1)})",
        "Set(__A=1)",
        "Set(CHANNEL(language)=de)",
        "Set(GLOBAL(A)=1)\n same => n,Set(COUNT=0)\n same => n,NoOp($[${COUNT} + 1])",
        "Set(ARRAY(A,B)=1,2)",
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(lint: Lint, call: str) -> None:
    assert shown(lint(f"exten => 1,1,{call}")) == []


def test_arguments_and_options_are_named(lint: Lint) -> None:
    assert "Wait needs its argument 'seconds'" in shown(lint("exten => 1,1,Wait()"))[0]
    assert "Log needs its argument 'message'" in shown(lint("exten => 1,1,Log(NOTICE)"))[0]
    assert "Dial has no option '?'" in shown(lint("exten => 1,1,Dial(PJSIP/a,,r?)"))[0]
    assert "LEN needs" not in "".join(shown(lint("exten => 1,1,NoOp(${LEN(${X})})")))


def test_applications_inside_applications(lint: Lint) -> None:
    report = lint(
        'exten => 1,1,ExecIf($["${X}" = "1"]?Plaback(a):Wait())\n same => n,TryExec(Nothing(x))\n'
        " same => n,ExecIfTime(*,*,*,*?Wait())\n"
    )
    assert [(each.place.line, each.check) for each in report.findings] == [
        (2, "missing-argument"),
        (2, "unknown-application"),
        (3, "unknown-application"),
        (4, "missing-argument"),
    ]


# Lua


@pytest.mark.parametrize(
    "body",
    [
        'app.Dial("PJSIP/a", 20, "r")',
        'app.Dial("PJSIP/a,20,r")',
        'app["dial"]("PJSIP/a", nil, "r")',
        'app.Verbose(1, "a, b")',
        "app.Dial(phones[extension], 30)",
        "local v = channel.X app.NoOp(v:get())",
        'if channel.X:get() == "1" then end',
        'if channel.X.value == "1" then end',
        'channel.X = "1" channel["CALLERID(name)"] = "x" channel.CALLERID("name"):set("x")',
        "pcall(app.Wait, 1)",
        "local app2 = app",
        'app.SendDTMF("1", 250)',
        "-- app.Plaback()\n--[[ app.Plaback() ]]\nlocal s = 'app.Plaback()'",
        "for i = 1, 3 do while false do repeat local f = function() end until true end end app.NoOp()",
    ],
)
def test_lua_that_is_right_is_left_alone(lint: Lint, body: str) -> None:
    assert shown(lint(lua=body)) == []


@pytest.mark.parametrize(
    ("body", "check"),
    [
        ("app.Wait()", "missing-argument"),
        ('app.Wait("1", 2)', "extra-argument"),
        ('app.Dial("PJSIP/a", 20, "?")', "unknown-option"),
        ('channel.LEN("x"):set("1")', "read-only-function"),
        ('channel.LENN("x"):get()', "unknown-function"),
        ('channel["LENN(x)"] = "1"', "unknown-function"),
        ("pcall(app.Plaback, 1)", "unknown-application"),
        ("app.NoOp(true)", "lua-argument"),
        ("channel.X = {}", "lua-nil-assignment"),
        ("channel.X:set(nil)", "lua-nil-assignment"),
        ('app.NoOp("a" .. channel.X)', "lua-variable-object"),
        ("app.NoOp(channel.X)", "lua-variable-object"),
        ("if channel.X then end", "lua-variable-object"),
        ('channel.X = "${Y}"', "lua-substitution"),
    ],
)
def test_lua_that_is_wrong(lint: Lint, body: str, check: str) -> None:
    assert ids(lint(lua=body)) == {check}


# The whole


def test_the_shipped_configuration_is_clean() -> None:
    report = check_directory(ROOT / "conf")
    assert shown(report) == []
    assert report.extensions >= 14


GOLDEN = """\
extensions.conf:3: error: there is no application 'Plaback': do you mean Playback? [unknown-application]
extensions.conf:4: error: Goto: there is no extension '300' in context 'phones' [no-such-extension]
extensions.conf:5: warning: Wait is never run: Goto before it does not go on [unreachable-code]
extensions.conf:6: warning: Dial with EXTEN of '_0.': FILTER() it [unsafe-destination]
"""


def test_a_check_in_whole(lint: Lint) -> None:
    report = lint(
        "[phones]\nexten => 100,1,Answer()\n same => n,Plaback(hello)\n same => n,Goto(300,1)\n same => n,Wait(1)\n"
        "exten => _0.,1,Dial(PJSIP/${EXTEN:1}@trunk)\n"
    )
    assert "\n".join(shown(report)) + "\n" == GOLDEN


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (("While(1)", "If(1)", "NoOp", "ElseIf(1)", "Else", "EndIf", "ExitWhile", "EndWhile"), None),
        (("If(1)", "While(1)", "EndWhile", "EndIf", "If(1)", "EndIf"), None),
        (("While(1)", "While(1)", "EndWhile"), "1: warning: While without EndWhile in its extension"),
        (("NoOp", "EndWhile"), "2: warning: EndWhile without While before it"),
        (("While(1)", "EndWhile", "ExitWhile"), "3: warning: ExitWhile outside of While and EndWhile"),
        (("ContinueWhile",), "1: warning: ContinueWhile outside of While and EndWhile"),
        (("NoOp", "if(1)", "NoOp"), "2: warning: If without EndIf in its extension"),
        (("ElseIf(1)", "NoOp"), "1: warning: ElseIf outside of If and EndIf"),
        (("If(1)", "EndIf", "EndIf"), "3: warning: EndIf without If before it"),
    ],
)
def test_blocks_are_ended(lint: Lint, steps: tuple[str, ...], found: str | None) -> None:
    lines = [f"exten => 1,{number},{step}" for number, step in enumerate(steps, 1)]
    report = lint("\n".join(["[default]", *lines, ""]))
    told = [str(each) for each in report.findings if each.check == "unbalanced-block"]
    assert told == ([] if found is None else [f"extensions.conf:{int(found[0]) + 1}{found[1:]} [unbalanced-block]"])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("local a = app\na.Plaback('x')", "3: error: there is no application 'Plaback'"),
        ("local play = app.Plaback\nplay('x')", "2: error: there is no application 'Plaback'"),
        ("local ch = channel\nch.X = nil", "3: error: channel.X cannot hold nil"),
        ("local a = app\nlocal t = { a = 1 }\na.Plaback('x')", "4: error: there is no application 'Plaback'"),
        ("local a = app\na = { Plaback = print }\na.Plaback('x')", None),
        ("local function f(a)\na.Plaback('x')\nend\nlocal a = app\nf({})", None),
        ("for _, a in pairs({}) do\na.Plaback('x')\nend\nlocal a = app", None),
        ("local a = other or app\na.Plaback('x')", None),
        ("local a, b = app, 1\na.Plaback('x')", None),
        ("local t = { a = {} }\nlocal a = app\nt.a.Plaback('x')", None),
    ],
)
def test_local_names_of_app_and_channel_are_followed(lint: Lint, body: str, found: str | None) -> None:
    report = lint(lua=f"extensions = {{ default = {{ ['1'] = function()\n{body}\nend }} }}\n")
    told = [line.removeprefix("extensions.lua:") for line in shown(report)]
    assert [line.partition(": do you")[0].partition(" [")[0] for line in told][:1] == ([] if found is None else [found])


MODULES = {
    "a constructor": "return { app = app, tell = app.Plaback }",
    "a local table": "local M = {}\nfunction M.init() end\nM.app = app\nM.tell = app.Plaback\nreturn M",
    "aliases of its own": "local a = app\nlocal M = { tell = a.Plaback }\nM.app = a\nreturn M;",
    "another module's": "local other = require('other')\nreturn { app = other.app, tell = other.tell }",
}


@pytest.mark.parametrize("module", MODULES.values(), ids=list(MODULES))
@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("local m = require('calls')\nm.tell('x')", ["4"]),
        ("local m = require 'calls'\nm.app.Plaback('x')", ["4"]),
        ("require('calls').tell('x')", ["3"]),
        ("local tell = require('calls').tell\ntell('x')", ["3", "4"]),
        ("local m = require('calls')\nm.other('x')", []),
        ("local m = require('calls')\nm.tell = print\nm.tell('x')", []),
        ("local m = require('calls')\nm = { tell = print }\nm.tell('x')", []),
        ("local m = require('nowhere')\nm.tell('x')", []),
    ],
)
def test_names_are_followed_through_modules(lint: Lint, module: str, body: str, lines: list[str]) -> None:
    files = {"lua/calls_lua": module, "lua/other_lua": MODULES["a constructor"]}
    report = lint(lua=function(body), **files)
    found = [str(each) for each in report.findings if each.check == "unknown-application"]
    mine = [each for each in found if each.startswith("extensions.lua")]
    assert [each.split(":")[1] for each in mine] == lines


def test_modules_that_extensions_require_are_checked(lint: Lint) -> None:
    files = {"lua/calls_lua": "return function()\napp.Plaback('x')\nend", "lua/wrong_lua": "return = 1"}
    report = lint(lua=function("require('calls')()\nrequire('wrong')"), **files)
    assert any("lua/calls.lua:2: error: there is no application 'Plaback'" in line for line in shown(report))
    assert any("lua/wrong.lua:1: error: " in line and "'='" in line for line in shown(report))
