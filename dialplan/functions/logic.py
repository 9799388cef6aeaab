"""func_logic, func_module, func_dialplan and TESTTIME: functions that decide."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import FunctionModule, Reading, live, scan_int, write_only
from dialplan.functions.times import time_zone
from dialplan.registry import DialplanModule, FunctionError, function
from dialplan.strptime import epoch_of, parse_time_and_rest
from dialplan.timing import parse_timing
from pbx.core.channel import Channel
from pbx.core.party import strip_quoted

log = Logger()

#: The variable in which TESTTIME keeps the time that tests of time go by; inherited by channels that are dialled.
TESTTIME = "TESTTIME"


def holds(condition: str) -> bool:
    """Whether a condition is true (pbx_checkcondition): a number that is not 0, or any other text."""
    if not condition:
        return False
    number = scan_int(condition)
    return number is None or number != 0


def present_time(channel: Channel | None, now: float) -> float:
    """The time that conditions on time go by: what TESTTIME set, else ``now``. Seconds since the epoch."""
    given = None if channel is None else channel.variables.get(TESTTIME)
    if channel is None or given is None:
        return now
    number = scan_int(given)
    if number is None:
        log.warn("{channel}: TESTTIME is no time. Using current time to evaluate", channel=channel.name)
        channel.unset_variable(TESTTIME)
        return now
    return float(number)


class LogicModule(FunctionModule):
    """ISNULL, EXISTS, IF, IFTIME, SET, IMPORT, DELETE, VARIABLE_EXISTS."""

    name = "func_logic"
    description = "Logical dialplan functions"

    @function("ISNULL", "data", synopsis="Check if a value is NULL.", description="1 when there is no data, else 0.")
    def func_isnull(self, channel: Channel | None, args: Arguments) -> str:
        return "0" if args.raw else "1"

    @function("EXISTS", "data", synopsis="Test the existence of a value.", description="1 when there is data, else 0.")
    def func_exists(self, channel: Channel | None, args: Arguments) -> str:
        return "1" if args.raw else "0"

    @function(
        "IF",
        "expression?[true][:false]",
        synopsis="Check for an expression.",
        description="A number that is not 0, and any other text that is not empty, is true.",
    )
    def func_if(self, channel: Channel | None, args: Arguments) -> str:
        parts = split_arguments(args.raw, 2, "?")
        values = split_arguments(parts[1], 2, ":") if len(parts) > 1 else []
        if not parts or not parts[0] or not values:
            raise ArgumentError("Syntax IF(<expr>?[<true>][:<false>])")
        wanted = 0 if holds(parts[0].strip()) else 1
        return values[wanted].strip() if wanted < len(values) else ""

    @function(
        "IFTIME",
        "timespec?[true][:false]",
        synopsis="Temporal Conditional.",
        description="The time as in GotoIfTime: times,weekdays,mdays,months[,timezone].",
    )
    def func_iftime(self, channel: Channel | None, args: Arguments) -> str:
        spec, question, values = strip_quoted(args.raw).partition("?")
        if not spec or not question:
            raise ArgumentError("Syntax IFTIME(<timespec>?[<true>][:<false>])")
        yes, _, no = values.partition(":")
        now = present_time(channel, self.server.clock.now())
        warnings: list[str] = []
        timing = parse_timing(spec, warnings)
        for warning in warnings:
            log.warn("IFTIME({spec}): {reason}", spec=spec, reason=warning)
        return strip_quoted(yes if timing.holds(now) else no)

    @function(
        "SET",
        "varname=[value]",
        synopsis="SET assigns a value to a channel variable.",
        description="Read, it sets a variable or function, and gives the value.",
    )
    async def func_set(self, channel: Channel | None, args: Arguments) -> str:
        name, equals, value = (part.strip() for part in args.raw.partition("="))
        if not name or not equals:
            raise ArgumentError("Syntax SET(<varname>=[<value>])")
        waiting = self.set_value(channel, name, value)
        if waiting is not None:
            await waiting
        return value

    @function(
        "IMPORT",
        "channel,variable",
        synopsis="Retrieve the value of a variable from another channel.",
        description="The channel is a name or a unique id; empty where there is none.",
        see_also=("EXPORT", "MASTER_CHANNEL", "SHARED"),
    )
    def func_import(self, channel: Channel | None, args: Arguments) -> Reading:
        other = self.server.channels.find(args["channel"])
        if other is None or not args["variable"]:
            return ""
        return self.server.require(Engine).substitute(other, f"${{{args['variable']}}}")

    @function("DELETE", "varname", synopsis="Deletes a specified channel variable.", description="Can be written only.")
    def func_delete(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("DELETE")

    @func_delete.writer
    def set_delete(self, channel: Channel | None, args: Arguments, value: str) -> None:
        if channel is None:
            self.server.channels.remove_global(args.raw)
        else:
            channel.unset_variable(args.raw)

    @function("VARIABLE_EXISTS", "varname", synopsis="Check if a dialplan variable exists or not.")
    def func_variable_exists(self, channel: Channel | None, args: Arguments) -> str:
        found = None if channel is None else channel.variables.get(args.raw)
        return "0" if found is None and self.server.channels.globals.get(args.raw) is None else "1"


class ModuleModule(DialplanModule):
    """IFMODULE."""

    name = "func_module"
    description = "Checks if Asterisk module is loaded in memory"

    @function("IFMODULE", "modulename.so", synopsis="Checks if an Asterisk module is loaded in memory.")
    def func_ifmodule(self, channel: Channel | None, args: Arguments) -> str:
        return str(int(bool(args.raw) and self.server.modules.is_running(args.raw)))


class DialplanFunctionsModule(DialplanModule):
    """DIALPLAN_EXISTS and VALID_EXTEN."""

    name = "func_dialplan"
    description = "Dialplan Context/Extension/Priority Checking Functions"

    @function(
        "DIALPLAN_EXISTS",
        "context[,extension[,priority]]",
        synopsis="Checks the existence of a dialplan target.",
        description="1 or 0. The priority may be a label.",
    )
    def func_dialplan_exists(self, channel: Channel | None, args: Arguments) -> str:
        engine = self.server.require(Engine)
        context, exten, priority = args["context"], args["extension"], args["priority"]
        caller = "" if channel is None else channel.caller.id.number
        if priority:
            number = scan_int(priority)
            if number is None or number <= 0:
                number = engine.find_priority(context, exten, priority, caller)
            return str(int(number is not None and engine.exists(context, exten, number, caller)))
        if exten:
            return str(int(engine.exists(context, exten, 1, caller)))
        if not context:
            raise ArgumentError("Invalid arguments provided to DIALPLAN_EXISTS")
        return "0" if engine.contexts.context(context) is None else "1"

    @function(
        "VALID_EXTEN",
        "[context,]extension[,priority]",
        synopsis="Determine whether an extension exists or not.",
        description="1 or 0. The context is the channel's unless given; the priority is 1.",
    )
    def func_valid_exten(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "VALID_EXTEN")
        if not args["extension"]:
            raise ArgumentError("Syntax: VALID_EXTEN([<context>],<extension>[,<priority>]) - missing argument")
        priority = scan_int(args["priority"]) or 0 if args["priority"] else 1
        context = args["context"] or call.context
        engine = self.server.require(Engine)
        return str(int(engine.exists(context, args["extension"], priority, call.caller.id.number)))


class CoreFunctions(DialplanModule):
    """TESTTIME, which is the core's own."""

    name = "core"
    description = "The core's functions"

    @function(
        "TESTTIME",
        "",
        synopsis="Sets a time to be used with the channel to test logical conditions.",
        description=(
            "Set to YYYY/MM/DD hh:mm:ss[ timezone], it is what IFTIME and GotoIfTime go by on the "
            "channel; set to nothing or 0, they go by the clock again. Can be written only."
        ),
    )
    def func_testtime(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("TESTTIME")

    @func_testtime.writer
    def set_testtime(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "TESTTIME")
        # A date begins with a number that is not 0.
        if not holds(value):
            call.variables.remove(TESTTIME)
            return
        found = parse_time_and_rest(value, "%Y/%m/%d %H:%M:%S")
        if found is None:
            raise FunctionError(f"TESTTIME: '{value}' is not YYYY/MM/DD hh:mm:ss")
        zone = found[1].split()
        call.set_variable(f"__{TESTTIME}", str(epoch_of(found[0], time_zone(zone[0] if zone else ""))))
