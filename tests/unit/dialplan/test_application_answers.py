"""What applications leave behind: variables where things go wrong or the caller hangs up, and whether the call goes on.

Each as Asterisk 22's source has it. Plans are in extensions.conf, where a result of 0 goes on and one of -1 does not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan

SOUNDS = ("one", "two", "agent-pass")
#: An extension for somebody else.
OTHER = "exten => 200,1,Wait(99)"


def begin(plan: Plan, *steps: str, h: tuple[str, ...] = (), more: str = "") -> tuple[DialplanHarness, DialplanCall]:
    """A call to ``steps``, where some sounds exist."""
    lines = ["[default]", *(f"exten => 100,{n},{step}" for n, step in enumerate(steps, 1))]
    lines += [f"exten => h,{n},{step}" for n, step in enumerate(h, 1)]
    harness = plan(extensions_conf="\n".join(lines) + f"\n{more}\n")
    harness.core.switchboard.sounds.update({name: Path(f"/{name}.wav") for name in SOUNDS})
    return harness, harness.call("100")


class TestSounds:
    """Playback and BackGround: PLAYBACKSTATUS and BACKGROUNDSTATUS."""

    @pytest.mark.parametrize(
        ("arguments", "status", "heard"),
        [
            ("one&&two", "FAILED", ["one", "two"]),
            (",noanswer", "FAILED", []),
            ("'one'&\" two \"", "SUCCESS", ["one", "two"]),
            ("missing&one", "FAILED", ["one"]),
        ],
    )
    def test_playback_goes_on_whatever_is_missing(
        self, plan: Plan, arguments: str, status: str, heard: list[str]
    ) -> None:
        harness, call = begin(plan, "Wait(1)", f"Playback({arguments})", "Set(R=${PLAYBACKSTATUS})")
        harness.core.switchboard.instant = True
        harness.core.clock.advance(1)
        assert call.variable("R") == status
        assert [each.path.stem for each in harness.core.switchboard.playbacks] == heard

    @pytest.mark.parametrize(("name", "variable"), [("Playback", "PLAYBACK"), ("BackGround", "BACKGROUND")])
    @pytest.mark.parametrize(("files", "status"), [("one", "SUCCESS"), ("missing&one", "FAILED")])
    def test_a_hangup_in_the_middle_is_no_failure(
        self, plan: Plan, name: str, variable: str, files: str, status: str
    ) -> None:
        _harness, call = begin(plan, f"{name}({files})", "Wait(1)", h=(f"Set(R=${{{variable}STATUS}})",))
        call.far.hang_up()
        assert call.variable("R") == status

    def test_background_without_a_file(self, plan: Plan) -> None:
        _harness, call = begin(plan, "BackGround(,n)", "Set(R=${BACKGROUNDSTATUS})")
        assert call.variable("R") == "FAILED"

    def test_letters_of_background_are_small(self, plan: Plan) -> None:
        harness, call = begin(plan, "BackGround(one,S)", "Set(R=1)")
        assert (call.variable("R"), call.far.told) == (None, ["answer"])
        assert harness.logged("Unrecognized option: 'S'")

    def test_a_digit_that_is_an_extension_counts_over_what_ran_background(self, plan: Plan) -> None:
        _harness, call = begin(
            plan, "TryExec(BackGround(one))", "Set(R=${TRYSTATUS})", more="exten => 5,1,Set(FIVE=1)\n same => n,Wait(9)"
        )
        call.far.press("5")
        assert (call.variable("FIVE"), call.variable("TRYSTATUS")) == ("1", "SUCCESS")
        assert call.channel.exten == "5"


class TestAfterTheEnd:
    """In h: what an application answers there decides on the next step."""

    @pytest.mark.parametrize(
        ("step", "goes_on"),
        [
            ("Answer()", False),
            ("Playback(one)", False),
            ("Incomplete()", False),
            ("Wait(1)", False),
            ("WaitDigit(1)", False),
            ("Authenticate(1)", False),
            ("Echo()", False),
            ("Dial(Fake/a)", False),
            ("ReadExten(X)", False),
            ("Read(X)", True),
            ("TryExec(Answer())", True),
            ("Bridge(none)", True),
            ("Bridge()", True),
            ("SoftHangup(none)", True),
            ("Progress()", True),
            ("MSet()", True),
            ("Stasis()", True),
        ],
    )
    def test_whether_h_goes_on(self, plan: Plan, step: str, goes_on: bool) -> None:
        _harness, call = begin(plan, "Answer()", "Wait(9)", h=(step, "Set(R=1)"))
        call.far.hang_up()
        assert call.ended
        assert (call.variable("R") == "1") is goes_on

    def test_a_call_that_was_not_answered_is_not_answered_in_h(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Wait(9)", h=("Answer()", "Set(R=1)"))
        call.far.hang_up()
        assert "answer" not in call.far.told
        assert call.variable("R") is None

    def test_read_keeps_what_was_entered(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Read(PIN,one)", "Wait(9)", h=("Set(R=${READSTATUS}/${PIN})",))
        call.far.press("12")
        call.far.hang_up()
        assert call.variable("R") == "HANGUP/12"

    def test_readexten_and_waitdigit(self, plan: Plan) -> None:
        _harness, call = begin(plan, "ReadExten(X)", h=("Set(R=${READEXTENSTATUS})",))
        call.far.hang_up()
        assert call.variable("R") == "HANGUP"
        _harness, call = begin(plan, "WaitDigit(5)", h=("Set(R=${WAITDIGITSTATUS})",))
        call.far.hang_up()
        assert call.variable("R") == "CANCEL"

    def test_a_redirect_cuts_read_too(self, plan: Plan) -> None:
        _harness, call = begin(
            plan, "Read(X)", "Set(NO=1)", more="exten => 5,1,Set(R=${READSTATUS})\n same => n,Wait(9)"
        )
        call.channel.redirect("default", "5", 1)
        assert (call.variable("R"), call.variable("NO")) == ("HANGUP", None)


class TestAnswer:
    """Answer: only a call that waits for it."""

    def test_a_call_of_our_own_is_not_answered_by_the_dialplan(self, plan: Plan) -> None:
        more = "[sub]\nexten => s,1,Answer()\n same => n,Set(R=${CHANNEL(state)})\n same => n,Return()"
        harness, call = begin(plan, "Dial(Fake/a,9,b(sub^s^1))", more=more)
        called = harness.core.fake.drivers["a"][-1]
        assert "answer" not in called.told
        assert called.channel.get_variable("R") == "Down"
        assert call.channel.state.name == "RING"

    def test_a_busy_call_cannot_be_answered(self, plan: Plan) -> None:
        harness, call = begin(plan, "TryExec(Busy(1))", "Answer()", "Set(R=1)")
        harness.core.clock.advance(1)
        assert (call.variable("R"), call.far.told[:1]) == ("1", ["busy"])
        assert "answer" not in call.far.told


class TestFailure:
    """Busy and Congestion: the cause, and the state that AMI shows."""

    @pytest.mark.parametrize(("name", "cause"), [("Busy", Cause.USER_BUSY), ("Congestion", 34)])
    def test_the_cause_counts_over_that_of_a_dial(self, plan: Plan, name: str, cause: int) -> None:
        harness, call = begin(plan, "Dial(Fake/a,9)", f"{name}()", h=("Set(R=${HANGUPCAUSE})",))
        harness.core.fake.drivers["a"][-1].hang_up(Cause.NO_ROUTE_DESTINATION)
        assert call.channel.state.name == "BUSY"
        call.far.hang_up(0)
        assert call.variable("R") == str(int(cause))

    def test_a_call_that_is_up_keeps_its_state(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Answer()", "Congestion()")
        assert call.channel.state.name == "UP"
        call.far.hang_up()

    def test_any_positive_number_is_a_cause_of_hangup(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Hangup(404)", h=("Set(R=${HANGUPCAUSE})",))
        assert call.variable("R") == "404"
        harness, call = begin(plan, "Hangup(-3)", h=("Set(R=${HANGUPCAUSE})",))
        assert call.variable("R") == "16"
        assert harness.logged('Invalid cause given to Hangup(): "-3"')


class TestArguments:
    """How arguments are taken apart."""

    def test_msg_of_verbose_and_log(self, plan: Plan) -> None:
        harness, _call = begin(plan, "Verbose(one (a,b))", "Verbose(0,two, three)", 'Log(NOTICE,"four", five)')
        for line in ("one (a,b)", "two, three", '"four", five'):
            assert harness.logged(line)
        assert not harness.logged("is not a verboser number")

    def test_userevent(self, plan: Plan) -> None:
        seen: list[messages.UserEvent] = []
        harness, _call = begin(plan, "Wait(1)", 'UserEvent(Mine,a: 1,noise, b :"2,3",a:4,:5)')
        harness.core.bus.subscribe(messages.UserEvent, seen.append)
        harness.core.clock.advance(1)
        assert [(event.name, event.fields) for event in seen] == [
            ("Mine", (("a", "4"), (" b ", "2,3"), ("", "5"))),
        ]

    def test_mset(self, plan: Plan) -> None:
        harness, call = begin(plan, 'MSet(A=1, B=2,"C"="3,4",D,E=)', "Set(R=${A}/${ B}/${C}/${E})", "Wait(9)")
        assert call.variable("R") == "1/2/3,4/"
        assert harness.logged("ignoring entry 'D' with no '='")
        assert harness.logged("Please avoid unnecessary spaces on variables")
        call.far.hang_up()

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("1e1", 10.0),
            ("100ms", 0.1),
            ("2s", 2.0),
            ("1.5 m", 90.0),
            ("5,", 0.0),
            ("5x", 0.0),
            ("5hours", 0.0),
            ("-1", 0.0),
        ],
    )
    def test_wait(self, plan: Plan, text: str, seconds: float) -> None:
        harness, call = begin(plan, f"Wait({text})", "Set(R=1)", "Wait(999)")
        if seconds:
            assert call.variable("R") is None
            harness.core.clock.advance(seconds)
        assert call.variable("R") == "1"
        call.far.hang_up()

    def test_an_open_parenthesis_does_not_end_the_call(self, plan: Plan) -> None:
        harness, call = begin(plan, "WaitExten(1,d(dial)", "Set(R=1)", "Wait(9)")
        harness.core.clock.advance(1)
        assert call.variable("R") == "1"
        assert harness.logged("Missing closing parenthesis for argument 'd'")
        call.far.hang_up()

    def test_testtime_that_is_no_time_goes(self, plan: Plan) -> None:
        harness, call = begin(plan, "Set(TESTTIME=soon)", "GotoIfTime(*,*,*,*?3)", "Set(R=1)", "Wait(9)")
        assert call.variable("R") == "1"
        assert call.channel.get_variable("TESTTIME") is None
        assert harness.logged("Using current time to evaluate")
        call.far.hang_up()


class TestRead:
    """Read and ReadExten."""

    def test_nobody_waits_behind_a_prompt_that_is_missing(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Read(X,missing,,,3)", "Set(R=${READSTATUS}/${X})", "Wait(9)")
        assert call.variable("R") == "ERROR/"
        call.far.hang_up()

    def test_one_that_is_missing_among_others(self, plan: Plan) -> None:
        harness, call = begin(plan, "Read(X,missing&one)", "Set(R=${READSTATUS}/${X})", "Wait(9)")
        assert [each.path.stem for each in harness.core.switchboard.playbacks] == ["one"]
        call.far.press("7#")
        assert call.variable("R") == "OK/7"
        call.far.hang_up()

    def test_the_time_of_readexten_runs_while_its_file_plays(self, plan: Plan) -> None:
        harness, call = begin(plan, "ReadExten(X,one,,,3)", "Set(R=${READEXTENSTATUS}/${X})", "Wait(9)")
        harness.core.clock.advance(2.9)
        assert call.variable("R") is None
        harness.core.clock.advance(0.1)
        assert call.variable("R") == "TIMEOUT/t"
        call.far.hang_up()

    def test_the_last_digit_of_echo_is_heard_too(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Echo()", "Wait(9)")
        call.far.press("1#")
        assert [told for told in call.far.told if told.startswith("digit")] == ["digit 1", "digit #"]
        call.far.hang_up()


class TestOthers:
    """Bridge, Originate, Stasis: answers about other channels."""

    def test_bridge_by_the_beginning_of_a_name(self, plan: Plan) -> None:
        harness, call = begin(plan, "Wait(1)", "Bridge(Fake/oth)", more=OTHER)
        other = harness.call("200", resource="other")
        harness.core.clock.advance(1)
        assert call.channel.bridge is not None
        assert call.channel.bridge is other.channel.bridge
        other.far.hang_up()
        call.far.hang_up()

    @pytest.mark.parametrize(
        ("arguments", "result"), [("", "NONEXISTENT"), ("none", "NONEXISTENT"), ("Fake/phone", "LOOP")]
    )
    def test_bridgeresult(self, plan: Plan, arguments: str, result: str) -> None:
        _harness, call = begin(plan, f"Bridge({arguments})", "Set(R=${BRIDGERESULT})")
        assert call.variable("R") == result

    def test_a_limit_of_bridge_that_is_none(self, plan: Plan) -> None:
        harness, call = begin(
            plan, "Wait(1)", "Bridge(Fake/other,L(0)wt)", "Set(R=${BRIDGERESULT})", more="exten => 200,1,Wait(99)"
        )
        other = harness.call("200", resource="other")
        harness.core.clock.advance(1)
        assert (call.variable("R"), other.ended) == ("FAILURE", False)
        assert harness.logged("Bridge: option w does nothing")
        other.far.hang_up()

    def test_either_end_of_bridge_hangs_up_by_star(self, plan: Plan) -> None:
        harness, call = begin(
            plan, "Wait(1)", "Bridge(Fake/other,Hx)", "Set(R=${BRIDGERESULT})", more="exten => 200,1,Wait(99)"
        )
        other = harness.call("200", resource="other")
        harness.core.clock.advance(1)
        call.far.press("*")
        assert (call.variable("R"), other.ended) == ("SUCCESS", True)

    @pytest.mark.parametrize("options", ["", "a"])
    def test_softhangup(self, plan: Plan, options: str) -> None:
        harness, call = begin(
            plan, "Wait(1)", f"SoftHangup(fake/OTHER,{options})", "Wait(9)", more="exten => 200,1,Wait(99)"
        )
        others = [harness.call("200", resource="other") for _ in range(2)]
        harness.core.clock.advance(1)
        assert [other.ended for other in others] == ([True, True] if options else [False, False])
        for each in (call, *others):
            each.far.hang_up()

    def test_stasis_without_an_application(self, plan: Plan) -> None:
        _harness, call = begin(plan, "Stasis()", "Set(R=${STASISSTATUS})")
        assert call.variable("R") == "FAILED"

    def test_originate_says_what_became_of_it_after_a_hangup_too(self, plan: Plan) -> None:
        harness, call = begin(plan, "Originate(Fake/a,app,Wait,9)", "Set(NO=1)", h=("Set(R=${ORIGINATE_STATUS})",))
        set_to: list[str] = []
        harness.core.bus.subscribe(
            messages.VariableSet, lambda m: set_to.append(m.value) if m.name == "ORIGINATE_STATUS" else None
        )
        call.far.hang_up()
        assert not call.ended
        harness.core.fake.drivers["a"][-1].say(Control.BUSY)
        assert (call.variable("R"), call.variable("NO"), call.ended) == ("BUSY", None, True)
        assert set_to == ["BUSY"]

    def test_variables_of_originate(self, plan: Plan) -> None:
        harness, call = begin(plan, "Originate(Fake/a,app,Wait,9,,9,v(A=1^B='x^y'^C=2=3^D))", "Wait(9)")
        channel = harness.core.fake.drivers["a"][-1].channel
        assert [channel.get_variable(name) for name in "ABCD"] == ["1", "'x^y'", "2", ""]
        channel.hangup()
        call.far.hang_up()

    def test_option_c_of_dial_begins_the_record_anew(self, plan: Plan) -> None:
        harness, call = begin(plan, "Set(CDR(mine)=1)", "Wait(2)", "Dial(Fake/a,9,C)", "Wait(9)")
        harness.core.clock.advance(2)
        assert harness.engine.substitute(call.channel, "${CDR(duration)}/${CDR(mine)}") == "0/"
        assert not harness.logged("option C does nothing")
        call.far.hang_up()
