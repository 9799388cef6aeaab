"""The registry of Stasis applications: who listens, to what, and which events reach whom.

An application subscribes to sources by itself and holds others without asking: the channels inside it, the bridges
those are in. A bus message is made into an event once, and only while some application has a listener; the index from
sources to applications then finds those concerned without asking each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.logger import Logger

from pbx.core.device_state import DeviceState
from pbx.core.messages import BridgeDestroyed, ChannelChanged, ChannelDestroyed
from pbx.stasis.errors import BadFilter, BadName, BadSource, UnknownApplication, UnknownSource
from pbx.stasis.events import EventSink, StasisEvent

if TYPE_CHECKING:
    from pbx.bus import Bus, Subscription
    from pbx.core.bridge import Bridges
    from pbx.core.channels import Channels
    from pbx.core.technology import Technologies

log = Logger()
M = TypeVar("M")

Events = StasisEvent | Sequence[StasisEvent] | None

#: Kinds of sources; one of these with nothing behind it stands for all of that kind.
KINDS = ("channel:", "bridge:", "endpoint:", "deviceState:")
#: Longest name of an application (AST_MAX_APP_NAME plus room Asterisk leaves for a context's prefix).
MAX_NAME = 71
#: Sources one application may hold by its own wish.
MAX_SOURCES = 10_000


@dataclass(slots=True)
class StasisApplication:
    """One application. ``sink`` is None while nobody is connected for it."""

    name: str
    sink: EventSink | None = None
    subscribe_all: bool = False
    #: Whether it serves one call only.
    of_channel: bool = False
    debug: bool = False
    #: What it subscribed to by itself.
    wanted: dict[str, None] = field(default_factory=dict)
    #: What it holds because of what is inside it, with how many reasons.
    held: dict[str, int] = field(default_factory=dict)
    #: Channels inside Stasis() for it.
    inside: int = 0
    allowed_types: frozenset[str] = frozenset()
    disallowed_types: frozenset[str] = frozenset()

    def _ids(self, kind: str) -> list[str]:
        start = len(kind)
        found = dict.fromkeys((*self.held, *self.wanted))
        return [source[start:] for source in found if source.startswith(kind) and len(source) > start]

    @property
    def channel_ids(self) -> list[str]:
        return self._ids("channel:")

    @property
    def bridge_ids(self) -> list[str]:
        return self._ids("bridge:")

    @property
    def endpoint_ids(self) -> list[str]:
        return self._ids("endpoint:")

    @property
    def device_names(self) -> list[str]:
        return self._ids("deviceState:")

    @property
    def allowed(self) -> list[dict[str, str]]:
        return [{"type": name} for name in sorted(self.allowed_types)]

    @property
    def disallowed(self) -> list[dict[str, str]]:
        return [{"type": name} for name in sorted(self.disallowed_types)]

    def takes(self, event: StasisEvent) -> bool:
        """Whether the filters let an event pass; what is disallowed stays out even if it is allowed too."""
        if event.type in self.disallowed_types:
            return False
        return not self.allowed_types or event.type in self.allowed_types


class StasisApplications:
    """All applications, and the way of events to them."""

    def __init__(self, bus: Bus, channels: Channels, bridges: Bridges, technologies: Technologies) -> None:
        self._bus = bus
        self._channels = channels
        self._bridges = bridges
        self._technologies = technologies
        self._by_name: dict[str, StasisApplication] = {}
        self._reserved: set[str] = set()
        self._by_source: dict[str, dict[str, StasisApplication]] = {}
        self._makers: list[tuple[type, Callable[[Any], Events]]] = []
        self._subscriptions: list[Subscription] = []
        #: Told of each name that comes and goes (contexts of the dialplan).
        self.observers: list[Callable[[str, bool], object]] = []

    def __iter__(self) -> Iterator[StasisApplication]:
        return iter([application for _, application in sorted(self._by_name.items())])

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> list[str]:
        """Names that have a context in the dialplan: of applications, and reserved ones."""
        return sorted({*self._by_name, *self._reserved})

    def reserve(self, name: str) -> None:
        """Keep a context for an application that is only there while a call needs it."""
        if name not in self.names:
            self._tell(name, present=True)
        self._reserved.add(name)

    def unreserve(self, name: str) -> None:
        """Undo `reserve`."""
        self._reserved.discard(name)
        if name not in self._by_name:
            self._tell(name, present=False)

    def find(self, name: str) -> StasisApplication | None:
        return self._by_name.get(name)

    def listening(self, name: str) -> bool:
        """Whether somebody is connected for that application now."""
        application = self._by_name.get(name)
        return application is not None and application.sink is not None

    def _get(self, name: str) -> StasisApplication:
        found = self._by_name.get(name)
        if found is None:
            raise UnknownApplication(f"there is no application '{name}'")
        return found

    # Coming and going

    def register(
        self, name: str, sink: EventSink, *, subscribe_all: bool = False, of_channel: bool = False
    ) -> StasisApplication:
        """Connect ``sink`` for an application; who was connected before is told and gets nothing more.

        ``of_channel``: the name holds a channel's, which makes it longer, and it has no context. Raises BadName.
        """
        if not name or (len(name) > MAX_NAME and not of_channel):
            raise BadName(f"an application's name has 1 to {MAX_NAME} characters")
        application = self._by_name.get(name)
        if application is None:
            application = self._by_name[name] = StasisApplication(name, of_channel=of_channel)
            if not of_channel and name not in self._reserved:
                self._tell(name, present=True)
        old, application.sink = application.sink, sink
        if old is not None and old is not sink:
            old.replaced(name)
        if subscribe_all:
            application.subscribe_all = True
            for kind in KINDS:
                self._want(application, kind)
        self._listen()
        return application

    def unregister(self, name: str, sink: EventSink) -> None:
        """Disconnect an application, if that sink holds it. Channels inside stay until they leave."""
        application = self._by_name.get(name)
        if application is None or application.sink is not sink:
            return
        application.sink = None
        application.subscribe_all = False
        for source in list(application.wanted):
            self._unwant(application, source)
        self._tidy(application)
        self._listen()

    def _tidy(self, application: StasisApplication) -> None:
        """Forget an application with nobody connected and no channel inside."""
        if application.sink is not None or application.inside:
            return
        for source in list(application.held):
            del application.held[source]
            self._unindex(application, source)
        name = application.name
        if self._by_name.pop(name, None) is not None and not application.of_channel and name not in self._reserved:
            self._tell(application.name, present=False)

    def _tell(self, name: str, *, present: bool) -> None:
        for observer in list(self.observers):
            observer(name, present)

    def entered(self, name: str) -> None:
        """A channel is inside the application now. Raises UnknownApplication."""
        self._get(name).inside += 1

    def left(self, name: str) -> None:
        """A channel inside has left."""
        application = self._by_name.get(name)
        if application is not None:
            application.inside -= 1
            self._tidy(application)

    # Subscriptions

    def subscribe(self, name: str, sources: Sequence[str]) -> StasisApplication:
        """Subscribe to all of ``sources`` or to none.

        Raises UnknownApplication, BadSource for a kind that does not exist, UnknownSource for a thing that does not.
        """
        application = self._get(name)
        for source in sources:
            self._check(source)
        if len(application.wanted) + len(sources) > MAX_SOURCES:
            raise UnknownSource(f"an application subscribes to at most {MAX_SOURCES} sources")
        for source in sources:
            self._want(application, source)
        return application

    def unsubscribe(self, name: str, sources: Sequence[str]) -> StasisApplication:
        """Take back subscriptions, all or none. Raises as `subscribe`; UnknownSource for one that is not held."""
        application = self._get(name)
        for source in sources:
            self._kind(source)
            if source not in application.wanted and source not in application.held:
                raise UnknownSource(f"{name} is not subscribed to '{source}'")
        for source in sources:
            self._unwant(application, source)
            if application.held.pop(source, None) is not None:
                self._unindex(application, source)
        return application

    @staticmethod
    def _kind(source: str) -> str:
        kind = next((kind for kind in KINDS if source.startswith(kind)), None)
        if kind is None:
            raise BadSource(f"'{source}' is not a known kind of event source")
        return kind

    def _check(self, source: str) -> None:
        kind = self._kind(source)
        name = source[len(kind) :]
        if not name or kind == "deviceState:":
            return
        if kind == "channel:":
            known = self._channels.find_id(name) is not None
        elif kind == "bridge:":
            known = self._bridges.find(name) is not None
        else:
            technology, slash, resource = name.partition("/")
            found = self._technologies.find(technology)
            known = found is not None and (not slash or found.device_state(resource) is not DeviceState.INVALID)
        if not known:
            raise UnknownSource(f"there is no '{source}'")

    def hold(self, name: str, source: str) -> None:
        """Subscribe an application because of what is inside it; counted, so that `release` may follow each."""
        application = self._by_name.get(name)
        if application is not None:
            application.held[source] = application.held.get(source, 0) + 1
            self._by_source.setdefault(source, {})[name] = application

    def release(self, name: str, source: str) -> None:
        """Take back one `hold`."""
        application = self._by_name.get(name)
        if application is None or source not in application.held:
            return
        application.held[source] -= 1
        if not application.held[source]:
            del application.held[source]
            self._unindex(application, source)

    def forget(self, source: str) -> None:
        """A channel or bridge is gone: nobody subscribes to it any more."""
        for application in self._by_source.pop(source, {}).values():
            application.held.pop(source, None)
            application.wanted.pop(source, None)

    def _want(self, application: StasisApplication, source: str) -> None:
        application.wanted[source] = None
        self._by_source.setdefault(source, {})[application.name] = application

    def _unwant(self, application: StasisApplication, source: str) -> None:
        application.wanted.pop(source, None)
        self._unindex(application, source)

    def _unindex(self, application: StasisApplication, source: str) -> None:
        if source in application.wanted or source in application.held:
            return
        takers = self._by_source.get(source)
        if takers is not None:
            takers.pop(application.name, None)
            if not takers:
                del self._by_source[source]

    def filter(self, name: str, allowed: list[Any] | None, disallowed: list[Any] | None) -> StasisApplication:
        """Set which types pass; None leaves that side as it is. Raises UnknownApplication, BadFilter."""
        application = self._get(name)
        kept = application.allowed_types if allowed is None else _types(allowed)
        barred = application.disallowed_types if disallowed is None else _types(disallowed)
        application.allowed_types, application.disallowed_types = kept, barred
        return application

    # Events

    def translate(self, kind: type[M], make: Callable[[M], Events]) -> Callable[[], None]:
        """Let ``make`` turn each bus message of ``kind`` into events while anybody listens; gives the way back."""
        entry = (kind, make)
        self._makers.append(entry)
        self._relisten()

        def withdraw() -> None:
            if entry in self._makers:
                self._makers.remove(entry)
                self._relisten()

        return withdraw

    def _relisten(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()
        self._listen()

    def _listen(self) -> None:
        wanted = any(application.sink is not None for application in self._by_name.values())
        if wanted and not self._subscriptions:
            if not self._bus.wanted(ChannelChanged):
                for channel in self._channels:
                    channel.catch_up()
            subscribe = self._bus.subscribe
            self._subscriptions = [subscribe(kind, self._reader(make)) for kind, make in self._makers]
            # After the makers: the last event about a thing still reaches its subscribers.
            self._subscriptions += [
                subscribe(ChannelDestroyed, lambda message: self.forget(f"channel:{message.channel.uniqueid}")),
                subscribe(BridgeDestroyed, lambda message: self.forget(f"bridge:{message.bridge.id}")),
            ]
        elif not wanted and self._subscriptions:
            for subscription in self._subscriptions:
                subscription.cancel()
            self._subscriptions.clear()

    def _reader(self, make: Callable[[Any], Events]) -> Callable[[object], None]:
        def read(message: object) -> None:
            made = make(message)
            if made is None:
                return
            for event in (made,) if isinstance(made, StasisEvent) else made:
                self.publish(event)

        return read

    def publish(self, event: StasisEvent, *applications: str) -> None:
        """Hand out an event: to the applications named, else to those subscribed to one of its sources."""
        takers: dict[str, StasisApplication] = {}
        if applications:
            takers = {name: self._by_name[name] for name in applications if name in self._by_name}
        else:
            index = self._by_source
            for source in event.sources:
                # From the widest to the narrowest, the order in which Asterisk hands out messages of endpoints.
                kind = source[: source.index(":") + 1] if ":" in source else ""
                takers.update(index.get(kind, {}))
                if kind == "endpoint:" and "/" in source:
                    takers.update(index.get(source[: source.index("/")], {}))
                takers.update(index.get(source, {}))
        for name, application in takers.items():
            sink = application.sink
            if sink is not None and application.takes(event):
                if application.debug:
                    log.info("application {name}: {event}", name=name, event=repr(event))
                sink.deliver(name, event)

    def concerns(self, *sources: str) -> bool:
        """Whether any application would hear of one of ``sources``: spares making an event for nobody."""
        index = self._by_source
        return bool(self._subscriptions) and any(
            source in index or source[: source.index(":") + 1] in index for source in sources
        )


def _types(entries: object) -> frozenset[str]:
    if not isinstance(entries, list):
        raise BadFilter("a filter is a list of objects with a type")
    names: set[str] = set()
    for entry in entries:
        name = entry.get("type") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise BadFilter("a filter is a list of objects with a type")
        names.add(name)
    return frozenset(names)
