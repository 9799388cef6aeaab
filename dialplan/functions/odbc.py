"""func_odbc: functions made of SQL statements (func_odbc.conf), over the exchange's SQL layer, and their helpers.

Databases are named in res_odbc.conf, each with the URL of its database: ``url = postgresql://host/name``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, Grammar, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import live
from dialplan.functions.hashes import FIELDS
from dialplan.functions.odbc_conf import Query, read_databases, read_queries
from dialplan.registry import DialplanModule, Function, FunctionError, Help, application, function
from dialplan.run import RESULT_OK
from pbx.core.channel import Channel, settle
from pbx.errors import ObeliskError
from pbx.sql import Databases, SqlResult

log = Logger()

#: Arguments and values of one call.
MAX_FIELDS = 100
#: Results that one channel keeps for ODBC_FETCH; the oldest go first.
MAX_RESULTS = 32

_KEY = "odbc"


@dataclass(slots=True)
class Rows:
    """Rows left of a result, as texts, and the names of their columns."""

    columns: str
    rows: deque[str]


def _text(value: object, *, escape: bool) -> str:
    text = "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\\", "\\\\").replace(",", "\\,") if escape and ("," in text or "\\" in text) else text


def rows_of(result: SqlResult, query: Query) -> Rows:
    """A result as ARRAY and HASH take it: columns divided by commas, commas in them escaped."""
    columns = ",".join([_text(name or f"field{at}", escape=True) for at, name in enumerate(result.columns)])
    limit = query.rowlimit or (len(result.rows) if query.multirow else 1)
    lines = [",".join([_text(value, escape=query.escapecommas) for value in row]) for row in result.rows[:limit]]
    return Rows(columns, deque(lines))


class OdbcModule(DialplanModule):
    """The functions of func_odbc.conf, ODBC_FETCH, SQL_ESC, SQL_ESC_BACKSLASHES, ODBCFinish."""

    name = "func_odbc"
    description = "ODBC lookups"

    def check(self) -> None:
        read_queries(self.server.config, read_databases(self.server.config))

    async def load(self) -> None:
        self._made: list[Function] = []
        self._number = 0
        self._databases = read_databases(self.server.config)
        queries = read_queries(self.server.config, self._databases)
        self.register()
        self._make(queries)

    async def reload(self) -> None:
        """Take changed statements and databases; on error the old ones stay. Raises ConfigErrors."""
        databases = read_databases(self.server.config)
        queries = read_queries(self.server.config, databases)
        self._unmake()
        self._databases = databases
        self._make(queries)

    async def unload(self) -> None:
        await super().unload()
        self._unmake()

    def _make(self, queries: list[Query]) -> None:
        registry = self.registry()
        for query in queries:
            made = Function(
                query.name,
                Grammar(query.syntax or "arg1[...[,argN]]"),
                Help(
                    query.synopsis or f"Runs the referenced query with the specified arguments ({query.section})",
                    f"SQL: {query.readsql or query.writesql}",
                    capability="system",
                ),
                lambda channel, args, query=query: self._read(query, channel, args),  # type: ignore[misc]
                (lambda channel, args, value, query=query: self._write(query, channel, args, value))  # type: ignore[misc]
                if query.writesql
                else None,
                self.name,
            )
            try:
                registry.add_function(made)
            except ValueError as error:
                log.error("func_odbc.conf: {reason}", reason=str(error))
                continue
            self._made.append(made)

    def _unmake(self) -> None:
        for each in self._made:
            self.registry().remove_function(each)
        self._made = []

    # Statements

    async def _statement(self, channel: Channel | None, text: str, given: dict[str, str]) -> str:
        engine = self.server.require(Engine)
        return await settle(engine.substitution.substitute(channel, text, given))

    @staticmethod
    def _arguments(query: Query, args: Arguments) -> dict[str, str]:
        parts = split_arguments(args.raw, MAX_FIELDS)
        if len(parts) < query.minargs:
            raise ArgumentError(f"{len(parts)} arguments supplied to '{query.name}' requiring minimum {query.minargs}")
        return {"ARGC": str(len(parts))} | {f"ARG{number}": part for number, part in enumerate(parts, 1)}

    async def _run(self, handles: tuple[str, ...], sql: str) -> SqlResult | None:
        """The result from the first database that answers; None where none does."""
        for handle in handles:
            try:
                return await self.server.require(Databases).query(self._databases[handle], sql)
            except ObeliskError as error:
                log.warn("SQL on {handle} failed: {reason}", handle=handle, reason=str(error))
        return None

    @staticmethod
    def _tell(channel: Channel | None, rows: int, status: str) -> None:
        if channel is not None:
            channel.set_variable("ODBCROWS", str(rows))
            channel.set_variable("ODBCSTATUS", status)

    async def _read(self, query: Query, channel: Channel | None, args: Arguments) -> str:
        if not query.readsql:
            raise FunctionError(f"Function {query.name} cannot be read")
        sql = await self._statement(channel, query.readsql, self._arguments(query, args))
        result = await self._run(query.readhandles, sql)
        if result is None:
            self._tell(channel, -1, "FAILURE")
            raise FunctionError(f"Unable to execute query of {query.name}")
        if not result.rows:
            self._tell(channel, 0, "NODATA")
            return ""
        found = rows_of(result, query)
        self._tell(channel, len(found.rows), "SUCCESS")
        if channel is None:
            return found.rows[0]
        channel.set_variable(FIELDS, found.columns)
        if query.multirow:
            self._number += 1
            self._keep(channel, str(self._number), found)
            return str(self._number)
        first = found.rows.popleft()
        if query.rowlimit > 1:
            # The first of several is fetched at once: Asterisk does so, and then gives nothing but the rest.
            self._keep(channel, query.name, found)
            channel.set_variable("ODBC_FETCH_STATUS", "SUCCESS")
        return first

    @staticmethod
    def _keep(channel: Channel, key: str, rows: Rows) -> None:
        kept: dict[str, Rows] = channel.extra.setdefault(_KEY, {})  # type: ignore[assignment]
        kept.pop(key, None)
        kept[key] = rows
        if len(kept) > MAX_RESULTS:
            del kept[next(iter(kept))]

    async def _write(self, query: Query, channel: Channel | None, args: Arguments, value: str) -> None:
        given = self._arguments(query, args)
        values = split_arguments(value, MAX_FIELDS)
        given |= {f"VAL{number}": part for number, part in enumerate(values, 1)}
        given["VALUE"] = value
        result = await self._run(query.writehandles, await self._statement(channel, query.writesql, given))
        status = "FAILURE" if result is None else "SUCCESS"
        if result is not None and result.affected == 0:
            status = "FAILURE"
            if query.insertsql:
                sql = await self._statement(channel, query.insertsql, given)
                inserted = await self._run(query.writehandles, sql)
                if inserted is not None:
                    status, result = "FAILOVER", inserted
        self._tell(channel, -1 if result is None else result.affected, status)

    # Helpers

    @function(
        "ODBC_FETCH",
        "result-id",
        synopsis="Fetch a row from a multirow query.",
        description="ODBC_FETCH_STATUS is SUCCESS, or FAILURE when there are no more rows.",
    )
    def func_odbc_fetch(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "ODBC_FETCH")
        kept = call.extra.get(_KEY)
        rows = kept.get(args.raw) if isinstance(kept, dict) else None
        if not isinstance(rows, Rows) or not rows.rows:
            if isinstance(kept, dict):
                kept.pop(args.raw, None)
            call.set_variable("ODBC_FETCH_STATUS", "FAILURE")
            return ""
        call.set_variable(FIELDS, rows.columns)
        call.set_variable("ODBC_FETCH_STATUS", "SUCCESS")
        return rows.rows.popleft()

    @application("ODBCFinish", "result-id", synopsis="Clear the resultset of a successful multirow query.")
    def app_odbcfinish(self, channel: Channel, args: Arguments) -> int:
        kept = channel.extra.get(_KEY)
        if isinstance(kept, dict):
            kept.pop(args.raw, None)
        return RESULT_OK

    @function(
        "SQL_ESC", "string", synopsis="Escapes single ticks for use in SQL statements.", description="By doubling them."
    )
    def func_sql_esc(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.replace("'", "''")

    @function(
        "SQL_ESC_BACKSLASHES",
        "string",
        synopsis="Escapes backslashes for use in SQL statements.",
        description="By doubling them.",
    )
    def func_sql_esc_backslashes(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.replace("\\", "\\\\")
