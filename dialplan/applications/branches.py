"""Jumps of Asterisk's core by a condition, by the time and by an exception (main/pbx_builtins.c)."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.logger import Logger

from dialplan.applications.execute import split_application
from dialplan.arguments import ArgumentError, Arguments
from dialplan.engine import Engine
from dialplan.functions.logic import holds, present_time
from dialplan.locations import go_to
from dialplan.registry import SYSTEM, DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK, RaisedException, run_of
from dialplan.timing import parse_timing
from dialplan.verbosity import verbose
from pbx.core.channel import Channel

log = Logger()

_TIMES = "<time range>,<days of week>,<days of month>,<months>[,<timezone>]"


class Branches(DialplanModule):
    """GotoIf, GotoIfTime, ExecIfTime, RaiseException."""

    name = "core"
    description = "Jumps of the core"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    def _goto(self, channel: Channel, place: str) -> int:
        """Take a branch, where there is one. Raises ArgumentError."""
        if not place:
            return RESULT_OK
        context, exten, priority = go_to(self.engine, channel, place)
        verbose(log, 3, "Goto ({context},{exten},{priority})", context=context, exten=exten, priority=priority)
        return RESULT_OK

    @application(
        "GotoIf",
        "condition?labeliftrue[:labeliffalse]",
        synopsis="Conditional goto.",
        description=(
            "A number that is not 0, and any other text that is not empty, is true. The labels are places as of Goto; "
            "where the one to be taken is left out, the call goes on at the next priority."
        ),
        see_also=("Goto", "GotoIfTime", "GosubIf", "ExecIf"),
    )
    def app_goto_if(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            log.warn("{channel}: GotoIf: ignoring, since there is no variable to check", channel=channel.name)
            return RESULT_OK
        condition, _, labels = args.raw.partition("?")
        true, _, false = labels.partition(":")
        return self._goto(channel, true if holds(condition) else false)

    @application(
        "GotoIfTime",
        "times,weekdays,mdays,months[,timezone]?labeliftrue[:labeliffalse]",
        synopsis="Conditional Goto based on the current time.",
        description="The times are those of timed includes; TESTTIME sets another present.",
        see_also=("GotoIf", "ExecIfTime", "IFTIME", "TESTTIME"),
    )
    def app_goto_if_time(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError(f"GotoIfTime requires an argument: {_TIMES}?'labeliftrue':'labeliffalse'")
        times, _, labels = args.raw.partition("?")
        true, _, false = labels.partition(":")
        warnings: list[str] = []
        holding = bool(times) and parse_timing(times, warnings).holds(present_time(channel, self.server.clock.now()))
        self._tell(channel, "GotoIfTime", warnings)
        return self._goto(channel, true if holding else false)

    @application(
        "ExecIfTime",
        "times,weekdays,mdays,months[,timezone]?appname(appargs)",
        synopsis="Conditional application execution based on the current time.",
        description="The times are those of timed includes.",
        see_also=("Exec", "ExecIf", "TryExec", "GotoIfTime"),
        capability=SYSTEM,
    )
    def app_exec_if_time(self, channel: Channel, args: Arguments) -> int | Awaitable[int]:
        times, question, call = args.raw.partition("?")
        if not times or not question:
            raise ArgumentError(f"ExecIfTime requires an argument: {_TIMES}?<appname>[(<appargs>)]")
        warnings: list[str] = []
        timing = parse_timing(times, warnings)
        self._tell(channel, "ExecIfTime", warnings)
        if not timing.holds(self.server.clock.now()):
            return RESULT_OK
        name, data = split_application(call)
        found = self.engine.registry.application(name)
        if found is None:
            log.warn("{channel}: Could not find application ({name})", channel=channel.name, name=name)
            return RESULT_HANGUP
        return self.engine.run_inside(channel, found, data)

    @staticmethod
    def _tell(channel: Channel, name: str, warnings: list[str]) -> None:
        for each in warnings:
            log.warn("{channel}: {name}: {warning}", channel=channel.name, name=name, warning=each)

    @application(
        "RaiseException",
        "reason",
        synopsis="Handle an exceptional condition.",
        description="Goes to the extension e of the context, where EXCEPTION(reason) is the reason.",
        see_also=("EXCEPTION",),
    )
    def app_raise_exception(self, channel: Channel, args: Arguments) -> int:
        run = run_of(channel)
        if run is not None:
            run.exception = RaisedException(args.raw, channel.context, channel.exten, channel.priority)
        self.engine.goto(channel, None, "e", 1)
        return RESULT_OK
