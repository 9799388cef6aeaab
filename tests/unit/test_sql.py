"""The SQL layer: parameters, bounds, deadlines. SQLite in a scratch directory; statements run at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pbx.sql import Databases, SqlError, SqlResult, bind, run_inline
from pbx.sql.statement import StatementError
from pbx.testing.clock import FakeClock
from pbx.testing.deferreds import result_of, start


@pytest.fixture
def databases() -> Iterator[Databases]:
    made = Databases(FakeClock(), run_inline)
    yield made
    made.stop()


def ask(databases: Databases, path: Path, sql: str, *parameters: Any, **options: Any) -> SqlResult:
    return result_of(start(databases.query(f"sqlite:///{path}/t.db", sql, parameters, **options)))


def test_rows_come_with_their_columns(databases: Databases, tmp_path: Path) -> None:
    ask(databases, tmp_path, "create table t (n integer, name text)")
    assert ask(databases, tmp_path, "insert into t values (?, ?), (2, 'x?y')", 1, "it's").affected == 2
    got = ask(databases, tmp_path, "select name, n from t where n >= ? order by n", 1)
    assert got == SqlResult(("name", "n"), [("it's", 1), ("x?y", 2)], -1)


def test_what_a_caller_says_is_never_sql(databases: Databases, tmp_path: Path) -> None:
    ask(databases, tmp_path, "create table t (name text)")
    ask(databases, tmp_path, "insert into t values (?)", "'); drop table t; --")
    assert ask(databases, tmp_path, "select * from t").rows == [("'); drop table t; --",)]


@pytest.mark.parametrize(
    ("sql", "parameters", "text", "values"),
    [
        ("select ?, '?', \"?\" -- ?\n, ?", (1, 2), "select :p0, '?', \"?\" -- ?\n, :p1", {"p0": 1, "p1": 2}),
        ("select ':a', :a, x::text", {"a": 1, "b": 2}, "select '\\:a', :a, x\\:\\:text", {"a": 1}),
        ("select '12:30', :x", (), "select '12\\:30', \\:x", {}),
        ("select /* ? :a */ 1", {}, "select /* ? \\:a */ 1", {}),
    ],
)
def test_places_are_found_outside_of_strings_and_comments(
    sql: str, parameters: Any, text: str, values: dict[str, object]
) -> None:
    assert bind(sql, parameters) == (text, values)


@pytest.mark.parametrize(
    ("sql", "parameters", "why"),
    [
        ("select ?", (), "more places"),
        ("select 1", (1,), "0 places"),
        ("select :a", {"b": 1}, "no value was given for :a"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(sql: str, parameters: Any, why: str) -> None:
    with pytest.raises(StatementError, match=why):
        bind(sql, parameters)


@pytest.mark.parametrize(
    ("url", "sql", "why"),
    [
        ("sqlite:///{path}/t.db", "select * from nowhere", "no such table: nowhere"),
        ("sqlite:///{path}/none/t.db", "select 1", "unable to open database file"),
        ("nonsense", "select 1", "URL is wrong"),
        ("oracle9://x", "select 1", "URL is wrong"),
        ("sqlite://", "with recursive c(x) as (select 1 union all select x+1 from c) select x from c", "more than"),
    ],
)
def test_what_goes_wrong_is_said(databases: Databases, tmp_path: Path, url: str, sql: str, why: str) -> None:
    with pytest.raises(SqlError, match=why):
        result_of(start(databases.query(url.format(path=tmp_path), sql)))


def test_a_confined_statement_opens_no_other_file(databases: Databases, tmp_path: Path) -> None:
    sql = f"attach '{tmp_path}/other.db' as other"
    with pytest.raises(SqlError, match="not authorized"):
        ask(databases, tmp_path, sql, confined=True)
    assert not (tmp_path / "other.db").exists()
    # Only what runs outside of a transaction may attach, so a plain engine says so too; files are the point here.
    with pytest.raises(SqlError):
        ask(databases, tmp_path, "vacuum into ?", f"{tmp_path}/copy.db", confined=True)
    assert not (tmp_path / "copy.db").exists()


class _Never:
    """Threads that never get to work."""

    def run(self, call: Any) -> Deferred[Any]:
        return Deferred()

    def stop(self) -> None:
        """Nothing runs."""


def test_a_statement_has_a_deadline() -> None:
    clock = FakeClock()
    databases = Databases(clock, _Never())
    waiting = start(databases.query("sqlite://", "select 1", seconds=2))
    clock.advance(2)
    with pytest.raises(SqlError, match="no result within 2 seconds"):
        result_of(waiting)
    databases.stop()


def test_only_so_many_wait() -> None:
    databases = Databases(FakeClock(), _Never())
    waiting = [start(databases.query("sqlite://", "select 1")) for _ in range(256)]
    with pytest.raises(SqlError, match="256 statements"):
        result_of(start(databases.query("sqlite://", "select 1")))
    for each in waiting:
        each.addErrback(lambda _: None)
        each.cancel()
    databases.stop()
