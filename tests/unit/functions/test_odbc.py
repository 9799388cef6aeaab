"""The functions of func_odbc.conf, over SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialplan.functions.odbc_conf import with_credentials
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, extensions
from tests.unit.functions.conftest import Functions

QUERIES = """
[general]
[base](!)
dsn = broken, people
[NAME](base)
readsql = SELECT name, town FROM person WHERE number = '${SQL_ESC(${ARG1})}'
writesql = UPDATE person SET name = '${SQL_ESC(${VAL1})}' WHERE number = '${ARG1}'
insertsql = INSERT INTO person (number, name, town) VALUES ('${ARG1}', '${SQL_ESC(${VAL1})}', '${VAL2}')
synopsis = Name and town of a number
syntax = <number>
minargs = 1
[ALL](base)
readsql = SELECT number, name FROM person ORDER BY number
mode = multirow
prefix = DIR
[FIRST](base)
readsql = SELECT number FROM person ORDER BY number LIMIT ${ARGC}0
rowlimit = 2
[WRONG](base)
readsql = SELECT nothing FROM nowhere
"""


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    path = tmp_path / "people.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE person (number TEXT, name TEXT, town TEXT)")
        people = [("1", "Ann", "Ulm"), ("2", "O'Neil, P", None), ("3", "Cy", "York")]
        connection.executemany("INSERT INTO person VALUES (?, ?, ?)", people)
    connection.close()
    files = {
        "extensions.lua": extensions("app.Answer() app.Wait(600)"),
        "res_odbc.conf": f"[people]\nenabled=yes\nurl=sqlite:///{path}\n[broken]\nurl=sqlite:////nowhere/x.db\n"
        "[off]\nenabled=no\ndsn=old\n",
        "func_odbc.conf": QUERIES,
    }
    harness = DialplanHarness(tmp_path / "etc", files)
    result_of(start(harness.start()))
    yield Functions(harness)
    result_of(start(harness.stop()))
    harness.databases.stop()


def test_a_row(functions: Functions) -> None:
    assert functions.read("ODBC_NAME(1)") == "Ann,Ulm"
    assert (functions.variable("ODBCROWS"), functions.variable("ODBCSTATUS")) == ("1", "SUCCESS")
    assert functions.read("ODBC_NAME(2)") == "O'Neil\\, P,"
    functions.write("HASH(row)", functions.read("ODBC_NAME(2)"))
    assert functions.read("HASH(row,name)") == "O'Neil, P"
    assert functions.read("ODBC_NAME(9)") == ""
    assert (functions.variable("ODBCROWS"), functions.variable("ODBCSTATUS")) == ("0", "NODATA")
    assert functions.read_globally("ODBC_NAME(3)") == "Cy,York"
    assert functions.read("ODBC_NAME(x' OR '1'='1)") == ""


def test_many_rows(functions: Functions) -> None:
    key = functions.read("DIR_ALL()")
    assert functions.variable("ODBCROWS") == "3"
    assert functions.variable("~ODBCFIELDS~") == "number,name"
    rows = [functions.read(f"ODBC_FETCH({key})") for _ in range(3)]
    assert rows == ["1,Ann", "2,O'Neil\\, P", "3,Cy"]
    assert functions.variable("ODBC_FETCH_STATUS") == "SUCCESS"
    assert functions.read(f"ODBC_FETCH({key})") == ""
    assert functions.variable("ODBC_FETCH_STATUS") == "FAILURE"
    key = functions.read("DIR_ALL()")
    result_of(start(functions.harness.engine.execute(functions.channel, "ODBCFinish", key)))
    assert functions.read(f"ODBC_FETCH({key})") == ""


def test_rows_behind_the_first(functions: Functions) -> None:
    assert functions.read("ODBC_FIRST(a)") == "1"
    assert functions.variable("ODBCROWS") == "2"
    assert functions.variable("ODBC_FETCH_STATUS") == "SUCCESS"
    assert functions.read("ODBC_FETCH(ODBC_FIRST)") == "2"


def test_writing(functions: Functions) -> None:
    functions.write("ODBC_NAME(1)", "D'Arcy")
    assert (functions.variable("ODBCROWS"), functions.variable("ODBCSTATUS")) == ("1", "SUCCESS")
    assert functions.read("ODBC_NAME(1)") == "D'Arcy,Ulm"
    functions.write("ODBC_NAME(7)", "New,Rome")
    assert functions.variable("ODBCSTATUS") == "FAILOVER"
    assert functions.read("ODBC_NAME(7)") == "New,Rome"


def test_failures(functions: Functions) -> None:
    for expression, reason in (
        ("ODBC_NAME()", "requiring minimum 1"),
        ("ODBC_WRONG()", "Unable to execute"),
    ):
        with pytest.raises(Exception, match=reason):
            functions.read(expression)
    assert (functions.variable("ODBCROWS"), functions.variable("ODBCSTATUS")) == ("-1", "FAILURE")
    with pytest.raises(Exception, match="cannot be written"):
        functions.write("ODBC_FIRST()", "x")


def test_escapes_and_help(functions: Functions) -> None:
    assert functions.read("SQL_ESC(it's)") == "it''s"
    assert functions.read("SQL_ESC_BACKSLASHES(a\\b)") == "a\\\\b"
    shown = result_of(start(functions.harness.server.cli.run("core show function ODBC_NAME"))).output
    assert "Name and town of a number" in shown


async def test_a_reload(functions: Functions) -> None:
    harness = functions.harness
    harness.write("func_odbc.conf", "[ONE]\ndsn=people\nreadsql=SELECT 1\n")
    await harness.server.modules.reload("func_odbc")
    assert functions.read("ODBC_ONE()") == "1"
    with pytest.raises(LookupError):
        functions.read("ODBC_NAME(1)")
    for text, reason in (
        ("[X]\ndsn=none\nreadsql=SELECT 1\n", "no database 'none'"),
        ("[X]\ndsn=people\n", "neither readsql nor writesql"),
        ("[X]\nreadsql=SELECT 1\n", "names no database"),
        ("[X]\ndsn=people\nreadsql=SELECT 1\ncolour=red\n", "unknown option 'colour'"),
        ("[X]\ndsn=people\nreadsql=SELECT 1\nminargs=x\n", "minargs must be a number"),
        ("[X]\ndsn=people\nreadsql=SELECT 1\ninsertsql=x\n", "insertsql needs writesql"),
    ):
        harness.write("func_odbc.conf", text)
        with pytest.raises(Exception, match=reason):
            await harness.server.modules.reload("func_odbc")
        assert functions.read("ODBC_ONE()") == "1"
    harness.write("res_odbc.conf", "[people]\ndsn=old-name\n")
    with pytest.raises(Exception, match="a url such as"):
        await harness.server.modules.reload("func_odbc")


def test_credentials_go_into_the_url() -> None:
    assert with_credentials("postgresql://h/d", "u@x", "p/w") == "postgresql://u%40x:p%2Fw@h/d"
    assert with_credentials("postgresql://a@h/d", "u", "p") == "postgresql://a@h/d"
    assert with_credentials("postgresql://h/d", "", "p") == "postgresql://h/d"
