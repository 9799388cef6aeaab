"""The SQL layer, and what dialplans do with it, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted

from pbx.clock import Clock
from pbx.sql import Databases, SqlError, SqlResult, ThreadRunner
from pbx.testing.postgresql import find_programs, postgresql

pytestmark = pytest.mark.skipif(find_programs() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture
def databases() -> Iterator[Databases]:
    from twisted.internet import reactor

    made = Databases(Clock(reactor), ThreadRunner(reactor))
    yield made
    made.stop()


async def test_rows_types_and_counts(databases: Databases, url: str) -> None:
    await databases.query(url, "create table phones (id serial, name text, rate numeric(6,2), up boolean)")
    changed = await databases.query(
        url, "insert into phones (name, rate, up) values (?, ?, ?), ('zoë', null, false)", ("o'neil; --", "1.50", True)
    )
    assert changed.affected == 2
    got = await databases.query(url, "select name, rate::text, up from phones where id >= :low order by id", {"low": 1})
    assert got == SqlResult(("name", "rate", "up"), [("o'neil; --", "1.50", True), ("zoë", None, False)], -1)


async def test_what_fails_changes_nothing_and_names_no_value(databases: Databases, url: str) -> None:
    await databases.query(url, "create table if not exists codes (code integer unique)")
    with pytest.raises(SqlError, match="codes_code_key") as caught:
        await databases.query(url, "insert into codes values (?), (?)", (4711, 4711))
    assert "insert into" not in str(caught.value)
    assert (await databases.query(url, "select count(*) from codes")).rows == [(0,)]
    with pytest.raises(SqlError, match="syntax error"):
        await databases.query(url, "selekt 1")


async def test_a_statement_beyond_its_deadline_is_stopped_in_the_server(databases: Databases, url: str) -> None:
    from twisted.internet import reactor

    with pytest.raises(SqlError, match=r"no result within 0\.2 seconds"):
        await databases.query(url, "select pg_sleep(30)", seconds=0.2)
    running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'"
    for _ in range(40):
        if (await databases.query(url, running)).rows == [(0,)]:
            break
        await Clock(reactor).sleep(0.1)
    assert (await databases.query(url, running)).rows == [(0,)]


async def test_a_lost_connection_is_made_again(databases: Databases, url: str) -> None:
    await databases.query(url, "select 1")
    await databases.query(
        url,
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename is not null",
    )
    assert (await databases.query(url, "select 2")).rows == [(2,)]


async def test_a_server_that_is_not_there(databases: Databases) -> None:
    with pytest.raises(SqlError, match="No such file or directory"):
        await databases.query("postgresql://obelisk@/postgres?host=/nowhere", "select 1")


LUA = """
extensions = { default = { sql = function()
  local rows = pbx.db("crm"):query("select ?::int + 1 as n, current_user as who", 41)
  app.Log("NOTICE", "lua: " .. rows[1].n .. " " .. rows[1].who)
  app.Log("NOTICE", "odbc: " .. channel.ODBC_GREET("it's"):get())
end } }
"""


@pytest_twisted.ensureDeferred
async def test_dialplans_ask_it(live_server: Any, url: str) -> None:
    server = await live_server(
        extensions=LUA,
        files={
            "lua.conf": f"[general]\n[databases]\ncrm = {url}\n",
            "res_odbc.conf": f"[crm]\nenabled => yes\ndsn => {url}\n",
            "func_odbc.conf": "[GREET]\ndsn=crm\nreadsql=SELECT 'hello ' || '${SQL_ESC(${ARG1})}'\n",
        },
    )
    await server.cli("channel originate Local/sql@default application NoOp")
    await server.wait_log("lua: 42 obelisk")
    await server.wait_log("odbc: hello it's")
    # Connections stay open for the next statement; more of the same must not open more of them.
    server.keep_descriptors()
    for _ in range(5):
        await server.cli("channel originate Local/sql@default application NoOp")
