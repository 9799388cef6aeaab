"""`Stasis`: the channels inside applications, and how they come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.originate import Originate, Originator
from pbx.core.release import let_go
from pbx.stasis.applications import StasisApplications
from pbx.stasis.bridges import StasisBridges
from pbx.stasis.broadcast import Broadcasts
from pbx.stasis.control import ChannelControl
from pbx.stasis.events import StasisEvent
from pbx.stasis.playback import Playbacks
from pbx.stasis.recording import LiveRecordings, StoredRecordings
from pbx.stasis.snoop import snoop_on

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.clock import Clock
    from pbx.core.bridge import Bridges
    from pbx.core.channels import Channels
    from pbx.core.media import Switchboard
    from pbx.core.technology import Technologies
    from pbx.media.tones import Tones

log = Logger()


class PerCall(Protocol):
    """Connects an application when a call needs it, for that call."""

    def serves(self, application: str) -> bool:
        """Whether there is a way to connect it."""

    async def open(self, channel: Channel, application: str) -> str:
        """Connect it; the name it is registered by, or an empty text."""

    def over(self, name: str) -> None:
        """The call has left it."""


class Stasis:
    """Everything that applications control."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        channels: Channels,
        bridges: Bridges,
        technologies: Technologies,
        switchboard: Switchboard,
        originator: Originator,
        recordings: Path,
        tones: Tones,
    ) -> None:
        self.clock = clock
        self.tones = tones
        self.channels = channels
        self._originator = originator
        self.applications = StasisApplications(bus, channels, bridges, technologies)
        publish = self.applications.publish
        self.playbacks = Playbacks(clock, switchboard, recordings, publish, tones, bus)
        self.live = LiveRecordings(clock, switchboard, recordings, publish)
        self.stored = StoredRecordings(recordings)
        self.bridges = StasisBridges(bridges, switchboard, self.applications)
        self.broadcasts = Broadcasts(clock, self.applications)
        self._controls: dict[Channel, ChannelControl] = {}
        #: Connects applications for single calls, where an interface can.
        self.per_call: PerCall | None = None

    def __len__(self) -> int:
        """Channels inside."""
        return len(self._controls)

    def control(self, channel: Channel) -> ChannelControl | None:
        """The control of a channel that is inside an application and not about to leave it."""
        found = self._controls.get(channel)
        return None if found is None or found.over else found

    # A channel's stay

    async def enter(self, channel: Channel, application: str, args: Sequence[str] = ()) -> bool:
        """Keep a channel inside an application until it leaves; False when nobody is connected for that.

        Sets STASISSTATUS before StasisEnd, so that this is the last word about the channel. Raises ChannelInterrupted
        when the channel was hung up or redirected.
        """
        channel.set_variable("STASISSTATUS", "")
        if channel.interrupted:
            channel.set_variable("STASISSTATUS", "FAILED")
        channel.check()
        opened = ""
        if not self.applications.listening(application):
            opened = await self._open(channel, application)
            if not opened:
                log.warn("{channel}: no Stasis application '{name}'", channel=channel.name, name=application)
                channel.set_variable("STASISSTATUS", "FAILED")
                return False
            application = opened
        try:
            while True:
                move = await self._stay(channel, application, args)
                if move is None:
                    return True
                application, args = move
        finally:
            if opened and self.per_call is not None:
                self.per_call.over(opened)

    async def _open(self, channel: Channel, application: str) -> str:
        """Let an application be connected for this call, if there is a way to; its name then. ChannelInterrupted."""
        if self.per_call is None or not self.per_call.serves(application):
            return ""
        opening = Deferred.fromCoroutine(self.per_call.open(channel, application))
        return await channel.wait_for(opening)

    async def _stay(
        self, channel: Channel, application: str, args: Sequence[str]
    ) -> tuple[str, tuple[str, ...]] | None:
        """One application's turn with a channel: where it moves to, or None when it leaves."""
        source = f"channel:{channel.uniqueid}"
        control = self._controls[channel] = ChannelControl(self, channel, application)
        self.applications.entered(application)
        self.applications.hold(application, source)
        self._say("StasisStart", application, channel, ("args", list(args)))
        moved = False
        try:
            while True:
                move = await control.wait()
                if move is None:
                    return None
                if self.applications.listening(move.application):
                    moved = True
                    return move.application, move.args
                destination = (("destination", move.application), ("args", list(move.args)))
                self._say("ApplicationMoveFailed", application, channel, *destination)
        finally:
            await control.close()
            if channel.alive and not moved:
                channel.set_variable("STASISSTATUS", "SUCCESS")
            del self._controls[channel]
            self._say("StasisEnd", application, channel)
            self.applications.release(application, source)
            self.applications.left(application)

    def _say(self, kind: str, application: str, channel: Channel, *fields: tuple[str, object]) -> None:
        if self.applications.listening(application):
            snapshot = ("channel", channel.snapshot())
            # StasisStart prints its args before the channel, as Asterisk does.
            ordered = (*fields, snapshot) if kind == "StasisStart" else (snapshot, *fields)
            event = StasisEvent(kind, self.clock.now(), ordered, (f"channel:{channel.uniqueid}",))
            self.applications.publish(event, application)

    # Channels that begin inside

    def originate(self, order: Originate, application: str = "", args: Sequence[str] = ()) -> Channel:
        """Dial; once answered the channel goes to ``application``, which hears of it from the beginning.

        Without an application the order says where it goes. Raises OriginateError.
        """
        if not application:
            return self._originator.start(order).channel

        async def up(channel: Channel) -> None:
            await self._run(channel, application, args)

        order = replace(order, uniqueid=order.uniqueid or self.channels.new_id(), on_up=up)
        held = self._hold(order, application)
        try:
            return self._originator.start(order).channel
        except Exception:
            self._release(held, application)
            raise

    def _hold(self, order: Originate, application: str) -> list[str]:
        """Subscribe an application to a channel that is about to be; of a Local one to both halves."""
        ids = [order.uniqueid or ""]
        if order.destination.technology.lower() == "local":
            ids.append(order.other_uniqueid or f"{order.uniqueid};2")
        sources = [f"channel:{each}" for each in ids if self.channels.find_id(each) is None]
        for source in sources:
            self.applications.hold(application, source)
        return sources

    def _release(self, sources: list[str], application: str) -> None:
        for source in sources:
            self.applications.release(application, source)

    def create(self, order: Originate, application: str, args: Sequence[str] = ()) -> Channel:
        """Make a channel that is inside ``application`` at once and not dialled yet. Raises OriginateError."""
        order = replace(order, uniqueid=order.uniqueid or self.channels.new_id())
        held = self._hold(order, application)
        try:
            channel = self._originator.create(order)
        except Exception:
            self._release(held, application)
            raise
        self._start(channel, application, args)
        return channel

    def snoop(
        self, spied: Channel, spy: str, whisper: str, application: str, args: Sequence[str] = (), snoop_id: str = ""
    ) -> Channel:
        """A channel inside ``application`` that hears or whispers to another one. Raises DuplicateChannel."""
        channel = snoop_on(spied, spy, whisper, snoop_id)
        self._start(channel, application, args)
        return channel

    def _start(self, channel: Channel, application: str, args: Sequence[str]) -> None:
        Deferred.fromCoroutine(self._run(channel, application, args)).addErrback(
            lambda failure: log.failure("{channel} in Stasis failed", failure=failure, channel=channel.name)
        )

    async def _run(self, channel: Channel, application: str, args: Sequence[str]) -> None:
        """Service a channel that has no dialplan: Stasis, then the place it was sent to, or the end."""
        channel.owner = "pbx"
        channel.set_application("Stasis", ",".join((application, *args)))
        left = False
        try:
            left = await self.enter(channel, application, args)
        except ChannelInterrupted:
            log.debug("{channel} left Stasis", channel=channel.name)
        if let_go(channel):
            return
        target = channel.take_redirect()
        if target is None and left:
            # Continued without a place: at the next priority of where the channel stands (stasis_app_exec).
            target = (channel.context, channel.exten, channel.priority + 1)
        dialplan = self.channels.dialplan
        if target is None or dialplan is None or channel.hangup_requested or not channel.alive:
            channel.hangup()
            return
        channel.set_application("", "")
        channel.set_position(*target)
        dialplan.start(channel)
