"""test_events: tells test suites what a manager cannot see otherwise, as TestEvent.

Asterisk does so when it was built with TEST_FRAMEWORK. Here ``test_events`` in asterisk.conf decides; left to itself
the exchange does so when a user of manager.conf has the class ``test`` named in ``read`` (``all`` is not enough): who
writes that has a test suite. What is told are facts of the bus in the words of Asterisk's
``ast_test_suite_event_notify``; nothing is told for a test alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pbx.asterisk_conf import TellTestEvents
from pbx.core.messages import PlaybackControlled, SoundStarted, TestEvent
from pbx.errors import ConfigError
from pbx.modules import Module, ModuleDeclined

if TYPE_CHECKING:
    from pbx.bus import Subscription
    from pbx.config import ConfigLoader
    from pbx.server import Server

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


def check_wanted(server: Server) -> None:
    """Raises ModuleDeclined unless TestEvent is wanted."""
    wanted = server.options.test_events
    if wanted is TellTestEvents.YES or (wanted is TellTestEvents.AUTO and _read_by_name(server.config)):
        return
    raise ModuleDeclined("neither asterisk.conf (test_events) nor a user of manager.conf (read = test) asks for it")


def _read_by_name(config: ConfigLoader) -> bool:
    try:
        found = config.load_optional("manager.conf")
    except ConfigError:
        return False  # the manager's own module says what is wrong with it
    return found is not None and any(
        "test" in (word.strip().lower() for word in item.value.split(","))
        for section in found.sections
        for item in section.items
        if item.key.lower() == "read"
    )


class TestEventsModule(Module):
    """TestEvent for test suites."""

    name = "test_events"
    description = "Events for test suites"

    async def load(self) -> None:
        check_wanted(self.server)
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
