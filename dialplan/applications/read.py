"""app_read: Read."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.builtins import seconds
from dialplan.applications.sound import SoundMissing, file_names, play
from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK, run_of
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.states import ChannelState

log = Logger()

#: Digits one Read can hold.
MAX_DIGITS = 255
#: Timeouts on a channel without a dialplan, in seconds: before the first digit, and between digits.
PLAIN_FIRST, PLAIN_NEXT = 6.0, 2.0
#: How long a prompt that is not the last waits for a digit.
BETWEEN_PROMPTS = 0.05


class _Answer:
    """What one attempt gave."""

    __slots__ = ("digits", "status")

    def __init__(self, status: str, digits: str) -> None:
        self.status = status
        self.digits = digits


class ReadModule(DialplanModule):
    """Read."""

    name = "app_read"
    description = "Read Variable Application"

    @application(
        "Read",
        "variable[,filenames[,maxdigits[,options[,attempts[,timeout]]]]]",
        options="s;i;n;t(x);e",
        synopsis="Read digits into a variable.",
        description=(
            "s: leave at once when the call is not up. n: read even then, without answering. "
            "t(x): the digits that end the entry, # unless given; t() for none. e: an entry of nothing but the "
            "terminator gives the terminator. i: accepted; the file is played as a sound."
        ),
        sets=("READSTATUS",),
    )
    async def app_read(self, channel: Channel, args: Arguments) -> int:
        variable = args["variable"].strip()
        if not variable:
            channel.set_variable("READSTATUS", "ERROR")
            raise ArgumentError("Read requires an argument (variable)")
        options = args.options
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable("READSTATUS", "SKIPPED")
                channel.set_variable(variable, "")
                return RESULT_OK
            if "n" not in options:
                channel.answer()
        terminators = "#" if "t" not in options else (options.argument("t") or "")
        timeout = seconds(args["timeout"], 0.0, what="Read: timeout") or 0.0
        limit = self._count(args["maxdigits"], MAX_DIGITS)
        attempts = self._count(args["attempts"], 1) or 1
        try:
            answer = _Answer("TIMEOUT", "")
            for _attempt in range(attempts):
                answer = await self._ask(channel, args["filenames"], limit or MAX_DIGITS, timeout, terminators)
                if answer.status == "TERMINATED":
                    answer = _Answer("OK", terminators[0] if "e" in options else "")
                    break
                if answer.digits:
                    break
        except ChannelInterrupted:
            channel.set_variable(variable, "")
            if channel.hangup_requested:
                channel.set_variable("READSTATUS", "HANGUP")
            raise
        channel.set_variable(variable, answer.digits)
        channel.set_variable("READSTATUS", answer.status)
        return RESULT_OK

    @staticmethod
    def _count(text: str, default: int) -> int:
        text = text.strip()
        if not text.isdecimal() or not int(text):
            return default
        return min(int(text), MAX_DIGITS)

    async def _ask(self, channel: Channel, files: str, limit: int, timeout: float, terminators: str) -> _Answer:
        run = run_of(channel)
        first, following = (PLAIN_FIRST, PLAIN_NEXT) if run is None else (run.response_timeout, run.digit_timeout)
        if timeout > 0:
            first = following = timeout
        names = file_names(files)
        digit = ""
        for number, name in enumerate(names):
            try:
                digit = await play(self.server.switchboard, channel, name, lambda _digit: True)
            except SoundMissing as error:
                log.warn("{channel}: {reason}", channel=channel.name, reason=str(error))
                continue
            if not digit and number < len(names) - 1:
                digit = await channel.read_digit(BETWEEN_PROMPTS) or ""
            if digit:
                break
        if not digit:
            digit = await channel.read_digit(first) or ""
        digits = ""
        while digit:
            if digit in terminators:
                return _Answer("OK" if digits else "TERMINATED", digits)
            digits += digit
            if len(digits) >= limit:
                return _Answer("OK", digits)
            digit = await channel.read_digit(following) or ""
        return _Answer("TIMEOUT", digits)
