"""Dial: the two legs, what each option does, its result variables, and who goes on."""

from __future__ import annotations

import pytest

from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanHarness, Plan, extensions
from pbx.testing.fake_technology import FakeDriver
from tests.unit.dialplan.dialling import begin


class TestDial:
    """Dial: the two legs, its status, who goes on."""

    @staticmethod
    def bob(harness: DialplanHarness) -> FakeDriver:
        return harness.core.fake.drivers["bob"][-1]

    def test_an_answered_call(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30) channel.NO = '1'")
        bob = self.bob(harness)
        bob.say(Control.RINGING)
        bob.say(Control.ANSWER)
        assert call.far.told == ["ringing", "answer"]
        assert call.channel.bridge is bob.channel.bridge is not None
        harness.core.clock.advance(7)
        bob.hang_up()
        assert (call.ended, call.variable("NO")) == (True, None)
        assert (call.variable("DIALSTATUS"), call.variable("ANSWEREDTIME")) == ("ANSWER", "7")
        assert call.variable("DIALEDPEERNAME") == bob.channel.name
        assert bob.told[-1] == "hangup 16"

    def test_the_caller_hangs_up_first(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'g') channel.NO = '1'")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        call.far.hang_up()
        assert (call.ended, call.variable("NO"), call.variable("H")) == (True, None, "yes")
        assert bob.told[-1] == "hangup 16"

    def test_the_caller_hangs_up_while_it_rings(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob&Fake/carol', 30)")
        call.far.hang_up()
        assert call.variable("DIALSTATUS") == "CANCEL"
        assert self.bob(harness).told[-1].startswith("hangup")
        assert harness.core.fake.drivers["carol"][-1].told[-1].startswith("hangup")

    @pytest.mark.parametrize(
        ("event", "status", "cause"),
        [
            # The word alone tells no cause, as of a Local channel whose dialplan says Busy.
            (Control.BUSY, "BUSY", Cause.NOT_DEFINED),
            (Control.CONGESTION, "CONGESTION", Cause.NOT_DEFINED),
        ],
    )
    def test_a_failed_call_goes_on(self, plan: Plan, event: Control, status: str, cause: Cause) -> None:
        harness, call = begin(
            plan, "app.Dial('Fake/bob') channel.R = channel.DIALSTATUS:get() .. channel.HANGUPCAUSE:get()"
        )
        self.bob(harness).say(event)
        assert call.variable("R") == f"{status}{int(cause)}"

    def test_a_failed_call_that_falls_through_fails_the_caller(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob')")
        self.bob(harness).say(Control.BUSY)
        assert call.far.told == ["busy"]
        call.far.hang_up()
        assert call.far.told == ["busy", "hangup 17"]

    def test_nobody_answers_in_time(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 20) channel.R = channel.DIALSTATUS:get()")
        harness.core.clock.advance(20)
        assert call.variable("R") == "NOANSWER"

    def test_nobody_there(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Dial('None/bob') channel.R = channel.DIALSTATUS:get()")
        assert call.variable("R") == "CHANUNAVAIL"

    @pytest.mark.parametrize("arguments", ["'bob'", "'Fake'", "'Fake/bob', 9, 'S(x)'", "'Fake/bob', 9, 'gm(x'"])
    def test_nonsense(self, plan: Plan, arguments: str) -> None:
        _harness, call = begin(plan, f"app.Dial({arguments}) channel.NO = '1'")
        assert (call.variable("DIALSTATUS"), call.variable("NO"), call.ended) == ("INVALIDARGS", None, True)

    def test_a_limit_of_no_time_ends_the_call_without_a_word(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'gL(0)') channel.NO = '1'")
        assert (call.variable("DIALSTATUS"), call.variable("NO"), call.ended) == ("", None, True)

    def test_a_destination_that_is_none_with_option_g(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Dial('Fake', 9, 'g') channel.R = channel.DIALSTATUS:get()")
        assert call.variable("R") == "INVALIDARGS"

    def test_nothing_to_dial(self, plan: Plan) -> None:
        _harness, call = begin(plan, "app.Dial(' & ') channel.R = '1'")
        assert (call.variable("DIALSTATUS"), call.variable("R")) == ("CHANUNAVAIL", "1")

    def test_option_g(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'g') channel.R = channel.HANGUPCAUSE:get()")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        bob.hang_up()
        assert call.variable("R") == "16"

    def test_option_d(self, plan: Plan) -> None:
        harness = plan(
            extensions("app.Dial('Fake/bob', 30, 'd')") + "extensions.default['5'] = function() channel.R = '1' end"
        )
        call = harness.call("100")
        call.far.press("45")
        assert call.variable("R") == "1"
        assert self.bob(harness).told[-1].startswith("hangup")

    def test_options_h_and_r(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'rHh')")
        assert call.far.told == ["ringing"]
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        call.far.press("1*")
        assert bob.told[-2] == "digit 1"
        assert (call.ended, bob.told[-1]) == (True, "hangup 16")

    def test_option_f_lets_the_called_party_go_on(self, plan: Plan) -> None:
        harness = plan(
            extensions("app.Dial('Fake/bob', 30, 'F(default^200^1)')")
            + "extensions.default['200'] = function() app.Wait(5) channel.R = '1' end"
        )
        call = harness.call("100")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        call.far.hang_up()
        assert call.ended
        assert bob.channel.alive
        harness.core.clock.advance(5)
        assert bob.channel.variables.get("R") == "1"
        assert not bob.channel.alive

    def test_option_capital_g_sends_both(self, plan: Plan) -> None:
        harness = plan(
            extensions("app.Dial('Fake/bob', 30, 'G(default^200^1)')")
            + "extensions.default['200'] = function() channel.R = '1' end"
        )
        call = harness.call("100")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        assert (call.variable("R"), bob.channel.alive) == ("1", False)

    @pytest.mark.parametrize("option", ["L(5000:2000:1000)", "S(5)"])
    def test_limits(self, plan: Plan, option: str) -> None:
        harness, call = begin(plan, f"app.Dial('Fake/bob', 30, '{option}')", "beep")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        harness.core.clock.pump([1] * 4)
        assert not call.ended
        harness.core.clock.advance(1)
        assert (call.ended, bob.channel.alive) == (True, False)
        assert len(harness.core.switchboard.playbacks) == (2 if option[0] == "L" else 0)
        assert harness.core.clock.next_timer_seconds() is None

    def test_option_d_sends_digits(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'D(12:3)')")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        harness.core.clock.pump([0.1, 0.35, 0.35, 0.1, 0.35])
        assert [told for told in bob.told if told.startswith("digit")] == ["digit 1", "digit 2"]
        assert [told for told in call.far.told if told.startswith("digit")] == ["digit 3"]
        assert call.channel.bridge is not None

    def test_an_announcement_to_the_called_party(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'A(one)')", "one")
        self.bob(harness).say(Control.ANSWER)
        assert call.channel.bridge is None
        harness.core.switchboard.playbacks[-1].finish()
        assert call.channel.bridge is not None

    def test_unknown_and_unsupported_options_are_said(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, '?w')")
        assert harness.logged("Unrecognized option: '?'")
        assert harness.logged("option w does nothing")
        call.far.hang_up()

    def test_a_redirect_of_the_caller_while_they_talk(self, plan: Plan) -> None:
        harness = plan(
            extensions("app.Dial('Fake/bob', 30)") + "extensions.default['5'] = function() channel.R = '1' end"
        )
        call = harness.call("100")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        call.channel.redirect("default", "5", 1)
        assert (call.variable("R"), bob.channel.alive) == ("1", False)

    def test_times_are_those_of_the_channels(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30)")
        harness.core.clock.advance(1.5)
        bob = self.bob(harness)
        bob.say(Control.PROGRESS)
        harness.core.clock.advance(1)
        bob.say(Control.RINGING)
        harness.core.clock.advance(1.5)
        bob.say(Control.ANSWER)
        harness.core.clock.advance(6)
        bob.hang_up()
        times = {name: call.variable(name) for name in ("PROGRESSTIME_MS", "RINGTIME_MS", "ANSWEREDTIME", "DIALEDTIME")}
        assert times == {"PROGRESSTIME_MS": "1500", "RINGTIME_MS": "2500", "ANSWEREDTIME": "6", "DIALEDTIME": "10"}

    def test_variables_of_an_earlier_dial_are_cleared(self, plan: Plan) -> None:
        _harness, call = begin(plan, "channel.RINGTIME = '4' app.Dial('None/x')")
        assert call.variable("RINGTIME") == ""

    @pytest.mark.parametrize(("timeout", "wait", "status"), [("9", 9, "NOANSWER"), ("9^2", 2, "CHANUNAVAIL")])
    def test_both_timeouts(self, plan: Plan, timeout: str, wait: float, status: str) -> None:
        harness, call = begin(plan, f"app.Dial('Fake/bob', '{timeout}') channel.R = '1'")
        harness.core.clock.advance(wait)
        assert (call.variable("DIALSTATUS"), call.variable("R")) == (status, "1")

    def test_ringing_ends_the_timeout_of_progress(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', '9^2')")
        self.bob(harness).say(Control.RINGING)
        harness.core.clock.advance(5)
        assert call.channel.application == "Dial"
        call.far.hang_up()

    def test_a_timeout_that_is_no_number_is_none(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 'soon')")
        assert harness.logged("Invalid answer timeout specified: 'soon'")
        call.far.hang_up()

    def test_the_called_party_is_told_who_calls_and_known_by_what_was_dialled(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob')")
        bob = self.bob(harness).channel
        assert (bob.connected.id.number, bob.caller.id.number, bob.exten) == ("1000", "100", "100")
        assert (bob.application, bob.application_data) == ("AppDial", "(Outgoing Line)")
        assert bob.variables.get("DIALEDPEERNUMBER") == "bob"
        call.far.hang_up()

    @pytest.mark.parametrize(
        ("options", "connected", "caller"),
        [
            ('f("Ann" <77>)', "77", "100"),
            ("f", "1000", "100"),
            ("o", "1000", "1000"),
            ("o(55)", "1000", "55"),
            ("f(77)u(prohib)s(tag)", "77", "100"),
        ],
    )
    def test_identities(self, plan: Plan, options: str, connected: str, caller: str) -> None:
        harness, call = begin(plan, f"app.Dial('Fake/bob', 9, '{options}')")
        bob = self.bob(harness).channel
        assert (bob.connected.id.number, bob.caller.id.number) == (connected, caller)
        if "u(" in options:
            assert (bob.connected.id.number_presentation, bob.connected.id.tag) == (0x23, "tag")
        call.far.hang_up()

    def test_a_caller_s_digits_and_hold_go_to_everybody(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob&Fake/carol')")
        call.far.press("5")
        call.far.say(Control.HOLD)
        for name in ("bob", "carol"):
            assert harness.core.fake.drivers[name][-1].told == ["call", "digit 5", "hold"]
        call.far.hang_up()

    def test_option_m_plays_music_until_the_answer(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'm')")
        bob = self.bob(harness)
        bob.say(Control.RINGING)
        bob.say(Control.PROGRESS)
        assert call.far.told == ["progress", "progress"]
        assert not harness.core.switchboard.edges
        bob.say(Control.ANSWER)
        assert call.channel.bridge is not None

    def test_option_r_hides_early_media_and_capital_r_does_not(self, plan: Plan) -> None:
        for options, told in (("r", ["ringing"]), ("R", ["ringing", "progress"])):
            harness, call = begin(plan, f"app.Dial('Fake/bob', 9, '{options}')")
            self.bob(harness).say(Control.PROGRESS)
            assert call.far.told == told
            assert bool(harness.core.switchboard.edges) is (options == "R")
            call.far.hang_up()

    @pytest.mark.parametrize(("options", "cause"), [("", 26), ("Q(17)", 17), ("Q(NONE)", 0), ("Q(NO_ANSWER)", 19)])
    def test_the_cause_for_the_others(self, plan: Plan, options: str, cause: int) -> None:
        harness, call = begin(plan, f"app.Dial('Fake/bob&Fake/carol', 9, '{options}')")
        self.bob(harness).say(Control.ANSWER)
        assert harness.core.fake.drivers["carol"][-1].told[-1] == f"hangup {cause}"
        call.far.hang_up()

    @pytest.mark.parametrize(("options", "cause"), [("", 0), ("c", 26)])
    def test_the_cause_when_time_is_up(self, plan: Plan, options: str, cause: int) -> None:
        harness, _call = begin(plan, f"app.Dial('Fake/bob', 9, '{options}')")
        harness.core.clock.advance(9)
        assert self.bob(harness).told[-1] == f"hangup {cause}"

    def test_option_a_announces_to_both_and_the_called_party_may_cut_it(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'A(one:two)')", "one", "two")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        assert {each.path.name for each in harness.core.switchboard.playbacks} == {"one.wav", "two.wav"}
        bob.press("7")
        assert "digit 7" in call.far.told
        assert call.channel.bridge is None
        harness.core.switchboard.playbacks[-1].finish()
        assert call.channel.bridge is not None

    @pytest.mark.parametrize("who", ["caller", "called"])
    def test_a_hangup_during_the_announcement(self, plan: Plan, who: str) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'A(one)g') channel.NO = '1'", "one")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        (call.far if who == "caller" else bob).hang_up()
        assert (call.ended, call.variable("NO"), bob.channel.alive) == (True, None, False)

    def test_option_e_runs_h_for_the_called_party(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'e')")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        bob.hang_up()
        assert (call.ended, bob.channel.alive, bob.channel.variables.get("H")) == (True, False, "yes")

    def test_star_leaves_the_call_without_a_hangup(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'Hg') channel.R = '1'")
        self.bob(harness).say(Control.ANSWER)
        call.far.press("*")
        assert call.variable("R") == "1"

    def test_option_d_s_third_part_goes_out_at_progress(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 9, 'D(::42)')")
        bob = self.bob(harness)
        bob.say(Control.PROGRESS)
        harness.core.clock.pump([0.35] * 2)
        assert bob.told == ["call", "digit 4", "digit 2"]
        call.far.hang_up()

    def test_a_loop_of_dials_ends(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Local/100@default')")
        harness.core.clock.pump([0.0] * 60)
        assert harness.logged("Max forwards exceeded")
        call.far.hang_up()
        harness.core.clock.advance(0)

    def test_limits_say_the_time_left_and_play_their_files(self, plan: Plan) -> None:
        body = (
            "channel.LIMIT_PLAYAUDIO_CALLEE = 'yes' channel.LIMIT_CONNECT_FILE = 'on'"
            " channel.LIMIT_TIMEOUT_FILE = 'off' app.Dial('Fake/bob', 9, 'L(30000:20000)')"
        )
        sounds = ("vm-youhave", "digits/20", "queue-seconds", "on", "off")
        harness, call = begin(plan, body, *sounds)
        board = harness.core.switchboard
        board.instant = True
        self.bob(harness).say(Control.ANSWER)
        assert [each.path.name for each in board.playbacks] == ["on.wav"] * 2
        harness.core.clock.advance(10)
        words = [each.path.name for each in board.playbacks[2:]]
        assert words == ["vm-youhave.wav", "20.wav", "queue-seconds.wav"] * 2
        harness.core.clock.advance(20)
        assert [each.path.name for each in board.playbacks[8:]] == ["off.wav"] * 2
        assert call.ended
