"""A call in AGI whose program is the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from dialplan.agi.commands import COMMANDS
from dialplan.agi.conversation import Conversation, Debug, Status
from dialplan.agi.link import Link
from dialplan.agi.table import AgiCommandTable
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness

#: The first line of what answers a wrong call.
USAGE = "520-Invalid command syntax.  Proper usage follows:"

EXTENSIONS = """
[default]
exten => 100,1,Answer()
 same => n,Wait(1000)
 same => n(there),NoOp()
exten => 200,1,NoOp(two)
exten => h,1,Set(H=yes)

[sub]
exten => s,1(begin),Set(GOT=${ARG1}/${ARG2})
 same => n,Return(value of ${ARGC})
exten => wait,1,Wait(60)
 same => n,Return()
exten => lost,1,NoOp()
exten => goto,1,Goto(default,200,1)
"""


class ProgramLink(Link):
    """A program that the test plays: `say` is what it writes, ``heard`` what it reads."""

    name = "test"

    def __init__(self, harness: DialplanHarness) -> None:
        super().__init__(harness.core.clock)
        self.heard: list[str] = []
        self.told: list[str] = []
        self.paused = False
        self.status = 0
        #: When set, the program lives on after its last line until this fires.
        self.exits: Deferred[int] | None = None

    def say(self, *lines: str) -> list[str]:
        """Write lines; what came back at once."""
        before = len(self.heard)
        for line in lines:
            self.received(f"{line}\n".encode())
        return self.heard[before:]

    def hung_up(self) -> None:
        self.told.append("hangup")

    def close(self) -> None:
        self.told.append("close")

    async def exit_status(self) -> int:
        return self.status if self.exits is None else await self.exits

    def _write(self, data: bytes) -> None:
        self.heard += data.decode().splitlines()

    def _pause(self) -> None:
        self.paused = True

    def _resume(self) -> None:
        self.paused = False


class Program:
    """A conversation about a call that waits in the dialplan's ``100``."""

    def __init__(self, harness: DialplanHarness, *, dead: bool = False, arguments: tuple[str, ...] = ()) -> None:
        self.harness = harness
        self.server: Any = harness.server
        self.far = harness.core.fake.incoming("phone", "default", "100")
        self.channel = self.far.channel
        self.channel.owner = "pbx"
        self.link = ProgramLink(harness)
        self.debug = Debug()
        self.arguments = arguments
        self.dead = dead
        self._done: Any = None

    def begin(self) -> list[str]:
        """Begin; the environment."""
        conversation = Conversation(
            self.server,
            self.harness.engine,
            AgiCommandTable(COMMANDS),
            self.debug,
            self.channel,
            self.link,
            dead=self.dead,
        )
        self._done = start(conversation.run("test.agi", self.arguments))
        return self.link.heard

    @property
    def over(self) -> bool:
        return bool(self._done.called)

    def status(self) -> Status:
        status: Status = result_of(self._done)
        return status

    def ask(self, line: str) -> str:
        """Say one line; the one line that answers it at once."""
        (answer,) = self.link.say(line)
        return answer


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[DialplanHarness]:
    made = DialplanHarness(tmp_path, {"extensions.conf": EXTENSIONS})
    result_of(start(made.start()))
    yield made
    result_of(start(made.stop()))
    assert len(made.core.channels) == 0


@pytest.fixture
def program(harness: DialplanHarness) -> Program:
    """In conversation."""
    made = Program(harness)
    made.begin()
    return made
