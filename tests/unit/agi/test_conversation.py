"""A conversation from its environment to its end, with a program that the test plays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred

from dialplan.agi import conversation, link
from dialplan.agi.conversation import Status
from pbx.core import messages
from pbx.core.party import PartyId
from pbx.testing.dialplan import DialplanHarness
from tests.unit.agi.conftest import Program

DEAD = "511 Command Not Permitted on a dead channel or intercept routine"


def test_the_environment(harness: DialplanHarness) -> None:
    program = Program(harness, arguments=("one", "two\nagi_arg_3: forged"))
    channel = program.channel
    channel.caller = replace(
        channel.caller, id=PartyId("Alice\nagi_extension: 999", "1001", name_valid=True, number_valid=True)
    )
    channel.accountcode = "acme"
    heard = program.begin()
    assert heard[-1] == ""
    rows = dict(line.split(": ", 1) for line in heard[:-1])
    thread = rows.pop("agi_threadid")
    assert thread.isdecimal()
    assert list(rows) == [
        *("agi_request", "agi_channel", "agi_language", "agi_type", "agi_uniqueid", "agi_version", "agi_callerid"),
        *("agi_calleridname", "agi_callingpres", "agi_callingani2", "agi_callington", "agi_callingtns", "agi_dnid"),
        *("agi_rdnis", "agi_context", "agi_extension", "agi_priority", "agi_enhanced", "agi_accountcode"),
        *("agi_arg_1", "agi_arg_2"),
    ]
    assert (rows["agi_request"], rows["agi_channel"], rows["agi_type"]) == ("test.agi", channel.name, "Fake")
    assert (rows["agi_callerid"], rows["agi_calleridname"]) == ("1001", "Alice agi_extension: 999")
    assert (rows["agi_dnid"], rows["agi_rdnis"], rows["agi_enhanced"]) == ("unknown", "unknown", "0.0")
    assert (rows["agi_context"], rows["agi_extension"], rows["agi_priority"]) == ("default", "100", "1")
    assert (rows["agi_accountcode"], rows["agi_arg_2"]) == ("acme", "two agi_arg_3: forged")


def test_answers_and_the_end(program: Program) -> None:
    assert program.ask("noop") == "200 result=0"
    assert program.ask("fly away") == "510 Invalid or unknown command"
    assert program.ask("") == "510 Invalid or unknown command"
    assert program.ask("x" * 9000) == "510 Invalid or unknown command"
    usage = program.link.say("wait for digit")
    assert usage[0] == "520-Invalid command syntax.  Proper usage follows:"
    assert usage[1].startswith("Waits so many milliseconds")
    assert usage[2:] == ["520 End of proper usage."]
    assert program.link.say("ANSWER", "NOOP") == ["200 result=0", "200 result=0"]
    program.link.lost()
    assert program.status() is Status.SUCCESS
    assert program.link.told == ["hangup", "close"]
    assert "answer" in program.far.told


def test_events_of_commands(program: Program) -> None:
    seen: list[object] = []
    bus = program.server.bus
    bus.subscribe(messages.AgiExecStarted, seen.append)
    bus.subscribe(messages.AgiExecEnded, seen.append)
    program.link.say('verbose "hello there" 1', "bogus", "wait for digit")
    started, ended, *others = seen
    assert isinstance(started, messages.AgiExecStarted)
    assert isinstance(ended, messages.AgiExecEnded)
    assert (started.command, started.command_id) == ('verbose "hello there" 1', ended.command_id)
    assert (ended.code, ended.result) == (200, "Success")
    assert [(each.code, each.result) for each in others if isinstance(each, messages.AgiExecEnded)] == [
        (510, "Invalid or unknown command"),
        (520, "Usage"),
    ]


def test_a_program_that_fails(program: Program) -> None:
    program.link.status = 256
    program.link.lost()
    assert program.status() is Status.FAILURE


def test_a_program_that_closes_its_output_and_lives_on(harness: DialplanHarness) -> None:
    for end, status in (("exit", Status.FAILURE), ("hangup", Status.HANGUP)):
        program = Program(harness)
        program.link.exits = Deferred()
        program.begin()
        program.link.lost()
        assert not program.over
        if end == "exit":
            program.link.exits.callback(256)
        else:
            program.far.hang_up()
        assert program.status() is status
        assert program.link.told == ["hangup", "close"]


def test_the_word_failure_ends_it(program: Program) -> None:
    assert program.link.say("failure") == []
    assert program.status() is Status.FAILURE


def test_a_hangup_is_told_and_the_program_may_go_on(program: Program) -> None:
    program.far.hang_up()
    assert program.link.told == ["hangup"]
    assert program.ask("answer") == DEAD
    assert program.ask("get variable CHANNEL") == f"200 result=1 ({program.channel.name})"
    assert program.ask("exec NoOp x") == "200 result=0"
    assert not program.over
    program.link.lost()
    assert program.status() is Status.HANGUP
    assert program.link.told == ["hangup", "hangup", "close"]


def test_a_hangup_in_mid_command(program: Program) -> None:
    program.link.say("wait for digit 10000")
    program.far.hang_up()
    assert program.link.heard[-1] == "200 result=-1"
    assert program.link.told == ["hangup"]
    program.link.lost()
    assert program.status() is Status.HANGUP


def test_agisighup(harness: DialplanHarness) -> None:
    program = Program(harness)
    program.channel.set_variable("AGISIGHUP", "no")
    program.begin()
    program.far.hang_up()
    program.link.lost()
    assert program.status() is Status.HANGUP
    assert program.link.told == ["close"]


def test_agiexitonhangup(harness: DialplanHarness) -> None:
    program = Program(harness)
    program.channel.set_variable("AGIEXITONHANGUP", "yes")
    program.begin()
    program.far.hang_up()
    assert program.status() is Status.HANGUP
    assert program.link.told == ["hangup", "hangup", "close"]


def test_begun_on_a_dead_channel(harness: DialplanHarness) -> None:
    program = Program(harness, dead=True)
    program.channel.hangup_requested = True
    program.begin()
    assert program.ask("hangup") == DEAD
    assert program.ask("database put f k v") == "200 result=1"
    program.link.lost()
    assert program.status() is Status.SUCCESS


def test_silence_after_the_hangup_has_an_end(program: Program, harness: DialplanHarness) -> None:
    program.far.hang_up()
    harness.core.clock.advance(conversation.DEAD_SECONDS - 1)
    assert program.ask("noop") == "200 result=0"
    harness.core.clock.advance(conversation.DEAD_SECONDS - 1)
    assert not program.over
    harness.core.clock.advance(2)
    assert program.status() is Status.HANGUP
    assert harness.logged("has been silent for 600 s")


def test_a_channel_that_vanishes(program: Program) -> None:
    program.channel.hangup()
    assert program.status() is Status.HANGUP
    assert program.link.told[-1] == "close"


def test_a_redirect_is_a_hangup_to_the_program(program: Program) -> None:
    program.channel.redirect("default", "200", 1)
    assert program.link.told == ["hangup"]
    assert program.ask("answer") == DEAD
    program.link.lost()
    assert program.status() is Status.HANGUP
    assert program.channel.redirect_pending


def test_digits_between_commands_are_lost(program: Program) -> None:
    program.far.press("1")
    program.link.say("wait for digit 5000")
    program.far.press("2")
    assert program.link.heard[-1] == "200 result=50"


def test_a_flood_is_held_up_and_others_get_their_turn(program: Program, harness: DialplanHarness) -> None:
    program.link.received(b"noop\n" * 5000)
    paused = [program.link.paused]
    answers = sum(line == "200 result=0" for line in program.link.heard)
    assert answers == conversation.COMMANDS_PER_TURN
    for _ in range(200):
        harness.core.clock.advance(0)
    assert sum(line == "200 result=0" for line in program.link.heard) == 5000
    assert [*paused, program.link.paused] == [True, False]
    program.link.lost()
    assert program.status() is Status.SUCCESS


def test_a_program_that_does_not_read(program: Program, harness: DialplanHarness) -> None:
    program.link.pauseProducing()
    assert program.link.say("noop") == []
    program.link.resumeProducing()
    assert program.link.heard[-1] == "200 result=0"
    program.link.pauseProducing()
    program.link.say("noop")
    harness.core.clock.advance(link.UNREAD_SECONDS)
    assert program.status() is Status.FAILURE
    assert harness.logged("has not read its answers")


def test_a_last_line_without_its_break(program: Program) -> None:
    program.link.received(b"set variable A 7")
    program.link.lost()
    assert program.status() is Status.SUCCESS
    assert program.channel.get_variable("A") == "7"


def test_debugging(program: Program, harness: DialplanHarness) -> None:
    program.debug.on = True
    program.ask("noop")
    assert harness.logged(f"<{program.channel.name}>AGI Rx << noop")
    assert harness.logged(f"<{program.channel.name}>AGI Tx >> 200 result=0")


@pytest.mark.parametrize("line", ["noop\0answer", "noop \udcff\udcfe"])
def test_odd_bytes(program: Program, line: str) -> None:
    program.link.received(line.encode("utf-8", "surrogateescape") + b"\n")
    assert program.link.heard[-1] == "200 result=0"
