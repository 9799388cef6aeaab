"""Bridges of Stasis applications: made and ended by them, played to and recorded as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pbx.core.bridge import Bridge, Bridges
from pbx.core.bridge.bridges import DuplicateBridge
from pbx.core.media import AudioLeg, Switchboard
from pbx.core.music import Music, Tune
from pbx.stasis.errors import BadBridgeType, BadName, NameInUse
from pbx.stasis.target import MediaTarget

if TYPE_CHECKING:
    from pbx.stasis.applications import StasisApplications

#: Longest id and name that a client may choose.
MAX_ID = 149
MAX_NAME = 255
#: Words among a new bridge's types that say whose picture is to be seen.
_VIDEO_MODES = {"video_sfu": "sfu", "video_single": "single"}


class StasisBridge:
    """A bridge and, once something is played to it or recorded, a hidden pair of legs in it.

    What is played into one of the pair comes out of the other, which is in the bridge; and what the members say goes
    the other way: the announcer and recorder channels of Asterisk, without the channels.
    """

    def __init__(self, bridge: Bridge, switchboard: Switchboard) -> None:
        self.bridge = bridge
        self._switchboard = switchboard
        self._legs: tuple[AudioLeg, AudioLeg] | None = None
        self._target: MediaTarget | None = None
        self._music_legs: tuple[AudioLeg, ...] = ()
        self._tune: Tune | None = None
        #: Whether the bridge is about to end.
        self.closing = False

    @property
    def target(self) -> MediaTarget:
        """Where playbacks and recordings of the whole bridge go; made when first asked for."""
        if self._target is None:
            outer = self._switchboard.create_leg(f"Announcer/{self.bridge.id};1")
            inner = self._switchboard.create_leg(f"Announcer/{self.bridge.id};2")
            self._switchboard.pipe(outer, inner)
            self.bridge.add_leg(inner)
            self._legs = (outer, inner)
            self._target = MediaTarget(f"bridge:{self.bridge.id}", outer, self._language)
        return self._target

    def _language(self) -> str:
        return next((channel.language for channel in self.bridge.channels), "en")

    def start_music(self, music: Music, music_class: str) -> bool:
        """Let every member hear music on hold, in place of what they heard of it; False where it cannot be played."""
        self.stop_music()
        if not self._music_legs:
            outer = self._switchboard.create_leg(f"Music/{self.bridge.id};1")
            inner = self._switchboard.create_leg(f"Music/{self.bridge.id};2")
            self._switchboard.pipe(outer, inner)
            self.bridge.add_leg(inner)
            self._music_legs = (outer, inner)
        self._tune = music.play(self._music_legs[0], music_class)
        return self._tune is not None

    def stop_music(self) -> bool:
        """End it; False where none is played."""
        tune, self._tune = self._tune, None
        if tune is not None:
            tune.stop()
        return tune is not None

    def close(self) -> Deferred[None]:
        """Stop what is played and recorded; fires once that has ended and the legs are gone. Idempotent."""
        self.closing = True
        self.stop_music()
        legs, self._music_legs = self._music_legs, ()
        self._drop(legs)
        target = self._target
        if target is None or self._legs is None:
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return target.close().addCallback(self._close_legs)

    def _close_legs(self, _nothing: object) -> None:
        legs, self._legs = self._legs, None
        self._drop(legs or ())

    def _drop(self, legs: tuple[AudioLeg, ...]) -> None:
        for leg in legs:
            self.bridge.remove_leg(leg)
            leg.close()


class StasisBridges:
    """The bridges that applications made."""

    def __init__(self, bridges: Bridges, switchboard: Switchboard, applications: StasisApplications) -> None:
        self._bridges = bridges
        self._switchboard = switchboard
        self._applications = applications
        self._by_id: dict[str, StasisBridge] = {}

    def __iter__(self) -> Iterator[StasisBridge]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, bridge_id: str) -> StasisBridge | None:
        """By id; not one that is about to end."""
        own = self._by_id.get(bridge_id)
        return None if own is None or own.closing else own

    def create(
        self, types: str = "", bridge_id: str = "", name: str = "", variables: Mapping[str, str] | None = None
    ) -> Bridge:
        """A new bridge; ``types`` is ARI's comma list, "mixing" if empty. Raises NameInUse, BadName, BadBridgeType."""
        if len(bridge_id) > MAX_ID or len(name) > MAX_NAME:
            raise BadName(f"a bridge's id has at most {MAX_ID} characters, its name {MAX_NAME}")
        words = {word.strip() for word in (types or "mixing").split(",")}
        # A bridge whose video goes to everybody is a mixing one whatever else is said.
        mixing = "video_sfu" in words or "mixing" in words
        if "video_sfu" not in words and mixing is ("holding" in words):
            raise BadBridgeType(f"'{types}' is neither the one nor the other: mixing or holding")
        try:
            bridge = self._bridges.create(
                bridge_id=bridge_id or None,
                kind="mixing" if mixing else "holding",
                creator="Stasis",
                name=name,
                bridge_class="stasis",
            )
        except DuplicateBridge as error:
            raise NameInUse(f"Bridge with id '{bridge_id}' already exists") from error
        bridge.video_mode = next((mode for word, mode in _VIDEO_MODES.items() if word in words), "talker")
        bridge.variables.update(variables or {})
        self._by_id[bridge.id] = StasisBridge(bridge, self._switchboard)
        bridge.on_end.append(self._ended)
        return bridge

    def _ended(self, bridge: Bridge) -> None:
        """A bridge has ended, by us or by somebody else (AMI's BridgeDestroy)."""
        own = self._by_id.pop(bridge.id, None)
        if own is not None:
            own.close()

    async def destroy(self, own: StasisBridge) -> None:
        """End a bridge: its members leave and stay in Stasis. Who had members in it hears of the end."""
        bridge = own.bridge
        # First, so that the ends of what is played and recorded are told before the bridge's.
        await own.close()
        if not bridge.alive:
            return
        source = f"bridge:{bridge.id}"
        names = [app.name for app in self._applications if source in app.held]
        for name in names:
            self._applications.hold(name, source)
        bridge.dissolve()
        for name in names:
            self._applications.release(name, source)
