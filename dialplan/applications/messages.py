"""app_verbose, app_userevent and app_senddtmf: Verbose, Log, UserEvent, SendDTMF."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.digits import DIGIT_GAP_MS, MAX_DIGITS, send_digits
from dialplan.applications.durations import parse_length
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.verbosity import verbose
from pbx.core import messages
from pbx.core.channel import Channel
from pbx.core.frames import DEFAULT_DIGIT_MS

log = Logger()

#: The highest level a line of Verbose can have.
MAX_VERBOSE = 4
#: Fields that one UserEvent has.
MAX_FIELDS = 100
#: The longest a digit or the time between two may be.
MAX_DIGIT_MS = 60_000


class VerboseModule(DialplanModule):
    """Verbose and Log."""

    name = "app_verbose"
    description = "Send verbose output"

    @application("Verbose", "[level,]message", synopsis="Write a line to the verbose log, at level 0 unless given.")
    def app_verbose(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            return RESULT_OK
        level, message = args.parts if len(args) > 1 else ("0", args.parts[0])
        number = scan_int(level)
        if number is None:
            log.warn("{channel}: '{given}' is not a verboser number", channel=channel.name, given=level)
            number = 0
        elif number < 0:
            # As C reads a number without a sign.
            number = MAX_VERBOSE
        verbose(log, min(number, MAX_VERBOSE), "{message}", message=message, call_id=channel.callid)
        return RESULT_OK

    @application(
        "Log",
        "level,message",
        synopsis="Write a line to the log.",
        description="Levels: ERROR, WARNING, NOTICE, DEBUG, VERBOSE, DTMF.",
    )
    def app_log(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            return RESULT_OK
        level, message = args["level"], args["message"]
        place = f"Ext. {channel.exten}:{channel.priority} @ {channel.context}"
        match level.upper():
            case "ERROR":
                log.error("{place}: {message}", place=place, message=message)
            case "WARNING":
                log.warn("{place}: {message}", place=place, message=message)
            case "NOTICE":
                log.info("{place}: {message}", place=place, message=message)
            case "VERBOSE":
                verbose(log, 0, "{place}: {message}", place=place, message=message)
            case "DEBUG" | "DTMF":
                log.debug("{place}: {message}", place=place, message=message)
            case _:
                log.error("{channel}: Unknown log level: '{given}'", channel=channel.name, given=level)
        return RESULT_OK


class UserEventModule(DialplanModule):
    """UserEvent."""

    name = "app_userevent"
    description = "Custom User Event Application"

    @application(
        "UserEvent",
        "eventname[,body]",
        synopsis="Send an event to manager and ARI clients.",
        description="Each further argument is a field of the event, as in key:value.",
    )
    def app_user_event(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError("UserEvent requires an argument (eventname[,body])")
        name, *body = split_arguments(args.raw, MAX_FIELDS + 1)
        fields: dict[str, str] = {}
        for part in body:
            key, colon, value = part.partition(":")
            if colon:
                fields[key] = value.strip()
        bus = self.server.bus
        if bus.wanted(messages.UserEvent):
            bus.publish(messages.UserEvent(name, tuple(fields.items()), channel.told()))
        return RESULT_OK


class SendDTMFModule(DialplanModule):
    """SendDTMF."""

    name = "app_senddtmf"
    description = "Send DTMF digits Application"

    @application(
        "SendDTMF",
        "digits[,timeout_ms[,duration_ms[,channel[,options]]]]",
        options="a",
        synopsis="Send DTMF digits.",
        description=(
            "Digits are 0-9*#a-d; w waits half a second, W a second. The timeout is the time between digits. "
            "Another channel than the caller's may be named. Option a: answer it first if it is not up."
        ),
    )
    async def app_send_dtmf(self, channel: Channel, args: Arguments) -> int:
        digits = args["digits"].strip()
        if not digits:
            log.warn("{channel}: The digits argument is required (0-9,*#,a-d,A-D,wW)", channel=channel.name)
            return RESULT_OK
        if len(digits) > MAX_DIGITS:
            raise ArgumentError(f"SendDTMF sends {MAX_DIGITS} digits at most")
        target = channel
        if args["channel"].strip():
            found = self.server.channels.find(args["channel"].strip())
            if found is None:
                log.warn("{channel}: SendDTMF: no such channel: {name}", channel=channel.name, name=args["channel"])
                return RESULT_OK
            target = found
        if "a" in args.options:
            target.answer()
        gap = self._milliseconds(args["timeout_ms"], DIGIT_GAP_MS)
        duration = self._milliseconds(args["duration_ms"], DEFAULT_DIGIT_MS)
        there = await send_digits(channel, target, digits, gap_ms=gap, duration_ms=duration)
        return RESULT_HANGUP if not there and target is channel else RESULT_OK

    @staticmethod
    def _milliseconds(text: str, default: int) -> int:
        length = parse_length(text, "ms")
        return default if length is None or length <= 0 else min(round(length * 1000), MAX_DIGIT_MS)
