"""A configuration's dialplan under test: calls by script, telephones by script, time that passes as fast as it can.

The engine, the applications and the functions are the exchange's own; SIP, sound and time are not. `ScriptedDialplan`
is what the pytest fixture ``dialplan`` makes and what test files in Lua talk to. What is expected of a call may take
virtual time: an expectation lets time pass, timer by timer, until it is met or ``within`` seconds are over.

    plan = ScriptedDialplan(Path("/etc/asterisk"), tmp_path)
    plan.start()
    plan.phone("PJSIP/bob").answers(after=3)
    call = plan.call("1002", context="internal")
    call.expect_talking_to("PJSIP/bob")
    call.hang_up()
    plan.stop()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import Self

from dialplan.arguments import Arguments, Grammar
from dialplan.registry import Application, Function, Help
from dialplan.watch import Executed, WatchedEngine
from pbx.core.channel import Channel
from pbx.core.party import party_id
from pbx.testing.core import FakeCore
from pbx.testing.coverage import DialplanCoverage
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness
from pbx.testing.scripted_call import ExpectationFailed, ScriptedCall
from pbx.testing.scripted_parts import ScriptedPhone, ScriptedSwitchboard, ScriptedTechnology

#: Virtual seconds that an expectation waits unless told otherwise.
WITHIN_SECONDS = 60.0
#: Turns, of 200 steps each, without time passing after which a dialplan is said to run in circles.
MAX_TURNS = 300
#: The technologies that telephones have.
TECHNOLOGIES = ("PJSIP", "SIP", "IAX2", "DAHDI")


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound that began: on which leg, its name, when (virtual seconds since the start)."""

    leg: str
    name: str
    time: float


class ScriptedDialplan:
    """The dialplan of the configuration directory ``etc``, which is only read; ``state`` is a scratch directory.

    Use as a context, or call `start` and `stop`. Each one is an exchange of its own, with an AstDB that begins empty.
    """

    def __init__(self, etc: Path, state: Path, *, coverage: DialplanCoverage | None = None) -> None:
        self._switchboard = ScriptedSwitchboard()
        core = FakeCore(self._switchboard)
        self._switchboard.clock = core.clock
        self._switchboard.observer = self._sound
        self._clock = core.clock
        self._technologies = {name: ScriptedTechnology(core.channels, name) for name in TECHNOLOGIES}
        for technology in self._technologies.values():
            core.technologies.register(technology)
        self.harness = DialplanHarness(state, core=core, engine=WatchedEngine, etc=etc.absolute(), watched=True)
        engine: Any = self.harness.engine
        self._engine: WatchedEngine = engine
        self._engine.observer = self._executed
        self._coverage = coverage
        #: Every application that ran and every sound that began, in order.
        self.executed: list[Executed] = []
        self.sounds: list[Heard] = []
        #: What answers in the place of the web.
        self.web = self.harness.web

    # Life

    def start(self) -> None:
        """Load the configuration. Raises an ObeliskError as the exchange would report it."""
        result_of(start(self.harness.start()))
        if self._coverage is not None:
            self._coverage.begin(self.harness)

    def stop(self) -> None:
        """End every call. Raises AssertionError when one does not end."""
        if self._coverage is not None:
            self._coverage.end(self.harness)
        result_of(start(self.harness.stop()))
        left = [channel.name for channel in self.harness.core.channels]
        if left:
            raise AssertionError(f"channels are left: {', '.join(left)}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # Time

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._clock.monotonic()

    def settle(self) -> None:
        """Let everything happen that takes no time."""
        turns = 0
        while (due := self._clock.next_timer_seconds()) is not None and due <= 0:
            self._clock.turn()
            turns += 1
            if turns > MAX_TURNS:
                raise ExpectationFailed("the dialplan runs in circles without ever waiting")

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Let time pass, timer by timer, until something is so; whether it came to be within so many seconds."""
        end = self.now + within
        self.settle()
        while not condition():
            left = end - self.now
            due = self._clock.next_timer_seconds()
            if left <= 0:
                return False
            self._clock.turn(left if due is None else min(left, max(due, 0.0)))
            self.settle()
        return True

    # Calls and telephones

    def call(
        self,
        exten: str,
        context: str = "default",
        *,
        caller: str = "1000",
        name: str = "",
        device: str = "PJSIP/caller",
        variables: Mapping[str, str] | None = None,
    ) -> ScriptedCall:
        """A call from a telephone ``device`` to an extension; it runs until it first waits."""
        technology, resource = self._address(device)
        far = technology.incoming(resource, context, exten)
        channel = far.channel
        channel.caller = replace(channel.caller, id=party_id(caller, name))
        for key, value in (variables or {}).items():
            channel.set_variable(key, str(value))
        call = ScriptedCall(self, far)
        call.run(self._engine.start(channel))
        self.settle()
        return call

    def phone(self, device: str) -> ScriptedPhone:
        """The telephone of an address such as ``PJSIP/bob``."""
        technology, resource = self._address(device)
        return technology.phone(resource)

    def _address(self, device: str) -> tuple[ScriptedTechnology, str]:
        name, slash, resource = device.partition("/")
        technology = self._technologies.get(name.upper())
        if technology is None or not slash:
            raise ValueError(f"'{device}' is no address: {', '.join(TECHNOLOGIES)} are the technologies of telephones")
        return technology, resource

    # Variables, functions, the database

    def variable(self, name: str) -> str | None:
        """A global variable."""
        return self.harness.core.channels.get_global(name)

    def set_variable(self, name: str, value: str) -> None:
        """Set a global variable."""
        self.harness.core.channels.set_global(name, value)

    def db(self, family: str, key: str) -> str | None:
        """A value of the AstDB, or None."""
        return self.harness.server.astdb.get(family, key)

    def set_db(self, family: str, key: str, value: str) -> None:
        """Put a value into the AstDB."""
        self.harness.server.astdb.put(family, key, value)

    def evaluate(self, text: str, channel: Channel | None = None) -> str:
        """A text with ``${...}`` and ``$[...]`` replaced, of a call or outside of any."""
        return str(self._wait(self._engine.substitute(channel, text)))

    def write(self, expression: str, value: str, channel: Channel | None = None) -> None:
        """Write a function, such as ``DEVICE_STATE(Custom:door)``. Raises as the function does."""
        waiting = self._engine.write_function(channel, expression, value)
        if waiting is not None:
            self._wait(waiting)

    def _wait(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        waiting: Deferred[Any] = value if isinstance(value, Deferred) else Deferred.fromCoroutine(value)
        self.until(lambda: waiting.called, WITHIN_SECONDS)
        return result_of(waiting)

    # What stands in for what is not there

    def sound(self, name: str, *, seconds: float | None = None, missing: bool = False) -> None:
        """How long a sound lasts (one second otherwise), or that it does not exist."""
        if seconds is not None:
            self._switchboard.lengths[name] = seconds
        if missing:
            self._switchboard.missing.add(name)

    def stub_application(
        self, name: str, *, result: int = 0, seconds: float = 0.0, variables: Mapping[str, str] | None = None
    ) -> None:
        """Put an application in the place of one, or where there is none: it takes time, sets variables, and ends."""
        registry = self._engine.registry

        async def stub(channel: Channel, _args: Arguments) -> int:
            if seconds > 0:
                await channel.sleep(seconds)
            for key, value in (variables or {}).items():
                channel.set_variable(key, str(value))
            return result

        held = registry.application(name)
        if held is not None:
            registry.remove_application(held)
        grammar = Grammar("[arguments]") if held is None else held.grammar
        registry.add_application(Application(name, grammar, Help("A stub of a test."), stub, "test", immediate=False))

    def stub_function(self, expression: str, value: str) -> None:
        """Let a function give ``value`` for these arguments: ``PJSIP_DIAL_CONTACTS(bob)``; others give nothing."""
        name, _, rest = expression.partition("(")
        registry = self._engine.registry
        held = registry.function(name)
        answers = getattr(held.reader, "answers", None) if held is not None else None
        if answers is None:
            if held is not None:
                registry.remove_function(held)
            reader = _StubReader()
            answers = reader.answers
            made = Function(name, Grammar("[arguments]"), Help("A stub of a test."), reader, reader.write, "test")
            registry.add_function(made)
        answers[rest.rpartition(")")[0]] = value

    def answer_web(
        self, url: str, body: str = "", *, status: int = 200, after: float = 0.0, content_type: str = ""
    ) -> None:
        """What requests get whose URL begins with ``url``, ``after`` seconds; all others fail."""
        self.web.answer(url, body, status, {"Content-Type": content_type} if content_type else None, after=after)

    # What happened

    @property
    def log(self) -> list[str]:
        """The lines of the log."""
        return self.harness.log

    def expect_log(self, text: str, within: float = WITHIN_SECONDS) -> None:
        """Expect that some line of the log holds ``text``."""
        if not self.until(lambda: self.harness.logged(text), within):
            lines = "".join(f"\n    {line}" for line in self.log[-10:])
            raise ExpectationFailed(f"no line of the log with '{text}' within {within:g} s; its last lines:{lines}")

    def _executed(self, executed: Executed, step: Any) -> None:
        self.executed.append(executed)
        if self._coverage is not None:
            self._coverage.ran(step)

    def _sound(self, leg: str, name: str) -> None:
        self.sounds.append(Heard(leg, name, self.now))


class _StubReader:
    """A function that gives what the test says, and remembers what is written."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}

    def __call__(self, _channel: Channel | None, args: Arguments) -> str:
        return self.answers.get(args.raw, "")

    def write(self, _channel: Channel | None, args: Arguments, value: str) -> None:
        """Written values are read again."""
        self.answers[args.raw] = value
