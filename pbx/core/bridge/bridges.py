"""The registry of bridges, and the call between two that Dial and Bridge make."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred

from pbx.bus import Bus
from pbx.clock import Clock
from pbx.core import messages
from pbx.core.bridge.bridge import Bridge, LeaveReason
from pbx.core.channel import Channel
from pbx.core.frames import Frame
from pbx.core.media import Switchboard
from pbx.core.music import Music
from pbx.errors import ObeliskError

Intercept = Callable[[Frame], bool]


class DuplicateBridge(ObeliskError):
    """A client chose an id that a bridge has already."""


class Bridges:
    """All bridges there are."""

    def __init__(self, bus: Bus, clock: Clock, switchboard: Switchboard) -> None:
        self.bus = bus
        self.clock = clock
        self.switchboard = switchboard
        #: Gives what plays music to those who wait, while a module offers that.
        self.music: Callable[[], Music | None] = lambda: None
        self._by_id: dict[str, Bridge] = {}

    def __iter__(self) -> Iterator[Bridge]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, bridge_id: str) -> Bridge | None:
        return self._by_id.get(bridge_id)

    def create(
        self,
        *,
        bridge_id: str | None = None,
        kind: str = "mixing",
        creator: str = "",
        name: str = "",
        dissolve_on_hangup: bool = False,
        bridge_class: str = "",
    ) -> Bridge:
        """A new, empty bridge. Raises DuplicateBridge when the id is in use."""
        chosen = bridge_id or str(uuid.uuid4())
        if chosen in self._by_id:
            raise DuplicateBridge(f"a bridge with id {chosen} exists already")
        bridge = Bridge(
            self,
            chosen,
            kind=kind,
            creator=creator,
            name=name,
            dissolve_on_hangup=dissolve_on_hangup,
            bridge_class=bridge_class,
        )
        self._by_id[chosen] = bridge
        if self.bus.wanted(messages.BridgeCreated):
            self.bus.publish(messages.BridgeCreated(bridge.snapshot()))
        return bridge

    def ended(self, bridge: Bridge) -> None:
        """A bridge has dissolved."""
        if self._by_id.pop(bridge.id, None) is not None and self.bus.wanted(messages.BridgeDestroyed):
            self.bus.publish(messages.BridgeDestroyed(bridge.snapshot()))

    async def call(
        self,
        caller: Channel,
        peer: Channel,
        *,
        caller_intercept: Intercept | None = None,
        peer_intercept: Intercept | None = None,
    ) -> LeaveReason:
        """Let two channels talk until either leaves; gives why the caller left.

        Raises ChannelInterrupted when the caller was hung up or redirected. What becomes of the peer afterwards is the
        caller's owner's to decide.
        """
        bridge = self.create(kind="basic", dissolve_on_hangup=True)
        bridge.enter(peer, peer_intercept)
        left: Deferred[LeaveReason] = bridge.enter(caller, caller_intercept)
        try:
            return await caller.wait_for(left)
        finally:
            bridge.dissolve()
