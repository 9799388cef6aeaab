"""Each application's visible result: what the far end is told, and the variables a script reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.frames import Control
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions
from pbx.testing.fake_technology import FakeDriver


def begin(plan: Plan, body: str, *sounds: str) -> tuple[DialplanHarness, DialplanCall]:
    """A call to a function of ``body``, where some sounds exist."""
    harness = plan(extensions(body))
    harness.core.switchboard.sounds.update({name: Path(f"/{name}.wav") for name in sounds})
    return harness, harness.call("100")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("app.Answer()", ["answer"]),
        ("app.Answer() app.Answer()", ["answer"]),
        ("app.Progress()", ["progress"]),
        ("app.Ringing()", ["ringing"]),
        ("app.Proceeding()", ["proceeding"]),
        ("app.NoOp() app.Log('NOTICE', 'x') app.Verbose(1, 'x')", []),
    ],
)
def test_indications(plan: Plan, call: str, told: list[str]) -> None:
    _harness, made = begin(plan, call)
    assert made.far.told == [*told, "hangup 16"]


def test_answer_with_a_delay(plan: Plan) -> None:
    harness, call = begin(plan, "app.Answer(1500) channel.R = '1'")
    harness.core.clock.advance(1.4)
    assert call.variable("R") is None
    harness.core.clock.advance(0.1)
    assert call.variable("R") == "1"


@pytest.mark.parametrize(("name", "told", "cause"), [("Busy", "busy", 17), ("Congestion", "congestion", 34)])
def test_busy_and_congestion(plan: Plan, name: str, told: str, cause: int) -> None:
    harness, call = begin(plan, f"app.{name}(5)")
    assert call.far.told == [told]
    harness.core.clock.advance(5)
    assert call.far.told == [told, f"hangup {cause}"]
    _harness, forever = begin(plan, f"app.{name}()")
    assert not forever.ended
    forever.far.hang_up()
    assert forever.ended


@pytest.mark.parametrize(("cause", "number"), [("", 16), ("17", 17), ("'USER_BUSY'", 17), ("'nonsense'", 16)])
def test_hangup_with_a_cause(plan: Plan, cause: str, number: int) -> None:
    _harness, call = begin(plan, f"app.Hangup({cause}) channel.NO = '1'")
    assert call.far.told == [f"hangup {number}"]
    assert call.variable("NO") is None


def test_playback_answers_and_plays_each_file(plan: Plan) -> None:
    harness, call = begin(plan, "app.Playback('one&none&two') channel.R = channel.PLAYBACKSTATUS:get()", "one", "two")
    assert call.far.told == ["answer"]
    harness.core.switchboard.playbacks[-1].finish()
    call.far.press("5")
    harness.core.switchboard.playbacks[-1].finish()
    assert [playback.path.name for playback in harness.core.switchboard.playbacks] == ["one.wav", "two.wav"]
    assert call.variable("R") == "FAILED"
    assert harness.logged("File none does not exist")


@pytest.mark.parametrize(("options", "told", "plays"), [("noanswer", [], 1), ("skip", [], 0)])
def test_playback_s_options(plan: Plan, options: str, told: list[str], plays: int) -> None:
    harness, call = begin(plan, f"app.Playback('one', '{options}')", "one")
    assert [each for each in call.far.told if not each.startswith("hangup")] == told
    assert len(harness.core.switchboard.playbacks) == plays


def test_playback_stops_when_the_caller_hangs_up(plan: Plan) -> None:
    harness, call = begin(plan, "app.Playback('one') channel.NO = '1'", "one")
    call.far.hang_up()
    assert harness.core.switchboard.playbacks[-1].finished.called
    assert (call.ended, call.variable("NO")) == (True, None)


@pytest.mark.parametrize(
    "body", ["app.Playback()", "app.Read()", "app.Dial()", "app.Goto()", "app.Wait('x') app.Dial('x')"]
)
def test_a_wrong_call_is_an_error_with_its_place_and_ends_the_call(plan: Plan, body: str) -> None:
    harness, call = begin(plan, body + " channel.NO = '1'")
    assert (call.ended, call.variable("NO"), call.variable("H")) == (True, None, "yes")
    assert harness.logged("at 100@default:1: ")


def test_wait_forgets_digits_and_takes_fractions(plan: Plan) -> None:
    harness, call = begin(plan, "app.Wait(0.5) app.Read('D', nil, 1, nil, 1, 1)")
    call.far.press("1")
    harness.core.clock.advance(0.5)
    assert call.channel.application == "Read"


@pytest.mark.parametrize(
    ("arguments", "pressed", "seconds", "digits", "status"),
    [
        ("'D'", "12#", 0, "12", "OK"),
        ("'D', 'menu'", "12#", 0, "12", "OK"),
        ("'D', 'menu', 3", "1234", 0, "123", "OK"),
        ("'D', nil, nil, 't(*)'", "12*", 0, "12", "OK"),
        ("'D', nil, 3, 't'", "1#2", 0, "1#2", "OK"),
        ("'D'", "#", 0, "", "OK"),
        ("'D', nil, nil, 'e'", "#", 0, "#", "OK"),
        ("'D', nil, nil, nil, 1, 2", "1", 2, "1", "TIMEOUT"),
        ("'D', nil, nil, nil, 1, 2", "", 2, "", "TIMEOUT"),
        ("'D'", "", 10, "", "TIMEOUT"),
        ("'D'", "1", 5, "1", "TIMEOUT"),
    ],
)
def test_read(plan: Plan, arguments: str, pressed: str, seconds: float, digits: str, status: str) -> None:
    harness, call = begin(plan, f"app.Read({arguments})", "menu")
    assert call.far.told == ["answer"]
    call.far.press(pressed)
    if seconds:
        harness.core.clock.advance(seconds)
    assert (call.variable("D"), call.variable("READSTATUS")) == (digits, status)


def test_read_asks_again(plan: Plan) -> None:
    harness, call = begin(plan, "app.Read('D', nil, 2, nil, 2, 3)")
    harness.core.clock.advance(3)
    call.far.press("42")
    assert call.variable("D") == "42"


def test_read_of_a_call_that_is_not_up_and_of_one_that_ends(plan: Plan) -> None:
    _harness, skipped = begin(plan, "app.Read('D', nil, 2, 's')")
    assert (skipped.variable("READSTATUS"), skipped.far.told) == ("SKIPPED", ["hangup 16"])
    _harness, gone = begin(plan, "app.Read('D')")
    gone.far.hang_up()
    assert (gone.variable("READSTATUS"), gone.ended) == ("HANGUP", True)


def test_echo_until_pound(plan: Plan) -> None:
    harness, call = begin(plan, "app.Echo() channel.R = '1'")
    assert harness.core.switchboard.edges == {(call.channel.name, call.channel.name)}
    call.far.press("5")
    assert call.far.told == ["digit 5"]
    call.far.press("#")
    assert call.variable("R") == "1"
    assert not harness.core.switchboard.edges


@pytest.mark.parametrize(
    ("options", "pressed", "status"),
    [("", "#", "DTMF"), ("t", "*", "DTMF"), ("y", "5", "DTMF"), ("o", "0", "OPERATOR")],
)
def test_record_ends_by_a_digit(plan: Plan, tmp_path: Path, options: str, pressed: str, status: str) -> None:
    harness, call = begin(plan, f"app.Record('{tmp_path}/sub/m.wav', nil, nil, '{options}')", "beep")
    harness.core.switchboard.playbacks[-1].finish()
    assert harness.core.switchboard.recordings[-1].path == tmp_path / "sub" / "m.wav"
    call.far.press("1" if options != "y" else "")
    assert not call.ended
    call.far.press(pressed)
    assert (call.variable("RECORD_STATUS"), call.variable("RECORDED_FILE")) == (status, f"{tmp_path}/sub/m")
    assert harness.core.switchboard.recordings[-1].stopped


def test_record_ends_by_time_silence_or_hangup(plan: Plan, tmp_path: Path) -> None:
    body = f"app.Record('{tmp_path}/m%d.wav', 3, 10, 'q')"
    harness, call = begin(plan, body)
    harness.core.clock.advance(10)
    assert call.variable("RECORD_STATUS") == "TIMEOUT"
    (tmp_path / "m0.wav").touch()
    harness, call = begin(plan, body)
    recording = harness.core.switchboard.recordings[-1]
    assert recording.silence is not None
    assert recording.silence[0] == 3
    recording.silence[1]()
    assert (call.variable("RECORD_STATUS"), call.variable("RECORDED_FILE")) == ("SILENCE", f"{tmp_path}/m1")
    harness, call = begin(plan, body)
    kept = harness.core.switchboard.recordings[-1].path
    kept.touch()
    call.far.hang_up()
    assert call.variable("RECORD_STATUS") == "HANGUP"
    assert not kept.exists()


@pytest.mark.parametrize("name", ["m", "m.gsm", ".wav"])
def test_record_of_what_cannot_be_written(plan: Plan, name: str) -> None:
    _harness, call = begin(plan, f"app.Record('{name}')")
    assert (call.variable("RECORD_STATUS"), call.ended) == ("ERROR", True)


def test_send_dtmf(plan: Plan) -> None:
    harness, call = begin(plan, "app.SendDTMF('1w2', 100, 200)")
    for _ in range(3):
        harness.core.clock.advance(0.5)
    assert call.far.told == ["digit 1", "digit 2", "hangup 16"]


def test_user_event(plan: Plan) -> None:
    harness = plan(extensions("app.UserEvent('Hello', 'Key: value', 'Other:x:y')"))
    seen: list[messages.UserEvent] = []
    harness.core.bus.subscribe(messages.UserEvent, seen.append)
    call = harness.call("100")
    assert [(event.name, event.fields) for event in seen] == [("Hello", (("Key", "value"), ("Other", "x:y")))]
    assert seen[0].channel is not None
    assert seen[0].channel.name == call.channel.name


def test_set_and_log(plan: Plan) -> None:
    harness, call = begin(
        plan,
        "app.Set('A=1=2') app.Set('CALLERID(name)=Me') app.MSet('B=1,C=2') app.Log('WARNING', 'look') app.Set('x')",
    )
    assert [call.variable(name) for name in "ABC"] == ["1=2", "1", "2"]
    assert call.channel.caller.id.name == "Me"
    assert harness.logged("Ext. 100@default:1: look")
    assert harness.logged("requires an '='")


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
            (Control.BUSY, "BUSY", Cause.USER_BUSY),
            (Control.CONGESTION, "CONGESTION", Cause.NORMAL_CIRCUIT_CONGESTION),
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

    @pytest.mark.parametrize("destination", ["bob", "Fake", "", "&"])
    def test_nonsense(self, plan: Plan, destination: str) -> None:
        _harness, call = begin(plan, f"app.Dial('{destination}')")
        assert (call.variable("DIALSTATUS"), call.ended) == ("INVALIDARGS", True)

    def test_option_g(self, plan: Plan) -> None:
        harness, call = begin(plan, "app.Dial('Fake/bob', 30, 'g') channel.R = '1'")
        bob = self.bob(harness)
        bob.say(Control.ANSWER)
        bob.hang_up()
        assert call.variable("R") == "1"

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
        harness.core.clock.pump([0.2] * 3)
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
        assert harness.logged("unrecognized option: '?'")
        assert harness.logged("option w is not part of this version")
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


class TestBridge:
    """Bridge: with a call that another dialplan runs."""

    def begin(self, plan: Plan, options: str = "") -> tuple[DialplanHarness, DialplanCall, DialplanCall]:
        harness = plan(
            extensions("app.Answer() app.Wait(60)")
            + "extensions.default['_2.'] = function(_, e) app.Bridge(channel['GLOBAL(other)']:get(), '"
            + options
            + "') channel.R = channel.BRIDGERESULT:get() end"
        )
        other = harness.call("100")
        harness.core.channels.set_global("other", other.channel.name)
        return harness, other, harness.call("200")

    def test_two_calls_talk_and_the_other_goes_on(self, plan: Plan) -> None:
        _harness, other, call = self.begin(plan)
        assert call.channel.bridge is other.channel.bridge is not None
        call.far.hang_up()
        assert (call.ended, other.channel.alive) == (True, False)

    def test_the_other_hangs_up(self, plan: Plan) -> None:
        _harness, other, call = self.begin(plan)
        other.far.hang_up()
        assert call.variable("R") == "SUCCESS"
        assert not other.channel.alive

    @pytest.mark.parametrize("option", ["S(3)", "L(3000)"])
    def test_a_limit(self, plan: Plan, option: str) -> None:
        harness, other, call = self.begin(plan, option)
        harness.core.clock.advance(3)
        assert (call.variable("R"), other.channel.alive) == ("SUCCESS", False)

    def test_nobody_and_oneself(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                "app.Bridge('Fake/none') channel.R = channel.BRIDGERESULT:get() "
                "app.Bridge(channel.CHANNEL:get()) channel.S = channel.BRIDGERESULT:get()"
            )
        )
        call = harness.call("100")
        assert (call.variable("R"), call.variable("S")) == ("NONEXISTENT", "LOOP")
