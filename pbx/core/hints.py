"""Hints: extensions whose state is that of devices, and whose presence is that of presence providers.

The dialplan brings the hints (`Hints.load`) and resolves an extension to one (`HintFinder`); what devices and providers
say is read from the bus. A change costs a look-up by device and one sum for each hint that names it, however many
watch; the watchers share one `HintUpdate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from pbx.core import messages
from pbx.core.device_state import (
    EXTENSION_NO_HINT,
    EXTENSION_REMOVED,
    EXTENSION_RINGING,
    EXTENSION_STATES,
    DeviceState,
    aggregate,
)
from pbx.core.presence import INVALID, Presence, PresenceState

if TYPE_CHECKING:
    from pbx.bus import Bus, Subscription
    from pbx.core.devices import DeviceStates
    from pbx.core.presence import Presences

log = Logger()

#: Hints made of pattern hints for single extensions; when there are more, those that nobody watches are dropped.
MAX_INSTANCES = 10_000

Key = tuple[str, str]
"""Context and extension."""


@dataclass(frozen=True, slots=True)
class HintPlace:
    """Where an extension's hint stands: the context that owns it, its extension or pattern, and its text."""

    context: str
    exten: str
    text: str


class HintFinder(Protocol):
    """What hints ask of the dialplan."""

    def find_hint(self, context: str, exten: str) -> HintPlace | None:
        """The hint of an extension, by pattern and through includes too; None where it has none."""

    def expand_hint(self, context: str, exten: str, text: str) -> str:
        """A hint's text with its variables replaced."""


@dataclass(frozen=True, slots=True)
class HintUpdate:
    """What a watcher is told. ``reason`` is ``device``, ``presence`` or ``removed``.

    ``devices`` are the states that add up to ``state``, in the hint's order.
    """

    context: str
    exten: str
    reason: str
    state: int
    presence: Presence
    devices: tuple[tuple[str, DeviceState], ...] = ()


Watcher = Callable[[HintUpdate], object]


def split_hint(text: str) -> tuple[str, tuple[str, ...], str, str]:
    """``devices,presence(name)`` apart: the text without the name, the devices, the presence providers, the name.

    Devices are joined by ``&``; what follows the last comma is presence.
    """
    plain, parenthesis, name = text.strip().partition("(")
    name = name.removesuffix(")") if parenthesis else ""
    devices, comma, presence = plain.rpartition(",")
    if not comma:
        devices, presence = plain, ""
    return plain, tuple(each.strip() for each in devices.split("&")), presence.strip(), name


@dataclass(slots=True, eq=False)
class Hint:
    """A hint in force. A ``pattern`` has no state; hints for its extensions are made of it as they are asked for."""

    context: str
    exten: str
    #: As the dialplan has it.
    source: str
    text: str
    name: str
    devices: tuple[str, ...]
    provider: str
    pattern: bool = False
    state: int = EXTENSION_STATES[DeviceState.INVALID]
    presence: Presence = INVALID
    #: Watchers, and whether they want to hear each event of a ringing extension.
    watchers: dict[object, tuple[Watcher, bool]] = field(default_factory=dict)


class Hints:
    """The hints in force."""

    def __init__(self, bus: Bus, devices: DeviceStates, presences: Presences) -> None:
        self._bus = bus
        self._devices = devices
        self._presences = presences
        #: The dialplan; set when it is there.
        self.finder: HintFinder | None = None
        self._hints: dict[Key, Hint] = {}
        self._by_context: dict[str, dict[str, Hint]] = {}
        self._by_device: dict[str, dict[Hint, None]] = {}
        self._by_provider: dict[str, dict[Hint, None]] = {}
        #: The hints made of patterns, the oldest first.
        self._instances: dict[Hint, None] = {}
        self._subscriptions: list[Subscription] = []

    def __len__(self) -> int:
        return len(self._hints)

    def __iter__(self) -> Iterator[Hint]:
        """By extension and context."""
        return iter(sorted(self._hints.values(), key=lambda hint: (hint.exten, hint.context)))

    # What the dialplan says

    def load(self, contexts: Mapping[str, Iterable[tuple[str, str]]]) -> None:
        """Put (extension, text) pairs in the place of all hints of each context.

        Watchers of hints that go on keep watching; those of others are told that theirs is removed.
        """
        for context, entries in contexts.items():
            before = self._by_context.get(context, {})
            kept: set[str] = set()
            for exten, source in entries:
                kept.add(exten)
                old = before.get(exten)
                if old is None or old in self._instances or old.source != source:
                    self._put(context, exten, source, old)
            for exten, hint in list(before.items()):
                if exten not in kept:
                    self._lost(hint)
        self._read_bus()

    def _put(self, context: str, exten: str, source: str, old: Hint | None) -> Hint:
        pattern = exten.startswith("_")
        expanded = source
        if "${" in source and not pattern and self.finder is not None:
            expanded = self.finder.expand_hint(context, exten, source)
        text, devices, provider, name = split_hint(expanded)
        hint = Hint(context, exten, source, text, name, devices, provider, pattern)
        if old is not None:
            hint.watchers, hint.state, hint.presence = old.watchers, old.state, old.presence
            self._unlink(old)
        self._hints[context, exten] = hint
        self._by_context.setdefault(context, {})[exten] = hint
        if pattern:
            return hint
        for device in hint.devices:
            if device:
                self._by_device.setdefault(device.lower(), {})[hint] = None
        for provider in hint.provider.split("&"):
            if provider:
                self._by_provider.setdefault(provider.lower(), {})[hint] = None
        if old is None:
            hint.state, _ = self._sum(hint)
            if hint.provider:
                hint.presence = self._presences.get(hint.provider)
            self._tell_state(hint)
        else:
            self._device_changed(hint)
            self._presence_changed(hint, self._presences.get(hint.provider) if hint.provider else INVALID)
        return hint

    def _lost(self, hint: Hint) -> None:
        """The dialplan has the hint no more; an instance with watchers stays where its pattern still is there."""
        place = None
        if self.finder is not None and hint.watchers and hint in self._instances:
            place = self.finder.find_hint(hint.context, hint.exten)
        if place is not None:
            if place.text != hint.source:
                self._instances[self._put(hint.context, hint.exten, place.text, hint)] = None
            return
        self._unlink(hint)
        if not hint.pattern and self._bus.wanted(messages.ExtensionStateChanged):
            self._bus.publish(messages.ExtensionStateChanged(hint.exten, hint.context, "", EXTENSION_REMOVED))
        watchers, hint.watchers = dict(hint.watchers), {}
        update = HintUpdate(hint.context, hint.exten, "removed", EXTENSION_REMOVED, hint.presence)
        for watcher, _extended in watchers.values():
            _call(watcher, update)

    def _unlink(self, hint: Hint) -> None:
        del self._hints[hint.context, hint.exten]
        self._instances.pop(hint, None)
        in_context = self._by_context[hint.context]
        del in_context[hint.exten]
        if not in_context:
            del self._by_context[hint.context]
        for index, names in ((self._by_device, hint.devices), (self._by_provider, hint.provider.split("&"))):
            for name in names:
                held = index.get(name.lower())
                if held is not None:
                    held.pop(hint, None)
                    if not held:
                        del index[name.lower()]

    def _read_bus(self) -> None:
        """Read the bus while there is something to look for."""
        wanted = bool(self._by_device or self._by_provider)
        if wanted and not self._subscriptions:
            self._subscriptions = [
                self._bus.subscribe(messages.DeviceStateChanged, self._device_told),
                self._bus.subscribe(messages.PresenceStateChanged, self._presence_told),
            ]
        elif not wanted:
            for each in self._subscriptions:
                each.cancel()
            self._subscriptions = []

    # What is asked

    def find(self, context: str, exten: str) -> Hint | None:
        """The hint of an extension, made of a pattern hint if need be; None where it has none."""
        place = None if self.finder is None else self.finder.find_hint(context, exten)
        if place is None:
            return None
        hint = self._hints.get((place.context, exten if place.exten.startswith("_") else place.exten))
        if hint is not None and not hint.pattern:
            return hint
        if len(self._instances) >= MAX_INSTANCES:
            for old in [each for each in self._instances if not each.watchers]:
                self._unlink(old)
        made = self._put(place.context, exten, place.text, None)
        self._instances[made] = None
        self._read_bus()
        return made

    def state(self, context: str, exten: str) -> int:
        """The state of an extension now, as ``AST_EXTENSION_*``; -1 where it has no hint."""
        hint = self.find(context, exten)
        return EXTENSION_NO_HINT if hint is None else self._sum(hint)[0]

    def devices_of(self, hint: Hint) -> tuple[tuple[str, DeviceState], ...]:
        """The hint's devices with their states now."""
        return self._sum(hint)[1]

    def presence(self, context: str, exten: str) -> Presence | None:
        """The presence of an extension now; None where it has no hint."""
        hint = self.find(context, exten)
        if hint is None:
            return None
        return self._presences.get(hint.provider) if hint.provider else Presence(PresenceState.NOT_SET)

    def watch(self, context: str, exten: str, watcher: Watcher, *, extended: bool = False) -> Callable[[], None] | None:
        """Tell ``watcher`` of each change of an extension until the result is called; None where it has no hint.

        With ``extended`` it also hears of events that leave a ringing extension in its state.
        """
        hint = self.find(context, exten)
        if hint is None:
            return None
        token = object()
        watchers = hint.watchers
        watchers[token] = (watcher, extended)

        def withdraw() -> None:
            watchers.pop(token, None)

        return withdraw

    # What changes

    def _sum(self, hint: Hint) -> tuple[int, tuple[tuple[str, DeviceState], ...]]:
        states = tuple((device, self._devices.state(device)) for device in hint.devices)
        return EXTENSION_STATES[aggregate(state for _, state in states)], states

    def _device_told(self, message: messages.DeviceStateChanged) -> None:
        for hint in tuple(self._by_device.get(message.device.lower(), ())):
            self._device_changed(hint)

    def _device_changed(self, hint: Hint) -> None:
        state, devices = self._sum(hint)
        same = state == hint.state
        if same and not state & EXTENSION_RINGING:
            return
        hint.state = state
        if not same:
            self._tell_state(hint)
        if not hint.watchers:
            return
        update = HintUpdate(hint.context, hint.exten, "device", state, hint.presence, devices)
        for watcher, extended in tuple(hint.watchers.values()):
            if extended or not same:
                _call(watcher, update)

    def _tell_state(self, hint: Hint) -> None:
        if self._bus.wanted(messages.ExtensionStateChanged):
            self._bus.publish(messages.ExtensionStateChanged(hint.exten, hint.context, hint.text, hint.state))

    def _presence_told(self, message: messages.PresenceStateChanged) -> None:
        for hint in tuple(self._by_provider.get(message.provider.lower(), ())):
            several = "&" in hint.provider
            self._presence_changed(hint, self._presences.get(hint.provider) if several else message.presence)

    def _presence_changed(self, hint: Hint, presence: Presence) -> None:
        if presence == hint.presence:
            return
        hint.presence = presence
        if self._bus.wanted(messages.ExtensionPresenceChanged):
            self._bus.publish(messages.ExtensionPresenceChanged(hint.exten, hint.context, hint.text, presence))
        update = HintUpdate(hint.context, hint.exten, "presence", hint.state, presence)
        for watcher, _extended in tuple(hint.watchers.values()):
            _call(watcher, update)


def _call(watcher: Watcher, update: HintUpdate) -> None:
    try:
        watcher(update)
    except Exception:  # a watcher's defect must not keep the others from hearing
        log.failure("a watcher of {exten}@{context} failed", exten=update.exten, context=update.context)
