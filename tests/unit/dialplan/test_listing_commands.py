"""core show applications, functions and hints at the console: the lines that scripts look for."""

from __future__ import annotations

import pytest

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan, extensions


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    return plan(
        extensions("app.Wait(9)"), extensions_conf="[office]\nexten => 100,hint,Fake/a\nexten => 200,hint,Fake/b\n"
    )


def said(harness: DialplanHarness, line: str) -> list[str]:
    return str(result_of(start(harness.server.cli.run(line))).output).splitlines()


def test_applications(harness: DialplanHarness) -> None:
    lines = said(harness, "core show applications")
    assert lines[0] == "    -= Registered Asterisk Applications =-"
    assert f"  {'Answer':>20}: Answer a channel if it is ringing." in lines
    assert lines[-1] == f"    -= {len(lines) - 2} Applications Registered =-"


def test_applications_that_match(harness: DialplanHarness) -> None:
    assert said(harness, "core show applications like softh") == [
        "    -= Matching Asterisk Applications =-",
        f"  {'SoftHangup':>20}: Hangs up the requested channel.",
        "    -= 1 Applications Matching =-",
    ]
    assert any("Authenticate" in line for line in said(harness, "core show applications describing password attempts"))
    assert said(harness, "core show applications describing password elephant")[-1].endswith(
        "0 Applications Matching =-"
    )
    assert said(harness, "core show applications like")[0].startswith("Usage:")


def test_an_application_s_help(harness: DialplanHarness) -> None:
    lines = said(harness, "core show application authenticate nothing")
    assert lines[1] == "  -= Info about Application 'Authenticate' =- "
    titles = [line for line in lines if line.startswith("[")]
    assert titles == ["[Synopsis]", "[Provided By]", "[Description]", "[Syntax]", "[Arguments]", "[See Also]"]
    assert "app_authenticate" in lines
    assert said(harness, "core show application nothing") == [
        "Your application(s) is (are) not registered",
        "Command 'core show application nothing' failed.",
    ]


def test_functions(harness: DialplanHarness) -> None:
    lines = said(harness, "core show functions")
    assert lines[:2] == ["Installed Custom Functions:", "-" * 80]
    assert f"{'LEN':<20}  {'LEN(string)':<35}  Return the length of the string given." in lines
    assert lines[-1] == f"{len(lines) - 3} custom functions installed."
    assert all(line[20:22] == line[57:59] == "  " for line in lines[2:-1])
    assert said(harness, "core show functions like PJSIP_HEADERS")[-1] == "1 matching custom functions installed."
    assert said(harness, "core show functions like pjsip")[-1] == "0 matching custom functions installed."
    assert said(harness, "core show function NOTHING") == [
        "No function by that name registered.",
        "Command 'core show function NOTHING' failed.",
    ]


def test_a_hint_by_its_context_too(harness: DialplanHarness) -> None:
    assert said(harness, "core show hint 100@office")[-1] == "1 hint matching extension 100@office"
    assert said(harness, "core show hint 100@off")[0].startswith("100@office                    : Fake/a")
    assert said(harness, "core show hint 1@office") == ["No hints matching extension 1@office"]


def test_a_function_is_evaluated_on_a_channel_of_its_own(harness: DialplanHarness) -> None:
    assert said(harness, "dialplan eval function CHANNEL(name)") == [
        "Return Value: Success (0)",
        "Result: CLIEval/1",
    ]
    assert said(harness, "dialplan eval function CHANNEL(nothing)")[0] == "Return Value: Failure (-1)"
    assert len(harness.core.channels) == 0


def test_completion(harness: DialplanHarness) -> None:
    call = harness.call("100")
    complete = harness.server.cli.complete
    assert complete(["dialplan", "set", "chanvar", "Fake"]) == [call.channel.name]
    assert "Authenticate" in complete(["core", "show", "application", "Auth"])
    assert complete(["core", "show", "hint", "2"]) == ["200"]
    assert "office" in complete(["dialplan", "show", "off"])
