"""app_readexten: ReadExten; and WaitDigit of the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS, parse_length
from dialplan.applications.entry import first_digit, zone_of
from dialplan.applications.sound import SoundMissing, SoundPlay
from dialplan.arguments import Arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import DEFAULT_DIGIT_TIMEOUT, DEFAULT_RESPONSE_TIMEOUT, RESULT_OK, run_of
from pbx.clock import cancel_timer
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.states import ChannelState
from pbx.media.tones import Tones

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

log = Logger()

#: Digits one entry can hold.
MAX_DIGITS = 255


class ReadExtenModule(DialplanModule):
    """ReadExten."""

    name = "app_readexten"
    description = "Read and evaluate extension validity"

    @application(
        "ReadExten",
        "variable[,filename[,context[,options[,timeout]]]]",
        options="s;i;n;p",
        synopsis="Read an extension into a variable.",
        description=(
            "Reads digits until they are an extension of the context, or cannot become one. The variable is the "
            "extension, i if it is invalid (INVALID_EXTEN says what was entered), t after a timeout. s: leave at once "
            "when the call is not up. n: read even then, without answering. i: the file is the name of a tone of "
            "indications.conf, or a tone as written there. p: # ends the entry."
        ),
        sets=("READEXTENSTATUS", "INVALID_EXTEN"),
    )
    async def app_read_exten(self, channel: Channel, args: Arguments) -> int:
        variable = args["variable"]
        if not variable:
            log.warn("{channel}: ReadExten requires at least one argument (variable)", channel=channel.name)
            return self._end(channel, "ERROR")
        options = args.options
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable(variable, "")
                return self._end(channel, "SKIP")
            if "n" not in options:
                channel.answer()
        context = args["context"].strip() or channel.context
        try:
            entered = await self._enter(channel, args, context)
        except ChannelInterrupted:
            self._end(channel, "HANGUP")
            raise
        if entered is None:
            channel.set_variable(variable, "t")
            return self._end(channel, "TIMEOUT")
        if self.server.require(Engine).exists(context, entered, 1, channel.caller.id.number):
            channel.set_variable(variable, entered)
            return self._end(channel, "OK")
        channel.set_variable(variable, "i")
        channel.set_variable("INVALID_EXTEN", entered)
        return self._end(channel, "INVALID")

    @staticmethod
    def _end(channel: Channel, status: str) -> int:
        channel.set_variable("READEXTENSTATUS", status)
        return RESULT_OK

    async def _enter(self, channel: Channel, args: Arguments, context: str) -> str | None:
        """What was entered; None when nothing was in time. Raises ChannelInterrupted."""
        engine, number = self.server.require(Engine), channel.caller.id.number
        run = run_of(channel)
        following = DEFAULT_DIGIT_TIMEOUT if run is None else run.digit_timeout
        digit = await self._first(channel, args)
        if not digit:
            return None
        digits = ""
        while digit:
            if digit == "#" and "p" in args.options:
                break
            digits += digit
            if len(digits) >= MAX_DIGITS or not engine.match_more(context, digits, number):
                if digit == "#" and not engine.exists(context, digits, 1, number):
                    digits = digits[:-1]
                break
            digit = await channel.read_digit(following) or ""
        return digits

    async def _first(self, channel: Channel, args: Arguments) -> str:
        run = run_of(channel)
        timeout = float(min(scan_int(args["timeout"]) or 0, MAX_SECONDS))
        if timeout <= 0:
            timeout = DEFAULT_RESPONSE_TIMEOUT if run is None else run.response_timeout
        name, board = args["filename"].strip(), self.server.switchboard
        if name and "i" in args.options:
            tones = self.server.require(Tones)
            known = tones.zones.find(name, zone_of(channel)) is not None
            if known or board.find_sound(name, channel.language) is None:
                try:
                    return await first_digit(tones, channel, name, timeout)
                except ValueError as error:
                    log.warn("{channel}: ReadExten: {reason}", channel=channel.name, reason=str(error))
                    name = ""
        digit, deadline = "", self.server.clock.monotonic() + timeout
        if name:
            digit = await self._prompted(channel, name, timeout)
        return digit or await channel.read_digit(max(0.0, deadline - self.server.clock.monotonic())) or ""

    async def _prompted(self, channel: Channel, name: str, timeout: float) -> str:
        """Play a file, which a digit ends, or the time that is counted from its beginning; that digit, or empty."""
        timer: IDelayedCall | None = None

        def watch(cut_off: Callable[[], object] | None) -> None:
            nonlocal timer
            cancel_timer(timer)
            timer = None if cut_off is None else self.server.clock.call_later(timeout, cut_off)

        playing = SoundPlay(self.server.switchboard, channel, name, lambda _digit: True, watch=watch)
        try:
            await playing.run()
        except SoundMissing as error:
            log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
        return playing.digit


class WaitDigit(DialplanModule):
    """WaitDigit."""

    name = "core"
    description = "Applications of the core"

    @application(
        "WaitDigit",
        "[seconds[,digits]]",
        synopsis="Waits for a digit to be entered.",
        description="Only one of 'digits' counts, if any are given; others are forgotten.",
        sets=("WAITDIGITSTATUS", "WAITDIGITRESULT"),
    )
    async def app_wait_digit(self, channel: Channel, args: Arguments) -> int:
        timeout = parse_length(args["seconds"])
        if timeout is None or timeout < 0:
            channel.set_variable("WAITDIGITSTATUS", "ERROR")
            return RESULT_OK
        wanted = args["digits"]
        clock = self.server.clock
        deadline = clock.monotonic() + min(timeout, MAX_SECONDS)
        try:
            digit = await channel.read_digit(deadline - clock.monotonic())
            while digit is not None and wanted and digit not in wanted:
                digit = await channel.read_digit(max(0.0, deadline - clock.monotonic()))
        except ChannelInterrupted:
            channel.set_variable("WAITDIGITSTATUS", "CANCEL")
            raise
        if digit is None:
            channel.set_variable("WAITDIGITSTATUS", "TIMEOUT")
        else:
            channel.set_variable("WAITDIGITRESULT", digit)
            channel.set_variable("WAITDIGITSTATUS", "DTMF")
        return RESULT_OK
