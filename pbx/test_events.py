"""test_events: tells test suites what a manager cannot see otherwise, as TestEvent.

Asterisk does so when it was built with TEST_FRAMEWORK; here ``test_events = yes`` in asterisk.conf turns it on. What is
told are facts of the bus in the words of Asterisk's ``ast_test_suite_event_notify``; nothing is told for a test alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pbx.core.messages import PlaybackControlled, SoundStarted, TestEvent
from pbx.modules import Module, ModuleDeclined

if TYPE_CHECKING:
    from pbx.bus import Subscription

#: What a playback is told to do, in the words of main/file.c and main/app.c; some are two events.
_CONTROLS: Mapping[str, tuple[str, ...]] = {
    "forward": ("FastForward",),
    "reverse": ("Rewind",),
    "restart": ("Break", "Restart"),
    "pause": ("Break", "Pause"),
    "unpause": ("Unpause",),
    "stop": ("Break", "Stop"),
}


def playback_events(message: PlaybackControlled) -> Iterator[TestEvent]:
    """What Asterisk tells of a playback that is moved, paused or stopped."""
    for word in _CONTROLS[message.operation]:
        fields = [("Channel", message.leg), ("Control", word)]
        if message.operation in {"forward", "reverse"}:
            fields.append(("SkipMs", str(message.skip_ms)))
        yield TestEvent("PLAYBACK", tuple(fields))


def sound_event(message: SoundStarted) -> TestEvent:
    """What Asterisk tells of a sound that begins (main/file.c)."""
    return TestEvent("PLAYBACK", (("Message", message.sound), ("Channel", message.channel)))


class TestEventsModule(Module):
    """TestEvent for test suites."""

    name = "test_events"
    description = "Events for test suites"

    async def load(self) -> None:
        if not self.server.options.test_events:
            raise ModuleDeclined("asterisk.conf does not say test_events = yes")
        bus = self.server.bus

        def playback_controlled(message: PlaybackControlled) -> None:
            for event in playback_events(message):
                bus.publish(event)

        self._subscriptions: list[Subscription] = [
            bus.subscribe(PlaybackControlled, playback_controlled),
            bus.subscribe(SoundStarted, lambda message: bus.publish(sound_event(message))),
        ]

    async def unload(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()


MODULES: tuple[type[Module], ...] = (TestEventsModule,)
