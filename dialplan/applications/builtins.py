"""The applications of Asterisk's core (main/pbx_builtins.c, main/pbx_variables.c)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS, parse_length
from dialplan.applications.entry import first_digit, zone_of
from dialplan.applications.sound import file_names, play_all
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_float, scan_int
from dialplan.locations import go_to
from dialplan.loop import indicate_failure
from dialplan.registry import DialplanModule, application, function
from dialplan.run import (
    DEFAULT_RESPONSE_TIMEOUT,
    KEEPS_DIGITS,
    RESULT_HANGUP,
    RESULT_INCOMPLETE,
    RESULT_OK,
    RaisedException,
    run_of,
)
from dialplan.variables import write_expression
from dialplan.verbosity import verbose
from pbx.core import hangup_source
from pbx.core.causes import CAUSE_NAMES, Cause
from pbx.core.channel import Channel
from pbx.core.frames import Control
from pbx.core.states import ChannelState
from pbx.media.tones import Tones

if TYPE_CHECKING:
    from pbx.core.media import Switchboard

log = Logger()

#: Variables that one MSet sets.
MAX_PAIRS = 99


def _named_cause(text: str) -> int:
    """The cause whose name a text begins with, in any case (ast_str2cause); 0 for none."""
    name = text.upper().removeprefix("AST_CAUSE_")
    return next((int(cause) for known, cause in CAUSE_NAMES.items() if name.startswith(known)), 0)


class Builtins(DialplanModule):
    """Applications that are always there."""

    name = "core"
    description = "Applications of the core"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @property
    def switchboard(self) -> Switchboard:
        return self.server.switchboard

    # The state of the call

    @application(
        "Answer",
        "[delay[,options]]",
        options="i",
        synopsis="Answer a channel if it is ringing.",
        description="With a delay in milliseconds, wait that long after answering. Option i: do not wait for media.",
    )
    def app_answer(self, channel: Channel, args: Arguments) -> int | Awaitable[int]:
        if channel.outgoing:
            return RESULT_OK
        # In h and after a hangup nothing can be answered, which ends what runs there.
        channel.check()
        was_up = channel.state is ChannelState.UP
        channel.answer()
        delay = scan_int(args["delay"]) or 0
        if delay <= 0 or was_up or args["options"] == "i":
            return RESULT_OK
        return self._wait(channel, min(delay / 1000, MAX_SECONDS))

    @staticmethod
    async def _wait(channel: Channel, delay: float) -> int:
        await channel.sleep(delay)
        return RESULT_OK

    @application("Progress", synopsis="Indicate progress: in-band audio may follow before the answer.")
    def app_progress(self, channel: Channel, args: Arguments) -> int:
        return self._indicate(channel, Control.PROGRESS)

    @application("Proceeding", synopsis="Indicate proceeding.")
    def app_proceeding(self, channel: Channel, args: Arguments) -> int:
        return self._indicate(channel, Control.PROCEEDING)

    @application("Ringing", synopsis="Indicate ringing tone to the caller.")
    def app_ringing(self, channel: Channel, args: Arguments) -> int:
        return self._indicate(channel, Control.RINGING)

    @staticmethod
    def _indicate(channel: Channel, kind: Control) -> int:
        channel.indicate(kind)
        return RESULT_OK

    @application(
        "Busy", "[timeout]", synopsis="Indicate busy until the caller hangs up.", description="Timeout in seconds."
    )
    async def app_busy(self, channel: Channel, args: Arguments) -> int:
        await indicate_failure(channel, Control.BUSY, self._positive(args["timeout"]))
        return RESULT_HANGUP

    @application(
        "Congestion",
        "[timeout]",
        synopsis="Indicate congestion until the caller hangs up.",
        description="Timeout in seconds.",
    )
    async def app_congestion(self, channel: Channel, args: Arguments) -> int:
        await indicate_failure(channel, Control.CONGESTION, self._positive(args["timeout"]))
        return RESULT_HANGUP

    @staticmethod
    def _positive(text: str) -> float | None:
        """Seconds to wait for a hangup; None for ever, as where it is no number."""
        value = scan_float(text)
        return None if value is None or not 0 <= value <= MAX_SECONDS else value

    @application(
        "Hangup",
        "[causecode]",
        synopsis="Hang up the calling channel.",
        description="The cause is a number of Q.850 or its name.",
    )
    def app_hangup(self, channel: Channel, args: Arguments) -> int:
        text = args.raw.strip()
        cause = _named_cause(text) or scan_int(text) or 0
        if text and cause <= 0:
            log.warn('Invalid cause given to Hangup(): "{cause}"', cause=text)
        # Unlike a cause that was met with, the one that is named here counts over an earlier one.
        if cause > 0:
            channel.hangup_cause = int(cause)
            channel.changed()
        else:
            channel.set_hangup_cause(Cause.NORMAL_CLEARING)
        hangup_source.note(channel, hangup_source.BUILTIN)
        # Without an event, as in Asterisk; a script that goes on all the same finds the call over.
        channel.hangup_requested = True
        return RESULT_HANGUP

    @application(
        "Incomplete",
        "[n]",
        options="n",
        synopsis="Say that the extension is not complete and wait for more digits.",
        description="Answers first, so that digits can be heard, unless n is given.",
    )
    def app_incomplete(self, channel: Channel, args: Arguments) -> int:
        channel.check()
        if "n" not in args["n"]:
            channel.answer()
        channel.indicate(Control.INCOMPLETE)
        return RESULT_INCOMPLETE

    # Where to go

    @application(
        "Goto",
        "[context[,extension,priority]]",
        synopsis="Jump to a priority, extension or context.",
        description="The priority may be a label, or relative as in +2.",
    )
    def app_goto(self, channel: Channel, args: Arguments) -> int:
        context, exten, priority = go_to(self.engine, channel, args.raw)
        verbose(log, 3, "Goto ({context},{exten},{priority})", context=context, exten=exten, priority=priority)
        return RESULT_OK

    @application("NoOp", "[text]", synopsis="Do nothing; the text shows in the verbose log.")
    def app_noop(self, channel: Channel, args: Arguments) -> int:
        return RESULT_OK

    # Variables

    @application("Set", "name=value", synopsis="Set a channel variable or write a function.")
    def app_set(self, channel: Channel, args: Arguments) -> int | Awaitable[int]:
        name, equals, value = args.raw.partition("=")
        if not equals:
            log.warn("{channel}: Set requires an '=' to be a valid assignment", channel=channel.name)
            return RESULT_OK
        return self._set(channel, name, value)

    def _set(self, channel: Channel, name: str, value: str) -> int | Awaitable[int]:
        if name.endswith(")"):
            return self._write(channel, name, value)
        if " " in name:
            log.warn(
                "Please avoid unnecessary spaces on variables as it may lead to unexpected results "
                "('{name}' set to '{value}').",
                name=name,
                value=value,
            )
        channel.set_variable(name, value)
        return RESULT_OK

    async def _write(self, channel: Channel, name: str, value: str) -> int:
        await write_expression(self.engine.registry, channel, name, value)
        return RESULT_OK

    @application("MSet", "name1=value1[,name2=value2]", synopsis="Set several channel variables or write functions.")
    async def app_mset(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            log.warn("{channel}: MSet requires at least one variable name/value pair.", channel=channel.name)
        for pair in split_arguments(args.raw, MAX_PAIRS):
            parts = split_arguments(pair, 2, "=")
            if len(parts) != 2:
                log.warn("{channel}: MSet: ignoring entry '{pair}' with no '='", channel=channel.name, pair=pair)
                continue
            result = self._set(channel, *parts)
            if not isinstance(result, int):
                await result
        return RESULT_OK

    # Time and digits

    @application("Wait", "seconds", synopsis="Wait for some time: seconds, or with a unit as in 250ms, 1m, 1h.")
    async def app_wait(self, channel: Channel, args: Arguments) -> int:
        duration = parse_length(args["seconds"])
        if duration is not None and duration > 0:
            await channel.sleep(min(duration, MAX_SECONDS))
            channel.drop_digits()
        return RESULT_OK

    @application(
        "WaitExten",
        "[seconds[,options]]",
        options="m(x);d(x)",
        synopsis="Wait for an extension to be entered.",
        description=(
            "Without seconds the response timeout counts. Without an entry the call goes on at t, or e. m(class): "
            "music meanwhile. d(tone): dial tone meanwhile, or another tone of indications.conf."
        ),
    )
    async def app_wait_exten(self, channel: Channel, args: Arguments) -> int:
        run, options = run_of(channel), args.options
        timeout = parse_length(args["seconds"])
        if timeout is None or timeout <= 0:
            timeout = DEFAULT_RESPONSE_TIMEOUT if run is None else run.response_timeout
        tones = self.server.find(Tones)
        if "m" in options:
            if not options.argument("m"):
                log.warn("The 'm' option has been specified for WaitExten without a class.")
            channel.indicate(Control.HOLD, options.argument("m"))
        try:
            if "d" in options and "m" not in options and tones is not None:
                digit = await self._dial_tone(channel, tones, options.argument("d") or "dial", timeout)
            else:
                digit = await channel.read_digit(min(timeout, MAX_SECONDS)) or ""
        finally:
            if "m" in options:
                channel.indicate(Control.UNHOLD)
        if digit:
            return ord(digit)
        return self._no_entry(channel)

    @staticmethod
    async def _dial_tone(channel: Channel, tones: Tones, tone: str, timeout: float) -> str:
        """The digit pressed while the tone was heard; a tone that there is not is the common one of two frequencies."""
        known = tones.zones.find(tone, zone_of(channel)) is not None
        return await first_digit(tones, channel, tone if known else "350+440", min(timeout, MAX_SECONDS))

    def _no_entry(self, channel: Channel) -> int:
        engine, number = self.engine, channel.caller.id.number
        if engine.exists(channel.context, channel.exten, channel.priority + 1, number):
            return RESULT_OK
        if engine.exists(channel.context, "t", 1, number):
            engine.goto(channel, None, "t", 1)
            return RESULT_OK
        if engine.exists(channel.context, "e", 1, number):
            run = run_of(channel)
            if run is not None:
                run.exception = RaisedException("RESPONSETIMEOUT", channel.context, channel.exten, channel.priority)
            engine.goto(channel, None, "e", 1)
            return RESULT_OK
        log.warn("Timeout but no rule 't' or 'e' in context '{context}'", context=channel.context)
        return RESULT_HANGUP

    @application(
        "BackGround",
        "filenames[,options[,langoverride[,context]]]",
        options="s;n;m;p",
        synopsis="Play sounds while waiting for digits of an extension.",
        description=(
            "A digit ends the sound and begins an extension. s: skip when the call is not up. n: do not answer. "
            "m: only a digit that is an extension ends the sound. p: no digit does. A missing file ends it too."
        ),
        sets=("BACKGROUNDSTATUS",),
    )
    async def app_background(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError("BackGround requires an argument (filename)")
        context, letters = args["context"] or channel.context, self._background_letters(args)
        if channel.state is not ChannelState.UP:
            if "s" in letters:
                channel.set_variable("BACKGROUNDSTATUS", "SUCCESS")
                return RESULT_OK
            if "n" not in letters:
                channel.answer()
        missing: list[str] = []
        digit, result = "", RESULT_OK
        try:
            digit = await play_all(
                self.switchboard,
                channel,
                file_names(args["filenames"]),
                None if "p" in letters else self._background_stop(channel, context, only_matching="m" in letters),
                language=args["langoverride"],
                until_missing=True,
                missing=missing,
            )
            if digit:
                result = self._background_digit(channel, context, digit)
        finally:
            # Also where the caller hangs up in the middle, which is no failure.
            channel.set_variable("BACKGROUNDSTATUS", "FAILED" if missing else "SUCCESS")
        return result

    @staticmethod
    def _background_letters(args: Arguments) -> Container[str]:
        word = args["options"].lower()
        return {"skip": "s", "noanswer": "n"}.get(word) or args.options

    def _background_stop(self, channel: Channel, context: str, *, only_matching: bool) -> Callable[[str], bool]:
        if not only_matching:
            return lambda _digit: True
        return lambda digit: self.engine.exists(context, digit, 1, channel.caller.id.number)

    def _background_digit(self, channel: Channel, context: str, digit: str) -> int:
        """A digit that is a whole extension goes there at once."""
        number = channel.caller.id.number
        if (
            not channel.extra.get(KEEPS_DIGITS)
            and self.engine.can_match(context, digit, number)
            and not self.engine.match_more(context, digit, number)
        ):
            self.engine.goto(channel, context, digit, 1)
            return RESULT_OK
        return ord(digit)

    @function(
        "EXCEPTION",
        "field",
        synopsis="Details of the exception that led to the extension e.",
        description="Fields: reason, context, exten, priority.",
    )
    def func_exception(self, channel: Channel | None, args: Arguments) -> str:
        run = None if channel is None else run_of(channel)
        raised = None if run is None else run.exception
        if raised is None:
            return ""
        match args["field"].strip().lower():
            case "reason":
                return raised.reason
            case "context":
                return raised.context
            case "exten":
                return raised.exten
            case "priority":
                return str(raised.priority)
            case field:
                raise ArgumentError(f"EXCEPTION has no field '{field}'")
