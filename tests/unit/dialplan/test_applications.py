"""Each application's visible result: what the far end is told, and the variables a script reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.core import messages
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions


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
    assert made.far.told == [*told, "hangup 0"]


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


@pytest.mark.parametrize("body", ["app.Playback()", "app.Dial('x')", "app.Goto()", "app.Wait('x') app.Dial('x')"])
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
    assert (skipped.variable("READSTATUS"), skipped.far.told) == ("SKIPPED", ["hangup 0"])
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
    [
        ("", "#", "DTMF"),
        ("t", "*", "DTMF"),
        ("y", "5", "DTMF"),
        ("xy", "5", "DTMF"),
        ("o", "0", "OPERATOR"),
        ("xo", "0", "OPERATOR"),
    ],
)
def test_record_ends_by_a_digit(plan: Plan, tmp_path: Path, options: str, pressed: str, status: str) -> None:
    harness, call = begin(plan, f"app.Record('{tmp_path}/sub/m.wav', nil, nil, '{options}')", "beep")
    harness.core.switchboard.playbacks[-1].finish()
    assert harness.core.switchboard.recordings[-1].path == tmp_path / "sub" / "m.wav"
    call.far.press("" if "y" in options else "1")
    assert not call.ended
    call.far.press(pressed)
    assert (call.variable("RECORD_STATUS"), call.variable("RECORDED_FILE")) == (status, f"{tmp_path}/sub/m")
    recording = harness.core.switchboard.recordings[-1]
    assert (recording.stopped, recording.rewound_ms) == (True, 250)


def test_record_ends_by_time_silence_or_hangup(plan: Plan, tmp_path: Path) -> None:
    body = f"app.Record('{tmp_path}/m%d.wav', 3, 10, 'q')"
    harness, call = begin(plan, body)
    harness.core.clock.advance(10)
    assert call.variable("RECORD_STATUS") == "TIMEOUT"
    assert harness.core.switchboard.recordings[-1].rewound_ms == 0
    (tmp_path / "m0.wav").touch()
    harness, call = begin(plan, body)
    recording = harness.core.switchboard.recordings[-1]
    assert recording.silence is not None
    assert recording.silence[0] == 3
    recording.silence[1]()
    assert (call.variable("RECORD_STATUS"), call.variable("RECORDED_FILE")) == ("SILENCE", f"{tmp_path}/m1")
    assert recording.rewound_ms == 2000
    harness, call = begin(plan, f"app.Record('{tmp_path}/u.wav', 3, nil, 'qu')")
    recording = harness.core.switchboard.recordings[-1]
    assert recording.silence is not None
    recording.silence[1]()
    assert (call.variable("RECORD_STATUS"), recording.rewound_ms) == ("SILENCE", 250)
    harness, call = begin(plan, body)
    kept = harness.core.switchboard.recordings[-1].path
    kept.touch()
    call.far.hang_up()
    assert call.variable("RECORD_STATUS") == "HANGUP"
    assert not kept.exists()


@pytest.mark.parametrize(
    ("name", "goes_on"), [("m", None), ("m.mp3", "1"), ("m.", "1"), ("m.Wav", "1"), ("/dev/null/m.wav", "1")]
)
def test_record_of_what_cannot_be_written(plan: Plan, name: str, goes_on: str | None) -> None:
    _harness, call = begin(plan, f"app.Record('{name}', nil, nil, 'q') channel.R = '1'")
    assert (call.variable("RECORD_STATUS"), call.variable("R"), call.ended) == ("ERROR", goes_on, True)


def test_nobody_is_recorded_who_cannot_hear_the_beep(plan: Plan, tmp_path: Path) -> None:
    harness, call = begin(plan, f"app.Record('{tmp_path}/m.wav') channel.R = '1'")
    assert (call.variable("RECORD_STATUS"), call.variable("R")) == ("HANGUP", "1")
    assert not harness.core.switchboard.recordings


@pytest.mark.parametrize(("options", "kept"), [("q", False), ("qk", True)])
def test_a_caller_who_is_sent_elsewhere_keeps_a_recording_only_if_wanted(
    plan: Plan, tmp_path: Path, options: str, kept: bool
) -> None:
    harness, call = begin(plan, f"app.Record('{tmp_path}/m.wav', nil, nil, '{options}')")
    path = harness.core.switchboard.recordings[-1].path
    path.touch()
    call.channel.redirect("default", "none", 1)
    harness.core.clock.advance(0.1)
    assert (call.variable("RECORD_STATUS"), path.exists()) == ("HANGUP", kept)


def test_send_dtmf(plan: Plan) -> None:
    harness, call = begin(plan, "app.SendDTMF('1w2', 100, 200)")
    assert call.far.told == []
    # Some silence comes before the first digit.
    harness.core.clock.advance(0.1)
    assert call.far.told == ["digit 1"]
    for _ in range(3):
        harness.core.clock.advance(0.5)
    assert call.far.told == ["digit 1", "digit 2", "hangup 0"]


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
    assert harness.logged("Ext. 100:1 @ default: look")
    assert harness.logged("requires an '='")


def test_a_recording_s_duration(plan: Plan, tmp_path: Path) -> None:
    body = f"app.Record('{tmp_path}/m.wav', nil, nil, 'q') channel.D = channel['RECORDING_INFO(duration)']:get()"
    harness, call = begin(plan, body)
    harness.core.clock.advance(1.234)
    call.far.press("#")
    assert call.variable("D") == "1234"


@pytest.mark.parametrize(("time", "seconds"), [("2", 2), ("0.5", 0.5), ("'250ms'", 0.25), ("'1m'", 60), ("'1h'", 3600)])
def test_wait_takes_units(plan: Plan, time: str, seconds: float) -> None:
    harness, call = begin(plan, f"app.Wait({time}) channel.R = '1'")
    harness.core.clock.advance(seconds - 0.01)
    assert call.variable("R") is None
    harness.core.clock.advance(0.02)
    assert call.variable("R") == "1"


@pytest.mark.parametrize("time", ["'x'", "'-1'", "0", ""])
def test_a_wait_for_no_time_goes_on(plan: Plan, time: str) -> None:
    _harness, call = begin(plan, f"app.Wait({time}) channel.R = '1'")
    assert call.variable("R") == "1"


def test_wait_exten_with_a_tone(plan: Plan) -> None:
    harness = plan(
        extensions("app.WaitExten('3s', 'd(busy)')") + "extensions.default['5'] = function() app.Wait(9) end"
    )
    call = harness.call("100")
    tone = harness.core.switchboard.playbacks[-1]
    assert tone.alone
    call.far.press("5")
    assert tone.finished.called
    assert (call.channel.exten, call.channel.application) == ("5", "Wait")


def test_background_without_interruption_and_with_a_missing_file(plan: Plan) -> None:
    harness, call = begin(
        plan, "app.BackGround('one&none&two', 'p') channel.S = channel.BACKGROUNDSTATUS:get()", "one", "two"
    )
    call.far.press("5")
    assert call.variable("S") is None
    harness.core.switchboard.playbacks[-1].finish()
    assert call.variable("S") == "FAILED"
    assert len(harness.core.switchboard.playbacks) == 1
    _harness, quiet = begin(plan, "app.BackGround('one', 'noanswer') app.Wait(1)", "one")
    assert quiet.far.told == []


def test_playback_of_what_is_to_be_said(plan: Plan) -> None:
    harness, call = begin(plan, "app.Playback('number:12&one', 'mix') channel.S = channel.PLAYBACKSTATUS:get()", "one")
    harness.core.switchboard.playbacks[-1].finish()
    assert call.variable("S") == "FAILED"
    assert harness.logged("'number:12' cannot be said")
    _harness, odd = begin(plan, "app.Playback('one', 'loudly') app.Wait(1)", "one")
    assert odd.far.told == ["answer"]


def test_failure_answers_that_let_the_call_go_on(plan: Plan) -> None:
    body = "app.SendDTMF() app.Verbose() app.Log() app.Log('LOUD', 'x') app.Verbose('x', 'hi') "
    body += "app.UserEvent('E', 'nothing') channel.R = '1'"
    harness = plan(extensions(body))
    seen: list[messages.UserEvent] = []
    harness.core.bus.subscribe(messages.UserEvent, seen.append)
    assert harness.call("100").variable("R") == "1"
    assert harness.logged("The digits argument is required")
    assert harness.logged("'x' is not a verboser number")
    assert harness.logged("Unknown log level: 'LOUD'")
    assert seen[0].fields == ()


def test_busy_for_no_time(plan: Plan) -> None:
    harness, call = begin(plan, "app.Busy(0)")
    harness.core.clock.advance(0)
    assert call.ended
    _harness, forever = begin(plan, "app.Busy('x')")
    assert not forever.ended


def test_incomplete_tells_the_far_end(plan: Plan) -> None:
    _harness, call = begin(plan, "app.Incomplete('n')")
    assert call.far.told[0] == "incomplete"


def test_answer_waits_only_where_it_answers(plan: Plan) -> None:
    _harness, call = begin(plan, "app.Answer() app.Answer(5000) channel.R = '1'")
    assert call.variable("R") == "1"


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

    @pytest.mark.parametrize(
        ("options", "place"),
        [
            ("F", "200-2 200-3"),
            ("F(3)", "200-3"),
            ("F(far,2)", "far-2 far-3"),
            ("F(far^3)", "far-3"),
            ("F(away^s^1)", "s-1"),
            ("F(away,s,1)x", "s-1"),
            ("F(none)", None),
        ],
    )
    def test_where_the_other_goes_afterwards(self, plan: Plan, options: str, place: str | None) -> None:
        note = "Set(GLOBAL(AT)=${GLOBAL(AT)} ${EXTEN}-${PRIORITY})\n"
        harness = plan(
            extensions_conf="[default]\nexten => 100,1,Answer()\n same => n,Echo()\n"
            f"exten => 200,1,Bridge(${{other}}, {options})\n same => 2,{note} same => 3,{note}"
            f"exten => far,1,{note} same => 2,{note} same => 3,{note}[away]\nexten => s,1,{note}"
        )
        other = harness.call("100")
        harness.core.channels.set_global("other", other.channel.name)
        harness.call("200").far.hang_up()
        assert not other.channel.alive
        assert harness.core.channels.globals.get("AT") == (place and f" {place}")

    def test_nobody_and_oneself(self, plan: Plan) -> None:
        harness = plan(
            extensions(
                "app.Bridge('Fake/none') channel.R = channel.BRIDGERESULT:get() "
                "app.Bridge(channel.CHANNEL:get()) channel.S = channel.BRIDGERESULT:get()"
            )
        )
        call = harness.call("100")
        assert (call.variable("R"), call.variable("S")) == ("NONEXISTENT", "LOOP")
