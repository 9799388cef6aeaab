"""The special extensions and auto-fallthrough, from extensions.conf and from Lua alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanHarness, Plan

#: Extension to its applications with their data.
Steps = dict[str, Sequence[tuple[str, str]]]
Front = Callable[[Plan, Steps], DialplanHarness]


def in_conf(plan: Plan, steps: Steps) -> DialplanHarness:
    lines = ["[default]"]
    for exten, calls in steps.items():
        lines += [f"exten => {exten},{number},{name}({data})" for number, (name, data) in enumerate(calls, 1)]
    return plan(extensions_conf="\n".join(lines) + "\n")


def in_lua(plan: Plan, steps: Steps) -> DialplanHarness:
    functions = [
        f'["{exten}"] = function() {" ".join(f"app[[[{name}]]]([[{data}]])" for name, data in calls)} end'
        for exten, calls in steps.items()
    ]
    text = ",\n".join(functions).replace("app[[[", 'app["').replace("]]](", '"](')
    return plan(f"extensions = {{ default = {{\n{text}\n}} }}\n")


@pytest.fixture(params=[in_conf, in_lua], ids=["conf", "lua"])
def front(request: pytest.FixtureRequest) -> Front:
    made: Front = request.param
    return made


def seen(name: str) -> tuple[str, str]:
    return ("Set", f"{name}=yes")


HANGUP = [seen("H")]
STAY = ("Wait", "50")


def test_s_is_where_a_call_without_an_extension_begins(plan: Plan, front: Front) -> None:
    call = front(plan, {"s": [seen("S")], "h": HANGUP}).call("")
    assert (call.variable("S"), call.variable("H"), call.ended) == ("yes", "yes", True)


def test_i_by_a_call_to_nobody_and_by_digits(plan: Plan, front: Front) -> None:
    harness = front(
        plan, {"100": [("Answer", ""), ("WaitExten", "9")], "_20X": [seen("X")], "i": [seen("I")], "h": HANGUP}
    )
    call = harness.call("555")
    assert (call.variable("I"), call.variable("INVALID_EXTEN"), call.variable("H")) == ("yes", "555", "yes")
    call = harness.call("100")
    call.far.press("9")
    assert (call.variable("I"), call.variable("INVALID_EXTEN"), call.ended) == ("yes", "9", True)
    call = harness.call("100")
    call.far.press("29")
    assert (call.variable("I"), call.variable("INVALID_EXTEN"), call.ended) == ("yes", "29", True)
    call = harness.call("100")
    call.far.press("201")
    assert (call.variable("X"), call.variable("I"), call.ended) == ("yes", None, True)


def test_i_by_a_jump_to_nowhere(plan: Plan, front: Front) -> None:
    call = front(plan, {"100": [("Goto", "gone,1")], "i": [seen("I")]}).call("100")
    assert (call.variable("I"), call.variable("INVALID_EXTEN")) == ("yes", "gone")


def test_t_by_silence_and_by_half_an_extension(plan: Plan, front: Front) -> None:
    harness = front(plan, {"100": [("Answer", ""), ("WaitExten", "9")], "_20X": [seen("X")], "t": [seen("T")]})
    call = harness.call("100")
    harness.core.clock.advance(9)
    assert (call.variable("T"), call.ended) == ("yes", True)
    call = harness.call("100")
    call.far.press("20")
    assert not call.ended
    harness.core.clock.advance(5)
    # The digits are no extension: that is i, which there is not, and not t.
    assert (call.variable("T"), call.ended) == (None, True)
    assert harness.logged("dialled an invalid extension but no invalid handler")


def test_the_absolute_timeout_goes_to_capital_t(plan: Plan, front: Front) -> None:
    steps: Steps = {"100": [("Set", "TIMEOUT(absolute)=5"), ("Answer", ""), STAY], "T": [seen("T"), STAY], "h": HANGUP}
    harness = front(plan, steps)
    call = harness.call("100")
    harness.core.clock.advance(5)
    assert (call.variable("T"), call.ended) == ("yes", False)
    harness.core.clock.advance(50)
    assert (call.variable("H"), call.ended) == ("yes", True)


def test_the_absolute_timeout_of_a_loop(plan: Plan, front: Front) -> None:
    harness = front(plan, {"100": [("Set", "TIMEOUT(absolute)=5"), ("Goto", "101,1")], "101": [("Goto", "101,1")]})
    call = harness.call("100")
    for _turn in range(10):
        harness.core.clock.turn(0.6)
    assert call.ended


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ([("Goto", "gone,1")], "INVALID"),
        ([("Answer", ""), ("WaitExten", "1")], "RESPONSETIMEOUT"),
        ([("Set", "TIMEOUT(absolute)=1"), ("Answer", ""), STAY], "ABSOLUTETIMEOUT"),
        ([("RaiseException", "MINE")], "MINE"),
    ],
)
def test_e_catches_what_nothing_else_does(plan: Plan, front: Front, first: list[tuple[str, str]], reason: str) -> None:
    harness = front(plan, {"100": first, "e": [seen("E"), STAY], "h": HANGUP})
    call = harness.call("100")
    harness.core.clock.advance(1)
    assert (call.variable("E"), harness.engine.read_function(call.channel, "EXCEPTION(reason)")) == ("yes", reason)
    call.far.hang_up()
    assert (call.variable("H"), call.ended) == ("yes", True)


@pytest.mark.parametrize("name", ["o", "a", "fax", "talk"])
def test_others_are_extensions_like_any(plan: Plan, front: Front, name: str) -> None:
    call = front(plan, {"100": [("Goto", f"{name},1")], name: [seen("X")], "h": HANGUP}).call("100")
    assert (call.variable("X"), call.variable("H")) == ("yes", "yes")


def test_h_runs_once_however_the_call_ends(plan: Plan, front: Front) -> None:
    steps: Steps = {
        "hung": [("Hangup", "17")],
        "last": [seen("X")],
        "wait": [("Answer", ""), STAY],
        "h": [("Set", "GLOBAL(COUNT)=1"), ("UserEvent", "h"), ("Goto", "after,1")],
        "after": [seen("AFTER"), ("Wait", "5"), seen("NOT")],
    }
    harness = front(plan, steps)
    for exten in ("hung", "last", "wait"):
        call = harness.call(exten)
        if exten == "wait":
            call.channel.request_hangup()
        assert (call.ended, call.variable("AFTER"), call.variable("NOT")) == (True, "yes", None)


@pytest.mark.parametrize(
    ("status", "told", "cause"),
    [
        ("BUSY", ["busy", "hangup 17"], 17),
        ("CONGESTION", ["congestion", "hangup 34"], 34),
        ("CHANUNAVAIL", ["congestion", "hangup 34"], 34),
        ("NOANSWER", ["hangup 0"], 0),
        ("ANSWER", ["hangup 0"], 0),
        (None, ["hangup 0"], 0),
    ],
)
def test_auto_fallthrough(plan: Plan, front: Front, status: str | None, told: list[str], cause: int) -> None:
    harness = front(plan, {"100": [("Set", f"DIALSTATUS={status}" if status else "X=1")], "h": HANGUP})
    call = harness.call("100")
    assert call.ended is (len(told) == 1)
    harness.core.clock.advance(10)
    assert (call.ended, call.far.told, call.channel.hangup_cause) == (True, told, cause)
    assert call.variable("H") == "yes"


def test_without_auto_fallthrough_digits_are_awaited(plan: Plan, front: Front) -> None:
    harness = front(plan, {"100": [("Answer", "")], "7": [seen("X")], "t": [seen("T")], "h": HANGUP})
    harness.engine.autofallthrough = False
    call = harness.call("100")
    harness.core.clock.advance(9)
    assert not call.ended
    call.far.press("7")
    assert call.variable("X") == "yes"
    harness.core.clock.advance(10)
    assert (call.variable("T"), call.ended) == ("yes", False)
    call.far.hang_up()
    assert (call.variable("H"), call.ended) == ("yes", True)


def test_priorities_by_number_label_and_letters(plan: Plan) -> None:
    harness = plan(
        extensions_conf="""
[default]
exten => 100,1(start),Set(T=1)
exten => 100,n,Set(T=${T}2)
exten => 100,n(mid),Set(T=${T}3)
exten => 100,n+2(far),Set(T=${T}6)
same => n(near),Set(T=${T}7)
exten => 100,4,Set(T=${T}4)
 same => n,GotoIf($["${T}" = "1234"]?far:near)
exten => h,1,Set(H=${EXTEN})
"""
    )
    call = harness.call("100")
    assert (call.variable("T"), call.ended, call.variable("H")) == ("123467", True, "h")


def test_a_call_is_told_apart_from_one_that_rings(plan: Plan, front: Front) -> None:
    harness = front(plan, {"100": [("Dial", "Fake/bob,5"), ("Set", "X=yes")]})
    call = harness.call("100")
    harness.core.fake.drivers["bob"][-1].say(Control.RINGING)
    harness.core.clock.advance(5)
    assert (call.variable("DIALSTATUS"), call.variable("X"), call.ended) == ("NOANSWER", "yes", True)
