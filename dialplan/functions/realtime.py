"""func_realtime: REALTIME, REALTIME_FIELD, REALTIME_HASH, REALTIME_STORE, REALTIME_DESTROY over extconfig.conf.

A family is a table of a database of res_odbc.conf: ``family => odbc,database[,table]`` in ``[settings]``. Names of
tables and columns are checked, values are bound: nothing a caller says becomes SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import write_only
from dialplan.functions.hashes import FIELDS
from dialplan.functions.odbc_conf import read_databases
from dialplan.registry import SYSTEM, DialplanModule, FunctionError, function
from pbx.config.errors import raise_if_any
from pbx.core.channel import Channel
from pbx.errors import ConfigError, ObeliskError
from pbx.sql import Databases, SqlResult

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "extconfig.conf"
_DRIVER = "odbc"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
#: What ``fieldmatch`` may say behind the column.
_OPERATORS = frozenset(("=", "!=", "<>", "<", "<=", ">", ">=", "LIKE", "NOT LIKE"))
#: Columns that one REALTIME_STORE may set.
MAX_FIELDS = 30


@dataclass(frozen=True, slots=True)
class Table:
    """Where a family is."""

    url: str
    name: str


def read_families(config: ConfigLoader) -> dict[str, Table]:
    """The families that databases have, by name. Raises ConfigErrors."""
    found = config.load_optional(FILE)
    section = None if found is None else found.section("settings")
    if section is None:
        return {}
    databases = read_databases(config)
    tables: dict[str, Table] = {}
    errors: list[ConfigError] = []
    for item in section.items:
        driver, database, name = (*(part.strip() for part in item.value.split(",")), "", "", "")[:3]
        name = name or item.key
        if driver.lower() != _DRIVER:
            errors.append(item.error(f"{item.key}: there is no driver '{driver}', only {_DRIVER}"))
        elif database.strip('"') not in databases:
            errors.append(item.error(f"{item.key}: res_odbc.conf has no [{database}]"))
        elif not _NAME.fullmatch(name):
            errors.append(item.error(f"{item.key}: '{name}' is not the name of a table"))
        else:
            # With several of one family the first counts, the others are for when it fails in Asterisk.
            tables.setdefault(item.key, Table(databases[database.strip('"')], name))
    raise_if_any(errors)
    return tables


def _column(name: str) -> str:
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise FunctionError(f"'{name}' is not the name of a column")
    return name


def _condition(text: str) -> str:
    """``column`` or ``column LIKE`` as SQL with a place for the value."""
    name, _, operator = text.strip().partition(" ")
    operator = " ".join(operator.upper().split()) or "="
    if operator not in _OPERATORS:
        raise FunctionError(f"'{operator}' is not a comparison")
    return f"{_column(name)} {operator} :matchvalue"


def _pairs(result: SqlResult) -> list[tuple[str, str]]:
    """The first row as names and values, without what is NULL."""
    if not result.rows:
        return []
    return [(name, str(value)) for name, value in zip(result.columns, result.rows[0], strict=True) if value is not None]


class RealtimeModule(DialplanModule):
    """The REALTIME functions."""

    name = "func_realtime"
    description = "Read/Write/Store/Destroy values from a RealTime repository"

    def check(self) -> None:
        read_families(self.server.config)

    async def load(self) -> None:
        self._families = read_families(self.server.config)
        await super().load()

    async def reload(self) -> None:
        self._families = read_families(self.server.config)

    async def _run(self, family: str, sql: str, values: dict[str, Any]) -> SqlResult:
        table = self._families.get(family)
        if table is None:
            raise FunctionError(f"{FILE} has no family '{family}'")
        try:
            return await self.server.require(Databases).query(table.url, sql.format(table=table.name), values)
        except ObeliskError as error:
            raise FunctionError(f"family {family}: {error}") from error

    async def _row(self, name: str, args: Arguments) -> list[tuple[str, str]]:
        if not args["family"] or not args["fieldmatch"]:
            raise ArgumentError(f"Syntax: {name}(family,fieldmatch[,matchvalue...]) - missing argument!")
        condition = _condition(args["fieldmatch"])
        sql = f"SELECT * FROM {{table}} WHERE {condition} LIMIT 1"  # noqa: S608 - names are checked, values bound
        found = _pairs(await self._run(args["family"], sql, {"matchvalue": args["matchvalue"]}))
        if not found:
            raise FunctionError(f"family {args['family']} has no row where {args['fieldmatch']} is that")
        return found

    async def _update(self, name: str, args: Arguments, field: str, value: str) -> None:
        if not args["fieldmatch"] or not field:
            raise ArgumentError(f"Syntax: {name}(family,fieldmatch,matchvalue,updatecol) - missing argument!")
        condition = _condition(args["fieldmatch"])
        sql = f"UPDATE {{table}} SET {_column(field)} = :value WHERE {condition}"  # noqa: S608 - as above
        await self._run(args["family"], sql, {"value": value, "matchvalue": args["matchvalue"]})

    @staticmethod
    def _text(row: list[tuple[str, str]], args: Arguments) -> str:
        parts = args.parts
        between = parts[3] if len(parts) > 3 and parts[3] else ","
        equals = parts[4] if len(parts) > 4 and parts[4] else "="
        return "".join(f"{name}{equals}{value}{between}" for name, value in row)

    @function(
        "REALTIME",
        "family,fieldmatch[,matchvalue[,delim1[,delim2]]]",
        synopsis="RealTime Read/Write Functions.",
        description=(
            "Reads the row where the column fieldmatch is matchvalue, as name=value, one after the other; delim1 takes "
            "the place of the comma, delim2 of the equals sign. Written to, the fourth argument is the column to set."
        ),
        see_also=("REALTIME_STORE", "REALTIME_DESTROY", "REALTIME_FIELD", "REALTIME_HASH"),
        capability=SYSTEM,
    )
    async def func_realtime(self, channel: Channel | None, args: Arguments) -> str:
        return self._text(await self._row("REALTIME", args), args)

    @func_realtime.writer
    async def set_realtime(self, channel: Channel | None, args: Arguments, value: str) -> None:
        await self._update("REALTIME", args, args["delim1"], value)

    @function(
        "REALTIME_FIELD",
        "family,fieldmatch,matchvalue,fieldname",
        synopsis="RealTime query function.",
        description="One column of the row where fieldmatch is matchvalue; it can be set, too.",
        see_also=("REALTIME",),
        capability=SYSTEM,
    )
    async def func_realtime_field(self, channel: Channel | None, args: Arguments) -> str:
        if not args["fieldname"]:
            raise ArgumentError("Syntax: REALTIME_FIELD(family,fieldmatch,matchvalue,fieldname) - missing argument!")
        wanted = args["fieldname"].lower()
        row = await self._row("REALTIME_FIELD", args)
        return next((value for name, value in row if name.lower() == wanted), "")

    @func_realtime_field.writer
    async def set_realtime_field(self, channel: Channel | None, args: Arguments, value: str) -> None:
        await self._update("REALTIME_FIELD", args, args["fieldname"], value)

    @function(
        "REALTIME_HASH",
        "family,fieldmatch,matchvalue",
        synopsis="RealTime query function.",
        description="The values of a row, for Set(HASH(name)=...), which makes them a hash by column.",
        see_also=("REALTIME", "HASH"),
        capability=SYSTEM,
    )
    async def func_realtime_hash(self, channel: Channel | None, args: Arguments) -> str:
        row = await self._row("REALTIME_HASH", args)
        if channel is not None:
            channel.set_variable(FIELDS, ",".join(_escaped(name) for name, _ in row))
        return ",".join(_escaped(value) for _, value in row)

    @function(
        "REALTIME_STORE",
        "family,fields",
        synopsis="RealTime Store Function.",
        description="Written to: adds a row with values, divided by commas, for the columns. RTSTOREID is set.",
        see_also=("REALTIME",),
        capability=SYSTEM,
    )
    def func_realtime_store(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("REALTIME_STORE")

    @func_realtime_store.writer
    async def set_realtime_store(self, channel: Channel | None, args: Arguments, value: str) -> None:
        family, *fields = split_arguments(args.raw, MAX_FIELDS + 1) or [""]
        values = split_arguments(value, MAX_FIELDS)
        columns = [_column(field) for field in fields]
        if not columns or len(values) > len(columns):
            raise ArgumentError("REALTIME_STORE needs a column for each value")
        values += [""] * (len(columns) - len(values))
        places = ", ".join(f":v{number}" for number in range(len(columns)))
        sql = f"INSERT INTO {{table}} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - names are checked
        result = await self._run(family, sql, {f"v{number}": each for number, each in enumerate(values)})
        if channel is not None:
            channel.set_variable("RTSTOREID", str(result.affected))

    @function(
        "REALTIME_DESTROY",
        "family,fieldmatch[,matchvalue[,delim1[,delim2]]]",
        synopsis="RealTime Destroy Function.",
        description="Deletes the rows where fieldmatch is matchvalue; read, it gives what REALTIME does before.",
        see_also=("REALTIME",),
        capability=SYSTEM,
    )
    async def func_realtime_destroy(self, channel: Channel | None, args: Arguments) -> str:
        text = self._text(await self._row("REALTIME_DESTROY", args), args)
        condition = _condition(args["fieldmatch"])
        sql = f"DELETE FROM {{table}} WHERE {condition}"  # noqa: S608 - names are checked, values bound
        await self._run(args["family"], sql, {"matchvalue": args["matchvalue"]})
        return text

    @func_realtime_destroy.writer
    async def set_realtime_destroy(self, channel: Channel | None, args: Arguments, value: str) -> None:
        await self.func_realtime_destroy(channel, args)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")
