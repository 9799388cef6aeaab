"""func_strings: HASH and HASHKEYS, tables of values kept in channel variables ``~HASH~name~key~``."""

from __future__ import annotations

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import FunctionModule, live
from dialplan.functions.lists import MAX_FIELDS
from dialplan.registry import application, function
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel
from pbx.core.variables import plain_name

#: The columns of the last row read, for HASH(name)=values.
FIELDS = "~ODBCFIELDS~"


def variable_name(name: str, key: str) -> str:
    """The variable that keeps ``key`` of the hash ``name``; the marks of inheritance stay in front."""
    plain = plain_name(name)
    return f"{name[: len(name) - len(plain)]}~HASH~{plain}~{key}~"


def keys_of(channel: Channel, name: str) -> list[str]:
    """The keys a hash has."""
    prefix = f"~HASH~{name}~"
    return [
        variable[len(prefix) : -1]
        for variable, _ in channel.variables
        if variable.startswith(prefix) and variable.endswith("~") and len(variable) > len(prefix) + 1
    ]


class HashFunctions(FunctionModule):
    """HASH and HASHKEYS, and the application ClearHash."""

    @application(
        "ClearHash",
        "hashname",
        synopsis="Clear the keys from a specified hashname.",
        see_also=("HASH", "HASHKEYS"),
    )
    def app_clear_hash(self, channel: Channel, args: Arguments) -> int:
        # As Asterisk does, without events.
        for key in keys_of(channel, args.raw):
            channel.variables.remove(variable_name(args.raw, key))
        return RESULT_OK

    @function(
        "HASH",
        "hashname[,hashkey]",
        synopsis="Implementation of a dialplan associative array.",
        description=(
            "Reads and writes the value of a key. Without a key it reads the values of all keys, divided by commas, "
            "and writes the list of values to the keys that the last row of a query, or such a read, has named."
        ),
        see_also=("HASHKEYS", "ARRAY"),
    )
    def func_hash(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "HASH")
        name = args["hashname"]
        if len(args) == 2:
            return call.variables.get(variable_name(name, args["hashkey"])) or ""
        if not args.raw:
            return ""
        keys = keys_of(call, name)
        call.set_variable(FIELDS, ",".join(keys))
        return ",".join([call.variables.get(variable_name(name, key)) or "" for key in keys])

    @func_hash.writer
    def set_hash(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "HASH")
        name = args["hashname"]
        if not args.raw:
            raise ArgumentError("HASH requires the name of a hash")
        if "," in args.raw:
            call.set_variable(variable_name(name, args["hashkey"]), value)
            return
        # Without a query, or a read of the whole hash, there are no keys, and nothing is written.
        fields = call.get_variable(FIELDS) or ""
        keys, values = split_arguments(fields, MAX_FIELDS), split_arguments(value, MAX_FIELDS)
        for number, key in enumerate(keys):
            call.set_variable(variable_name(name, key), values[number] if number < len(values) else "")

    @function(
        "HASHKEYS",
        "hashname",
        synopsis="Retrieve the keys of the HASH() function.",
        description="Divided by commas.",
        see_also=("HASH",),
    )
    def func_hashkeys(self, channel: Channel | None, args: Arguments) -> str:
        return ",".join(keys_of(live(channel, "HASHKEYS"), args.raw))
