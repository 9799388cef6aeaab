"""Hangup handlers: CHANNEL(hangup_handler_push) and its kin, their order, their events, channels without a dialplan."""

from __future__ import annotations

import pytest

from dialplan.hangup_handlers import MAX_HANDLERS, MAX_RUNS
from pbx.core import messages
from pbx.core.dial import Destination
from pbx.core.frames import Control
from pbx.core.originate import Originate
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan

HANDLERS = """
[handler]
exten => s,1,Set(GLOBAL(ORDER)=${GLOBAL(ORDER)}${ARG1})
 same => n,Set(LAST=${CHANNEL(checkhangup)}${HANGUPCAUSE}${H})
 same => n,Return
exten => again,1,Set(GLOBAL(ORDER)=${GLOBAL(ORDER)}x)
 same => n,Set(CHANNEL(hangup_handler_push)=handler,again,1)
 same => n,Return
exten => waits,1,Wait(60)
 same => n,Set(GLOBAL(ORDER)=never)
exten => stays,1,Set(GLOBAL(ORDER)=${GLOBAL(ORDER)}s)
 same => n,NoOp
exten => loops,1,Goto(1)
"""


def conf(*steps: str, more: str = "") -> str:
    body = "\n".join(f"exten => 100,{number},{step}" for number, step in enumerate(steps, 1))
    return (
        f"[default]\n{body}\nexten => h,1,Set(GLOBAL(ORDER)=${{GLOBAL(ORDER)}}h)\n same => n,Set(H=h)\n{HANDLERS}{more}"
    )


def push(target: str, item: str = "push") -> str:
    return f"Set(CHANNEL(hangup_handler_{item})={target})"


def order(harness: DialplanHarness) -> str | None:
    return harness.server.channels.globals.get("ORDER")


def test_they_run_after_h_the_last_one_first(plan: Plan) -> None:
    harness = plan(extensions_conf=conf(push("handler,s,1(a)"), push("handler,s,1(b)"), "Hangup(17)"))
    call = harness.call("100")
    assert (call.ended, order(harness), call.variable("LAST")) == (True, "hba", "117h")


def test_the_caller_hangs_up(plan: Plan) -> None:
    harness = plan(extensions_conf=conf(push("handler,s,1(a)"), "Answer", "Wait(60)"))
    call = harness.call("100")
    call.far.hang_up()
    assert (call.ended, order(harness)) == (True, "ha")


def test_pop_and_wipe(plan: Plan) -> None:
    harness = plan(
        extensions_conf=conf(
            push("handler,s,1(a)"), push("handler,s,1(b)"), push("", "pop"), push("handler,s,1(c)", "pop"), "Hangup"
        )
    )
    harness.call("100")
    assert order(harness) == "hc"
    harness = plan(
        extensions_conf=conf(
            push("handler,s,1(a)"),
            push("handler,s,1(b)"),
            push("handler,s,1(c)", "wipe"),
            push("", "pop"),
            push("", "pop"),
        )
    )
    harness.call("100")
    assert order(harness) == "h"


def test_what_is_left_out_is_where_the_channel_was(plan: Plan) -> None:
    more = "[default]\nexten => 100,9(end),Set(GLOBAL(ORDER)=${GLOBAL(ORDER)}${EXTEN})\n same => n,Return\n"
    harness = plan(extensions_conf=conf(push("end"), "Hangup", more=more))
    call = harness.call("100")
    assert (order(harness), call.channel.exten) == ("h100", "h")


def test_events_and_console(plan: Plan) -> None:
    harness = plan(
        extensions_conf=conf(push("s,1(a)"), push("handler,s,1(b)"), push("handler,s,1", "pop"), "Answer", "Wait(9)")
    )
    seen: list[tuple[str, str]] = []
    harness.core.bus.subscribe(messages.HangupHandler, lambda message: seen.append((message.action, message.handler)))
    call = harness.call("100")

    def console(line: str) -> str:
        return result_of(start(harness.server.cli.run(line))).output

    shown = console(f"core show hanguphandlers {call.channel.name}")
    assert shown.splitlines() == [
        f"{'Channel':<30} Handler",
        f"{call.channel.name:<30} handler,s,1",
        f"{'':<30} default,s,1(a)",
    ]
    assert console("core show hanguphandlers all") == shown
    assert "Channel does not exist." in console("core show hanguphandlers nobody")
    call.far.hang_up()
    assert seen == [
        ("push", "default,s,1(a)"),
        ("push", "handler,s,1(b)"),
        ("pop", "handler,s,1(b)"),
        ("push", "handler,s,1"),
        ("run", "handler,s,1"),
        ("run", "default,s,1(a)"),
    ]
    assert harness.logged("non-existent destination 'default,s,1'")


@pytest.mark.parametrize("bad", ["gone,1", "s,gone", "waits,1", "stays,1", "loops,1"])
def test_one_that_does_not_return_does_not_keep_the_others(plan: Plan, bad: str) -> None:
    harness = plan(extensions_conf=conf(push("handler,s,1(a)"), push(f"handler,{bad}"), "Hangup"))
    call = harness.call("100")
    for _turn in range(60):
        harness.core.clock.turn()
    found = order(harness)
    assert call.ended
    assert found is not None
    assert found.replace("s", "") == "ha"


def test_one_that_pushes_itself_is_ended(plan: Plan) -> None:
    harness = plan(extensions_conf=conf(push("handler,again,1"), "Hangup"))
    call = harness.call("100")
    for _turn in range(60):
        harness.core.clock.turn()
    assert (call.ended, order(harness)) == (True, "h" + "x" * MAX_RUNS)
    assert harness.logged(f"more than {MAX_RUNS} hangup handlers ran")


def test_there_is_a_bound(plan: Plan) -> None:
    harness = plan(extensions_conf=conf(*[push("handler,s,1(a)")] * (MAX_HANDLERS + 1)))
    harness.call("100")
    harness.core.clock.pump([0] * 5)
    assert order(harness) == "h" + "a" * MAX_HANDLERS
    assert harness.logged("hangup handlers are all that one channel may have")


def test_without_app_stack(plan: Plan) -> None:
    harness = plan(extensions_conf=conf(push("handler,s,1(a)"), "Hangup"))
    result_of(start(harness.server.modules.unload("app_stack")))
    assert harness.call("100").ended
    assert order(harness) == "h"
    assert harness.logged("Cannot expand 'Gosub(handler,s,1(a))' arguments.")


def test_a_handler_in_lua(plan: Plan) -> None:
    harness = plan(
        """
        extensions = { default = {
            ["100"] = function() channel["CHANNEL(hangup_handler_push)"] = "bye,s,1(x)" mine = "kept" app.Hangup() end,
            h = function() channel.H = "h" end,
        }, bye = {
            s = function() channel.BYE = channel.H:get() .. channel.ARG1:get() .. mine app["Return"]() end,
        } }
        """
    )
    call = harness.call("100")
    assert (call.ended, call.variable("BYE")) == (True, "hxkept")


DIALLED = "[pre]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=handler,s,1(${ARG1}))\n same => n,Return\n"


def test_a_called_party_has_its_own(plan: Plan) -> None:
    harness = plan(
        extensions_conf=conf("Dial(Fake/bob&Fake/carol,30,gb(pre^s^1(b)))", "Set(A=${GLOBAL(ORDER)})", more=DIALLED)
    )
    call = harness.call("100")
    bob, carol = harness.core.fake.drivers["bob"][-1], harness.core.fake.drivers["carol"][-1]
    bob.say(Control.ANSWER)
    assert (order(harness), carol.channel.alive) == ("b", False)
    bob.hang_up()
    assert (call.variable("A"), bob.channel.alive) == ("bb", False)
    assert bob.told[-1].startswith("hangup")
    assert bob.channel.variables.get("LAST") == "116"


def test_a_called_party_whose_handler_waits_ends_when_it_has(plan: Plan) -> None:
    more = DIALLED + "[slow]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=slow,h,1)\n same => n,Return\n"
    more += "exten => h,1,Set(A=${CURL(http://slow/)})\n same => n,Return\n"
    harness = plan(extensions_conf=conf("Dial(Fake/bob,30,gb(slow^s^1))", "Answer", "Wait(99)", more=more))
    harness.web.answer("http://slow/", "late", after=3)
    call = harness.call("100")
    bob = harness.core.fake.drivers["bob"][-1]
    bob.say(Control.ANSWER)
    bob.hang_up()
    assert (bob.channel.alive, bob.told[-1], call.channel.application) == (True, "call", "Wait")
    harness.core.clock.pump([10] * 20)
    assert (bob.channel.alive, bob.told[-1], bob.channel.variables.get("A")) == (False, "hangup 16", "late")
    call.far.hang_up()


def test_an_originated_call_has_its_own(plan: Plan) -> None:
    harness = plan(extensions_conf=conf("Answer"))
    for extra in ({"application": "Wait", "data": "5"}, {"context": "default", "exten": "100"}):
        harness.server.originator.start(
            Originate(
                Destination("Fake", "bob"),
                variables=[("CHANNEL(hangup_handler_push)", "handler,s,1(o)")],
                **extra,  # type: ignore[arg-type]
            )
        )
        bob = harness.core.fake.drivers["bob"][-1]
        bob.say(Control.ANSWER)
        harness.core.clock.advance(5)
        assert not bob.channel.alive
    assert order(harness) == "oho"
    harness.server.originator.start(
        Originate(
            Destination("Fake", "bob"), "Wait", "5", variables=[("CHANNEL(hangup_handler_push)", "handler,s,1(r)")]
        )
    )
    harness.core.fake.drivers["bob"][-1].say(Control.BUSY)
    assert order(harness) == "ohor"
