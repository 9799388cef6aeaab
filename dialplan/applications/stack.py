"""app_stack: Gosub, GosubIf, Return, StackPop, and the functions LOCAL, LOCAL_PEEK and STACK_PEEK."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.subroutine import gosub
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import live, scan_int
from dialplan.functions.logic import holds
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.stack import Frame, set_local, stack_of
from pbx.config.types import is_true
from pbx.core.channel import Channel

log = Logger()

_USAGE = "Gosub requires an argument: Gosub([[context,]exten,]priority[(arg1[,...][,argN])])"
_USAGE_IF = "GosubIf requires an argument: GosubIf(cond?label1(args):label2(args)"


class StackModule(DialplanModule):
    """Subroutines."""

    name = "app_stack"
    description = "Dialplan subroutines (Gosub, Return, etc)"

    @property
    def engine(self) -> Engine:
        return self.server.require(Engine)

    @application(
        "Gosub",
        "[context[,extension,priority(arg1[,...][,argN])]]",
        synopsis="Jump to label, saving return address.",
        description=(
            "Return goes on behind it. The arguments are the variables ARG1 and so on, their number is ARGC; both are "
            "local to the subroutine. The priority may be a label."
        ),
        see_also=("GosubIf", "Return", "StackPop", "LOCAL"),
    )
    def app_gosub(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError(_USAGE)
        gosub(self.engine, channel, args.raw)
        return RESULT_OK

    @application(
        "GosubIf",
        "condition?labeliftrue(arg1,argN)[:labeliffalse(arg1,argN)]",
        synopsis="Conditionally jump to label, saving return address.",
        description="Goes on behind it where the label that is to be taken is left out.",
        see_also=("Gosub", "Return", "IF", "GotoIf"),
    )
    def app_gosub_if(self, channel: Channel, args: Arguments) -> int:
        parts = split_arguments(args.raw, 2, "?", raw=True)
        if len(parts) != 2:
            log.warn("{channel}: {usage}", channel=channel.name, usage=_USAGE_IF)
            return RESULT_OK
        labels = split_arguments(parts[1], 2, ":", raw=True)
        wanted = 0 if holds(parts[0]) else 1
        if wanted < len(labels) and labels[wanted]:
            gosub(self.engine, channel, labels[wanted])
        return RESULT_OK

    @application(
        "Return",
        "[value]",
        synopsis="Return from gosub routine.",
        description="Goes on behind the Gosub, where GOSUB_RETVAL is the value.",
        sets=("GOSUB_RETVAL",),
        see_also=("Gosub", "StackPop"),
    )
    def app_return(self, channel: Channel, args: Arguments) -> int:
        stack = stack_of(channel)
        if stack is None or not stack.frames:
            raise ArgumentError(f"Return without Gosub: stack is {'unallocated' if stack is None else 'empty'}")
        frame = stack.pop(channel)
        channel.set_variable("GOSUB_RETVAL", args.raw)
        if frame.special:
            # Whoever waits for the subroutine puts the channel back to its place.
            frame.returned = True
            return RESULT_HANGUP
        self.engine.goto(channel, frame.context, frame.exten, frame.priority)
        return RESULT_OK

    @application(
        "StackPop",
        synopsis="Remove one address from gosub stack.",
        description="The subroutine goes on, and will return to where the one around it would have.",
        see_also=("Return", "Gosub"),
    )
    def app_stack_pop(self, channel: Channel, args: Arguments) -> int:
        stack = stack_of(channel)
        if stack is None:
            log.warn("{channel}: StackPop called with no gosub stack allocated.", channel=channel.name)
        elif stack.top is not None:
            if stack.top.special:
                return RESULT_HANGUP
            stack.pop(channel)
        return RESULT_OK

    # Variables of the subroutine

    @staticmethod
    def _frame(channel: Channel) -> Frame | None:
        stack = stack_of(channel)
        return None if stack is None else stack.top

    @function(
        "LOCAL",
        "varname",
        synopsis="Manage variables local to the gosub stack frame.",
        description="What is set is gone after Return, and a variable of that name outside is as it was.",
        see_also=("Gosub", "GosubIf", "Return"),
    )
    def func_local(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "LOCAL")
        frame = self._frame(call)
        if frame is None:
            raise FunctionError(f"LOCAL({args.raw}) is read outside of a Gosub routine")
        return call.get_variable(args.raw) or "" if args.raw in frame.variables else ""

    @func_local.writer
    def set_local(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "LOCAL")
        frame = self._frame(call)
        if frame is None:
            raise FunctionError(f"Tried to set LOCAL({args.raw}), but we aren't within a Gosub routine")
        if not args.raw:
            raise ArgumentError("LOCAL requires the name of a variable")
        set_local(call, frame, args.raw, value)

    @function(
        "LOCAL_PEEK",
        "n,varname",
        synopsis="Retrieve variables hidden by the local gosub stack frame.",
        description="The value that n newer ones of that name hide; 0 is the present one.",
        see_also=("Gosub", "GosubIf", "Return"),
    )
    def func_local_peek(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "LOCAL_PEEK")
        if not args["n"] or not args["varname"]:
            raise ArgumentError("LOCAL_PEEK requires parameters n and varname")
        return call.variables.peek(args["varname"], scan_int(args["n"]) or 0) or ""

    @function(
        "STACK_PEEK",
        "n,which[,suppress]",
        synopsis="View info about the location which called Gosub.",
        description=(
            "Of the n-th subroutine, counted from the innermost: l for context,extension,priority, c for the context, "
            "e for the extension, p for the priority. With suppress, no error where there are fewer."
        ),
        see_also=("Gosub", "GosubIf", "Return"),
    )
    def func_stack_peek(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "STACK_PEEK")
        which = args["which"].lstrip()
        if not args["n"] or not which:
            raise ArgumentError("STACK_PEEK requires parameters n and which")
        depth = scan_int(args["n"]) or 0
        if depth <= 0:
            raise ArgumentError("STACK_PEEK must be called with a positive peek value")
        stack = stack_of(call)
        if stack is None or depth > len(stack.frames):
            if is_true(args["suppress"]):
                return ""
            raise FunctionError(f"Stack peek of '{args['n']}' is more stack frames than I have")
        frame = stack.frames[-depth]
        match which[0]:
            case "l":
                return f"{frame.context},{frame.exten},{frame.priority - 1}"
            case "c":
                return frame.context
            case "e":
                return frame.exten
            case "p":
                return str(frame.priority - 1)
        raise ArgumentError(f"Unknown argument '{which}' to STACK_PEEK")
