"""Bridge (main/features.c): bridge the calling channel with one that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.durations import seconds
from dialplan.applications.limits import CallLimit, parse_limit
from dialplan.applications.sound import SoundMissing, play
from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.engine import Engine
from dialplan.locations import parse_location
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.clock import cancel_timer
from pbx.core.channel import Channel, ChannelInterrupted

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

log = Logger()

#: Seconds given to whoever has the other channel to let go of it.
TAKE_TIMEOUT = 5.0


class BridgeModule(DialplanModule):
    """Bridge."""

    name = "bridge"
    description = "Bridge Application of the core"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @application(
        "Bridge",
        "channel[,options]",
        options="p;F(x);h;H;k;K;L(x:y:z);n;S(x);t;T;w;W;x",
        synopsis="Bridge two channels.",
        description=(
            "The other channel is named and leaves what it was doing; it goes on at its next priority afterwards. "
            "p: play a tone to it first. F or F([[context^]exten^]priority): it goes there afterwards, from the "
            "caller's place. L(x:y:z): end after x ms. n: do not answer. S(x): end after x seconds. "
            "x: hang it up afterwards."
        ),
        sets=("BRIDGERESULT",),
    )
    async def app_bridge(self, channel: Channel, args: Arguments) -> int:
        name = args["channel"].strip()
        if not name:
            channel.set_variable("BRIDGERESULT", "FAILURE")
            raise ArgumentError("Bridge requires at least 1 argument")
        options = args.options
        peer = self.server.channels.find(name)
        if peer is channel:
            channel.set_variable("BRIDGERESULT", "LOOP")
            return RESULT_OK
        if peer is None or not peer.alive or peer.hangup_requested:
            channel.set_variable("BRIDGERESULT", "NONEXISTENT")
            return RESULT_OK
        had_dialplan = peer.owner == "pbx"
        if not await self._take(channel, peer):
            channel.set_variable("BRIDGERESULT", "FAILURE")
            return RESULT_OK
        if "n" not in options:
            channel.answer()
        try:
            await self._talk(channel, peer, options)
        finally:
            self._let_go(channel, peer, options, had_dialplan=had_dialplan)
        channel.set_variable("BRIDGERESULT", "SUCCESS")
        return RESULT_HANGUP if channel.hangup_requested or not channel.alive else RESULT_OK

    async def _take(self, channel: Channel, peer: Channel) -> bool:
        """Get the other channel out of its dialplan, dial or bridge, alive and with us as its owner."""
        if peer.owner == "pbx":
            released: Deferred[None] = self.engine.take(peer)
            timer = self.server.clock.call_later(TAKE_TIMEOUT, released.cancel)
            released.addErrback(lambda _failure: None)
            try:
                await channel.wait_for(released)
            finally:
                cancel_timer(timer)
        else:
            peer.yanked = True
            if peer.bridge is not None:
                peer.bridge.remove(peer)
            peer.set_reader(None)
        if not peer.alive or peer.hangup_requested or peer.owner == "pbx":
            return False
        peer.owner = "bridge"
        peer.yanked = peer.originated = False
        return True

    async def _talk(self, channel: Channel, peer: Channel, options: Options) -> None:
        timer: IDelayedCall | None = None
        limit = CallLimit(self.server, channel, peer, parse_limit(options.argument("L"), "Bridge"))
        try:
            if "p" in options:
                await self._tone(channel, peer)
            length = seconds(options.argument("S") or "", what="Bridge: option S")
            if length is not None and length > 0:
                timer = self.server.clock.call_later(length, peer.request_hangup)
            talking = Deferred.fromCoroutine(self.server.bridges.call(channel, peer))
            limit.start()
            await talking
        finally:
            cancel_timer(timer)
            limit.stop()

    async def _tone(self, channel: Channel, peer: Channel) -> None:
        try:
            await play(self.server.switchboard, peer, "beep")
        except SoundMissing as error:
            log.warn("{channel}: Bridge: {reason}", channel=channel.name, reason=str(error))
        except ChannelInterrupted:
            channel.check()

    def _let_go(self, channel: Channel, peer: Channel, options: Options, *, had_dialplan: bool) -> None:
        if not peer.alive or peer.yanked or peer.owner != "bridge":
            return
        if "F" in options and not peer.hangup_requested:
            place = (options.argument("F") or "").replace("^", ",")
            try:
                position = (
                    parse_location(self.engine, channel, place)
                    if place
                    else (channel.context, channel.exten, channel.priority + 1)
                )
            except ArgumentError as error:
                log.warn("{channel}: Bridge: {reason}", channel=channel.name, reason=str(error))
                peer.hangup(channel.hangup_cause)
                return
            self._go_on(peer, *position)
        elif had_dialplan and "x" not in options and not peer.hangup_requested:
            self._go_on(peer, peer.context, peer.exten, peer.priority + 1)
        else:
            peer.hangup(channel.hangup_cause)

    def _go_on(self, peer: Channel, context: str, exten: str, priority: int) -> None:
        """By itself, with records of its own."""
        peer.originated = True
        peer.set_position(context, exten, priority)
        self.engine.start(peer)
