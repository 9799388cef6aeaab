"""One Dial from its arguments to its end (Asterisk: dial_exec_full)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.dial.answered import AnsweredCall
from dialplan.applications.dial.order import DialOrder, InvalidDestination, parse_order
from dialplan.applications.dial.screening import Screening
from dialplan.applications.digits import send_digits
from dialplan.applications.limits import Limit, parse_limit
from dialplan.applications.subroutine import run_subroutine, subroutine_of
from dialplan.arguments import ArgumentError, Arguments
from dialplan.engine import Engine
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.cdr import CdrEngine
from pbx.core.channel import Channel, ChannelInterrupted, settle
from pbx.core.dial import ANSWER, BUSY, CANCEL, CHANUNAVAIL, INVALIDARGS, Dial, DialOptions, DialResult, Entertainment
from pbx.errors import ObeliskError
from pbx.media.tones import PlayingTone, Tones

if TYPE_CHECKING:
    from pbx.server import Server

log = Logger()

_CLEARED = (
    "DIALSTATUS",
    "DIALEDPEERNUMBER",
    "DIALEDPEERNAME",
    "ANSWEREDTIME",
    "ANSWEREDTIME_MS",
    "DIALEDTIME",
    "DIALEDTIME_MS",
    "RINGTIME",
    "RINGTIME_MS",
    "PROGRESSTIME",
    "PROGRESSTIME_MS",
)


class DialCall:
    """One Dial; RetryDial makes several."""

    def __init__(self, server: Server, channel: Channel, args: Arguments) -> None:
        self._server = server
        self._engine = server.require(Engine)
        self._channel = channel
        self._args = args
        self._tone: PlayingTone | None = None
        self._music = False
        self._pressed = ""
        #: RetryDial need not try again.
        self.final = False
        #: Option d was given.
        self.exits_by_digit = False

    async def run(self) -> int:
        """Dial, and talk if somebody answers; the application's result.

        Raises ArgumentError, with DIALSTATUS set, and ChannelInterrupted.
        """
        channel = self._channel
        channel.blank_variables(_CLEARED)
        if channel.max_forwards <= 0:
            log.warn("Cannot place outbound call from channel '{name}'. Max forwards exceeded", name=channel.name)
            channel.set_variable("DIALSTATUS", BUSY)
            self.final = True
            return RESULT_HANGUP
        if channel.hangup_requested or not channel.alive:
            channel.set_variable("DIALSTATUS", CANCEL)
            return RESULT_HANGUP
        try:
            order = parse_order(channel, self._args)
        except ArgumentError as error:
            channel.set_variable("DIALSTATUS", INVALIDARGS)
            if isinstance(error, InvalidDestination) and "g" in self._args.options:
                log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
                return RESULT_OK
            raise
        limit = parse_limit(order.options.argument("L"), "Dial")
        self.exits_by_digit = "d" in order.options
        # The cause is that of this attempt, whatever an earlier one came to.
        channel.hangup_cause = 0
        try:
            return await self._dial(order, limit)
        finally:
            self._stop_entertainment()

    async def _dial(self, order: DialOrder, limit: Limit | None) -> int:
        channel = self._channel
        if "C" in order.options:
            self._reset_record()
        screening = Screening.of(self._server, channel, order)
        if screening is not None and not await screening.admit():
            channel.set_variable("DIALSTATUS", screening.status)
            return RESULT_OK
        try:
            return await self._dial_on(order, limit, screening)
        finally:
            if screening is not None:
                screening.end()

    async def _dial_on(self, order: DialOrder, limit: Limit | None, screening: Screening | None) -> int:
        channel = self._channel
        place = order.argument("B")
        if place:
            await run_subroutine(self._engine, channel, subroutine_of(channel, place))
        if not order.destinations:
            log.info("{channel}: No devices or endpoints to dial (technology/resource)", channel=channel.name)
            channel.set_variable("DIALSTATUS", CHANUNAVAIL)
            self.final = True
            return RESULT_OK
        server = self._server
        dial = Dial(server.channels, server.technologies, channel, order.destinations, self._options(order))
        result = await dial.run()
        if result.status != ANSWER or result.peer is None:
            return self._not_answered(result)
        call = AnsweredCall(server, channel, result.peer, order, limit, dial, self._stop_entertainment)
        try:
            outcome = await call.run(screening)
        finally:
            self.final = call.final
        return outcome

    def _options(self, order: DialOrder) -> DialOptions:
        engine, channel = self._engine, self._channel
        options = order.options
        entertainment = order.entertainment
        if entertainment is Entertainment.TONE and not self._tone_exists(order.entertainment_detail):
            entertainment = Entertainment.RINGING
        return DialOptions(
            timeout=order.timeout,
            progress_timeout=order.progress_timeout,
            entertainment=entertainment,
            ignore_connected_line="I" in options,
            ignore_forwarding="i" in options,
            forwarding_ends_timeout="z" in options,
            identity=order.identity,
            identity_on_forward_only=order.identity_on_forward_only,
            original_identity=order.original_identity,
            cancelled_elsewhere="c" in options,
            losers_cause=order.losers_cause,
            prepare=self._group(),
            before_call=lambda channels: self._before_call(channels, order, entertainment),
            on_digit=_exit_by_digit(engine, channel, order, self._press),
            on_progress=self._digits_at_progress(order.digits_progress),
        )

    def _reset_record(self) -> None:
        records = self._server.find(CdrEngine)
        if records is not None:
            records.reset(self._channel.uniqueid)

    def _press(self, digit: str) -> None:
        self._pressed = digit

    def _group(self) -> Callable[[Channel], object] | None:
        """OUTBOUND_GROUP_ONCE, else OUTBOUND_GROUP, is the GROUP() of whoever is called."""
        channel = self._channel
        group = channel.get_variable("OUTBOUND_GROUP_ONCE")
        if group:
            channel.unset_variable("OUTBOUND_GROUP_ONCE")
        else:
            group = channel.get_variable("OUTBOUND_GROUP")
        if not group:
            return None
        value = group

        async def write(called: Channel) -> None:
            try:
                await settle(self._engine.write_function(called, "GROUP()", value))
            except (LookupError, ObeliskError) as error:
                log.warn("{channel}: OUTBOUND_GROUP: {error}", channel=called.name, error=str(error))

        return lambda called: Deferred.fromCoroutine(write(called))

    def _digits_at_progress(self, digits: str) -> Callable[[Channel], object] | None:
        if not digits:
            return None

        async def send(called: Channel) -> None:
            try:
                await send_digits(called, called, digits)
            except ChannelInterrupted:
                log.warn("{channel}: hung up before all digits could be sent", channel=called.name)

        return lambda called: Deferred.fromCoroutine(send(called))

    async def _before_call(self, channels: Sequence[Channel], order: DialOrder, kind: Entertainment) -> None:
        place = order.argument("b")
        if place:
            location = subroutine_of(self._channel, place)
            for called in channels:
                await run_subroutine(self._engine, called, location)
        if kind is Entertainment.MUSIC:
            self._start_music(order.entertainment_detail)
        elif kind is Entertainment.TONE:
            self._tone = self._server.require(Tones).play(self._channel.audio, order.entertainment_detail)

    # What the caller hears meanwhile

    def _tone_exists(self, tone: str) -> bool:
        tones = self._server.find(Tones)
        try:
            return tones is not None and bool(tones.items(tone))
        except ValueError as error:
            log.warn("Unable to start playtone '{tone}': {error}", tone=tone, error=str(error))
            return False

    def _start_music(self, music_class: str) -> None:
        channel = self._channel
        music = self._server.channels.music
        if music is None:
            return
        held = channel.music_class
        channel.music_class = music_class or held
        self._music = music.start(channel, music_class)
        channel.music_class = held

    def _stop_entertainment(self) -> None:
        music = self._server.channels.music
        if self._music and music is not None:
            self._music = False
            music.stop(self._channel)
        if self._tone is not None:
            self._tone.stop()
            self._tone = None

    # The end

    def _not_answered(self, result: DialResult) -> int:
        channel = self._channel
        channel.set_variable("DIALSTATUS", result.status)
        if self._pressed:
            context = channel.get_variable("EXITCONTEXT") or channel.context
            self._engine.goto(channel, context, self._pressed, 1)
            self.final = True
            return RESULT_OK
        channel.check()
        return RESULT_OK


def _exit_by_digit(
    engine: Engine, channel: Channel, order: DialOrder, press: Callable[[str], object]
) -> Callable[[str], bool] | None:
    """Options d and H before the answer: which digits end the dial."""
    by_digit, by_star = "d" in order.options, "H" in order.options
    if not by_digit and not by_star:
        return None
    context = channel.get_variable("EXITCONTEXT") or channel.context

    def pressed(digit: str) -> bool:
        if by_digit and engine.exists(context, digit, 1, channel.caller.id.number):
            press(digit)
            return True
        return by_star and digit == "*"

    return pressed
