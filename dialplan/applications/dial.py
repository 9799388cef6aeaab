"""app_dial: Dial, over the core's dial and its bridge of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.applications.builtins import seconds
from dialplan.applications.limits import CallLimit
from dialplan.applications.sound import SoundMissing, play
from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.engine import Engine
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.clock import cancel_timer
from pbx.core.causes import Cause, parse_cause
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.dial import ANSWER, INVALIDARGS, Dial, DialOptions, DialResult, parse_destinations
from pbx.core.frames import DigitEnd, Frame
from pbx.core.party import PartyId, parse_callerid

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall

log = Logger()

#: Option letters of Asterisk whose feature is not part of this version; said once per call, and the call goes on.
UNSUPPORTED = frozenset("bBCEjKkmnNOpPUwWxXztT")
#: Milliseconds each digit of option D lasts, and the pause for ``w``, in seconds.
DIGIT_MS = 100
DIGIT_PAUSE = 0.5


@dataclass(slots=True)
class _Times:
    """Moments of a dial, by the monotonic clock."""

    began: float
    answered: float | None = None


class DialModule(DialplanModule):
    """Dial."""

    name = "app_dial"
    description = "Dialing Application"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @application(
        "Dial",
        "Technology/Resource[&Technology2/Resource2[&...]][,timeout[,options[,URL]]]",
        options=(
            "A(x);a;b(x);B(x);C;c;d;D(x);E;e;f(x);F(x);g;G(x);h;H;i;I;j;k;K;L(x:y:z);m(x);n(x);N;o(x);O(x);p;P(x);"
            "Q(x);r(x);R(x);S(x);s(x);t;T;U(x);u(x);w;W;x;X;z"
        ),
        synopsis="Attempt to connect to another device or endpoint and bridge the call.",
        description=(
            "A(x): play x to the called party. d: a digit that is an extension (of EXITCONTEXT if set) ends the dial "
            "and goes there. D(called:calling): send digits after the answer. f(x): caller ID towards the called. "
            "F or F(context^exten^priority): the called party goes on when the caller hangs up. g: go on when the "
            "called party hangs up. G(context^exten^priority): send both there after the answer, the called party one "
            "priority further. h, H: the called or the calling party hangs up by *. I: ignore connected line updates. "
            "L(x:y:z): end after x ms, warn when y ms are left and every z ms. Q(cause): for legs not answered. "
            "r: ring until answered. R: ring until there is early media. S(x): end x seconds after the answer."
        ),
        sets=(
            "DIALSTATUS",
            "DIALEDPEERNAME",
            "DIALEDPEERNUMBER",
            "DIALEDTIME",
            "DIALEDTIME_MS",
            "ANSWEREDTIME",
            "ANSWEREDTIME_MS",
        ),
    )
    async def app_dial(self, channel: Channel, args: Arguments) -> int:
        parts = args.raw.split(",", 3)
        try:
            destinations = parse_destinations(parts[0])
        except ValueError as error:
            channel.set_variable("DIALSTATUS", INVALIDARGS)
            raise ArgumentError(f"Dial: {error}") from None
        options = args.options
        self._warn(channel, options)
        for name in ("DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME"):
            channel.set_variable(name, "")
        channel.set_variable("DIALSTATUS", INVALIDARGS)
        if not channel.hangup_requested:
            channel.hangup_cause = 0
        timeout = seconds(args["timeout"], what="Dial: timeout")
        times = _Times(began=self.server.clock.monotonic())
        pressed: list[str] = []
        result = await Dial(
            self.server.channels,
            self.server.technologies,
            channel,
            destinations,
            self._dial_options(channel, options, timeout, pressed),
        ).run()
        peer = result.peer
        if result.status != ANSWER or peer is None:
            return self._not_answered(channel, options, result, times, pressed)
        times.answered = self.server.clock.monotonic()
        channel.set_variable("DIALEDPEERNAME", peer.name)
        channel.set_variable("DIALEDPEERNUMBER", str(destinations[0].address))
        channel.set_variable("DIALSTATUS", ANSWER)
        return await self._talk(channel, peer, options, times)

    @staticmethod
    def _warn(channel: Channel, options: Options) -> None:
        for letter in options.unknown:
            log.warn("{channel}: Dial: unrecognized option: '{letter}'", channel=channel.name, letter=letter)
        for letter in sorted(UNSUPPORTED):
            if letter in options:
                log.warn(
                    "{channel}: Dial: option {letter} is not part of this version", channel=channel.name, letter=letter
                )

    def _dial_options(
        self, channel: Channel, options: Options, timeout: float | None, pressed: list[str]
    ) -> DialOptions:
        identity: PartyId | None = None
        caller_id = options.argument("f") or options.argument("o")
        if caller_id:
            identity = parse_callerid(caller_id)
        return DialOptions(
            timeout=timeout if timeout is not None and timeout > 0 else None,
            indicate_ringing="r" in options or "R" in options,
            ignore_connected_line="I" in options,
            identity=identity,
            on_digit=self._on_digit(channel, options, pressed),
        )

    def _on_digit(self, channel: Channel, options: Options, pressed: list[str]) -> Callable[[str], bool] | None:
        if "d" not in options and "H" not in options:
            return None
        context = channel.get_variable("EXITCONTEXT") or channel.context

        def pressed_one(digit: str) -> bool:
            if "H" in options and digit == "*":
                pressed.append("")
                return True
            if "d" in options and self.engine.exists(context, digit, 1, channel.caller.id.number):
                pressed.append(digit)
                return True
            return False

        return pressed_one

    def _not_answered(
        self, channel: Channel, options: Options, result: DialResult, times: _Times, pressed: list[str]
    ) -> int:
        """Set what the dialplan asks for afterwards."""
        channel.set_variable("DIALSTATUS", result.status)
        self._set_times(channel, times)
        if result.cause and not channel.hangup_requested:
            # Unlike other causes this is not final: the next Dial of the same call may end otherwise.
            channel.hangup_cause = int(result.cause)
            channel.changed()
        if pressed and pressed[0]:
            self.engine.goto(channel, channel.get_variable("EXITCONTEXT") or channel.context, pressed[0], 1)
            return RESULT_OK
        channel.check()
        return RESULT_OK

    def _set_times(self, channel: Channel, times: _Times) -> None:
        now = self.server.clock.monotonic()
        dialed = int((now - times.began) * 1000)
        channel.set_variable("DIALEDTIME", str(dialed // 1000))
        channel.set_variable("DIALEDTIME_MS", str(dialed))
        if times.answered is not None:
            answered = int((now - times.answered) * 1000)
            channel.set_variable("ANSWEREDTIME", str(answered // 1000))
            channel.set_variable("ANSWEREDTIME_MS", str(answered))

    async def _talk(self, channel: Channel, peer: Channel, options: Options, times: _Times) -> int:
        timer: IDelayedCall | None = None
        limit = CallLimit.parse(self.server, channel, peer, options.argument("L"))
        try:
            channel.check()
            await self._before_talk(channel, peer, options)
            channel.answer()
            if "G" in options:
                self._send_both(channel, peer, options.argument("G") or "")
                return RESULT_OK
            length = seconds(options.argument("S") or "", what="Dial: option S")
            if length is not None and length > 0:
                timer = self.server.clock.call_later(length, peer.request_hangup)
            limit.start()
            await self.server.bridges.call(
                channel,
                peer,
                caller_intercept=_hang_up_by_star(channel) if "H" in options else None,
                peer_intercept=_hang_up_by_star(peer) if "h" in options else None,
            )
        except ChannelInterrupted:
            self._after_talk(channel, peer, options, times)
            raise
        finally:
            cancel_timer(timer)
            limit.stop()
        return self._after_talk(channel, peer, options, times)

    async def _before_talk(self, channel: Channel, peer: Channel, options: Options) -> None:
        announcement = options.argument("A")
        if announcement:
            try:
                await self._announce(channel, peer, announcement)
            except SoundMissing as error:
                log.warn("{channel}: Dial: {reason}", channel=channel.name, reason=str(error))
        digits = options.argument("D")
        if digits:
            called, _, rest = digits.partition(":")
            await self._send_digits(channel, peer, called)
            await self._send_digits(channel, channel, rest.partition(":")[0])

    async def _announce(self, channel: Channel, peer: Channel, announcement: str) -> None:
        called, _, calling = announcement.partition(":")
        switchboard = self.server.switchboard
        if calling:
            await play(switchboard, channel, calling)
        if called:
            await play(switchboard, peer, called)

    @staticmethod
    async def _send_digits(channel: Channel, target: Channel, digits: str) -> None:
        for digit in digits:
            if digit in "wW":
                await channel.sleep(DIGIT_PAUSE)
                continue
            try:
                target.send_digit(digit, DIGIT_MS)
            except ValueError as error:
                log.warn("{channel}: Dial: option D: {reason}", channel=channel.name, reason=str(error))
                continue
            await channel.sleep(2 * DIGIT_MS / 1000)

    def _send_both(self, channel: Channel, peer: Channel, place: str) -> None:
        """Option G: the caller to the place, the called party to the priority behind it."""
        context, exten, priority = self._place(channel, place)
        self.engine.goto(channel, context, exten, priority)
        peer.set_position(context, exten, priority + 1)
        self.engine.start(peer)

    def _place(self, channel: Channel, text: str) -> tuple[str, str, int]:
        parts = [part.strip() for part in text.split("^")]
        context = parts[-3] if len(parts) > 2 and parts[-3] else channel.context
        exten = parts[-2] if len(parts) > 1 and parts[-2] else channel.exten
        priority = self.engine.find_priority(context, exten, parts[-1], channel.caller.id.number)
        if priority is None or priority < 1:
            raise ArgumentError(f"Dial: '{text}' is not a place in the dialplan")
        return context, exten, priority

    def _after_talk(self, channel: Channel, peer: Channel, options: Options, times: _Times) -> int:
        """Let go of the called party, and say whether the caller goes on."""
        if channel.alive:
            self._set_times(channel, times)
        if peer.alive and not peer.yanked and peer.owner == "dial":
            self._end_peer(channel, peer, options)
        if channel.hangup_requested or not channel.alive:
            return RESULT_HANGUP
        if "g" in options:
            return RESULT_OK
        channel.set_hangup_cause(peer.hangup_cause or Cause.NORMAL_CLEARING)
        return RESULT_HANGUP

    def _end_peer(self, channel: Channel, peer: Channel, options: Options) -> None:
        if "F" in options and not peer.hangup_requested:
            place = options.argument("F")
            if place:
                try:
                    peer.set_position(*self._place(channel, place))
                except ArgumentError as error:
                    log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
                    peer.hangup()
                    return
            else:
                peer.set_position(channel.context, channel.exten, channel.priority + 1)
            self.engine.start(peer)
            return
        cause = parse_cause(options.argument("Q") or "")
        peer.hangup(channel.hangup_cause or cause or Cause.NORMAL_CLEARING)


def _hang_up_by_star(channel: Channel) -> Callable[[Frame], bool]:
    """Options h and H: ``*`` hangs the call up and goes no further."""

    def intercept(frame: Frame) -> bool:
        if isinstance(frame, DigitEnd) and frame.digit == "*":
            channel.request_hangup()
            return True
        return False

    return intercept
