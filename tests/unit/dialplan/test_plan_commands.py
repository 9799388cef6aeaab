"""dialplan show, add, remove and save at the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.cli.registry import CommandResult
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan

CONF = """[general]
static = yes       ; may be saved
writeprotect = no

[globals]
TRUNK = PJSIP/t    ; where calls go

; The office.
[office]
include => night|18:00-08:00|*|*|*
include => day
ignorepat => 9
exten => 100,1(start),Answer()   ; pick up
 same => n,Echo()                ; talk
 same => n(end),Hangup()

; Everybody else.
exten => 200/555,1,NoOp(\\;)
exten => 200,1,NoOp(all)
 same => n,NoOp(two)
exten => _X.,hint,PJSIP/${EXTEN}

[day]
exten => _1XX,1,NoOp(day)
exten => 9,1,NoOp(nine)
"""


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    return plan(extensions_conf=CONF)


def run(harness: DialplanHarness, line: str) -> CommandResult:
    return result_of(start(harness.server.cli.run(line)))


def said(harness: DialplanHarness, line: str) -> str:
    result = run(harness, line)
    assert result.ok, result.output
    return result.output


def refused(harness: DialplanHarness, line: str) -> str:
    result = run(harness, line)
    assert not result.ok, result.output
    return result.output.removesuffix(f"Command '{line}' failed.\n")


def conf(harness: DialplanHarness, name: str = "extensions.conf") -> str:
    return (harness.directories.etc / name).read_text()


def test_show_a_context(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan show office").splitlines() == [
        "[ Context 'office' created by 'pbx_config' ]",
        "  '100' =>          1. Answer()                                   [extensions.conf:13]",
        "                    2. Echo()                                     [extensions.conf:14]",
        "     [end]          3. Hangup()                                   [extensions.conf:15]",
        "  '200' (CID match '555') =>  1. NoOp(;)                                    [extensions.conf:18]",
        "  '200' =>          1. NoOp(all)                                  [extensions.conf:19]",
        "                    2. NoOp(two)                                  [extensions.conf:20]",
        "  '_X.' =>          hint: PJSIP/${EXTEN}                          [extensions.conf:21]",
        "  Include =>        'night|18:00-08:00|*|*|*'                     [pbx_config]",
        "  Include =>        'day'                                         [pbx_config]",
        "  Ignore pattern => '9'                                           [pbx_config]",
        "",
        "-= 4 extensions (7 priorities) in 1 context. =-",
    ]


def test_show_an_extension_goes_through_includes(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan show 100@office").splitlines() == [
        "[ Context 'office' created by 'pbx_config' ]",
        "  '100' =>          1. Answer()                                   [extensions.conf:13]",
        "                    2. Echo()                                     [extensions.conf:14]",
        "     [end]          3. Hangup()                                   [extensions.conf:15]",
        "  '_X.' =>          hint: PJSIP/${EXTEN}                          [extensions.conf:21]",
        "",
        "[ Included context 'day' created by 'pbx_config' ]",
        "  '_1XX' =>         1. NoOp(day)                                  [extensions.conf:24]",
        "",
        "-= 3 extensions (5 priorities) in 2 contexts. =-",
    ]
    assert refused(harness, "dialplan show 7@day") == "There is no existence of 7@day extension\n"
    assert refused(harness, "dialplan show i@") == "There is no existence of 'i' extension in all contexts\n"
    assert refused(harness, "dialplan show nowhere") == "There is no existence of 'nowhere' context\n"


def test_add_and_remove_extensions(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan add extension 300,1,Set(A=1) into new") == (
        "Context 'new' did not exist prior to add extension - the context will be created.\n"
        "Extension '300,1,Set(A=1)' added into 'new' context\n"
    )
    assert said(harness, "dialplan add extension 300,2,Set,B=2 into new").startswith("Extension '300,2,Set(B=2)' added")
    call = harness.call("300", "new")
    assert (call.variable("A"), call.variable("B")) == ("1", "2")
    assert refused(harness, "dialplan add extension 300,2,NoOp into new") == (
        "Extension 300@new with priority 2 already exists\n"
    )
    assert said(harness, "dialplan add extension 300,2,Set(B=3) into new replace") == (
        "Extension 300@new (2) replace by '300,2,Set(B=3)'\n"
    )
    assert harness.call("300", "new").variable("B") == "3"
    assert said(harness, "dialplan add extension 300,hint,PJSIP/a into new")
    assert harness.hint("new", "300") == "PJSIP/a"
    assert "[pbx_config]" in said(harness, "dialplan show 300@new")
    assert said(harness, "dialplan remove extension 300@new 2") == "Extension 300@new with priority 2 removed\n"
    assert said(harness, "dialplan remove extension 300@new") == "Whole extension 300@new removed\n"
    assert harness.hint("new", "300") is None
    assert refused(harness, "dialplan remove extension 300@new") == "Failed to remove extension 300@new\n"
    assert said(harness, "dialplan remove extension 200/555@office")
    assert harness.engine.exists("office", "200", 2, "555")
    for line in ("300", "300,x,NoOp", "300,0,NoOp", "300,1", ",1,NoOp"):
        assert "Usage: dialplan add extension" in refused(harness, f"dialplan add extension {line} into new")
    assert "is not an extension" in refused(harness, "dialplan add extension _[,1,NoOp into new")


def test_add_and_remove_includes_patterns_and_contexts(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan add include office into day") == "Context 'office' included in 'day' context\n"
    assert harness.engine.exists("day", "200")
    assert refused(harness, "dialplan add include office into day") == (
        "Context 'office' already included in 'day' context\n"
    )
    assert said(harness, "dialplan remove include office from day") == "We are not including 'office' into 'day' now\n"
    assert not harness.engine.exists("day", "200")
    assert refused(harness, "dialplan remove include office from day").startswith("Failed to remove 'office' include")
    assert said(harness, "dialplan add ignorepat _3XX into day") == "Ignore pattern '_3XX' added into 'day' context\n"
    assert harness.engine.contexts.ignores("day", "345")
    assert "already included" in refused(harness, "dialplan add ignorepat _3XX into day")
    assert said(harness, "dialplan remove ignorepat _3XX from day").endswith("removed from 'day' context\n")
    assert (
        refused(harness, "dialplan remove ignorepat 1 from nowhere") == "There is no existence of 'nowhere' context\n"
    )
    assert said(harness, "dialplan remove context day") == "Removed context 'day'\n"
    assert not harness.engine.exists("office", "155")
    assert said(harness, "dialplan remove context day") == "There is no such context as 'day'\n"


def test_a_reload_brings_the_file_back(harness: DialplanHarness) -> None:
    said(harness, "dialplan add extension 300,1,NoOp into office")
    said(harness, "dialplan remove context day")
    assert said(harness, "dialplan reload") == "Dialplan reloaded.\n"
    assert not harness.engine.exists("office", "300")
    assert harness.engine.exists("day", "155")


def test_what_lua_has_is_not_removed_but_may_be_replaced(plan: Plan) -> None:
    harness = plan(
        "extensions = { a = {} } hints = { a = { ['1'] = 'PJSIP/x' } }", extensions_conf="[b]\nexten => 1,1,NoOp\n"
    )
    assert "Failed" in refused(harness, "dialplan remove extension 1@a hint")
    assert "already exists" in refused(harness, "dialplan add extension 1,hint,PJSIP/y into a")
    said(harness, "dialplan add extension 1,hint,PJSIP/y into a replace")
    assert harness.hint("a", "1") == "PJSIP/y"


def test_save_changes_only_what_changed(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan save").startswith("Dialplan successfully saved into '")
    assert conf(harness) == CONF
    said(harness, "dialplan add extension 100,5,NoOp(x;y) into office")
    said(harness, "dialplan remove extension 100@office 2")
    said(harness, "dialplan add extension 9,2,Wait(1) into day")
    said(harness, "dialplan add include day into lab")
    said(harness, "dialplan add extension _9.,1,NoOp into lab")
    said(harness, "dialplan remove include night|18:00-08:00|*|*|* from office")
    said(harness, "dialplan save")
    wanted = CONF.replace(
        "exten => 100,1(start),Answer()   ; pick up\n same => n,Echo()                ; talk\n"
        " same => n(end),Hangup()\n",
        "exten => 100,1(start),Answer()\nexten => 100,3(end),Hangup()\nexten => 100,5,NoOp(x\\;y)\n",
    )
    wanted = wanted.replace("include => night|18:00-08:00|*|*|*\n", "")
    wanted = wanted.replace("exten => 9,1,NoOp(nine)\n", "exten => 9,1,NoOp(nine)\nexten => 9,2,Wait(1)\n")
    assert conf(harness) == wanted + "\n[lab]\nexten => _9.,1,NoOp()\ninclude => day\n"
    before = said(harness, "dialplan show").replace("[extensions.conf", "[pbx_config").split()
    said(harness, "dialplan reload")
    after = said(harness, "dialplan show").replace("[extensions.conf", "[pbx_config").split()
    assert [word for word in after if "[" not in word] == [word for word in before if "[" not in word]
    said(harness, "dialplan save")


def test_save_when_lines_depend_on_each_other(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[general]\nstatic=yes\n[a]\nexten => 1,1,NoOp(a)\nexten => 1,n,NoOp(b)\nexten => 2,n,NoOp(c)\n"
        "exten => 2,1,NoOp(d)\nexten => 2,1,NoOp(refused)\n"
    )
    said(harness, "dialplan remove extension 1@a 2")
    said(harness, "dialplan remove extension 2@a 1")
    said(harness, "dialplan save")
    said(harness, "dialplan reload")
    found = harness.engine.contexts.context("a")
    assert found is not None
    assert {(e.name, n): p.data for _f, e in found.extensions() for n, p in e.priorities.items()} == {
        ("1", 1): "a",
        ("2", 3): "c",
    }


def test_save_elsewhere(harness: DialplanHarness, tmp_path: Path) -> None:
    said(harness, "dialplan remove context office")
    said(harness, f"dialplan save {tmp_path}")
    assert "[office]" not in (tmp_path / "extensions.conf").read_text()
    assert conf(harness) == CONF


def test_what_cannot_be_saved(plan: Plan) -> None:
    harness = plan(extensions_conf="[a]\nexten => 1,1,NoOp\n")
    assert refused(harness, "dialplan save") == "I can't save dialplan now, see 'extensions.conf' example file.\n"
    text = "[general]\nstatic=yes\n[t](!)\nexten => 1,1,NoOp\n[a](t)\nexten => 2,1,NoOp\n"
    harness = plan(extensions_conf=text)
    said(harness, "dialplan remove extension 1@a")
    assert refused(harness, "dialplan save") == (
        "extensions.conf:4: '1,1,NoOp' of [a] is from the template [t] and can be changed only there\n"
    )
    assert conf(harness) == text
    harness.write("extensions.conf", text + "; changed\n")
    assert "has changed since it was loaded" in refused(harness, "dialplan save")


def test_completion(harness: DialplanHarness) -> None:
    complete = harness.server.cli.complete
    assert complete(["dialplan", "add", ""]) == ["extension", "ignorepat", "include"]
    assert complete(["dialplan", "add", "include", "d"]) == ["day"]
    assert complete(["dialplan", "add", "include", "day", "i"]) == ["into"]
    assert complete(["dialplan", "add", "include", "day", "into", "o"]) == ["office"]
    assert complete(["dialplan", "remove", "extension", "9@d"]) == ["9@day"]
    assert complete(["dialplan", "show", "of"]) == ["office"]


def test_the_commands_go_with_the_module(harness: DialplanHarness) -> None:
    result_of(start(harness.server.modules.unload("pbx_config")))
    assert "No such command" in refused(harness, "dialplan save")
    assert not len(harness.engine.contexts)


def test_evaluate_a_function(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan eval function LEN(abc)") == "Return Value: Success (0)\nResult: 3\n"
    assert said(harness, "dialplan eval function NOSUCH(abc)") == "Return Value: Failure (-1)\nResult: \n"


def test_the_matcher_is_named_and_found_again(harness: DialplanHarness) -> None:
    command = "dialplan set extenpatternmatchnew"
    assert "Switched to using the NEW pattern match algorithm" in said(harness, f"{command} true")
    assert "Still using the NEW pattern match algorithm" in said(harness, f"{command} true")
    assert "Switched to using the OLD pattern match algorithm" in said(harness, f"{command} false")
    assert "Usage: " in refused(harness, f"{command} maybe")
