"""What each command does and answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialplan.agi.conversation import Status
from pbx.core import messages
from pbx.core.frames import TextFrame
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from tests.unit.agi.conftest import Program

USAGE = "520-Invalid command syntax.  Proper usage follows:"


def sounds(harness: DialplanHarness, *names: str) -> None:
    for name in names:
        harness.core.switchboard.sounds[name] = Path(f"/sounds/{name}.wav")


class TestCall:
    def test_answer_and_state(self, program: Program) -> None:
        assert program.ask("channel status") == "200 result=4"
        assert program.ask("answer") == "200 result=0"
        assert program.ask("CHANNEL STATUS") == "200 result=6"
        assert program.ask(f"channel status {program.channel.name}") == "200 result=6"
        assert program.ask("channel status Fake/nobody") == "200 result=-1"
        assert program.link.say("channel status a b")[0] == USAGE

    def test_hangup(self, program: Program, harness: DialplanHarness) -> None:
        other = harness.core.fake.incoming("other").channel
        assert program.ask(f"hangup {other.name}") == "200 result=1"
        assert not other.alive
        assert program.ask("hangup Fake/nobody") == "200 result=-1"
        assert program.ask("hangup") == "200 result=1"
        assert program.link.told == ["hangup"]

    def test_exec(self, program: Program, harness: DialplanHarness) -> None:
        assert program.ask('exec Set "A=two words"') == "200 result=0"
        assert program.channel.get_variable("A") == "two words"
        assert program.ask("exec set B=${A}") == "200 result=0"
        assert program.channel.get_variable("B") == "${A}"
        program.channel.set_variable("AGIEXECFULL", "yes")
        assert program.ask("exec set B=${A}") == "200 result=0"
        assert program.channel.get_variable("B") == "two words"
        assert program.ask("exec Nothing x") == "200 result=-2"
        assert program.ask("exec NoOp") == "200 result=0"
        assert program.ask("exec Playback") == "200 result=-1"
        program.link.say("exec Wait 60")
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1"
        program.link.lost()
        assert program.status() is Status.HANGUP
        assert harness.logged("Could not find application (Nothing)")

    def test_exec_hangup_ends_the_call(self, program: Program) -> None:
        assert program.ask("exec Hangup 17") == "200 result=-1"
        assert program.ask("answer").startswith("511 ")
        assert program.link.told == ["hangup"]

    def test_where_to_go(self, program: Program) -> None:
        assert program.ask("set context other") == "200 result=0"
        assert program.ask("set extension 200") == "200 result=0"
        assert program.ask("set priority 7") == "200 result=0"
        channel = program.channel
        assert (channel.context, channel.exten, channel.priority) == ("other", "200", 7)
        program.link.say("set context default", "set extension 100")
        assert program.ask("set priority there") == "200 result=0"
        assert channel.priority == 3
        assert program.link.say("set priority nowhere")[0] == USAGE

    def test_callerid(self, program: Program) -> None:
        assert program.ask(r'set callerid "\"Bob\" <1002>"') == "200 result=1"
        identity = program.channel.caller.id
        assert (identity.name, identity.number) == ("Bob", "1002")
        assert program.ask("set callerid 1003") == "200 result=1"
        identity = program.channel.caller.id
        assert (identity.name, identity.number, identity.name_valid) == ("", "1003", True)
        assert program.ask("set callerid") == "200 result=1"

    def test_verbose_noop_tdd_and_break(self, program: Program) -> None:
        assert program.ask('verbose "hello there" 3') == "200 result=1"
        assert program.ask("verbose x") == "200 result=1"
        assert program.link.say("verbose")[0] == USAGE
        assert program.ask("noop a b c") == "200 result=0"
        assert program.ask("tdd mode on") == "200 result=0"
        assert program.ask("asyncagi break") == "200 result=0"
        assert program.ask("set music on default") == "200 result=0"
        assert program.ask("set music off") == "200 result=0"
        assert program.link.say("set music")[0] == USAGE


class TestValues:
    def test_variables(self, program: Program) -> None:
        assert program.ask("get variable A") == "200 result=0"
        assert program.ask('set variable A "one two"') == "200 result=1"
        assert program.ask("get variable A") == "200 result=1 (one two)"
        assert program.ask("get variable A:4") == "200 result=1 (two)"
        assert program.ask("get variable EXTEN") == "200 result=1 (100)"
        assert program.ask('set variable E ""') == "200 result=1"
        assert program.ask("get variable E") == "200 result=1 ()"
        assert program.ask('set variable CALLERID(num) "1234"') == "200 result=1"
        assert program.ask("get variable CALLERID(num)") == "200 result=1 (1234)"
        assert program.ask("get variable NOSUCH(x)") == "200 result=0"
        assert program.link.say("set variable A")[0] == USAGE
        assert program.link.say("get variable")[0] == USAGE

    def test_get_full_variable(self, program: Program, harness: DialplanHarness) -> None:
        other = harness.core.fake.incoming("other").channel
        other.set_variable("A", "theirs")
        program.channel.set_variable("A", "mine")
        assert program.ask('get full variable "${A} $[1 + 2] ${LEN(${A})}"') == "200 result=1 (mine 3 4)"
        assert program.ask(f"get full variable ${{A}} {other.name}") == "200 result=1 (theirs)"
        assert program.ask("get full variable ${A} Fake/nobody") == "200 result=0"
        assert program.ask("get full variable ${NOTHING}") == "200 result=1 ()"

    def test_database(self, program: Program) -> None:
        assert program.ask("database get fam key") == "200 result=0"
        assert program.ask('database put fam key "a value"') == "200 result=1"
        assert program.ask("database get fam key") == "200 result=1 (a value)"
        assert program.ask("database put fam sub/two 2") == "200 result=1"
        assert program.ask("database del fam key") == "200 result=1"
        assert program.ask("database del fam key") == "200 result=0"
        assert program.ask("database deltree fam sub") == "200 result=0"
        assert program.ask("database deltree fam") == "200 result=1"
        assert program.link.say("database put fam key")[0] == USAGE


class TestText:
    def test_send(self, program: Program) -> None:
        assert program.ask('send text "hello there"') == "200 result=0"
        assert program.far.told[-1] == "text hello there"
        assert program.ask("send image logo") == "200 result=0"
        assert program.link.say("send text")[0] == USAGE

    def test_receive(self, program: Program, harness: DialplanHarness) -> None:
        assert program.link.say("receive text 5000") == []
        program.far.press("1")
        program.channel.queue_frame(TextFrame("hi there"))
        assert program.link.heard[-1] == "200 result=1 (hi there)"
        program.link.say("receive char 5000")
        program.channel.queue_frame(TextFrame("hi"))
        assert program.link.heard[-1] == f"200 result={ord('h')}"
        program.link.say("receive char -1")
        program.channel.queue_frame(TextFrame(""))
        assert program.link.heard[-1] == "200 result=0 (timeout)"
        program.link.say("receive text 1000")
        harness.core.clock.advance(1)
        assert program.link.heard[-1] == "200 result=-1"
        assert program.ask("receive char 0") == "200 result=-1 (hangup)"
        program.link.say("receive text -1")
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1"

    def test_speech_has_no_engine(self, program: Program) -> None:
        for line in (
            "speech create x",
            "speech set a b",
            "speech destroy",
            "speech load grammar a b",
            "speech unload grammar a",
            "speech activate grammar a",
            "speech deactivate grammar a",
            "speech recognize beep 1000 0",
        ):
            assert program.ask(line) == "200 result=0"
        assert program.link.say("speech set a")[0] == USAGE
        assert program.link.say("speech recognize beep")[0] == USAGE


class TestDigits:
    def test_wait_for_digit(self, program: Program, harness: DialplanHarness) -> None:
        program.link.say("wait for digit 1000")
        program.far.press("#")
        assert program.link.heard[-1] == "200 result=35"
        program.link.say("wait for digit 1000")
        harness.core.clock.advance(1)
        assert program.link.heard[-1] == "200 result=0"
        assert program.ask("wait for digit 0") == "200 result=0"
        program.link.say("wait for digit -1")
        harness.core.clock.advance(100)
        # A new command ends it, with what Asterisk gives then.
        assert program.link.say("noop") == ["200 result=1", "200 result=0"]
        assert program.link.say("wait for digit x")[0] == USAGE

    def test_get_data(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "prompt")
        program.link.say("get data prompt 3000 4")
        program.far.press("1")
        assert harness.core.switchboard.playbacks[-1].finished.called
        program.far.press("234")
        assert program.link.heard[-1] == "200 result=1234"
        program.link.say("get data prompt 3000")
        harness.core.switchboard.playbacks[-1].finish()
        program.far.press("56#")
        assert program.link.heard[-1] == "200 result=56"
        program.link.say('get data ""')
        program.far.press("7")
        harness.core.clock.advance(2)
        assert program.link.heard[-1] == "200 result=7 (timeout)"
        program.link.say('get data ""')
        harness.core.clock.advance(5.9)
        assert program.link.heard[-1] != "200 result= (timeout)"
        harness.core.clock.advance(0.1)
        assert program.link.heard[-1] == "200 result= (timeout)"
        program.link.say('get data ""')
        program.far.press("#")
        assert program.link.heard[-1] == "200 result="
        assert program.ask("get data nowhere") == "200 result=-1"
        program.link.say("get data prompt")
        assert program.link.say("noop") == ["200 result=0"]
        program.link.say("get data prompt")
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1"


class TestSounds:
    def test_stream_file(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "hello")
        board = harness.core.switchboard
        program.link.say('stream file hello ""')
        board.playbacks[-1].duration_ms = 1500
        board.playbacks[-1].finish()
        assert program.link.heard[-1] == "200 result=0 endpos=12000"
        assert program.channel.get_variable("PLAYBACKSTATUS") == "SUCCESS"
        program.link.say("stream file hello 12 16000")
        assert board.playbacks[-1].position_ms == 2000
        program.far.press("3")
        board.playbacks[-1].position_ms = 2500
        program.far.press("2")
        assert program.link.heard[-1] == "200 result=50 endpos=20000"
        assert board.playbacks[-1].finished.called
        program.link.say("stream file hello 12")
        assert program.link.say("noop") == ["200 result=0"]
        assert program.ask("stream file nowhere 12 5") == "200 result=-1 endpos=5"
        program.link.say('stream file hello ""')
        board.playbacks[-1].position_ms = 100
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1 endpos=800"
        assert program.channel.get_variable("PLAYBACKSTATUS") == "FAILED"

    def test_a_program_that_dies_stops_what_it_plays(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "hello")
        program.link.say('stream file hello ""')
        program.link.lost()
        assert program.status() is Status.SUCCESS
        assert harness.core.switchboard.playbacks[-1].finished.called

    def test_get_option(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "hello")
        board = harness.core.switchboard
        program.link.say("get option hello 12 2000")
        board.playbacks[-1].finish()
        program.far.press("2")
        assert program.link.heard[-1] == "200 result=50 endpos=0"
        program.link.say("get option hello 12")
        board.playbacks[-1].finish()
        program.far.press("9")
        assert program.link.heard[-1] == "200 result=0 endpos=0"
        program.link.say("get option hello 12")
        board.playbacks[-1].finish()
        harness.core.clock.advance(5)
        assert program.link.heard[-1] == "200 result=0 endpos=0"
        assert program.ask("get option nowhere 12") == "200 result=-1 endpos=0"

    def test_control_stream_file(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "hello")
        board, channel = harness.core.switchboard, program.channel

        def playing(position_ms: int) -> None:
            board.playbacks[-1].position_ms = position_ms
            board.playbacks[-1].duration_ms = 10_000

        program.link.say("control stream file hello 5 2000 # * 8")
        playing(1000)
        program.far.press("#")
        assert board.playbacks[-1].position_ms == 3000
        playing(3500)
        program.far.press("*")
        assert board.playbacks[-1].position_ms == 1500
        playing(1600)
        program.far.press("8")
        count = len(board.playbacks)
        program.far.press("9")
        assert len(board.playbacks) == count
        program.far.press("8")
        assert (len(board.playbacks), board.playbacks[-1].position_ms) == (count + 1, 1600)
        playing(1700)
        program.far.press("5")
        assert program.link.heard[-1] == "200 result=53 endpos=1700"
        assert [channel.get_variable(f"CPLAYBACK{what}") for what in ("STATUS", "STOPKEY", "OFFSET")] == [
            *("USERSTOPPED", "5", "1700")
        ]
        program.link.say('control stream file hello "" 3000 # * "" 4000')
        assert board.playbacks[-1].position_ms == 4000
        playing(9000)
        program.far.press("#")
        assert program.link.heard[-1] == "200 result=0 endpos=-1"
        assert channel.get_variable("CPLAYBACKSTATUS") == "SUCCESS"
        assert program.ask('control stream file nowhere ""') == "200 result=-1 endpos=-1"
        assert channel.get_variable("CPLAYBACKSTATUS") == "ERROR"
        assert program.link.say('control stream file hello "" soon')[0] == USAGE

    def test_a_pause_may_end_it(self, program: Program, harness: DialplanHarness) -> None:
        sounds(harness, "hello")
        program.link.say("control stream file hello 5 2000 # * 8")
        harness.core.switchboard.playbacks[-1].position_ms = 700
        program.far.press("85")
        assert program.link.heard[-1] == "200 result=53 endpos=700"

    def test_record_file(self, program: Program, harness: DialplanHarness, tmp_path: Path) -> None:
        sounds(harness, "beep")
        board = harness.core.switchboard
        program.link.say(f"record file {tmp_path}/talk wav # 3000")
        assert board.recordings[-1].path == tmp_path / "talk.wav"
        board.recordings[-1].duration_ms = 1000
        program.far.press("1#")
        assert program.link.heard[-1] == "200 result=35 (dtmf) endpos=6400"
        program.link.say("record file talk ulaw # 3000 beep s=4")
        assert board.playbacks[-1].path.name == "beep.wav"
        board.playbacks[-1].finish()
        recording = board.recordings[-1]
        assert recording.path == harness.directories.sounds / "talk.ulaw"
        assert recording.silence is not None
        assert recording.silence[0] == 4
        recording.duration_ms = 5000
        recording.silence[1]()
        assert program.link.heard[-1] == "200 result=0 (timeout) endpos=16000"
        program.link.say("record file talk ulaw # 3000 4000")
        assert board.recordings[-1].duration_ms == 500
        harness.core.clock.advance(3)
        assert program.link.heard[-1] == "200 result=0 (timeout) endpos=4000"
        program.link.say("record file talk wav16 # -1")
        board.recordings[-1].duration_ms = 100
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1 (hangup) endpos=1600"
        assert all(each.stopped for each in board.recordings)
        assert program.link.say("record file a b c")[0].startswith("511 ")

    def test_record_file_wrongly(self, program: Program) -> None:
        assert program.link.say("record file a wav #")[0] == USAGE
        assert program.link.say("record file a wav # soon")[0] == USAGE
        assert program.ask("record file a wav # 1000 beep") == "200 result=-1 (randomerror) endpos=0"


class TestSay:
    @pytest.fixture(autouse=True)
    def _sounds(self, harness: DialplanHarness) -> None:
        names = [f"digits/{name}" for name in ("0", "1", "2", "3", "20", "40", "hundred", "thousand", "oh", "oclock")]
        names += [f"digits/day-{day}" for day in range(7)] + [f"digits/mon-{month}" for month in range(12)]
        names += ["digits/h-14", "digits/14", "digits/10", "digits/13", "digits/p-m", "digits/a-m", "digits/at"]
        names += ["letters/a", "letters/b", "phonetic/a_p", "digits/star", "uppercase", "digits/11", "digits/4"]
        sounds(harness, *names)
        harness.core.switchboard.instant = True

    def said(self, harness: DialplanHarness) -> list[str]:
        board = harness.core.switchboard
        names = [str(each.path)[len("/sounds/") : -len(".wav")] for each in board.playbacks]
        board.playbacks.clear()
        return names

    def test_what_is_said(self, program: Program, harness: DialplanHarness) -> None:
        assert program.ask('say number 321 ""') == "200 result=0"
        assert self.said(harness) == ["digits/3", "digits/hundred", "digits/20", "digits/1"]
        assert program.ask('say digits 12*3 ""') == "200 result=0"
        assert self.said(harness) == ["digits/1", "digits/2", "digits/star", "digits/3"]
        assert program.ask('say alpha "aB?" "" u') == "200 result=0"
        assert self.said(harness) == ["letters/a", "uppercase", "letters/b"]
        assert program.ask('say phonetic a1 ""') == "200 result=0"
        assert self.said(harness) == ["phonetic/a_p", "digits/1"]
        # 14 November 2023, 22:13:20 UTC
        assert program.ask('say datetime 1700000000 "" "ABd \'digits/at\' IMp" UTC') == "200 result=0"
        assert self.said(harness) == [
            *("digits/day-2", "digits/mon-10", "digits/h-14", "digits/at", "digits/10", "digits/13", "digits/p-m")
        ]
        assert program.ask('say datetime 1700000000 "" HZ UTC') == "200 result=0"
        assert self.said(harness) == ["digits/20", "digits/2"]
        assert harness.logged("Unknown character in datetime format HZ: Z")

    def test_missing_prompts_fail(self, program: Program, harness: DialplanHarness) -> None:
        assert program.ask('say number 90 ""') == "200 result=-1"
        assert program.ask('say datetime 1700000000 "" Q Mars/Base') == "200 result=-1"
        assert harness.logged("File digits/90 does not exist in any format")
        assert program.ask('say digits 99 ""') == "200 result=0"
        program.link.lost()
        assert program.status() is Status.FAILURE

    def test_digits_and_commands_end_it(self, program: Program, harness: DialplanHarness) -> None:
        harness.core.switchboard.instant = False
        program.link.say("say number 321 56")
        program.far.press("46")
        assert program.link.heard[-1] == "200 result=54"
        assert len(self.said(harness)) == 1
        program.link.say('say digits 123 ""')
        assert program.link.say("noop") == ["200 result=0"]
        program.link.say('say time 1700000000 ""')
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=-1"

    def test_date_and_time(self, program: Program, harness: DialplanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
        sounds(harness, "digits/6", "digits/5", "digits/30", "digits/23", "digits/2000")
        assert program.ask('say date 1700000000 ""').startswith("200 result=")
        assert self.said(harness)[1].startswith("digits/mon-1")
        assert program.ask('say time 1700000000 ""').startswith("200 result=")

    def test_wrong_calls(self, program: Program) -> None:
        for line in (
            'say number many ""',
            "say digits 1",
            'say digits x ""',
            'say alpha a "" z',
            'say date later ""',
            'say time later ""',
            'say datetime later ""',
            'say datetime "" ""',
            "say phonetic a",
        ):
            assert program.link.say(line)[0] == USAGE, line


class TestGosub:
    def test_it_runs_a_subroutine(self, program: Program) -> None:
        trying = "100 result=0 Trying..."
        assert program.link.say("gosub sub s 1 one,two") == [trying, "200 result=0 Gosub complete"]
        channel = program.channel
        assert (channel.get_variable("GOT"), channel.get_variable("GOSUB_RETVAL")) == ("one/two", "value of 2")
        assert (channel.context, channel.exten, channel.priority) == ("default", "100", 1)
        assert program.link.say("gosub sub s begin") == [trying, "200 result=0 Gosub complete"]
        assert channel.get_variable("GOSUB_RETVAL") == "value of 0"
        assert channel.get_variable("ARG1") is None
        assert program.link.say("gosub sub wait 1") == [trying]
        program.harness.core.clock.advance(60)
        assert program.link.heard[-1] == "200 result=0 Gosub complete"

    @pytest.mark.parametrize("exten", ["lost", "goto"])
    def test_one_that_does_not_return(self, program: Program, exten: str) -> None:
        answers = program.link.say(f"gosub sub {exten} 1")
        assert answers[-1] == "200 result=0 Gosub complete (abnormal exit)"
        assert (program.channel.context, program.channel.exten) == ("default", "100")
        assert program.channel.get_variable("GOSUB_RETVAL") == ""
        assert program.ask("noop") == "200 result=0"

    def test_a_hangup_in_it(self, program: Program) -> None:
        program.link.say("gosub sub wait 1")
        program.far.hang_up()
        assert program.link.heard[-1] == "200 result=0 Gosub complete (abnormal exit)"
        assert program.link.told == ["hangup"]

    @pytest.mark.parametrize("place", ["sub nobody 1", "sub s nowhere", "sub s 9", "nothing s 1"])
    def test_no_such_place(self, program: Program, place: str) -> None:
        assert program.ask(f"gosub {place}") == "200 result=-1 Gosub label not found"
        program.link.lost()
        assert program.status() is Status.FAILURE

    def test_without_its_module_it_is_not_known(self, program: Program, harness: DialplanHarness) -> None:
        result_of(start(harness.server.modules.unload("app_stack")))
        assert program.ask("gosub sub s 1") == "510 Invalid or unknown command"
        assert program.link.say("noop") == ["200 result=0"]


def test_commands_of_events_say_failure(program: Program) -> None:
    ended: list[messages.AgiExecEnded] = []
    program.server.bus.subscribe(messages.AgiExecEnded, ended.append)
    program.link.say("exec Nothing", 'stream file nowhere ""')
    assert [(each.code, each.result) for each in ended] == [(200, "Unknown Result"), (-1, "Failure")]
