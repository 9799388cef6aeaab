"""Every application and function is given nonsense: a clear line in the log, and no other call is touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import dialplan
from dialplan.functions.base import Reading
from pbx.core.channel import ChannelInterrupted
from pbx.errors import ObeliskError
from pbx.testing.deferreds import start
from pbx.testing.dialplan import DialplanHarness, Plan

NONSENSE = (
    "",
    ",",
    ",,,,,,,,,,",
    "((((",
    "))))",
    '"',
    "\\",
    "[{$&|^?:=/@",
    "\0\r\n\t\x7f",
    "a" * 9000,
    ",".join("b" * 70),
    "-1",
    "-1,-1,-1,-1,-1,-1",
    "nan,nan,nan,nan",
    "inf,1e400,-inf,1e-400",
    "99999999999999999999,99999999999999999999,99999999999999999999",
    "2147483648,-2147483649,0,0x7f,01",
    "${,$[,${${,$[$[",
    "\u00e9\u4e2d\U0001f600\udc80,\u202e",
    # Nothing can be made there: some write to the files they name, and root may write everywhere.
    "../../../../../../../../proc/passwd,../..",
    "%s%n%d,{0},{channel}",
    "x?y:z,a(b,c(d)e(f",
    "Fake/bob,1,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
)
#: They begin processes, ask name servers or need SIP, for which virtual time has no place: others test them.
ELSEWHERE = frozenset(
    ("System", "TrySystem", "AGI", "EAGI", "DeadAGI", "SHELL", "ExternalIVR", "SRVQUERY", "SRVRESULT", "AST_SORCERY")
)

APPLICATIONS = sorted({each.name for each in dialplan.declarations() if not each.is_function} - ELSEWHERE)
FUNCTIONS = sorted({each.name for each in dialplan.declarations() if each.is_function} - ELSEWHERE)

OTHERS = """
[others]
exten => ok,1,Wait(1)
 same => n,Set(B=$[1 + 1])
exten => h,1,Set(H=yes)
[default]
exten => 100,1,Wait(9999)
"""


@pytest.fixture
def harness(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DialplanHarness:
    # Some of them write files of the names they are given.
    monkeypatch.chdir(tmp_path)
    return plan(extensions_conf=OTHERS)


_DEFECT = re.compile(r"(the dialplan|the h extension|the subroutine .*|a task|in Stasis|its end) failed|Traceback")


def no_defects(harness: DialplanHarness) -> None:
    """Nothing was logged that is a defect of ours."""
    found = [line for line in harness.log if ("failed: " in line and "Error" in line) or "the dialplan failed" in line]
    assert not found, found[:3]


def beside_others(harness: DialplanHarness) -> list[Any]:
    return [harness.call("ok", "others", resource=f"other{number}") for number in range(100)]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_is_called_wrongly(harness: DialplanHarness, name: str) -> None:
    if not harness.engine.has_application(name):
        pytest.skip("its module is not loaded here")
    others = beside_others(harness)
    for number, data in enumerate(NONSENSE):
        harness.engine.editor("test").add_extension("wrong", f"{number}", 1, name, data.replace("$", ""), replace=True)
        call = harness.call(f"{number}", "wrong", resource=f"wrong{number}")
        harness.core.clock.turn(0.01)
        call.far.press("1#")
        for _turn in range(3):
            harness.core.clock.turn(0.01)
        call.far.hang_up()
        for _turn in range(3):
            harness.core.clock.turn(0.01)
    for each in list(harness.core.channels):
        if "wrong" in each.name or "bob" in each.name:
            each.request_hangup()
    for _turn in range(100):
        harness.core.clock.turn(1.0)
    no_defects(harness)
    assert [each.name for each in harness.core.channels if "wrong" in each.name] == []
    assert all((call.ended, call.variable("B"), call.variable("H")) == (True, "2", "yes") for call in others)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_called_wrongly(harness: DialplanHarness, name: str) -> None:
    engine = harness.engine
    if engine.registry.function(name) is None:
        pytest.skip("its module is not loaded here")
    call = harness.call("100")

    async def use(text: str, value: str | None) -> None:
        try:
            if value is None:
                got: Reading = engine.read_function(call.channel, f"{name}({text})")
                if not isinstance(got, str):
                    got = await got
                assert isinstance(got, str)
            else:
                waiting = engine.write_function(call.channel, f"{name}({text})", value)
                if waiting is not None:
                    await waiting
        except (ObeliskError, ChannelInterrupted):
            return

    used = []
    for text in NONSENSE:
        used += [start(use(text, None)), *(start(use(text, value)) for value in NONSENSE[:16:3])]
        harness.core.clock.turn(0.01)
    for _turn in range(60):
        harness.core.clock.turn(2.0)
    call.far.hang_up()
    for _turn in range(20):
        harness.core.clock.turn(2.0)
    failures: list[object] = []
    for each in used:
        each.addErrback(failures.append)
        assert each.called
    assert not failures, failures[:2]
    assert call.ended


@pytest.mark.parametrize("value", ["nil", "true", "{}", "function() end", "1/0", "'x', {}"])
def test_a_script_calls_applications_wrongly(plan: Plan, value: str) -> None:
    harness = plan(
        "extensions = { default = { ['100'] = function(context, extension)\n"
        f"    app[channel.NAME:get()]({value})\nend,\n h = function() channel.H = 'yes' end }} }}",
        extensions_conf=OTHERS.replace("[default]\nexten => 100,1,Wait(9999)\n", ""),
    )
    others = beside_others(harness)
    for name in APPLICATIONS:
        if not harness.engine.has_application(name):
            continue
        harness.server.channels.set_global("NAME", name)
        call = harness.call("100", resource=f"wrong-{name}")
        harness.core.clock.turn(0.01)
        call.far.hang_up()
        harness.core.clock.turn(0.01)
    for each in list(harness.core.channels):
        if "wrong" in each.name:
            each.request_hangup()
    for _turn in range(100):
        harness.core.clock.turn(1.0)
    no_defects(harness)
    assert all((call.ended, call.variable("B")) == (True, "2") for call in others)
