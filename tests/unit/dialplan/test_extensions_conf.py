"""extensions.conf: what its lines mean, what is wrong with them, and calls that run by them."""

from __future__ import annotations

import pytest

from pbx.core.device_state import DeviceState
from pbx.errors import ObeliskError
from pbx.testing.deferreds import failure_of, result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan


def console(harness: DialplanHarness, line: str) -> str:
    return result_of(start(harness.server.cli.run(line))).output


def reload(harness: DialplanHarness, text: str) -> None:
    """Write the file anew and take it."""
    harness.write("extensions.conf", text)
    harness.server.config.forget()
    waiting = start(harness.server.modules.reload("pbx_config"))
    harness.core.clock.advance(0)
    result_of(waiting)


def steps(harness: DialplanHarness, context: str) -> list[str]:
    """``exten[/cid] priority[(label)] Application(data)`` of every step, in order."""
    found = harness.engine.contexts.context(context)
    assert found is not None
    lines = []
    for _fragment, extension in found.extensions():
        caller = "" if extension.caller_match is None else f"/{extension.caller_match}"
        for number, step in sorted(extension.priorities.items()):
            label = f"({step.label})" if step.label else ""
            call = step.application if number < 0 else f"{step.application}({step.data})"
            lines.append(f"{extension.name}{caller} {number}{label} {call}")
    return lines


def test_a_call_runs_by_priorities_labels_and_same(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
[general]
static=yes
[default]
exten => 100,1,Set(A=1)
 same => n(again),Set(B=2)
 same => n,Goto(far)
 same => n+5(far),Set(C=3)
 same => n,Hangup(17)
exten => h,1,Set(H=yes)
"""
    )
    call = harness.call("100")
    assert call.ended
    assert [call.variable(name) for name in "ABCH"] == ["1", "2", "3", "yes"]
    assert call.channel.hangup_cause == 17
    assert steps(harness, "default")[3] == "100 9(far) Set(C=3)"


def test_templates_comments_includes_and_appends_of_the_language(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
#include "more.conf"
[ring](!)
exten => 1,1,Ringing() ; said
 same => n,Wait(${X}\\;y)
;--
exten => 2,1,NoOp
--;
[one](ring)
exten => 3,1,NoOp
[one](+)
exten => 4,1,NoOp(a,b(c))
[one]
exten => 5,1,NoOp
""",
        more_conf="[extra]\nexten=>s,1,NoOp\n",
    )
    assert steps(harness, "one") == [
        "1 1 Ringing()", "1 2 Wait(${X};y)", "3 1 NoOp()", "4 1 NoOp(a,b(c))", "5 1 NoOp()",
    ]  # fmt: skip
    assert harness.engine.exists("extra", "s")
    assert harness.engine.contexts.context("ring") is None


def test_the_forms_of_a_line(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
[c]
exten => _[1,2]X,1,NoOp(a)
exten => 3 - 3/(555) 12-34,hint,PJSIP/a&PJSIP/b
exten => 3 - 3/(555) 12-34,1,Dial (PJSIP/a,,t)
exten => 3-3,1(x),NoOp()
exten => 3-3,x+1,NoOp(after)
exten => 4,2,NoOp(two)
exten => 4,s,NoOp(again)
exten => 5,next,NoOp(three)
ignorepat => 9
ignorepat => 9
include => d
include => d
include => d|09:00-17:00|mon-fri|*|*
switch => Lua/e@file
eswitch => Lua/${X}
nonsense => x
""",
    )
    assert steps(harness, "c") == [
        "3-3/5551234 -1 PJSIP/a&PJSIP/b",
        "3-3/5551234 1 Dial(PJSIP/a,,t)",
        "3-3 1(x) NoOp()",
        "3-3 2 NoOp(after)",
        "4 2 NoOp(two)",
        "5 3 NoOp(three)",
        "_[1,2]X 1 NoOp(a)",
    ]
    context = harness.engine.contexts.context("c")
    assert context is not None
    assert [each.name for each in context.includes] == ["d", "d|09:00-17:00|mon-fri|*|*"]
    assert [each.text for each in context.switches] == ["Lua/e@file", "Lua/${X}"]
    assert harness.engine.contexts.ignores("c", "9")
    for text in (
        "extensions.conf:9: Unable to register extension '4' priority 2 in 'c', already in use",
        "extensions.conf:12: Unable to include ignorepat '9' in context 'c'",
        "extensions.conf:14: Context 'd' already included in 'c' context",
        "extensions.conf:18: unknown directive 'nonsense', line ignored",
        "Context 'c' tries to include nonexistent context 'd'",
    ):
        assert harness.logged(text), text


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("same => n,NoOp", "No previous pattern in the first entry of context 'c' to match 'same'"),
        ("exten => 1,n,NoOp", "Can't use 'next' priority on the first entry"),
        ("exten => 1,s,NoOp", "Can't use 'same' priority on the first entry"),
        ("exten => 1,0,NoOp", "Invalid priority '0'"),
        ("exten => 1,-4,NoOp", "Invalid priority '-4'"),
        ("exten => 1,what,NoOp", "Invalid priority/label 'what'"),
        ("exten => 1,1(a,NoOp", "Label missing trailing ')'"),
        ("exten => ,1,NoOp", "an extension of 'c' without a name"),
        ("exten => _[1,1,NoOp", "Invalid priority/label ''"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out(plan: Plan, line: str, warning: str) -> None:
    harness = plan(extensions_conf=f"[c]\n{line}\nexten => 9,1,NoOp\n")
    assert harness.logged(f"extensions.conf:2: {warning}")
    assert steps(harness, "c") == ["9 1 NoOp()"]


def test_a_line_that_is_odd_is_used(plan: Plan) -> None:
    harness = plan(extensions_conf="[c]\nexten => _.,1,NoOp(a\nexten => 1,1(x),NoOp\nexten => 1,2(x),NoOp\n")
    assert steps(harness, "c") == ["1 1(x) NoOp()", "1 2 NoOp()", "_. 1 NoOp(a)"]
    assert harness.logged("extensions.conf:2: No closing parenthesis found? 'NoOp(a'")
    assert harness.logged("extensions.conf:2: The use of '_.' for an extension is strongly discouraged")
    assert harness.logged("extensions.conf:4: Extension '1' priority 2 in 'c', label 'x' already in use at priority 1")


def test_callers_have_extensions_of_their_own(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
[default]
exten => 100,1,Set(WHO=anybody)
exten => 100,2,Set(MORE=anybody)
exten => 100/555,1,Set(WHO=555)
exten => 100/_6XX,1,Set(WHO=six)
exten => 100/,1,Set(WHO=nobody)
exten => 100/_6XX,9(here),NoOp
""",
    )
    for caller, who in (("555", "555"), ("601", "six"), ("777", "anybody"), ("", "nobody")):
        call = harness.call("100", caller=caller)
        assert (call.variable("WHO"), call.variable("MORE")) == (who, "anybody")
    assert harness.engine.find_priority("default", "100", "here", "601") == 9
    assert harness.engine.find_priority("default", "100", "here", "777") is None


def test_a_context_may_live_in_both_files(plan: Plan) -> None:
    harness = plan(
        """
extensions = { default = {
    ["100"] = function() channel.FROM = "lua" end,
    ["200"] = function() channel.FROM = "lua" end,
} }
hints = { default = { ["100"] = "PJSIP/lua", ["200"] = "PJSIP/lua" } }
""",
        extensions_conf="[default]\nexten => 100,1,Set(FROM=conf)\nexten => 100,hint,PJSIP/conf\n"
        "[other]\nswitch => Lua/\n",
    )
    engine = harness.engine
    assert harness.call("100").variable("FROM") == "conf"
    assert harness.call("200").variable("FROM") == "lua"
    assert (harness.hint("default", "100"), harness.hint("default", "200")) == ("PJSIP/conf", "PJSIP/lua")
    shown = console(harness, "dialplan show default")
    assert "[ Context 'default' created by 'pbx_config' ]\n" in shown
    assert "  '100' =>          hint: PJSIP/conf                              [extensions.conf:3]\n" in shown
    assert "                    1. Set(FROM=conf)                             [extensions.conf:2]\n" in shown
    assert "  '200' =>          hint: PJSIP/lua                               [pbx_lua]\n" in shown
    assert "  Alt. Switch =>    'Lua/'                                        [pbx_lua]\n" in shown
    assert "-= 2 extensions (3 priorities) in 1 context. =-\n" in shown
    reload(harness, "[default]\nexten => 200,1,Set(FROM=conf)\n")
    assert harness.call("100").variable("FROM") == "lua"
    assert harness.call("200").variable("FROM") == "conf"
    assert harness.hint("default", "100") == "PJSIP/lua"
    assert engine.contexts.context("other") is None
    result_of(start(harness.server.modules.unload("pbx_config")))
    assert harness.call("200").variable("FROM") == "lua"


def test_a_file_that_cannot_be_read_leaves_the_plan(plan: Plan) -> None:
    harness = plan(extensions_conf="[default]\nexten => 100,1,Set(A=1)\n")
    with pytest.raises(ObeliskError, match=r"extensions\.conf:3: no closing '\]'"):
        reload(harness, "[default]\nexten => 200,1,NoOp\n[broken\n")
    assert harness.call("100").variable("A") == "1"
    assert not harness.engine.exists("default", "200")
    (harness.directories.etc / "extensions.conf").unlink()
    assert "no such file" in str(failure_of(start(harness.server.modules.reload("pbx_config"))))


def test_globals_and_their_reload(plan: Plan) -> None:
    harness = plan(extensions_conf="[globals]\nA=1\nB=>x\n[c]\nexten => 1,1,NoOp\n[globals]\nB=two\n")
    channels = harness.server.channels
    assert (channels.globals.get("A"), channels.globals.get("B")) == ("1", "two")
    reload(harness, "[globals]\nB=3\n")
    assert (channels.globals.get("A"), channels.globals.get("B")) == ("1", "3")
    reload(harness, "[general]\nclearglobalvars=yes\n[globals]\nC=3\n")
    assert sorted(channels.globals) == [("C", "3")]


def test_without_autofallthrough_a_call_waits_for_digits(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[general]\nautofallthrough=no\n[default]\nexten => 1,1,Answer\nexten => 25,1,Set(DONE=1)\n"
    )
    call = harness.call("1")
    assert not call.ended
    call.far.press("25")
    assert call.variable("DONE") == "1"
    call.far.hang_up()


def test_includes_in_order_once_each_and_in_a_circle(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
[default]
include => b
include => c
exten => 1,1,Set(A=default)
[b]
include => default
include => d
exten => _X,1,Set(A=b)
[c]
exten => 3,1,Set(A=c)
exten => _XX,1,Set(A=c)
[d]
exten => 12,1,Set(A=d)
""",
    )
    for exten, owner in (("1", "default"), ("3", "b"), ("12", "d"), ("13", "c")):
        assert harness.call(exten).variable("A") == owner


def test_an_early_pattern_ends_the_question_for_more_digits_in_its_context(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[default]\ninclude => b\ninclude => c\n[b]\nexten => _1!,1,NoOp\ninclude => d\n"
        "[c]\nexten => 123,1,NoOp\n[d]\nexten => 124,1,NoOp\n"
    )
    engine = harness.engine
    assert not engine.match_more("b", "1")
    assert engine.match_more("default", "12")
    assert not engine.match_more("default", "124")


def test_extensions_without_a_first_priority_want_no_digits(plan: Plan) -> None:
    harness = plan(extensions_conf="[default]\nexten => 123,hint,PJSIP/a\nexten => 134,2,NoOp\nexten => 145/7,1,NoOp\n")
    engine = harness.engine
    assert not engine.match_more("default", "1")
    assert not engine.can_match("default", "1", "8")
    assert engine.can_match("default", "1", "7")
    assert harness.hint("default", "123") == "PJSIP/a"
    assert not engine.exists("default", "123")


def test_a_large_file_is_taken_in_slices(plan: Plan) -> None:
    def text(mark: str) -> str:
        rows = "".join(f"exten => {n},1,Set(MARK={mark})\nexten => _{n}X,1,NoOp\n" for n in range(1000, 3000))
        return f"[default]\n{rows}exten => spin,1,Set(N=1)\n same => n,Wait(0.01)\n same => n,Goto(1)\n"

    harness = plan(extensions_conf=text("old"))
    spinning = harness.call("spin")
    harness.write("extensions.conf", text("new"))
    waiting = start(harness.server.modules.reload("pbx_config"))
    second = start(harness.server.modules.reload("pbx_config"))
    assert not waiting.called
    assert harness.call("1000").variable("MARK") == "old"
    harness.core.clock.advance(0.01)
    result_of(waiting)
    result_of(second)
    assert harness.call("1000").variable("MARK") == "new"
    assert harness.engine.exists("default", "29991")
    assert not spinning.ended
    spinning.far.hang_up()


def test_timed_includes(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[default]\ninclude => a|00:00-11:59|*|*|*|UTC\ninclude => b,12:00-23:59,*,*,*,UTC\n"
        "[a]\nexten => 1,1,Set(A=morning)\n[b]\nexten => 1,1,Set(A=evening)\n"
    )
    clock = harness.core.clock
    seconds = clock.now() % 86400
    clock.advance(86400 - seconds + 3600)
    assert harness.call("1").variable("A") == "morning"
    clock.advance(12 * 3600)
    assert harness.call("1").variable("A") == "evening"


def test_overrideswitch_is_asked_first(plan: Plan) -> None:
    harness = plan(
        'extensions = { default = { ["1"] = function() channel.A = "lua" end } }',
        extensions_conf="[general]\noverrideswitch=Lua/\n"
        "[default]\nexten => 1,1,Set(A=conf)\nexten => 2,1,Set(A=conf)\n",
    )
    assert harness.call("1").variable("A") == "lua"
    assert harness.call("2").variable("A") == "conf"
    reload(harness, "[default]\nexten => 1,1,Set(A=conf)\n")
    assert harness.call("1").variable("A") == "conf"


def test_a_switch_that_is_not_there(plan: Plan) -> None:
    harness = plan(extensions_conf="[default]\nswitch => Realtime/x@extensions\nexten => 1,1,Set(A=1)\n")
    assert harness.call("1").variable("A") == "1"
    assert harness.call("2").ended
    assert harness.logged("No such switch 'Realtime' of context 'default'")


def test_hints_are_made_of_devices(plan: Plan) -> None:
    harness = plan(extensions_conf="[hints]\nautohints=yes\nexten => bob,hint,Custom:x\n[other]\nexten => 1,1,NoOp\n")
    for device in ("Custom:alice", "Custom:bob", "Custom:a/b", "nothing"):
        harness.server.devices.set(device, DeviceState.INUSE)
    assert harness.hint("hints", "alice") == "Custom:alice"
    assert harness.server.hints.state("hints", "alice") >= 0
    assert harness.hint("hints", "bob") == "Custom:x"
    assert harness.hint("hints", "a/b") == "Custom:a/b"
    assert harness.hint("other", "alice") is None
    assert "Autohints support enabled" in console(harness, "dialplan show hints")
    reload(harness, "[hints]\nexten => bob,hint,Custom:x\n")
    harness.server.devices.set("Custom:carol", DeviceState.INUSE)
    assert harness.hint("hints", "alice") is None
    assert harness.hint("hints", "carol") is None


def test_what_the_outside_suite_shows_of_hints_and_callers(plan: Plan) -> None:
    harness = plan(
        extensions_conf="[incoming]\nexten => _60.,hint,Local/${EXTEN}@incoming\n"
        "exten => 60,hint,Local/${EXTEN}@incoming\nexten =>  60./,1,NoOp()\nexten =>  60.,1,NoOp(a\\;b)\n"
    )
    shown = console(harness, "dialplan show incoming")
    for text in ("CID match ''", "hint: Local/60@incoming ", "hint: Local/${EXTEN}@incoming ", "NoOp(a;b)"):
        assert text in shown


def test_what_lua_was_found_not_to_have_may_come_by_either_file(plan: Plan) -> None:
    lua = 'extensions = { default = { ["%s"] = function() channel.A = "lua" end } }'
    harness = plan(lua % "1", extensions_conf="[default]\nexten => 2,1,Set(A=conf)\n")
    engine = harness.engine
    assert not engine.exists("default", "3")
    console(harness, "dialplan add extension 3,1,Set(A=added) into default")
    assert harness.call("3").variable("A") == "added"
    console(harness, "dialplan remove extension 3@default")
    assert not engine.exists("default", "3")
    harness.write("extensions.lua", lua % "3")
    result_of(start(harness.server.modules.reload("pbx_lua")))
    assert harness.call("3").variable("A") == "lua"
    assert not engine.exists("default", "1")
    reload(harness, "[default]\nexten => 3,1,Set(A=conf)\n")
    assert harness.call("3").variable("A") == "conf"
