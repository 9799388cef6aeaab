"""The run of a dialplan on a call: special extensions, overlap dialling, fall through, redirects, hang-ups."""

from __future__ import annotations

import pytest

from dialplan.extensions import Fragment, Include, Priority
from pbx.core import messages
from pbx.core.causes import Cause
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan

LUA = """
local function mark(name, more)
    return function(context, exten)
        channel[name] = exten
        if more then more(context, exten) end
    end
end
extensions = {
    default = {
        ["100"] = mark("A100"),
        ["1001"] = mark("A1001"),
        ["_2XX"] = mark("A2XX"),
        answer = mark("ANSWERED", function() app.Answer() app.Wait(60) end),
        menu = function() app.Answer() app.BackGround("menu") app.WaitExten(3) end,
        timed = function() channel.TIMEOUT("absolute"):set(5) app.Answer() app.Wait(60) end,
        busy = function() channel.DIALSTATUS = "BUSY" end,
        congested = function() channel.DIALSTATUS = "CHANUNAVAIL" end,
        incomplete = function() app.Incomplete() end,
        ["_3"] = function() app.Incomplete() end,
        ["_3XX"] = mark("A3XX"),
        h = mark("H"),
    },
    handled = {
        include = { "default" },
        i = mark("I", function() channel.INVALID = channel.INVALID_EXTEN:get() end),
        t = mark("T"),
        T = mark("ABSOLUTE"),
    },
    caught = {
        include = { "default" },
        e = mark("E", function()
            channel.WHY = channel.EXCEPTION("reason"):get() .. channel.EXCEPTION("exten"):get()
        end),
    },
}
"""


@pytest.fixture
def harness(plan: Plan) -> DialplanHarness:
    made = plan(LUA)
    made.core.switchboard.sounds["menu"] = made.directories.etc / "menu.wav"
    return made


def test_a_call_to_nobody_ends_with_a_warning(harness: DialplanHarness) -> None:
    call = harness.call("999")
    assert call.ended
    assert call.variable("H") == "h"
    assert harness.logged("no invalid handler: context,exten,priority=default,999,1")


@pytest.mark.parametrize(("context", "name"), [("handled", "I"), ("caught", "E")])
def test_a_call_to_nobody_goes_to_i_or_e(harness: DialplanHarness, context: str, name: str) -> None:
    call = harness.call("999", context)
    assert call.ended
    assert call.variable(name) is not None
    assert call.variable("INVALID" if name == "I" else "WHY") == ("999" if name == "I" else "INVALID999")


def test_no_context_at_all(harness: DialplanHarness) -> None:
    call = harness.call("100", "nowhere")
    assert call.ended
    assert call.variable("H") is None


@pytest.mark.parametrize(("digits", "variable"), [("1001", "A1001"), ("234", "A2XX")])
def test_digits_over_a_prompt_become_an_extension_as_soon_as_it_is_complete(
    harness: DialplanHarness, digits: str, variable: str
) -> None:
    call = harness.call("menu")
    call.far.press(digits[0])
    assert harness.core.switchboard.playbacks[-1].finished.called
    call.far.press(digits[1:])
    assert call.variable(variable) == digits
    assert call.ended


def test_a_shorter_extension_waits_for_the_digit_timeout(harness: DialplanHarness) -> None:
    call = harness.call("menu")
    call.far.press("100")
    assert call.variable("A100") is None
    harness.core.clock.advance(5)
    assert call.variable("A100") == "100"


def test_digits_in_wait_exten_count_too(harness: DialplanHarness) -> None:
    call = harness.call("menu")
    harness.core.switchboard.playbacks[-1].finish()
    call.far.press("234")
    assert call.variable("A2XX") == "234"


def test_digits_that_lead_nowhere(harness: DialplanHarness) -> None:
    call = harness.call("menu", "handled")
    call.far.press("9")
    assert (call.variable("INVALID"), call.ended) == ("9", True)
    lost = harness.call("menu")
    lost.far.press("9")
    assert lost.ended
    assert harness.logged("dialled an invalid extension")


@pytest.mark.parametrize(("context", "variable"), [("handled", "T"), ("caught", "E")])
def test_no_digits_at_all(harness: DialplanHarness, context: str, variable: str) -> None:
    call = harness.call("menu", context)
    harness.core.switchboard.playbacks[-1].finish()
    harness.core.clock.advance(3)
    assert call.variable(variable) is not None
    assert call.ended


def test_an_incomplete_extension_takes_more_digits(harness: DialplanHarness) -> None:
    call = harness.call("3", "handled")
    call.far.press("45")
    assert call.variable("A3XX") == "345"
    slow = harness.call("3", "handled")
    harness.core.clock.advance(5)
    assert slow.variable("T") == "t"


def test_incomplete_with_nothing_longer_is_invalid(harness: DialplanHarness) -> None:
    call = harness.call("incomplete", "handled")
    assert call.variable("I") == "i"


def test_the_absolute_timeout(harness: DialplanHarness) -> None:
    call = harness.call("timed", "handled")
    harness.core.clock.advance(4)
    assert not call.ended
    harness.core.clock.advance(1)
    assert call.variable("ABSOLUTE") == "T"
    caught = harness.call("timed", "caught")
    harness.core.clock.advance(5)
    assert caught.variable("WHY") == "ABSOLUTETIMEOUTtimed"
    ended = harness.call("timed")
    harness.core.clock.advance(5)
    assert ended.ended
    assert ended.variable("H") == "h"


@pytest.mark.parametrize(("exten", "told"), [("busy", "busy"), ("congested", "congestion")])
def test_falling_through_tells_why(harness: DialplanHarness, exten: str, told: str) -> None:
    call = harness.call(exten)
    assert call.far.told == [told]
    harness.core.clock.advance(10)
    assert call.ended
    cause = Cause.USER_BUSY if told == "busy" else Cause.NORMAL_CIRCUIT_CONGESTION
    assert call.far.told[-1] == f"hangup {int(cause)}"


def test_hanging_up_runs_h_once_and_ends_everything(harness: DialplanHarness) -> None:
    call = harness.call("answer")
    call.far.hang_up(Cause.USER_BUSY)
    assert call.ended
    assert call.variable("H") == "h"
    assert call.far.told == ["answer", "hangup 17"]
    assert harness.core.clock.next_timer_seconds() is None


def test_hanging_up_from_here(harness: DialplanHarness) -> None:
    call = harness.call("answer")
    call.channel.request_hangup()
    assert (call.ended, call.variable("H")) == (True, "h")
    hard = harness.call("answer")
    hard.channel.hangup()
    assert hard.ended


def test_a_redirect_goes_elsewhere(harness: DialplanHarness) -> None:
    call = harness.call("answer")
    call.channel.redirect("default", "234", 1)
    assert call.variable("A2XX") == "234"
    assert (call.ended, call.variable("H")) == (True, "h")


def test_a_redirect_to_nowhere_is_invalid(harness: DialplanHarness) -> None:
    call = harness.call("answer")
    call.channel.redirect("handled", "nothing", 1)
    assert call.variable("INVALID") == "nothing"


def test_newexten_s_material_is_published(harness: DialplanHarness) -> None:
    seen: list[tuple[str, str, str]] = []

    def note(changed: messages.ChannelChanged) -> None:
        new, old = changed.channel, changed.old
        if new.application and (not old.application or (new.exten, new.priority) != (old.exten, old.priority)):
            seen.append((new.context, new.exten, new.application))

    harness.core.bus.subscribe(messages.ChannelChanged, note)
    call = harness.call("answer")
    call.channel.redirect("default", "menu", 1)
    call.far.hang_up()
    assert seen == [("default", "answer", "Answer"), ("default", "menu", "Answer")]


def test_a_taken_channel_lives_on_without_its_dialplan(harness: DialplanHarness) -> None:
    call = harness.call("answer")
    taken = harness.engine.take(call.channel)
    assert taken.called
    assert call.ended
    assert call.channel.alive
    assert call.channel.owner == ""
    assert call.variable("H") is None
    harness.engine.start(call.channel)
    call.far.hang_up()
    assert not call.channel.alive


class TestNativeContexts:
    """Contexts of a front end with priorities, as extensions.conf will have."""

    @pytest.fixture
    def native(self, plan: Plan) -> DialplanHarness:
        harness = plan(LUA)
        made = {name: Fragment(name) for name in ("native", "other", "wild", "default")}
        made["native"].add("500", Priority(1, "Set", "ONE=1"))
        made["native"].add("500", Priority(2, "Set", "TWO=2", label="again"))
        made["native"].add("500", Priority(3, "Goto", "5"))
        made["native"].add("500", Priority(5, "Goto", "other,_X.,done"))
        made["native"].includes = [Include.parse("other"), Include.parse("default")]
        made["other"].add("_X.", Priority(1, "Set", "DONE=1", label="done"))
        made["other"].includes = [Include.parse("native")]
        made["wild"].add("x", Priority(1, "Nothing"))
        made["default"].add("100", Priority(1, "Set", "NATIVE=1"))
        harness.engine.contexts.merge("test", made)
        return harness

    def test_priorities_labels_and_includes(self, native: DialplanHarness) -> None:
        call = native.call("500", "native")
        assert [call.variable(name) for name in ("ONE", "TWO", "DONE")] == ["1", "2", "1"]
        assert native.engine.find_priority("native", "500", "again") == 2
        assert native.engine.find_priority("native", "77", "done") == 1
        assert native.engine.find_priority("native", "77", "none") is None
        assert native.engine.match_more("native", "50")
        assert native.engine.can_match("native", "5")

    def test_a_native_extension_comes_before_lua_s_of_the_same_context(self, native: DialplanHarness) -> None:
        call = native.call("100")
        assert (call.variable("NATIVE"), call.variable("A100")) == ("1", None)
        assert native.call("1001").variable("A1001") == "1001"

    def test_lua_is_reached_through_an_include(self, native: DialplanHarness) -> None:
        call = native.call("answer", "native")
        assert call.variable("ANSWERED") == "answer"

    def test_an_unknown_application_ends_the_call(self, native: DialplanHarness) -> None:
        assert native.call("x", "wild").ended
        assert native.logged("No application 'Nothing' for extension (wild, x, 1)")

    def test_unloading_lua_leaves_the_others(self, native: DialplanHarness) -> None:
        result_of(start(native.server.modules.unload("pbx_lua")))
        assert not native.engine.exists("handled", "i")
        assert native.engine.exists("native", "500")
        assert native.call("100").variable("NATIVE") == "1"


def test_an_application_outside_of_a_dialplan(harness: DialplanHarness) -> None:
    far = harness.core.fake.incoming("x")
    assert harness.engine.has_application("NOOP")
    assert result_of(start(harness.engine.execute(far.channel, "set", "A=1"))) == 0
    assert far.channel.variables.get("A") == "1"
    with pytest.raises(LookupError):
        result_of(start(harness.engine.execute(far.channel, "none", "")))
    assert harness.engine.read_function(far.channel, "LEN(abc)") == "3"
    with pytest.raises(LookupError):
        harness.engine.read_function(None, "NONE(x)")
    far.channel.hangup()


def test_a_hundred_calls_at_once(harness: DialplanHarness) -> None:
    calls = [harness.call("answer") for _ in range(100)]
    for call in calls[::2]:
        call.far.hang_up()
    harness.core.clock.advance(60)
    assert all(call.ended and call.variable("H") == "h" for call in calls)
