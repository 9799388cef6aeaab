"""AGI commands about what is kept: variables, functions, the AstDB."""

from __future__ import annotations

from collections.abc import Sequence

from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, command, result
from dialplan.variables import read_expression, retrieve, write_expression
from pbx.astdb import AstDbError
from pbx.core.channel import settle


def _value(value: str | None) -> Answer:
    return result(0) if value is None else result(1, f" ({value})")


@command(
    "get variable",
    "variablename",
    arguments=(1, 1),
    dead=True,
    synopsis="Gets a channel variable.",
    description=(
        "Gives 0 where the variable is not set, else 1 and its value in parentheses, as in 200 result=1 (value). "
        "NAME(arguments) reads a function."
    ),
    see_also=("get full variable", "set variable"),
)
async def get_variable(agi: Interpreter, words: Sequence[str]) -> Answer:
    name = words[0]
    if name.endswith(")"):
        return _value(await read_expression(agi.engine.registry, agi.channel, name))
    return _value(retrieve(agi.channel, name))


@command(
    "get full variable",
    "expression [channelname]",
    arguments=(1, 2),
    dead=True,
    synopsis="Evaluates a channel expression",
    description=(
        "Replaces ${...} and $[...] in the expression, as seen by the named channel or this one. Gives 1 and the text "
        "in parentheses, or 0 where there is no such channel."
    ),
    see_also=("get variable", "set variable"),
)
async def get_full_variable(agi: Interpreter, words: Sequence[str]) -> Answer:
    channel = agi.server.channels.find(words[1]) if len(words) > 1 else agi.channel
    return _value(None if channel is None else await settle(agi.engine.substitute(channel, words[0])))


@command(
    "set variable",
    "variablename value",
    arguments=(2, 2),
    dead=True,
    synopsis="Sets a channel variable.",
    description="Sets a variable of this channel, or writes a function NAME(arguments). Gives 1.",
    see_also=("get variable", "get full variable"),
)
async def set_variable(agi: Interpreter, words: Sequence[str]) -> Answer:
    name, value = words
    if name.endswith(")"):
        await write_expression(agi.engine.registry, agi.channel, name, value)
    else:
        agi.channel.set_variable(name, value)
    return result(1)


@command(
    "database get",
    "family key",
    arguments=(2, 2),
    dead=True,
    synopsis="Gets database value",
    description="Gives 0 where the key is not set, else 1 and its value in parentheses, as in 200 result=1 (value).",
    see_also=("database put", "database del", "database deltree"),
)
def database_get(agi: Interpreter, words: Sequence[str]) -> Answer:
    return _value(agi.server.astdb.get(*words))


@command(
    "database put",
    "family key value",
    arguments=(3, 3),
    dead=True,
    synopsis="Adds/updates database value",
    description="Gives 1 if successful, 0 otherwise.",
    see_also=("database get", "database del", "database deltree"),
)
def database_put(agi: Interpreter, words: Sequence[str]) -> Answer:
    try:
        agi.server.astdb.put(*words)
    except AstDbError:
        return result(0)
    return result(1)


@command(
    "database del",
    "family key",
    arguments=(2, 2),
    dead=True,
    synopsis="Removes database key/value",
    description="Gives 1 if successful, 0 otherwise.",
    see_also=("database get", "database put", "database deltree"),
)
def database_del(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(int(agi.server.astdb.delete(*words)))


@command(
    "database deltree",
    "family [keytree]",
    arguments=(1, 2),
    dead=True,
    synopsis="Removes database keytree/value",
    description="Removes a family, or what is below a key of it. Gives 0 if anything was removed, 1 otherwise.",
    see_also=("database get", "database put", "database del"),
)
def database_deltree(agi: Interpreter, words: Sequence[str]) -> Answer:
    # Asterisk's own help says the reverse; its programs have what it does.
    return result(0 if agi.server.astdb.delete_tree(*words) > 0 else 1)
