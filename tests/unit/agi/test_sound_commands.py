"""What the commands that are heard do and answer: digits, files, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialplan.agi.conversation import Status
from pbx.testing.dialplan import DialplanHarness
from tests.unit.agi.conftest import USAGE, Program


def sounds(harness: DialplanHarness, *names: str) -> None:
    for name in names:
        harness.core.switchboard.sounds[name] = Path(f"/sounds/{name}.wav")


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
        assert program.ask("record file a mp3 # 1000") == "200 result=-1 (writefile)"

    @pytest.mark.parametrize(
        ("form", "samples"), [("gsm", 8000), ("WAV", 8000), ("g722", 8000), ("sln16", 16000), ("sln44", 44100)]
    )
    def test_record_file_in_every_format(
        self, harness: DialplanHarness, program: Program, form: str, samples: int
    ) -> None:
        program.link.say(f"record file talk {form} # 3000")
        recording = harness.core.switchboard.recordings[-1]
        assert recording.path.name == f"talk.{form}"
        recording.duration_ms = 1000
        harness.core.clock.advance(3)
        assert program.link.heard[-1] == f"200 result=0 (timeout) endpos={samples}"


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
