"""``obelisk dialplan check``: each check finds its example, and nothing where the example is mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dialplan.lint import CHECKS, Check, Report, Severity, check_directory
from pbx.errors import ConfigError

ROOT = Path(__file__).parents[3]
Lint = Callable[..., Report]


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    """``lint(conf, lua, **files)``: the report about these files; the text of a file stands in [default]."""

    def check(conf: str = "", lua: str = "", **files: str) -> Report:
        texts = {".".join(name.rsplit("_", 1)): text for name, text in files.items()}
        if conf:
            texts["extensions.conf"] = conf if conf.startswith("[") else f"[default]\n{conf}\n"
        if lua:
            texts["extensions.lua"] = lua if "extensions" in lua else function(lua)
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return check_directory(tmp_path)

    return check


def function(body: str, exten: str = "100") -> str:
    """A file whose extension runs ``body``."""
    return f'extensions = {{ default = {{\n["{exten}"] = function(context, extension)\n{body}\nend,\n}} }}\n'


def ids(report: Report) -> set[str]:
    return {each.check for each in report.findings}


def shown(report: Report) -> list[str]:
    return [str(each) for each in report.findings]


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


# Where it goes


@pytest.mark.parametrize(
    ("call", "check"),
    [
        ("Goto(b,2,1)", "no-such-extension"),
        ("Goto(b,1,2)", "no-such-priority"),
        ("Goto(b,1,there)", "no-such-priority"),
        ("Goto(nowhere,1,1)", "no-such-context"),
        ("Goto(+5)", "no-such-priority"),
        ("Dial(PJSIP/x,,U(nowhere^1))", "no-such-context"),
        ("Dial(PJSIP/x,,G(b^9^1))", "no-such-extension"),
        ("Dial(Local/9@b)", "no-such-extension"),
        ("Dial(PJSIP/x&Local/9@b/n,20)", "no-such-extension"),
        ("Set(CHANNEL(hangup_handler_push)=nowhere,s,1)", "no-such-context"),
    ],
)
def test_ways_to_nowhere(lint: Lint, call: str, check: str) -> None:
    assert ids(lint(f"[a]\nexten => 1,1,{call}\n[b]\nexten => 1,1,NoOp()\n")) == {check}


@pytest.mark.parametrize(
    "call",
    [
        "Goto(b,1,1)",
        "Goto(b,1,here)",
        "Goto(b,55,1)",
        "Goto(b,${X},1)",
        "Goto(${X},1,1)",
        "Goto(1,1)",
        "Dial(Local/1@b)",
        "Dial(Local/${X}@b)",
        "Dial(PJSIP/x,,G(b^1^here)b(b^1^1(x^y)))",
    ],
)
def test_ways_to_somewhere(lint: Lint, call: str) -> None:
    report = lint(
        f"[a]\nexten => 1,1,{call}\n[b]\nexten => 1,1(here),NoOp()\n same => n,NoOp()\nexten => _5X,1,NoOp()\n"
    )
    assert shown(report) == []


def test_a_jump_from_an_included_context_is_made_in_the_one_that_includes_it(lint: Lint) -> None:
    text = "[outer]\ninclude => inner\nexten => 9,1,NoOp()\n[inner]\nexten => 1,1,Goto(9,1)\n"
    assert shown(lint(text)) == []
    assert ids(lint(text.replace("include => inner", ""))) == {"no-such-extension"}


def test_jumps_between_the_two_files(lint: Lint) -> None:
    conf = "[a]\nexten => 1,1,Goto(default,100,1)\nexten => 2,1,Goto(default,101,1)\nexten => 3,1,Goto(default,100,2)\n"
    report = lint(conf, lua='app.Goto("a", "1", 1) app.Goto("a", "7", 1) app.Goto("100", 1) app.Goto("x", "y", 1)')
    assert [(str(each.place), each.check) for each in report.findings] == [
        ("extensions.conf:3", "no-such-extension"),
        ("extensions.conf:4", "no-such-priority"),
        ("extensions.lua:3", "no-such-context"),
        ("extensions.lua:3", "no-such-extension"),
    ]


def test_includes_of_both_files(lint: Lint) -> None:
    report = lint(
        "[a]\ninclude => nowhere,09:00-17:00,mon-fri,*,*\ninclude => default\n[b]\ninclude => c\n[c]\ninclude => b\n",
        lua="extensions = { default = { include = { 'missing' } } }",
    )
    assert [(str(each.place), each.check) for each in report.findings] == [
        ("extensions.conf:2", "no-such-context"),
        ("extensions.conf:5", "include-loop"),
        ("extensions.conf:7", "include-loop"),
        ("extensions.lua", "no-such-context"),
    ]


def test_contexts_of_endpoints(lint: Lint) -> None:
    pjsip = "[p](!)\ntype = endpoint\ncontext = internal\n[a](p)\n[b](p)\ncontext = nowhere\n[c]\ntype = aor\n"
    assert shown(lint("[internal]\nexten => 1,1,NoOp()\n", pjsip_conf=pjsip)) == [
        "pjsip.conf:6: error: endpoint b: there is no context 'nowhere' [no-such-context]"
    ]


# What is never reached


def test_code_behind_an_end_that_is_jumped_to_is_reached(lint: Lint) -> None:
    labelled = "exten => 1,1,Goto(x)\n same => n,NoOp()\n same => n(x),Hangup()\n"
    assert [(each.place.line, each.check) for each in lint(labelled).findings] == [(3, "unreachable-code")]
    jumped = (
        "exten => 1,1,Dial(PJSIP/a,,G(default^1^3))\nexten => 1,2,Hangup()\nexten => 1,3,NoOp()\nexten => 1,4,NoOp()\n"
    )
    assert shown(lint(jumped)) == []
    dynamic = "exten => 1,1,Goto(${X})\n same => n,NoOp()\n"
    assert shown(lint(dynamic)) == []


def test_a_stretch_that_is_never_reached_is_told_of_once(lint: Lint) -> None:
    report = lint("exten => 1,1,Hangup()\n same => n,NoOp()\n same => n,NoOp()\n")
    assert shown(report) == [
        "extensions.conf:3: warning: NoOp is never run: Hangup before it does not go on [unreachable-code]"
    ]


def test_priorities_that_a_pattern_has(lint: Lint) -> None:
    assert shown(lint("exten => _1XX,1,NoOp()\nexten => 100,2,NoOp()\n")) == []


def test_a_subroutine_that_begins_at_a_label(lint: Lint) -> None:
    assert shown(lint("exten => _X.,50(sub),NoOp()\nexten => 1,1,Goto(default,s,7)\nexten => s,7,NoOp()\n")) == []


def test_open_patterns_before_includes(lint: Lint) -> None:
    report = lint("[a]\nexten => _X.,1,NoOp()\ninclude => b\n[b]\nexten => 100,1,NoOp()\nexten => h,1,NoOp()\n")
    assert shown(report) == [
        "extensions.conf:3: warning: '_X.' of 'a' takes 100 before 'b' is searched [shadowed-include]"
    ]
    assert shown(lint("[a]\ninclude => b\n[b]\nexten => _X.,1,NoOp()\nexten => 100,1,NoOp()\n")) == []


def test_extensions_conf_before_lua(lint: Lint) -> None:
    report = lint("exten => _1XX,1,NoOp()", lua="app.NoOp()")
    (found,) = shown(report)
    assert found == (
        "extensions.lua:2: warning: '100' of 'default' is never run: '_1XX' of extensions.conf comes first "
        "[shadowed-extension]"
    )


@pytest.mark.parametrize("name", ["100", "s", "h", "t", "alice", "Xaver", "NZ", "*98", "+49", "a.b", "1000-2000"])
def test_names_that_are_no_patterns(lint: Lint, name: str) -> None:
    found = ids(lint(f"exten => {name},1,NoOp()"))
    assert found == ({"pattern-without-underscore"} if name == "NZ" else set())


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


# What a caller says


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("1", "Dial(PJSIP/${CALLERID(name)})"),
        ("1", "Dial(PJSIP/${TOUPPER(${CALLERID(name)})})"),
        ("_X.", "Dial(PJSIP/${EXTEN:1}@trunk)"),
        ("_X!", "Goto(${EXTEN},1)"),
        ("i", "Dial(PJSIP/${INVALID_EXTEN})"),
        ("1", "Dial(PJSIP/${PJSIP_HEADER(read,X-To)})"),
        ("1", "Dial(PJSIP/${CUT(N,-,1)})"),
        ("1", "Dial(PJSIP/a,,U(${MESSAGE(body)}))"),
    ],
)
def test_destinations_that_a_caller_chooses(lint: Lint, name: str, call: str) -> None:
    report = lint(f"exten => {name},1,{call}\nexten => 9,1,Set(N=${{CALLERID(num)}})\n")
    assert [each.check for each in report.findings] == ["unsafe-destination"]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("_2XX", "Dial(PJSIP/${EXTEN})"),
        ("_X.", "Dial(PJSIP/${FILTER(0-9,${EXTEN})})"),
        ("_X.", "NoOp(${EXTEN})"),
        ("1", "Dial(PJSIP/a,$[${LEN(${CALLERID(num)})} + 1])"),
        ("1", "Dial(PJSIP/${CALLERID(num-pres)})"),
        ("1", "Set(X=${CURL(http://127.0.0.1/?n=${URIENCODE(${CALLERID(num)})})})"),
        ("1", "Set(CALLERID(name)=x ${CALLERID(name)})"),
    ],
)  # fmt: skip
def test_what_a_caller_says_in_its_place(lint: Lint, name: str, call: str) -> None:
    assert shown(lint(f"exten => {name},1,{call}")) == []


def test_a_value_is_followed_through_variables(lint: Lint) -> None:
    report = lint(
        "exten => 1,1,Set(A=${CALLERID(name)})\n same => n,Set(B=x${A})\n same => n,NoOp(${SHELL(echo ${B})})\n"
    )
    (found,) = shown(report)
    assert found == (
        "extensions.conf:4: error: SHELL() with B, which holds A, which holds CALLERID(name) since extensions.conf:2 "
        "since extensions.conf:3: FILTER() it [unsafe-command]"
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('app.Dial("PJSIP/" .. channel.CALLERID("num"):get())', True),
        ('app.Dial("PJSIP/" .. channel["CALLERID(num)"]:get())', True),
        ('local n = channel.CALLERID("num"):get() app.Dial("PJSIP/" .. n)', True),
        ('local n = "x" .. channel.CALLERID("num"):get():lower() app.Dial("PJSIP/" .. n)', True),
        ('app.Dial("PJSIP/" .. extension)', True),
        ('app.Dial(("PJSIP/%s"):format(extension))', True),
        ('app.Dial("PJSIP/" .. channel.FILTER("0-9", extension):get())', False),
        ('app.Dial("PJSIP/" .. extension:gsub("[^%d]", ""))', False),
        ("app.Dial(phones[extension], 20)", False),
        ('app.Dial("PJSIP/" .. #extension)', True),
    ],
)
def test_what_a_caller_says_in_lua(lint: Lint, body: str, found: bool) -> None:
    report = lint(lua=function(body, "_X."))
    assert [each.check for each in report.findings] == (["unsafe-destination"] if found else [])


def test_an_extension_that_is_a_function_of_its_own(lint: Lint) -> None:
    lua = (
        'local function out(context, number)\n  app.Dial("PJSIP/" .. number)\nend\n'
        'extensions = { default = { ["_X."] = out, ["_2XX"] = inside } }\n'
    )
    report = lint(lua=lua.replace("inside", "out"))
    assert [str(each.place) for each in report.findings] == ["extensions.lua:2"]
    assert shown(lint(lua=lua.replace('["_X."] = out, ', "").replace("inside", "out"))) == []


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
