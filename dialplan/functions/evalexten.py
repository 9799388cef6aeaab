"""func_evalexten and func_export: EVAL_EXTEN, EVAL_SUB, EXPORT."""

from __future__ import annotations

from collections.abc import Awaitable

from dialplan.applications.subroutine import run_subroutine
from dialplan.arguments import ArgumentError, Arguments
from dialplan.engine import Engine
from dialplan.functions.base import FunctionModule, Reading, Writing, live, write_only
from dialplan.locations import parse_location
from dialplan.registry import DANGEROUS, SYSTEM, DialplanModule, FunctionError, function
from pbx.core.channel import Channel


class EvalExtenModule(DialplanModule):
    """EVAL_EXTEN and EVAL_SUB."""

    name = "func_evalexten"
    description = "Extension evaluation function"

    @function(
        "EVAL_EXTEN",
        "[context[,extensions,priority]]",
        synopsis="Evaluates the contents of a dialplan extension and returns it as a string.",
        description=(
            "The data of the step at that place, substituted as if the call were there; its application does not run. "
            "So an extension with Return(value) is a table of values."
        ),
        see_also=("EVAL", "EVAL_SUB"),
        capability=SYSTEM,
    )
    def func_eval_exten(self, channel: Channel | None, args: Arguments) -> str | Awaitable[str]:
        call = live(channel, "EVAL_EXTEN")
        if not args.raw:
            raise ArgumentError("The EVAL_EXTEN function requires an extension")
        engine = self.server.require(Engine)
        # The arguments that a Gosub would have behind the priority mean nothing here.
        context, exten, priority = parse_location(engine, call, args.raw.partition("(")[0])
        found = engine.contexts.find(context, exten, priority, call.caller.id.number, channel=call)
        if found is None or found.step is None:
            raise FunctionError(f"there is no step {context},{exten},{priority} with data")
        variables = {"CONTEXT": context, "EXTEN": exten, "PRIORITY": str(priority)}
        return engine.substitute(call, found.step.data, variables)

    @function(
        "EVAL_SUB",
        "[context[,extensions,priority]]",
        synopsis="Executes a Gosub and provides its return value as a string.",
        description="The place and its arguments are those of Gosub. A hangup does not end the subroutine.",
        see_also=("EVAL_EXTEN", "Return"),
        capability=DANGEROUS,
    )
    async def func_eval_sub(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "EVAL_SUB")
        if not args.raw:
            raise ArgumentError("The EVAL_SUB function requires an extension")
        if not await run_subroutine(self.server.require(Engine), call, args.raw, ignores_hangup=True):
            raise FunctionError(f"Failed to execute Gosub({args.raw})")
        return call.get_variable("GOSUB_RETVAL") or ""


class ExportModule(FunctionModule):
    """EXPORT."""

    name = "func_export"
    description = "Set variables and functions on other channels"

    @function(
        "EXPORT",
        "channel,var",
        synopsis="Set variables or functions on other channels.",
        description="Can be written only. The channel is a name or a unique id.",
        see_also=("IMPORT", "MASTER_CHANNEL", "SHARED"),
    )
    def func_export(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("EXPORT")

    @func_export.writer
    def set_export(self, channel: Channel | None, args: Arguments, value: str) -> Writing:
        if not args["channel"] or not args["var"]:
            raise ArgumentError("EXPORT requires a channel and the name of a variable: EXPORT(<channel>,<var>)")
        other = self.server.channels.find(args["channel"])
        if other is None:
            raise FunctionError(f"Channel '{args['channel']}' not found! '{args['var']}' not set.")
        return self.set_value(other, args["var"], value)
