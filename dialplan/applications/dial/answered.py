"""From the answer of a dialled party to the end of the call: announcements, subroutines, the talk, who goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.after_bridge import take_goto
from dialplan.applications.dial.order import DialOrder
from dialplan.applications.dial.screening import Screening
from dialplan.applications.digits import send_digits
from dialplan.applications.limits import CallLimit, Limit
from dialplan.applications.sound import SoundMissing, play
from dialplan.applications.subroutine import run_subroutine
from dialplan.arguments import ArgumentError
from dialplan.engine import Engine
from dialplan.locations import Place, parse_location
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.clock import cancel_timer
from pbx.core.causes import Cause
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.dial import ANSWER, Dial
from pbx.core.dial.dial import set_duration
from pbx.core.frames import DigitEnd, Frame

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.server import Server

log = Logger()

#: GOSUB_RESULT words that are DIALSTATUS words too; the caller goes on after them.
_RESULT_STATUSES = frozenset(("BUSY", "CONGESTION", "CHANUNAVAIL"))


class AnsweredCall:
    """The caller, the party that answered, and what Dial's options want of them."""

    def __init__(
        self,
        server: Server,
        channel: Channel,
        peer: Channel,
        order: DialOrder,
        limit: Limit | None,
        dial: Dial,
        stop_entertainment: Callable[[], object],
    ) -> None:
        self._server = server
        self._engine = server.require(Engine)
        self._channel = channel
        self._peer = peer
        self._order = order
        self._limit = limit
        self._dial = dial
        self._stop_entertainment = stop_entertainment
        self._goes_on = "g" in order.options
        self._timer: IDelayedCall | None = None
        #: Both are elsewhere, or what RetryDial wants is settled.
        self.final = False

    async def run(self, screening: Screening | None) -> int:
        """Let them talk as ordered; the application's result. Raises ChannelInterrupted."""
        channel, peer, order = self._channel, self._peer, self._order
        channel.set_variable("DIALSTATUS", ANSWER)
        channel.set_variable("DIALEDPEERNAME", peer.name)
        channel.set_variable("DIALEDPEERNUMBER", peer.variables.get("DIALEDPEERNUMBER") or "")
        try:
            if "a" in order.options:
                channel.answer()
            if screening is not None and not await screening.accept(peer):
                self._dial.publish_end(screening.status)
                channel.set_variable("DIALSTATUS", screening.status)
                return RESULT_OK
            if not await self._announce(order.argument("A")):
                return RESULT_HANGUP
            if order.argument("G"):
                self._send_both(order.argument("G"))
                return RESULT_OK
            going = await self._subroutine(order.argument("U"))
            if going is not None:
                return going
            return await self._talk()
        finally:
            cancel_timer(self._timer)
            self._let_go()

    # Before the talk

    async def _announce(self, text: str) -> bool:
        """Option A: sounds to both at once; False when the called party has hung up."""
        called, _, calling = text.partition(":")
        playing = [
            Deferred.fromCoroutine(self._play(hearer, name))
            for hearer, name in ((self._peer, called), (self._channel, calling))
            if name
        ]
        try:
            for each in playing:
                await self._channel.wait_for(each)
        except ChannelInterrupted:
            self._channel.check()
            return False
        finally:
            for each in playing:
                each.addErrback(lambda _failure: None)
                each.cancel()
        return True

    async def _play(self, hearer: Channel, name: str) -> None:
        try:
            digit = await play(self._server.switchboard, hearer, name, lambda _digit: hearer is self._peer)
        except SoundMissing as error:
            log.error("{channel}: Dial: {reason}", channel=hearer.name, reason=str(error))
            return
        if digit:
            # The called party cuts its announcement short; the caller hears by which digit.
            self._channel.send_digit(digit)

    def _send_both(self, text: str) -> None:
        """Option G: the caller to the place, the called party to the priority behind it."""
        context, exten, priority = self._place(text)
        self._engine.goto(self._channel, context, exten, priority)
        self._dial.publish_end(ANSWER)
        self.final = True
        if self._peer.alive and not self._peer.hangup_requested:
            self._start_peer(context, exten, priority + 1)

    def _place(self, text: str) -> Place:
        """``[[context^]exten^]priority`` from the caller's place. Raises ArgumentError."""
        return parse_location(self._engine, self._channel, text.replace("^", ","))

    async def _subroutine(self, text: str) -> int | None:
        """Option U: a Gosub on the called party, whose GOSUB_RESULT may end the call; None to talk."""
        if not text:
            return None
        channel, peer = self._channel, self._peer
        context, _, arguments = text.replace("^", ",").partition(",")
        location = f"{context},s,1" + (f"({arguments})" if arguments else "")
        if not await run_subroutine(self._engine, peer, location):
            return None
        result = peer.get_variable("GOSUB_RESULT")
        if result is None:
            return self._without_peer()
        value = peer.get_variable("GOSUB_RETVAL")
        if value is not None:
            channel.set_variable("GOSUB_RETVAL", value)
        word = result.upper()
        if word in _RESULT_STATUSES:
            channel.set_variable("DIALSTATUS", word)
            self._goes_on = True
        elif word == "CONTINUE":
            self._goes_on = True
        elif word.startswith("GOTO:"):
            try:
                self._engine.goto(channel, *self._place(result[5:]))
                self._goes_on = True
            except ArgumentError as error:
                log.warn("{channel}: GOSUB_RESULT: {reason}", channel=channel.name, reason=str(error))
        elif word != "ABORT":
            return self._without_peer()
        self._dial.publish_end(result)
        self.final = True
        channel.check()
        return RESULT_OK if self._goes_on else RESULT_HANGUP

    def _without_peer(self) -> int | None:
        """The end of the call where the called party is gone or was sent elsewhere; None while it is there."""
        peer = self._peer
        if peer.alive and not peer.hangup_requested and not peer.yanked and peer.owner == "dial":
            return None
        self._dial.publish_end(ANSWER)
        self._channel.check()
        self._channel.set_hangup_cause(peer.hangup_cause or Cause.NORMAL_CLEARING)
        return RESULT_OK if self._goes_on else RESULT_HANGUP

    # The talk

    async def _talk(self) -> int:
        channel, peer, order = self._channel, self._peer, self._order
        self._dial.publish_end(ANSWER)
        channel.check()
        if order.duration is not None and self._limit is None:
            self._timer = self._server.clock.call_later(order.duration, peer.request_hangup)
        there = await send_digits(channel, peer, order.digits_called) if order.digits_called else True
        if there and order.digits_calling:
            await send_digits(channel, channel, order.digits_calling)
        self._stop_entertainment()
        channel.answer()
        limit = CallLimit(self._server, channel, peer, self._limit)
        bridging = self._server.bridges.call(
            channel,
            peer,
            caller_intercept=leave_by_star(channel) if "H" in order.options else None,
            peer_intercept=leave_by_star(peer) if "h" in order.options else None,
        )
        talking = Deferred.fromCoroutine(bridging)
        try:
            limit.start()
            await talking
        finally:
            limit.stop()
            if channel.alive:
                now = self._server.clock.now()
                set_duration(channel, "ANSWEREDTIME", now - (channel.answered or now))
                set_duration(channel, "DIALEDTIME", now - channel.created)
                channel.set_variable("DIALSTATUS", ANSWER)
        stays = channel.alive and not channel.hangup_requested
        if stays:
            # Known to a dialplan that goes on as well, by HANGUPCAUSE.
            channel.set_hangup_cause(peer.hangup_cause or Cause.NORMAL_CLEARING)
        place = take_goto(self._engine, channel)
        if place is not None:
            self._engine.goto(channel, *place)
            return RESULT_OK
        return RESULT_OK if self._goes_on and stays else RESULT_HANGUP

    # Afterwards

    def _let_go(self) -> None:
        """What becomes of the called party."""
        peer, channel, order = self._peer, self._channel, self._order
        if not peer.alive or peer.yanked or peer.owner != "dial":
            return
        if "e" in order.options:
            self._engine.finish(peer, channel.context)
        elif "F" in order.options and not peer.hangup_requested:
            place = order.argument("F")
            try:
                context, exten, priority = (
                    self._place(place) if place else (channel.context, channel.exten, channel.priority + 1)
                )
            except ArgumentError as error:
                log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
                peer.hangup()
                return
            self._start_peer(context, exten, priority)
        elif (after := take_goto(self._engine, peer)) is not None:
            self._start_peer(*after)
        else:
            peer.hangup(channel.hangup_cause or Cause.NORMAL_CLEARING)

    def _start_peer(self, context: str, exten: str, priority: int) -> None:
        peer = self._peer
        # It goes on by itself, with records of its own.
        peer.originated = True
        peer.set_application("", "")
        peer.set_position(context, exten, priority)
        self._engine.start(peer)


def leave_by_star(channel: Channel) -> Callable[[Frame], bool]:
    """Options h and H: ``*`` ends the call between the two and goes no further."""

    def intercept(frame: Frame) -> bool:
        if isinstance(frame, DigitEnd) and frame.digit == "*":
            if channel.bridge is not None:
                channel.bridge.remove(channel)
            return True
        return False

    return intercept
