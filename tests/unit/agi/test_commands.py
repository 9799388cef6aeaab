"""What each command does and answers: the call, values, texts and subroutines."""

from __future__ import annotations

import pytest

from dialplan.agi.conversation import Status
from pbx.core import messages
from pbx.core.frames import TextFrame
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from tests.unit.agi.conftest import USAGE, Program


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
