"""func_global: GLOBAL, GLOBAL_DELETE, GLOBAL_EXISTS, SHARED."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import FunctionModule, Reading, Writing, live, write_only
from dialplan.registry import FunctionError, function
from pbx.core import messages
from pbx.core.channel import Channel
from pbx.core.variables import VariableStore

#: Where a channel keeps its shared variables (`Channel.extra`).
KEY = "shared"


class GlobalModule(FunctionModule):
    """Global variables, and those that channels share."""

    name = "func_global"
    description = "Variable dialplan functions"

    @function("GLOBAL", "varname", synopsis="Gets or sets the global variable specified.")
    def func_global(self, channel: Channel | None, args: Arguments) -> str:
        return self.server.channels.globals.get(args.raw) or ""

    @func_global.writer
    def set_global(self, channel: Channel | None, args: Arguments, value: str) -> Writing:
        if not args.raw:
            raise ArgumentError("GLOBAL requires the name of a variable")
        return self.set_value(None, args.raw, value)

    @function(
        "GLOBAL_DELETE", "varname", synopsis="Deletes a specified global variable.", description="Can be written only."
    )
    def func_global_delete(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("GLOBAL_DELETE")

    @func_global_delete.writer
    def set_global_delete(self, channel: Channel | None, args: Arguments, value: str) -> None:
        self.server.channels.remove_global(args.raw)

    @function("GLOBAL_EXISTS", "varname", synopsis="Check if a global variable exists or not.")
    def func_global_exists(self, channel: Channel | None, args: Arguments) -> str:
        return "0" if self.server.channels.globals.get(args.raw) is None else "1"

    def _sharer(self, channel: Channel | None, args: Arguments) -> Channel:
        if not args["varname"]:
            raise ArgumentError("SHARED() requires an argument: SHARED(<var>[,<chan>])")
        name = args["channel"]
        if not name:
            return live(channel, "SHARED")
        found = self.server.channels.find(name) or next(
            (each for each in self.server.channels if each.name.startswith(f"{name}-")), None
        )
        if found is None:
            raise FunctionError(f"Channel '{name}' not found! Variable '{args['varname']}' will be blank")
        return found

    @function(
        "SHARED",
        "varname[,channel]",
        synopsis="Gets or sets the shared variable specified.",
        description="On this channel, or on the one whose name, or whose name up to the last hyphen, is given.",
    )
    def func_shared(self, channel: Channel | None, args: Arguments) -> str:
        store = self._sharer(channel, args).extra.get(KEY)
        return store.get(args["varname"]) or "" if isinstance(store, VariableStore) else ""

    @func_shared.writer
    def set_shared(self, channel: Channel | None, args: Arguments, value: str) -> None:
        sharer = self._sharer(channel, args)
        store = sharer.extra.get(KEY)
        if not isinstance(store, VariableStore):
            store = sharer.extra[KEY] = VariableStore()
        name = args["varname"]
        store.set(name, value)
        bus = self.server.bus
        if bus.wanted(messages.VariableSet):
            bus.publish(messages.VariableSet(sharer.told(), f"SHARED({name})", value))
