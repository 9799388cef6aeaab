"""``obelisk dialplan check`` on where a call goes: to what is not there, and what nothing leads to."""

from __future__ import annotations

import pytest

from tests.unit.dialplan.linting import Lint, ids, shown

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
