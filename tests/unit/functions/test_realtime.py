"""REALTIME and its kin over SQLite; BLACKLIST, VMCOUNT, AMI_CLIENT."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dialplan.functions.realtime import read_families
from pbx.config import ConfigLoader
from pbx.core.party import Caller, party_id
from pbx.errors import ConfigError, ObeliskError
from pbx.manager_clients import ManagerClients
from pbx.mwi import Mailboxes
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, extensions
from tests.unit.functions.conftest import Functions


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE person (number TEXT, name TEXT, town TEXT)")
        people = [("1", "Ann", "Ulm"), ("2", "O'Neil, P", None)]
        connection.executemany("INSERT INTO person VALUES (?, ?, ?)", people)
    connection.close()
    return path


@pytest.fixture
def functions(tmp_path: Path, database: Path) -> Iterator[Functions]:
    files = {
        "extensions.lua": extensions("app.Answer() app.Wait(600)"),
        "res_odbc.conf": f"[people]\nurl=sqlite:///{database}\n",
        "extconfig.conf": "[settings]\npersons => odbc,people,person\nlost => odbc,people\n",
    }
    harness = DialplanHarness(tmp_path / "etc", files)
    result_of(start(harness.start()))
    yield Functions(harness)
    result_of(start(harness.stop()))


def rows(database: Path) -> list[Any]:
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT number, name, town FROM person ORDER BY number").fetchall()
    connection.close()
    return found


def test_a_row(functions: Functions) -> None:
    assert functions.read("REALTIME(persons,number,1)") == "number=1,name=Ann,town=Ulm,"
    assert functions.read("REALTIME(persons,number,1,|,:)") == "number:1|name:Ann|town:Ulm|"
    assert functions.read("REALTIME(persons,name LIKE,O%)") == "number=2,name=O'Neil, P,"
    assert functions.read("REALTIME_FIELD(persons,number,1,TOWN)") == "Ulm"
    assert functions.read("REALTIME_FIELD(persons,number,2,town)") == ""


def test_a_row_as_a_hash(functions: Functions) -> None:
    functions.write("HASH(who)", functions.read("REALTIME_HASH(persons,number,2)"))
    assert functions.read("HASH(who,name)") == "O'Neil, P"


def test_changes(functions: Functions, database: Path) -> None:
    functions.write("REALTIME(persons,number,1,town)", "Bonn'; DROP TABLE person")
    functions.write("REALTIME_FIELD(persons,number,2,name)", "Bo")
    functions.write("REALTIME_STORE(persons,number,name,town)", "3,Cy")
    assert functions.variable("RTSTOREID") == "1"
    assert rows(database) == [("1", "Ann", "Bonn'; DROP TABLE person"), ("2", "Bo", None), ("3", "Cy", "")]
    assert functions.read("REALTIME_DESTROY(persons,number,3)") == "number=3,name=Cy,town=,"
    functions.write("REALTIME_DESTROY(persons,number,2)", "1")
    assert [row[0] for row in rows(database)] == ["1"]


@pytest.mark.parametrize(
    "expression",
    [
        "REALTIME(persons,number,9)",
        "REALTIME(persons)",
        "REALTIME(none,number,1)",
        "REALTIME(lost,number,1)",
        "REALTIME(persons,1=1 OR number,1)",
        "REALTIME(persons,number;x,1)",
        "REALTIME(persons,number SOUNDS,1)",
        "REALTIME_FIELD(persons,number,1)",
        "REALTIME_STORE(persons,number)",
        "REALTIME_DESTROY(persons,number,9)",
    ],
)
def test_what_cannot_be_read(functions: Functions, database: Path, expression: str) -> None:
    with pytest.raises(ObeliskError):
        functions.read(expression)
    assert len(rows(database)) == 2


@pytest.mark.parametrize(
    "expression",
    ["REALTIME_STORE(persons,number;x)", "REALTIME_STORE(persons)", "REALTIME(persons,number,1,to wn)"],
)
def test_what_cannot_be_written(functions: Functions, expression: str) -> None:
    with pytest.raises(ObeliskError):
        functions.write(expression, "1")


@pytest.mark.parametrize("value", ["mysql,people", "odbc,nowhere", "odbc,people,x y"])
def test_families_that_are_wrong(tmp_path: Path, value: str) -> None:
    (tmp_path / "extconfig.conf").write_text(f"[settings]\npersons => {value}\n")
    (tmp_path / "res_odbc.conf").write_text("[people]\nurl=sqlite:////x.db\n")
    with pytest.raises(ConfigError, match=r"extconfig\.conf:2"):
        read_families(ConfigLoader(tmp_path))


def test_blacklist(functions: Functions) -> None:
    functions.channel.caller = Caller(id=party_id("123", "Pest"))
    assert functions.read("BLACKLIST()") == "0"
    functions.harness.server.astdb.put("blacklist", "Pest", "")
    assert functions.read("BLACKLIST()") == "1"
    with pytest.raises(ObeliskError):
        functions.read_globally("BLACKLIST()")


def test_mailboxes(functions: Functions) -> None:
    assert functions.read("VMCOUNT(1@default)") == "0"
    kept = {"1@default": SimpleNamespace(msgs_new=2, msgs_old=5), "2@default": SimpleNamespace(msgs_new=1, msgs_old=0)}
    functions.harness.server.provide(Mailboxes, SimpleNamespace(find=kept.get))
    assert functions.read("VMCOUNT(1@default&2@default&3@default)") == "3"
    assert functions.read("VMCOUNT(1@default,Old)") == "5"
    assert functions.read("VMCOUNT(1@default,Work)") == "0"
    with pytest.raises(ObeliskError):
        functions.read("VMCOUNT()")


def test_sessions_of_the_manager(functions: Functions) -> None:
    with pytest.raises(ObeliskError, match="no manager user"):
        functions.read("AMI_CLIENT(bob,sessions)")
    functions.harness.server.provide(ManagerClients, ManagerClients({"bob": 2}.get))
    assert functions.read("AMI_CLIENT(bob,sessions)") == "2"
    for wrong in ("AMI_CLIENT(bob,colour)", "AMI_CLIENT(eve,sessions)", "AMI_CLIENT()"):
        with pytest.raises(ObeliskError):
            functions.read(wrong)
