"""``obelisk dialplan``: what it prints, and its exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pbx.cli.check import check_configuration
from pbx.cli.program import main

PLAN = "[default]\nexten => 1,1,Plaback(x)\n same => n,Set(A=1,B=2)\n"


def write(directory: Path, text: str) -> str:
    (directory / "extensions.conf").write_text(text, encoding="utf-8")
    return str(directory)


def test_findings_and_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", write(tmp_path, PLAN)]) == 2
    assert capsys.readouterr().out == (
        "extensions.conf:2: error: there is no application 'Plaback': do you mean Playback? [unknown-application]\n"
        "extensions.conf:3: warning: 'B=' becomes part of the value; MSet sets several variables "
        "[several-assignments]\n"
        "1 extension: 1 error, 1 warning\n"
    )
    assert main(["dialplan", "check", write(tmp_path, PLAN.replace("Plaback", "Playback"))]) == 1
    assert main(["dialplan", "check", "--errors", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["dialplan", "check", write(tmp_path, "[default]\nexten => 1,1,NoOp()\n")]) == 0
    assert capsys.readouterr().out == "1 extension: no errors, no warnings\n"


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", "--json", write(tmp_path, PLAN)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found[1] == {
        "file": "extensions.conf",
        "line": 3,
        "severity": "warning",
        "check": "several-assignments",
        "message": "'B=' becomes part of the value; MSet sets several variables",
    }


def test_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "check", str(tmp_path)]) == 2
    assert "neither extensions.conf nor extensions.lua" in capsys.readouterr().err


def test_check_tells_of_the_errors_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "etc")]) == 0
    etc = tmp_path / "etc"
    assert check_configuration(etc) == []
    write(etc, PLAN)
    assert [str(each) for each in check_configuration(etc)] == [
        f"{etc}/extensions.conf:2: there is no application 'Plaback': do you mean Playback? [unknown-application]"
    ]
    (etc / "extensions.lua").write_text("extensions = {\n", encoding="utf-8")
    assert [each.message.partition(":")[0] for each in check_configuration(etc)] == [
        "extensions.lua",
        "there is no application 'Plaback'",
    ]


# Tests of dialplans

ROOT = Path(__file__).parents[3]
LUA = """extensions = { default = {
   ["1"] = function()
      app.Answer()
      if channel.X:get() then
         app.Playback("never")
      end
   end,
   ["2"] = function() app.Wait(3600) app.Hangup(17) end,
} }
"""
CONF = "[default]\nexten => 3,1,NoOp()\n same => n,Hangup()\n same => n,NoOp()\n"
TESTS = """test("answers", function(t)
   local call = t.call("1")
   call:expect_answered()
   call:expect_ended()
end)
test("waits an hour", function(t)
   local call = t:call{ exten = 2, caller = 1000 }
   call:expect_app("Wait", 3600)
   call:expect_ended{ cause = 17, within = 4000 }
end)
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "extensions.lua").write_text(LUA)
    (tmp_path / "extensions.conf").write_text(CONF)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a_test.lua").write_text(TESTS)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without what differs from run to run."""
    return re.sub(r"in [\d.]+ (?:ms|s)\b", "in N ms", capsys.readouterr().out)


def test_the_shipped_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialplan", "test", str(ROOT / "conf" / "tests"), "--fail-under", "90"]) == 0
    assert "0 failed" in said(capsys)


def test_how_tests_went(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = configuration / "tests" / "a_test.lua"
    assert main(["dialplan", "test", str(file)]) == 0
    assert said(capsys) == (
        f"{file}\n"
        "  ok   answers (0 s in N ms)\n"
        "  ok   waits an hour (3600 s in N ms)\n"
        "2 tests: 2 passed, 0 failed; 3600 s of calls in N ms\n"
    )
    assert main(["dialplan", "test", "-k", "hour", str(file)]) == 0
    assert "1 test: 1 passed" in said(capsys)


def test_a_failure_names_the_test_and_the_dialplan(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = configuration / "b_test.lua"
    file.write_text(
        'test("fails", function(t)\n   t.call("1"):expect_sounds("x")\nend)\n'
        'test("is wrong", function(t)\n   print(t.call("1"):expect_nothing())\nend)\n'
        'test("stops", function(t)\n   local function deep() error("by itself") end\n   deep()\nend)\n'
        'test("reads a file", function(t)\n   dofile("x")\nend)\n'
    )
    assert main(["dialplan", "test", str(file)]) == 1
    text = re.sub(r"cause \d+", "cause N", said(capsys))
    assert (
        "  FAIL fails (0 s in N ms)\n"
        "       b_test.lua:2: expected the sound x; heard nothing\n"
        "           the call has ended with cause N at 1@default:2 (extensions.lua:3), 0 s after the start\n"
        "                  0.0 s  Answer() (extensions.lua:3)\n"
    ) in text
    assert "b_test.lua:5: a call has no 'expect_nothing'" in text
    assert "b_test.lua:8: by itself\n           b_test.lua:8: in local 'deep'\n           b_test.lua:9: in" in text
    assert "a test cannot" in text
    assert "4 tests: 0 passed, 4 failed" in text


def test_what_ran(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = configuration / "tests" / "a_test.lua"
    assert main(["dialplan", "test", str(file), "--coverage", "--fail-under", "60"]) == 1
    text = said(capsys)
    assert text.partition("coverage of")[2] == (
        f" {configuration}\n"
        "[default]\n"
        "  3,1                              extensions.conf:2                NOT RUN\n"
        "  3,2                              extensions.conf:3                NOT RUN\n"
        "  3,3                              extensions.conf:4                NOT RUN\n"
        "  1                                extensions.lua:2                 run\n"
        "  2                                extensions.lua:8                 run\n"
        "functions of Lua\n"
        "  extensions.lua:2                 2 of 3 lines, not run: 5\n"
        "  extensions.lua:8                 1 of 1 lines\n"
        "total: 5 of 9 priorities, extensions and lines (56 %)\n"
        f"55.6 % of {configuration} ran, which is less than 60 %\n"
    )
    assert main(["dialplan", "test", str(file), "--fail-under", "55"]) == 0


def test_files_that_cannot_be_run(configuration: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    broken = configuration / "broken_test.lua"
    broken.write_text("test('x', function(t)\n")
    assert main(["dialplan", "test", str(broken)]) == 2
    assert "broken_test.lua:2:" in capsys.readouterr().err
    broken.write_text("test('x')")
    assert main(["dialplan", "test", str(broken)]) == 2
    assert "a test needs a function" in capsys.readouterr().err
    broken.write_text("")
    assert main(["dialplan", "test", str(broken)]) == 2
    assert main(["dialplan", "test", str(configuration / "missing.lua")]) == 2
    (configuration / "extensions.lua").write_text("extensions = {")
    assert main(["dialplan", "test", str(configuration / "tests")]) == 2
    assert "extensions.lua:1" in capsys.readouterr().err
    (configuration / "empty").mkdir()
    assert main(["dialplan", "test", str(configuration / "empty")]) == 2
    assert "there is no *_test.lua" in capsys.readouterr().err


def test_modules_beside_a_test(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (configuration / "tests" / "steps.lua").write_text(
        "local steps = {}\nfunction steps.answered(call)\n   call:expect_answered()\nend\nreturn steps\n"
    )
    file = configuration / "tests" / "a_test.lua"
    file.write_text('local steps = require("steps")\ntest("x", function(t) steps.answered(t.call("1")) end)\n')
    assert main(["dialplan", "test", str(file)]) == 0
    file.write_text('local steps = require("steps")\ntest("x", function(t) steps.answered(t.call("2")) end)\n')
    assert main(["dialplan", "test", str(file)]) == 1
    assert "steps.lua:3: expected the call to be answered" in said(capsys)
    file.write_text('require("..extensions")')
    assert main(["dialplan", "test", str(file)]) == 2
    assert "not found in" in capsys.readouterr().err


def test_a_test_that_never_ends(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = configuration / "c_test.lua"
    file.write_text('test("loops", function(t)\n   while true do end\nend)\n')
    assert main(["dialplan", "test", str(file)]) == 1
    assert "instruction budget exhausted" in said(capsys)


def test_telephones_in_lua(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (configuration / "extensions.lua").write_text(
        'extensions = { default = { ["1"] = function() app.Dial("PJSIP/a&PJSIP/b", 20) app.Hangup() end } }'
    )
    file = configuration / "d_test.lua"
    file.write_text(
        """test("the first that answers", function(t)
   local call = t.call("1", { variables = { X = 1 }, caller = "77", name = "Eve" })
   assert(call:variable("X") == "1")
   assert(call:evaluate("${CALLERID(all)}") == '"Eve" <77>')
   call:answers("PJSIP/a", { after = 5 })
   call:answers("PJSIP/b", { after = 2 })
   call:expect_talking_to("PJSIP/b")
   assert(t.now() == 2)
   assert(t.phone("PJSIP/b"):talking() and not t.phone("PJSIP/a"):ringing())
   local context, extension, priority = table.unpack(call:position())
   assert(context == "default" and extension == "1" and priority == 1)
   call:hang_up()
   call:expect_ended{ cause = 16 }
   assert(#call:sounds() == 0)
end)
test("databases and functions", function(t)
   t.set_db("family", "key", "value")
   assert(t.db("family", "key") == "value")
   assert(t.db("family", "other") == nil)
   t.set_variable("G", "1")
   assert(t.evaluate("${G}") == "1")
   t.write("DEVICE_STATE(Custom:x)", "BUSY")
   assert(t.evaluate("${DEVICE_STATE(Custom:x)}") == "BUSY")
end)
"""
    )
    assert main(["dialplan", "test", str(file)]) == 0, said(capsys)


def test_an_endless_loop_of_the_dialplan_ends_while_lines_are_watched(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (configuration / "extensions.lua").write_text(
        'extensions = { default = { ["1"] = function()\nwhile true do end\nend,\nh = function() app.NoOp() end } }'
    )
    file = configuration / "e_test.lua"
    file.write_text('test("loops", function(t)\n   local call = t.call("1")\n   call:expect_app("NoOp")\nend)\n')
    assert main(["dialplan", "test", str(file), "--coverage"]) == 0
    assert "extensions.lua:1                 1 of 1 lines" in said(capsys)
