"""One call of a scripted dialplan: what its caller does, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from dialplan.watch import Executed, lua_place
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.states import ChannelState
from pbx.testing.fake_media import FakeRecording

if TYPE_CHECKING:
    from pbx.testing.fake_technology import FakeDriver
    from pbx.testing.scripted import ScriptedDialplan

#: Virtual seconds that an expectation waits unless told otherwise.
WITHIN_SECONDS = 60.0
#: Applications and sounds that a failure shows.
_SHOWN = 12


class ExpectationFailed(AssertionError):
    """Something that was expected of a dialplan did not happen; the text says what happened instead."""


class ScriptedCall:
    """A call, from its caller's side.

    Each ``expect_...`` lets virtual time pass until it is met, at most ``within`` seconds, and raises ExpectationFailed
    otherwise. Applications and sounds are expected in their order: each expectation begins where the one before ended.
    """

    def __init__(self, plan: ScriptedDialplan, far: FakeDriver) -> None:
        self._plan = plan
        self.far = far
        self.channel: Channel = far.channel
        self.name = far.channel.name
        self._finished = False
        self._next_application = len(plan.executed)
        self._next_sound = len(plan.sounds)
        self._leg = getattr(self.channel.audio, "name", self.name)

    def run(self, done: Deferred[None]) -> None:
        """The dialplan has begun; ``done`` fires when it has ended."""

        def finished(_result: object) -> None:
            self._finished = True

        done.addBoth(finished)

    # What the caller does

    def press(self, digits: str, *, every: float = 0.0) -> None:
        """Press digits, ``every`` so many seconds one."""
        for number, digit in enumerate(digits):
            if number and every:
                self._plan.advance(every)
            self._alive("press a digit")
            self.far.press(digit)
            self._plan.settle()

    def hang_up(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """Hang up, with a cause of Q.850."""
        self._alive("hang up")
        self.far.hang_up(cause)
        self._plan.settle()

    def wait(self, seconds: float) -> None:
        """Do nothing for some virtual time."""
        self._plan.advance(seconds)

    def fall_silent(self) -> None:
        """Stop speaking: a recording that ends by silence ends. Raises AssertionError where nothing is recorded."""
        recordings: list[FakeRecording] = self._plan.harness.core.switchboard.recordings
        for recording in reversed(recordings):
            if recording.leg is self.channel.audio and recording.silence is not None and not recording.stopped:
                seconds, listener = recording.silence
                self._plan.advance(seconds)
                listener()
                self._plan.settle()
                return
        raise AssertionError(f"{self.name} is not recorded until silence")

    def _alive(self, what: str) -> None:
        if self.ended or not self.channel.alive:
            raise ExpectationFailed(f"the caller cannot {what}: the call has ended{self._story()}")

    # How it stands

    @property
    def ended(self) -> bool:
        """Whether the dialplan has ended and with it the call."""
        return self._finished

    @property
    def answered(self) -> bool:
        return "answer" in self.far.told or self.channel.state is ChannelState.UP

    @property
    def cause(self) -> int:
        """The cause of its end, of Q.850; 0 until then."""
        return self.channel.hangup_cause

    @property
    def position(self) -> tuple[str, str, int]:
        """Context, extension and priority."""
        return self.channel.context, self.channel.exten, self.channel.priority

    @property
    def applications(self) -> list[Executed]:
        """Every application that ran in this call."""
        return [each for each in self._plan.executed if each.channel == self.name]

    @property
    def sounds(self) -> list[str]:
        """Every sound that began to play to the caller."""
        return [each.name for each in self._plan.sounds if each.leg == self._leg]

    def variable(self, name: str) -> str | None:
        """A channel variable, also after the end."""
        return self.channel.get_variable(name)

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable."""
        self.channel.set_variable(name, value)

    def evaluate(self, text: str) -> str:
        """A text with ``${...}`` and ``$[...]`` replaced, such as ``${CALLERID(num)}``."""
        return self._plan.evaluate(text, self.channel)

    # What is expected

    def expect_app(self, name: str, *arguments: object, within: float = WITHIN_SECONDS) -> Executed:
        """Expect an application to run next, or after others; with ``arguments`` exactly with these."""
        wanted = ",".join("" if each is None else str(each) for each in arguments)
        found: list[tuple[int, Executed]] = []

        def look() -> bool:
            for number, each in enumerate(self._plan.executed[self._next_application :], self._next_application):
                fits = each.application.lower() == name.lower() and (not arguments or each.data == wanted)
                if fits and each.channel == self.name:
                    found.append((number, each))
                    return True
            return self.ended

        self._plan.until(look, within)
        if not found:
            shown = f"{name}({wanted})" if arguments else name
            raise self._failed(f"expected {shown} to run{self._within(within)}")
        self._next_application = found[0][0] + 1
        return found[0][1]

    def expect_no_app(self, name: str) -> None:
        """Expect that an application has not run so far."""
        for each in self.applications:
            if each.application.lower() == name.lower():
                raise self._failed(f"expected that {name} does not run, but {each} ran{_at(each.place)}")

    def expect_sounds(self, *names: str, within: float = WITHIN_SECONDS) -> None:
        """Expect these sounds to be played to the caller next, in this order and without others among them."""
        self._plan.until(lambda: len(self._heard()) >= len(names) or self.ended, within)
        heard = [name for _number, name in self._heard()][: len(names)]
        if heard != list(names):
            shown = f"the sound{'s' * (len(names) != 1)} {', '.join(names)}"
            waited = self._within(within) if len(heard) < len(names) else ""
            raise self._failed(f"expected {shown}{waited}; heard {', '.join(heard) or 'nothing'}")
        if names:
            self._next_sound = self._heard()[len(names) - 1][0] + 1

    def expect_silence(self) -> None:
        """Expect that no sound was played to the caller since the last that was expected."""
        heard = [name for _number, name in self._heard()]
        if heard:
            raise self._failed(f"expected no further sound; heard {', '.join(heard)}")

    def _heard(self) -> list[tuple[int, str]]:
        start = self._next_sound
        every = enumerate(self._plan.sounds[start:], start)
        return [(number, each.name) for number, each in every if each.leg == self._leg]

    def expect_answered(self, within: float = WITHIN_SECONDS) -> None:
        """Expect the exchange to answer the call."""
        self._expect(lambda: self.answered, "the call to be answered", within)

    def expect_not_answered(self) -> None:
        """Expect that the exchange has not answered the call so far."""
        if self.answered:
            raise self._failed("expected that the call is not answered")

    def expect_ended(self, cause: int | None = None, within: float = WITHIN_SECONDS) -> None:
        """Expect the call to end, with a cause of Q.850 if given."""
        self._expect(lambda: self.ended, "the call to end", within)
        if cause is not None and self.cause != cause:
            raise self._failed(f"expected the call to end with cause {cause}; it was {self.cause}")

    def expect_running(self) -> None:
        """Expect that the call goes on."""
        self._plan.settle()
        if self.ended:
            raise self._failed("expected the call to go on")

    def expect_variable(self, name: str, value: str | None, within: float = WITHIN_SECONDS) -> None:
        """Expect a channel variable to get a value; None: to be unset."""
        self._expect(
            lambda: self.variable(name) == value,
            f"{name} to be {_quoted(value)}",
            within,
            lambda: f"it is {_quoted(self.variable(name))}",
        )

    def expect_value(self, text: str, value: str, within: float = WITHIN_SECONDS) -> None:
        """Expect what `evaluate` gives to become ``value``."""
        self._expect(
            lambda: self.evaluate(text) == value,
            f"{text} to be {_quoted(value)}",
            within,
            lambda: f"it is {_quoted(self.evaluate(text))}",
        )

    def expect_at(self, context: str, exten: str, priority: int | None = None, within: float = WITHIN_SECONDS) -> None:
        """Expect the call to come to an extension, and there to a priority if given."""
        shown = f"{exten}@{context}" + (f":{priority}" if priority is not None else "")
        self._expect(
            lambda: self.position[:2] == (context, exten) and priority in (None, self.position[2]),
            f"the call to be at {shown}",
            within,
        )

    def expect_dialed(self, device: str, within: float = WITHIN_SECONDS) -> None:
        """Expect a telephone to be called."""
        phone = self._plan.phone(device)
        self._expect(lambda: phone.leg is not None, f"{device} to be called", within)

    def expect_talking_to(self, device: str, within: float = WITHIN_SECONDS) -> None:
        """Expect the caller and a telephone to be connected."""
        phone = self._plan.phone(device)

        def connected() -> bool:
            leg = phone.leg
            return leg is not None and leg.channel.bridge is not None and leg.channel.bridge is self.channel.bridge

        self._expect(connected, f"the caller to talk to {device}", within)

    def _expect(
        self,
        condition: Callable[[], bool],
        what: str,
        within: float,
        instead: Callable[[], str] | None = None,
    ) -> None:
        """Wait for something; a call that has ended is not waited for."""
        self._plan.until(lambda: condition() or self.ended, within)
        if not condition():
            more = f"; {instead()}" if instead is not None else ""
            raise self._failed(f"expected {what}{self._within(within)}{more}")

    # Failures

    def _within(self, within: float) -> str:
        return "" if self.ended else f" within {within:g} s"

    def _failed(self, text: str) -> ExpectationFailed:
        return ExpectationFailed(text + self._story())

    @property
    def place(self) -> str:
        """Where in the dialplan the call is, as ``file:line``, or empty."""
        last = next((each for each in reversed(self._plan.executed) if each.channel == self.name), None)
        return (lua_place(self.channel) if self.channel.alive else "") or ("" if last is None else last.place)

    def _story(self) -> str:
        """What the call did, for the text of a failure."""
        plan = self._plan
        events = [(each.time, f"{each}{_at(each.place)}") for each in self.applications]
        events += [(each.time, f"sound {each.name}") for each in plan.sounds if each.leg == self._leg]
        events.sort(key=lambda event: event[0])
        context, exten, priority = self.position
        end = f"has ended with cause {self.cause}" if self.ended else "goes on"
        lines = [f"the call {end} at {exten}@{context}:{priority}{_at(self.place)}, {plan.now:g} s after the start"]
        lines += [f"  {time:8.1f} s  {text}" for time, text in events[-_SHOWN:]]
        problems = [line for line in plan.log if "rror" in line or "FAILED" in line]
        lines += [f"  log: {line}" for line in problems[-3:]]
        return "".join(f"\n    {line}" for line in "\n".join(lines).splitlines())


def _at(place: str) -> str:
    return f" ({place})" if place else ""


def _quoted(value: str | None) -> str:
    return "unset" if value is None else f"'{value}'"
