"""Bridge (main/features.c): bridge the calling channel with one that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.after_bridge import take_goto
from dialplan.applications.dial.answered import leave_by_star
from dialplan.applications.dial.order import warn_unsupported
from dialplan.applications.durations import MAX_SECONDS
from dialplan.applications.limits import CallLimit, Limit, parse_limit
from dialplan.applications.sound import SoundMissing, play
from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.locations import parse_location
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK
from dialplan.verbosity import verbose
from pbx.clock import cancel_timer
from pbx.core.channel import Channel, ChannelInterrupted

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

log = Logger()

#: Seconds given to whoever has the other channel to let go of it.
TAKE_TIMEOUT = 5.0
#: Letters whose feature is another's and not loaded; x is an option of Bridge's own.
_UNSUPPORTED = "tTkKwW"


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
            "The beginning of the name is enough. p: play a tone to it first. F or F([[context^]exten^]priority): it "
            "goes there afterwards, from the caller's place. h, H: the other or this channel hangs up by *. L(x:y:z): "
            "end after x ms. n: do not answer. S(x): end after x seconds. x: hang it up afterwards."
        ),
        sets=("BRIDGERESULT",),
    )
    async def app_bridge(self, channel: Channel, args: Arguments) -> int:
        options = args.options
        warn_unsupported(channel, "Bridge", options, _UNSUPPORTED)
        channel.set_variable("BRIDGERESULT", await self._bridge(channel, args["channel"], options))
        return RESULT_OK

    async def _bridge(self, channel: Channel, name: str, options: Options) -> str:
        """The word that BRIDGERESULT becomes. Raises nothing."""
        peer = self._find(name)
        if peer is channel:
            log.warn("Unable to bridge channel {channel} with itself", channel=channel.name)
            return "LOOP"
        if peer is None or not peer.alive or peer.hangup_requested:
            verbose(log, 4, "Bridge failed because channel '{name}' does not exist", name=name)
            return "NONEXISTENT"
        had_dialplan = peer.owner == "pbx"
        try:
            limit = parse_limit(options.argument("L"), "Bridge")
            if not await self._take(channel, peer):
                return "FAILURE"
        except ArgumentError as error:
            log.error("{channel}: {reason}", channel=channel.name, reason=str(error))
            return "FAILURE"
        except ChannelInterrupted:
            return "FAILURE"
        if "n" not in options:
            channel.answer()
        try:
            await self._talk(channel, peer, options, limit)
        except ChannelInterrupted:
            return "FAILURE"
        finally:
            self._let_go(channel, peer, options, had_dialplan=had_dialplan)
        place = take_goto(self.engine, channel)
        if place is not None:
            self.engine.goto(channel, *place)
        return "SUCCESS"

    def _find(self, name: str) -> Channel | None:
        """The channel of that name, or the first whose name begins with it (ast_channel_get_by_name_prefix)."""
        found = self.server.channels.find(name) if name else None
        if found is None and name:
            prefix = name.lower()
            found = next((each for each in self.server.channels if each.name.lower().startswith(prefix)), None)
        return found

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

    async def _talk(self, channel: Channel, peer: Channel, options: Options, ending: Limit | None) -> None:
        timer: IDelayedCall | None = None
        limit = CallLimit(self.server, channel, peer, ending)
        try:
            if "p" in options:
                await self._tone(channel, peer)
            length = scan_int(options.argument("S") or "")
            if length is not None and length > 0:
                timer = self.server.clock.call_later(min(length, MAX_SECONDS), peer.request_hangup)
            talking = Deferred.fromCoroutine(
                self.server.bridges.call(
                    channel,
                    peer,
                    caller_intercept=leave_by_star(channel) if "H" in options else None,
                    peer_intercept=leave_by_star(peer) if "h" in options else None,
                )
            )
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
        elif (after := take_goto(self.engine, peer)) is not None:
            self._go_on(peer, *after)
        elif had_dialplan and "x" not in options and not peer.hangup_requested:
            self._go_on(peer, peer.context, peer.exten, peer.priority + 1)
        else:
            peer.hangup(channel.hangup_cause)

    def _go_on(self, peer: Channel, context: str, exten: str, priority: int) -> None:
        """By itself, with records of its own."""
        peer.originated = True
        peer.set_position(context, exten, priority)
        self.engine.start(peer)
