"""func_strings: functions of variables that hold several values with a delimiter between them."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import FunctionModule, Reading, Writing, decoded, delimiter, write_only
from dialplan.registry import FunctionError, function
from pbx.core.channel import Channel, settle
from pbx.core.variables import plain_name

log = Logger()

#: Variables that one ARRAY or HASH sets.
MAX_FIELDS = 100


class ListFunctions(FunctionModule):
    """FIELDQTY, FIELDNUM, LISTFILTER, PUSH, POP, SHIFT, UNSHIFT, ARRAY."""

    @function(
        "FIELDQTY",
        "varname,delim",
        synopsis="Count the fields with an arbitrary delimiter.",
        description="Of the value of a variable; the delimiter may be escaped, as \\n or \\x2f.",
    )
    def func_fieldqty(self, channel: Channel | None, args: Arguments) -> Reading:
        if len(args) < 2:
            return "1"
        try:
            by = delimiter(args["delim"])
        except FunctionError as error:
            log.error("FIELDQTY: {reason}", reason=str(error))
            by = ""
        return self.then_value(
            channel, args["varname"], lambda value: str((value.count(by) if by else 0) + 1) if value else "0"
        )

    @function(
        "FIELDNUM",
        "varname,delim,value",
        synopsis="Return the 1-based offset of a field in a list.",
        description="0 when it is not there. Letter case does not count.",
    )
    def func_fieldnum(self, channel: Channel | None, args: Arguments) -> Reading:
        if len(args) < 3:
            raise ArgumentError("Usage: FIELDNUM(<listname>,<delimiter>,<fieldvalue>)")
        by, wanted = delimiter(args["delim"]), args["value"].lower()

        def find(value: str) -> str:
            fields = value.lower().split(by) if value and by else []
            return str(fields.index(wanted) + 1 if wanted in fields else 0)

        return self.then_value(channel, args["varname"], find)

    @function(
        "LISTFILTER",
        "varname,delim,value",
        synopsis="Remove an item from a list, by name.",
        description="Every field of the variable's value that equals value is left out.",
    )
    def func_listfilter(self, channel: Channel | None, args: Arguments) -> Reading:
        if len(args) < 3:
            raise ArgumentError("Usage: LISTFILTER(<listname>,<delimiter>,<fieldvalue>)")
        by, unwanted = decoded(args["delim"]) or ",", args["value"]
        return self.then_value(
            channel, args["varname"], lambda value: by.join([each for each in value.split(by) if each != unwanted])
        )

    def _list(self, args: Arguments, name: str) -> tuple[str, str]:
        if not args["varname"]:
            raise ArgumentError(f"{name} requires a variable name")
        return args["varname"], delimiter(args["delimiter"], ",")

    def _take(self, channel: Channel | None, args: Arguments, name: str, *, first: bool) -> Reading:
        variable, by = self._list(args, name)
        value = self.value_of(channel, variable)
        if not isinstance(value, str):
            return self._take_later(channel, variable, value, by, first=first)
        taken, left = _split_off(value, by, first=first)
        if value:
            waiting = self.set_value(channel, variable, left)
            if waiting is not None:
                return _after(waiting, taken)
        return taken

    async def _take_later(self, channel: Channel | None, variable: str, value: Reading, by: str, *, first: bool) -> str:
        found = await settle(value)
        taken, left = _split_off(found, by, first=first)
        if found:
            waiting = self.set_value(channel, variable, left)
            if waiting is not None:
                await waiting
        return taken

    @function(
        "SHIFT",
        "varname[,delimiter]",
        synopsis="Removes and returns the first item off of a variable containing delimited text.",
        description="The delimiter is a comma unless given.",
    )
    def func_shift(self, channel: Channel | None, args: Arguments) -> Reading:
        return self._take(channel, args, "SHIFT", first=True)

    @function(
        "POP",
        "varname[,delimiter]",
        synopsis="Removes and returns the last item off of a variable containing delimited text.",
        description="The delimiter is a comma unless given.",
    )
    def func_pop(self, channel: Channel | None, args: Arguments) -> Reading:
        return self._take(channel, args, "POP", first=False)

    def _add(self, channel: Channel | None, args: Arguments, name: str, value: str) -> Writing:
        variable, by = self._list(args, name)
        before = self.value_of(channel, plain_name(variable))
        if not isinstance(before, str):
            return self._add_later(channel, variable, before, by, name, value)
        return self.set_value(channel, variable, _joined(before, by, name, value))

    async def _add_later(
        self, channel: Channel | None, variable: str, before: Reading, by: str, name: str, value: str
    ) -> None:
        waiting = self.set_value(channel, variable, _joined(await settle(before), by, name, value))
        if waiting is not None:
            await waiting

    @function(
        "PUSH",
        "varname[,delimiter]",
        synopsis="Appends one or more values to the end of a variable containing delimited text.",
        description="Can be written only.",
    )
    def func_push(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("PUSH")

    @func_push.writer
    def set_push(self, channel: Channel | None, args: Arguments, value: str) -> Writing:
        return self._add(channel, args, "PUSH", value)

    @function(
        "UNSHIFT",
        "varname[,delimiter]",
        synopsis="Inserts one or more values to the beginning of a variable containing delimited text.",
        description="Can be written only.",
    )
    def func_unshift(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("UNSHIFT")

    @func_unshift.writer
    def set_unshift(self, channel: Channel | None, args: Arguments, value: str) -> Writing:
        return self._add(channel, args, "UNSHIFT", value)

    @function(
        "ARRAY",
        "var1[,var2[,...][,varN]]",
        synopsis="Allows setting multiple variables at once.",
        description="The value is a list divided by commas; variables beyond it become empty. Can be written only.",
    )
    def func_array(self, channel: Channel | None, args: Arguments) -> Reading:
        raise write_only("ARRAY")

    @func_array.writer
    def set_array(self, channel: Channel | None, args: Arguments, value: str) -> Writing:
        names = split_arguments(args.raw, MAX_FIELDS)
        values = split_arguments(value, MAX_FIELDS)
        values += [""] * (len(names) - len(values))
        waiting = [w for name, each in zip(names, values, strict=False) if (w := self.set_value(channel, name, each))]
        return _all(waiting) if waiting else None


def _split_off(value: str, by: str, *, first: bool) -> tuple[str, str]:
    """The first or last field of ``value``, and what is left."""
    if by not in value:
        return value, ""
    if first:
        taken, _, left = value.partition(by)
    else:
        left, _, taken = value.rpartition(by)
    return taken, left


def _joined(before: str, by: str, name: str, value: str) -> str:
    if not before:
        return value
    return f"{value}{by}{before}" if name == "UNSHIFT" else f"{before}{by}{value}"


async def _after(waiting: Awaitable[None], value: str) -> str:
    await waiting
    return value


async def _all(waiting: Iterable[Awaitable[None]]) -> None:
    for each in waiting:
        await each
