"""AsyncAGI in the dialplan, with commands put into its queue; and what AGI() refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from pbx.core import messages
from pbx.core.agi import MAX_QUEUED, AgiQueueError, AsyncCommand, AsyncQueue, queue_of
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness

EXTENSIONS = """
[default]
exten => 100,1,AGI(agi:async,"one two",three)
 same => n,Set(AFTER=${AGISTATUS})
 same => n,Wait(10)
exten => 101,1,EAGI(agi:async)
 same => n,Set(AFTER=${AGISTATUS})
exten => 102,1,EAGI(agi://127.0.0.1/x)
 same => n,Set(AFTER=${AGISTATUS})
exten => 103,1,AGI(no-such-file)
 same => n,Set(AFTER=${AGISTATUS})
exten => 104,1,AGI()
 same => n,Set(AFTER=went on)
exten => 105,1,AGI(agi://:x/y)
 same => n,Set(AFTER=${AGISTATUS})
exten => 106,1,DeadAGI(no-such-file)
 same => n,Set(AFTER=${AGISTATUS})
exten => 107,1,AGI(/bin/true)
 same => n,Set(AFTER=${AGISTATUS})
exten => 108,1,AGI(agi://127.0.0.1/x)
 same => n,Set(AFTER=${AGISTATUS})
exten => h,1,EAGI(no-such-file)
 same => n,Set(LATE=yes)
 same => n,AGI(agi:async)
 same => n,Set(LATER=yes)
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[DialplanHarness]:
    made = DialplanHarness(tmp_path, {"extensions.conf": EXTENSIONS})
    result_of(start(made.start()))
    yield made
    result_of(start(made.stop()))
    assert len(made.core.channels) == 0


class Manager:
    """What a manager would see of a call, and do to it."""

    def __init__(self, harness: DialplanHarness) -> None:
        self.seen: list[object] = []
        kinds = (messages.AsyncAgiStarted, messages.AsyncAgiExecuted, messages.AsyncAgiEnded)
        harness.server.bus.subscribe_many(kinds, self.seen.append)
        self.call: DialplanCall = harness.call("100")

    @property
    def queue(self) -> AsyncQueue:
        found = queue_of(self.call.channel)
        assert found is not None
        return found

    def ask(self, command: str, **options: object) -> str:
        """Have a command run; its answer."""
        self.queue.put(AsyncCommand(command, "id", **options))  # type: ignore[arg-type]
        done = self.seen[-1]
        if isinstance(done, messages.AsyncAgiEnded):
            done = self.seen[-2]
        assert isinstance(done, messages.AsyncAgiExecuted)
        assert done.command_id == "id"
        return unquote(done.answer)


def test_commands_and_the_break(harness: DialplanHarness) -> None:
    manager = Manager(harness)
    (started,) = manager.seen
    assert isinstance(started, messages.AsyncAgiStarted)
    assert unquote(started.environment).endswith("agi_arg_1: one two\nagi_arg_2: three\n\n")
    assert manager.ask("SET VARIABLE A 1") == "200 result=1\n"
    assert manager.ask("bogus") == "510 Invalid or unknown command\n"
    assert manager.ask("SET AUTOHANGUP soon").startswith("520-")
    assert manager.ask("SET AUTOHANGUP 5") == "200 result=0\n"
    assert manager.ask("ASYNCAGI BREAK") == "200 result=0\n"
    assert isinstance(manager.seen[-1], messages.AsyncAgiEnded)
    assert manager.call.variable("AFTER") == "SUCCESS"
    # The queue stays, for the next AsyncAGI of the call.
    manager.queue.put(AsyncCommand("NOOP"))
    harness.core.clock.advance(5)
    assert manager.call.ended
    assert manager.call.variable("AGISTATUS") == "HANGUP"


def test_a_command_that_fails_ends_it(harness: DialplanHarness) -> None:
    manager = Manager(harness)
    assert manager.ask("GOSUB nowhere s 1") == "200 result=-1 Gosub label not found\n"
    assert manager.call.variable("AFTER") == "FAILURE"


def test_a_hangup_while_nothing_happens(harness: DialplanHarness) -> None:
    manager = Manager(harness)
    manager.call.far.press("1")
    manager.call.far.hang_up()
    assert isinstance(manager.seen[1], messages.AsyncAgiEnded)
    assert manager.call.ended
    # In h EAGI refuses, and AsyncAGI ends as it begins, and h with it.
    assert (manager.call.variable("LATE"), manager.call.variable("LATER")) == ("yes", None)
    assert isinstance(manager.seen[2], messages.AsyncAgiStarted)
    assert isinstance(manager.seen[3], messages.AsyncAgiEnded)
    assert harness.logged("EAGI cannot be run on a dead/hungup channel")


def test_rights_are_asked_when_the_turn_comes(harness: DialplanHarness) -> None:
    manager = Manager(harness)
    rights = [True, False]
    assert manager.ask("NOOP", allowed=lambda: rights[0]) == "200 result=0\n"
    assert manager.ask("NOOP", allowed=lambda: rights[1]) == "511 Permission denied\n"
    assert harness.logged("AGI 'NOOP' is refused")


def test_the_console(harness: DialplanHarness) -> None:
    def say(line: str) -> tuple[bool, str]:
        done = result_of(start(harness.server.cli.run(line)))
        return done.ok, done.output

    manager = Manager(harness)
    name = manager.call.channel.name
    assert say("agi set debug on")[0]
    assert say(f'agi exec {name} "SET VARIABLE B 2" mine') == (True, "")
    assert manager.call.variable("B") == "2"
    assert harness.logged(f"<{name}>AGI Tx >> 200 result=1")
    assert not say(f"agi exec {name}")[0]
    idle = harness.core.fake.incoming("idle").channel
    assert say(f"agi exec {idle.name} NOOP")[1].startswith(f"Failed to add AGI command to queue of channel {idle.name}")
    assert name in harness.server.cli.complete(["agi", "exec", "Fake/"])
    idle.hangup()


def test_the_queue_has_a_bound() -> None:
    queue = AsyncQueue()
    for _ in range(MAX_QUEUED):
        queue.put(AsyncCommand("NOOP"))
    with pytest.raises(AgiQueueError, match="256 commands wait already"):
        queue.put(AsyncCommand("NOOP"))
    assert queue.take() is not None
    assert result_of(queue.ready()) is None


@pytest.mark.parametrize(
    ("exten", "after", "said"),
    [
        ("101", "FAILURE", "Async AGI does not support Enhanced AGI yet"),
        ("102", "FAILURE", ""),
        ("103", "NOTFOUND", "File does not exist."),
        ("104", None, "AGI requires an argument (script)"),
        ("105", "FAILURE", "is not a host with a port"),
        ("106", "NOTFOUND", "DeadAGI has been deprecated"),
        ("107", "FAILURE", "no programs are run in virtual time"),
        ("108", "FAILURE", "no connections are made in virtual time"),
    ],
)
def test_what_cannot_be_run(harness: DialplanHarness, exten: str, after: str | None, said: str) -> None:
    call = harness.call(exten)
    assert call.variable("AFTER") == after
    assert harness.logged(said)
