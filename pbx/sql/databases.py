"""Databases by their URL: one SQLAlchemy engine each, made at the first statement.

SQLAlchemy is imported then, too: an exchange that asks no database does not pay for it. SQLite comes with Python;
PostgreSQL needs the extra ``postgresql``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from pbx.clock import Clock, cancel_timer
from pbx.errors import ObeliskError
from pbx.sql.runner import Runner
from pbx.sql.statement import bind

#: Seconds a statement may take when its caller says nothing.
DEFAULT_SECONDS = 5.0
#: Rows one statement may give; with more it fails.
MAX_ROWS = 10_000
#: Statements that wait or run at once; more are refused.
MAX_STATEMENTS = 256
#: Databases kept open.
MAX_DATABASES = 32
#: Connections to one database.
CONNECTIONS = 4


class SqlError(ObeliskError):
    """A statement failed; the text is the database's, without the values."""


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What a statement gave: column names and rows, and how many rows it changed (-1 where that means nothing)."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    affected: int


@dataclass(slots=True, eq=False)
class _Statement:
    """One statement on its way; ``connection`` is the driver's once a thread has begun."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    given_up: bool = False
    connection: Any = None

    def give_up(self) -> None:
        """Stop it in the database, from any thread."""
        with self.lock:
            self.given_up = True
            connection = self.connection
            if connection is None:
                return
            stop = getattr(connection, "interrupt", None) or getattr(connection, "cancel", None)
            if stop is not None:
                stop()

    def begin(self, connection: Any) -> None:
        with self.lock:
            if self.given_up:
                raise SqlError("the statement was given up before it began")
            self.connection = connection

    def end(self) -> None:
        with self.lock:
            self.connection = None


class Databases:
    """Runs statements; one for the whole exchange."""

    def __init__(self, clock: Clock, runner: Runner) -> None:
        self._clock = clock
        self._runner = runner
        self._engines: dict[tuple[str, bool], Any] = {}
        self._running: set[_Statement] = set()

    async def query(
        self,
        url: str,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        seconds: float = DEFAULT_SECONDS,
        confined: bool = False,
    ) -> SqlResult:
        """Run one statement in a transaction of its own. Raises SqlError or StatementError.

        ``?`` or ``:name`` stand for the parameters. ``confined``: a SQLite statement may not open other files.
        """
        text, values = bind(sql, parameters)
        if len(self._running) >= MAX_STATEMENTS:
            raise SqlError(f"{MAX_STATEMENTS} statements are on their way already")
        engine = self._engine(url, confined)
        statement = _Statement()
        self._running.add(statement)
        waiting: Deferred[SqlResult] = Deferred(lambda _waiting: statement.give_up())

        def finish(result: SqlResult | Failure) -> None:
            self._running.discard(statement)
            if waiting.called:
                return
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(result)

        # The thread is left to end by itself; what it still brings after the deadline is dropped.
        self._runner.run(lambda: _execute(engine, statement, text, values)).addBoth(finish)
        timer = self._clock.call_later(seconds, waiting.cancel)
        try:
            return await waiting
        except CancelledError:
            if timer.active():
                raise  # our caller was cancelled
            raise SqlError(f"no result within {seconds:g} seconds") from None
        finally:
            cancel_timer(timer)

    def _engine(self, url: str, confined: bool) -> Any:
        key = (url, confined)
        engine = self._engines.get(key)
        if engine is None:
            if len(self._engines) >= MAX_DATABASES:
                raise SqlError(f"{MAX_DATABASES} databases are open already")
            engine = self._engines[key] = _make_engine(url, confined)
        return engine

    def stop(self) -> None:
        """Interrupt what runs, wait for the threads, close every connection."""
        for statement in list(self._running):
            statement.give_up()
        self._runner.stop()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _make_engine(url: str, confined: bool) -> Any:
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    from sqlalchemy.pool import QueuePool

    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        sqlite = parsed.get_backend_name() == "sqlite"
        memory = sqlite and parsed.database in {None, "", ":memory:"}
        arguments: dict[str, Any] = {"check_same_thread": False, "timeout": DEFAULT_SECONDS} if sqlite else {}
        engine = create_engine(
            parsed,
            poolclass=QueuePool,
            pool_size=1 if memory else CONNECTIONS,
            max_overflow=0,
            pool_timeout=DEFAULT_SECONDS,
            pool_pre_ping=not sqlite,
            connect_args=arguments,
            hide_parameters=True,
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise SqlError(f"the database's URL is wrong: {error}") from error
    except ModuleNotFoundError as error:
        raise SqlError(f"the driver {error.name} is not installed") from error
    if sqlite and confined:
        event.listen(engine, "connect", _confine)
    return engine


def _confine(connection: sqlite3.Connection, _record: object) -> None:
    connection.set_authorizer(_authorize)


def _authorize(action: int, one: str | None, _two: str | None, _database: str | None, _trigger: str | None) -> int:
    if action == sqlite3.SQLITE_ATTACH and one:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _execute(engine: Any, statement: _Statement, text: str, values: dict[str, Any]) -> SqlResult:
    """Runs in a thread."""
    from sqlalchemy import text as sql_text
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        with engine.begin() as connection:
            statement.begin(connection.connection.dbapi_connection)
            try:
                result = connection.execute(sql_text(text), values)
                if not result.returns_rows:
                    return SqlResult((), [], result.rowcount)
                rows = [tuple(row) for row in result.fetchmany(MAX_ROWS + 1)]
                if len(rows) > MAX_ROWS:
                    raise SqlError(f"the statement gives more than {MAX_ROWS} rows")
                return SqlResult(tuple(result.keys()), rows, -1)
            finally:
                statement.end()
    except DBAPIError as error:
        raise SqlError(str(error.orig)) from error
    except SQLAlchemyError as error:
        raise SqlError(str(error)) from error


__all__ = ["Databases", "SqlError", "SqlResult"]
