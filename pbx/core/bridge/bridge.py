"""One bridge: its members, who hears whom, and what passes between them.

With two members controls and digits go from one to the other; with more, only audio is shared. A member's coroutine
enters by `Bridge.enter` and gets back a Deferred that fires, with the reason, when the member has left for whatever
cause; there is no polling and no order in which the two ends of a call must hang up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core import accounts, messages
from pbx.core.channel import Channel
from pbx.core.frames import Control, ControlFrame, DigitEnd, Frame, TextFrame
from pbx.core.media import AudioLeg
from pbx.core.observer import tell_bridge_entered, tell_bridge_left
from pbx.core.party import Connected

if TYPE_CHECKING:
    from pbx.core.bridge.bridges import Bridges

log = Logger()

#: Controls that one member of a two-party bridge passes on to the other.
RELAYED = frozenset(
    (
        Control.RINGING,
        Control.PROGRESS,
        Control.PROCEEDING,
        Control.HOLD,
        Control.UNHOLD,
        Control.CONNECTED_LINE,
        Control.REDIRECTING,
        Control.VIDEO_UPDATE,
        Control.BUSY,
        Control.CONGESTION,
    )
)


class LeaveReason(Enum):
    """Why a member left."""

    HANGUP = "hangup"
    #: The bridge ended: its owner dissolved it or the last other party left.
    DISSOLVED = "dissolved"
    #: Somebody took the channel out: a redirect, ARI, a transfer.
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class BridgeSnapshot:
    """The fields AMI and ARI print of a bridge."""

    id: str
    type: str
    technology: str
    creator: str
    name: str
    members: tuple[str, ...]
    created: float
    #: ``none``, ``talker`` (whoever talks), ``single`` (whoever was chosen) or ``sfu``.
    video_mode: str = "none"
    #: The unique id of the channel that was chosen, or empty.
    video_source: str = ""
    #: Variables that events are to show, with their values.
    reported: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Member:
    """A channel's place in a bridge. ``intercept`` sees its frames first and returns True to keep one back."""

    channel: Channel
    left: Deferred[LeaveReason]
    intercept: Callable[[Frame], bool] | None = None
    audible: bool = True
    #: Whether it hears music because it waits here.
    entertained: bool = False
    #: In a holding bridge: ``announcer`` is heard by the others, who do not hear each other.
    role: str = ""


class Bridge:
    """A room for channels. Made by `Bridges.create`."""

    def __init__(
        self,
        bridges: Bridges,
        bridge_id: str,
        *,
        kind: str,
        creator: str,
        name: str,
        dissolve_on_hangup: bool,
        bridge_class: str = "",
    ) -> None:
        self._bridges = bridges
        self.id = bridge_id
        self.kind = kind
        #: ``BridgeType`` on the wire: ``basic``, ``base``, ``stasis``.
        self.bridge_class = bridge_class or ("basic" if kind == "basic" else "base")
        self.creator = creator
        self.name = name
        self.created = bridges.clock.now()
        #: Whose picture the members are to see. The exchange carries no video: this is kept and told only.
        self.video_mode = "none"
        self.video_source = ""
        self.variables: dict[str, str] = {}
        #: Names among them that events show.
        self.reported: dict[str, None] = {}
        #: Whether the bridge ends when any member leaves (a call between two) or only when told to (a room).
        self.dissolve_on_hangup = dissolve_on_hangup
        self.alive = True
        self._members: dict[str, Member] = {}
        self._legs: list[AudioLeg] = []
        #: Run in order when the bridge has ended, before the last message about it.
        self.on_end: list[Callable[[Bridge], object]] = []

    def __repr__(self) -> str:
        return f"<Bridge {self.id} {self.kind} of {len(self._members)}>"

    @property
    def registry(self) -> Bridges:
        """Where all bridges are."""
        return self._bridges

    @property
    def technology(self) -> str:
        """``simple_bridge`` for at most two members, ``softmix`` for more, as Asterisk names them."""
        return (
            "holding_bridge" if self.kind == "holding" else ("simple_bridge" if len(self._members) <= 2 else "softmix")
        )

    @property
    def channels(self) -> list[Channel]:
        """The members, in order of entry."""
        return [member.channel for member in self._members.values()]

    def snapshot(self) -> BridgeSnapshot:
        return BridgeSnapshot(
            id=self.id,
            type=self.bridge_class,
            technology=self.technology,
            creator=self.creator,
            name=self.name,
            members=tuple(self._members),
            created=self.created,
            video_mode=self.video_mode,
            video_source=self.video_source,
            reported=tuple((name, self.variables[name]) for name in self.reported if name in self.variables),
        )

    def choose_video_source(self, channel: Channel | None) -> None:
        """Let the members see this one's picture, or whoever's talks."""
        self._set_video(*("talker", "") if channel is None else ("single", channel.uniqueid))

    def _set_video(self, mode: str, source: str) -> None:
        before = self.snapshot()
        self.video_mode, self.video_source = mode, source
        if self._bus_wants(messages.BridgeChanged) and self.snapshot() != before:
            self._bridges.bus.publish(messages.BridgeChanged(before, self.snapshot()))

    def peer_of(self, channel: Channel) -> Channel | None:
        """The other party, in a bridge of two."""
        if len(self._members) != 2 or self.kind == "holding":
            return None
        return next((m.channel for m in self._members.values() if m.channel is not channel), None)

    def add_leg(self, leg: AudioLeg) -> None:
        """Let every member, now and later, hear a leg that is no channel, and that leg hear them all."""
        self._legs.append(leg)
        for member in self._members.values():
            self._bridges.switchboard.join(member.channel.audio, leg)

    def remove_leg(self, leg: AudioLeg) -> None:
        """Undo `add_leg`; no error where there is none."""
        if leg in self._legs:
            self._legs.remove(leg)
            for member in self._members.values():
                self._bridges.switchboard.part(member.channel.audio, leg)

    def enter(
        self,
        channel: Channel,
        intercept: Callable[[Frame], bool] | None = None,
        *,
        role: str = "",
        replacing: Channel | None = None,
    ) -> Deferred[LeaveReason]:
        """Bring a channel in; the Deferred fires when it has left.

        A channel that is in another bridge leaves that first; one that is hung up leaves at once. ``role`` matters in
        a holding bridge only; ``replacing`` is whose place it takes, as is told.
        """
        if channel.bridge is not None:
            channel.bridge.remove(channel)
        member = Member(channel, Deferred(), intercept, role=role)
        if not self.alive or channel.hangup_requested or not channel.alive:
            member.left.callback(LeaveReason.HANGUP if self.alive else LeaveReason.DISSOLVED)
            return member.left
        before = self.snapshot() if self._bus_wants(messages.BridgeChanged) else None
        for other in self._members.values():
            self._join(member, other)
        for leg in self._legs:
            self._bridges.switchboard.join(channel.audio, leg)
        if self.bridge_class == "basic":
            accounts.joined(channel, self.channels)
        self._members[channel.uniqueid] = member
        channel.bridge = self
        channel.changed()
        if before is not None and before.technology != self.technology:
            self._bridges.bus.publish(messages.BridgeChanged(before, self.snapshot()))
        tell_bridge_entered(channel.channels, self, channel, replacing)
        self._set_peer_names()
        channel.set_reader(lambda frame: self._frame(member, frame))
        if self.kind == "holding":
            self._entertain()
        return member.left

    def _entertain(self) -> None:
        """Who waits in a holding bridge hears music, unless there is an announcer (Asterisk: bridge_holding)."""
        music = self._bridges.music()
        if music is None:
            return
        announced = any(member.role == "announcer" for member in self._members.values())
        for member in self._members.values():
            if member.role == "announcer" or member.entertained is not announced:
                continue
            member.entertained = not announced
            if announced:
                music.stop(member.channel)
            else:
                music.start(member.channel)

    def _bus_wants(self, kind: type) -> bool:
        return self._bridges.bus.wanted(kind)

    def _join(self, one: Member, other: Member) -> None:
        switchboard = self._bridges.switchboard
        if self.kind != "holding":
            switchboard.join(one.channel.audio, other.channel.audio)
            return
        for speaker, listener in ((one, other), (other, one)):
            if speaker.role == "announcer" and listener.role != "announcer":
                switchboard.connect(speaker.channel.audio, listener.channel.audio)

    def _set_peer_names(self) -> None:
        """BRIDGEPEER and BRIDGEPVTCALLID name the other party, in a bridge of two."""
        if len(self._members) != 2 or self.kind == "holding":
            return
        one, two = self.channels
        for channel, other in ((one, two), (two, one)):
            channel.set_variable("BRIDGEPEER", other.name)
            if other.protocol_id:
                channel.set_variable("BRIDGEPVTCALLID", other.protocol_id)
            else:
                channel.unset_variable("BRIDGEPVTCALLID")

    def introduce(self, channel: Channel) -> None:
        """Tell both parties of a bridge of two who the other is, as Asterisk where it joins them anew."""
        peer = self.peer_of(channel)
        if peer is None or channel.hangup_requested or peer.hangup_requested:
            return
        for one, other in ((peer, channel), (channel, peer)):
            one.indicate(Control.CONNECTED_LINE, Connected(id=other.caller.id, ani=other.caller.ani))

    def remove(self, channel: Channel, reason: LeaveReason = LeaveReason.REMOVED) -> bool:
        """Take a channel out; False when it was not in. In a call between two the other leaves as well."""
        member = self._members.pop(channel.uniqueid, None)
        if member is None:
            return False
        if channel.alive:
            channel.set_reader(None)
            music = self._bridges.music() if member.entertained else None
            if music is not None:
                music.stop(channel)
            if channel.on_hold:
                channel.indicate(Control.UNHOLD)
        if channel.held and len(self._members) == 1 and self.kind != "holding":
            # Whoever it had put on hold hears the rest.
            next(iter(self._members.values())).channel.indicate(Control.UNHOLD)
        for other in self._members.values():
            self._bridges.switchboard.part(member.channel.audio, other.channel.audio)
        for leg in self._legs:
            self._bridges.switchboard.part(channel.audio, leg)
        if self.bridge_class == "basic" and self.alive:
            accounts.left(self.channels)
        channel.bridge = None
        channel.changed()
        if self.video_source == channel.uniqueid:
            self._set_video(self.video_mode, "")
        if self.kind == "holding":
            self._entertain()
        tell_bridge_left(channel.channels, self, channel)
        if self.dissolve_on_hangup and self.alive and len(self._members) < 2:
            self.dissolve()
        if not member.left.called:
            member.left.callback(LeaveReason.HANGUP if channel.hangup_requested else reason)
        return True

    def dissolve(self) -> None:
        """End the bridge: everybody leaves. Idempotent."""
        if not self.alive:
            return
        self.alive = False
        for member in list(self._members.values()):
            self.remove(member.channel, LeaveReason.DISSOLVED)
        for call in self.on_end:
            call(self)
        self.on_end.clear()
        self._bridges.ended(self)

    def _frame(self, member: Member, frame: Frame) -> None:
        if isinstance(frame, ControlFrame) and frame.kind is Control.HANGUP:
            self.remove(member.channel, LeaveReason.HANGUP)
            return
        if member.intercept is not None and member.intercept(frame):
            return
        other = self.peer_of(member.channel)
        if other is None:
            return
        if isinstance(frame, DigitEnd):
            other.relay_digit(frame)
        elif isinstance(frame, TextFrame):
            other.send_text(frame.text, frame.content_type)
        elif isinstance(frame, ControlFrame) and frame.kind in RELAYED:
            other.indicate(frame.kind, frame.data)
