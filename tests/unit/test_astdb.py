"""The AstDB and its console commands."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred
from twisted.internet import task

from pbx.astdb import WRITE_INTERVAL_SECONDS, AstDb, AstDbError
from pbx.cli.commands import database
from pbx.cli.registry import CommandRegistry
from pbx.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def astdb(tmp_path: Path) -> Iterator[AstDb]:
    astdb = AstDb(tmp_path / "astdb.sqlite3")
    astdb.open()
    yield astdb
    astdb.close()


def on_disk(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT key, value FROM astdb"))
    finally:
        connection.close()


def test_put_get_delete(astdb: AstDb) -> None:
    assert astdb.get("f", "k") is None
    astdb.put("f", "k", "v")
    assert astdb.get("f", "k") == "v"
    assert astdb.delete("f", "k")
    assert not astdb.delete("f", "k")
    assert astdb.get("f", "k") is None


def test_trees(astdb: AstDb) -> None:
    for family, key in (("a", "x"), ("a", "y/z"), ("a/b", "c"), ("ab", "x")):
        astdb.put(family, key, "1")
    assert [path for path, _ in astdb.show("a")] == ["/a/b/c", "/a/x", "/a/y/z"]
    assert [path for path, _ in astdb.show("a", "y")] == ["/a/y/z"]
    assert [path for path, _ in astdb.show()] == ["/a/b/c", "/a/x", "/a/y/z", "/ab/x"]
    assert astdb.show_key("x") == [("/a/x", "1"), ("/ab/x", "1")]
    assert astdb.keys("a") == ["b/c", "x", "y/z"]
    assert astdb.delete_tree("a") == 3
    assert astdb.delete_tree("a") == 0
    assert astdb.delete_tree() == 1
    assert len(astdb) == 0


@pytest.mark.parametrize(("family", "key"), [("", "k"), ("f", ""), ("f", "k" * 4096)])
def test_keys_that_are_refused(astdb: AstDb, family: str, key: str) -> None:
    with pytest.raises(AstDbError):
        astdb.put(family, key, "v")


def test_changes_are_written_together_after_a_second(astdb: AstDb) -> None:
    reactor = task.Clock()
    astdb.put("f", "early", "1")
    astdb.start(Clock(reactor))
    astdb.put("f", "k", "1")
    astdb.put("f", "k", "2")
    astdb.put("f", "gone", "1")
    astdb.delete("f", "gone")
    assert on_disk(astdb.path) == {}
    reactor.advance(WRITE_INTERVAL_SECONDS)
    assert on_disk(astdb.path) == {"/f/early": "1", "/f/k": "2"}
    assert reactor.getDelayedCalls() == []
    astdb.delete("f", "k")
    reactor.advance(WRITE_INTERVAL_SECONDS)
    assert on_disk(astdb.path) == {"/f/early": "1"}


def test_flush_is_at_once(astdb: AstDb) -> None:
    astdb.put("f", "k", "1")
    astdb.flush()
    assert on_disk(astdb.path) == {"/f/k": "1"}


def test_everything_is_there_after_closing(astdb: AstDb) -> None:
    astdb.put("f", "k", "ü\ud800")
    astdb.close()
    again = AstDb(astdb.path)
    again.open()
    assert again.get("f", "k") == "ü?"
    again.close()


def test_a_write_that_fails_is_tried_again(astdb: AstDb) -> None:
    reactor = task.Clock()
    astdb.start(Clock(reactor))
    other = sqlite3.connect(astdb.path, isolation_level=None)
    other.execute("ALTER TABLE astdb RENAME TO hidden")
    astdb.put("f", "k", "1")
    reactor.advance(WRITE_INTERVAL_SECONDS)
    with pytest.raises(AstDbError, match="cannot be written"):
        astdb.flush()
    other.execute("ALTER TABLE hidden RENAME TO astdb")
    other.close()
    astdb.put("f", "k", "2")
    astdb.put("f", "l", "3")
    reactor.advance(WRITE_INTERVAL_SECONDS)
    assert on_disk(astdb.path) == {"/f/k": "2", "/f/l": "3"}


def test_a_failed_write_is_tried_again_by_itself(astdb: AstDb) -> None:
    reactor = task.Clock()
    astdb.start(Clock(reactor))
    other = sqlite3.connect(astdb.path, isolation_level=None)
    other.execute("ALTER TABLE astdb RENAME TO hidden")
    astdb.put("f", "k", "1")
    reactor.advance(WRITE_INTERVAL_SECONDS)
    other.execute("ALTER TABLE hidden RENAME TO astdb")
    other.close()
    reactor.advance(WRITE_INTERVAL_SECONDS)
    assert on_disk(astdb.path) == {"/f/k": "1"}


def test_a_write_still_waiting_for_its_thread_is_not_lost(astdb: AstDb) -> None:
    class Threads:
        """A reactor whose threads are all busy."""

        def __init__(self) -> None:
            self.waiting: list[Callable[[], object]] = []

        def callInThread(self, callable: Callable[[], object]) -> None:  # noqa: A002, N802 - Twisted's names
            self.waiting.append(callable)

        def callFromThread(self, callable: Callable[[], object]) -> None:  # noqa: A002 - Twisted's names
            callable()

    threads = Threads()
    reactor = task.Clock()
    astdb.start(Clock(reactor), threads)
    astdb.put("f", "k", "1")
    reactor.advance(WRITE_INTERVAL_SECONDS)
    astdb.put("f", "k", "2")
    astdb.close()
    (late,) = threads.waiting
    late()
    assert on_disk(astdb.path) == {"/f/k": "2"}


@pytest.mark.parametrize("garbage", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "astdb.sqlite3"
    path.write_bytes(garbage)
    astdb = AstDb(path)
    astdb.open()
    astdb.put("f", "k", "v")
    astdb.close()
    assert on_disk(path) == {"/f/k": "v"}
    (aside,) = [each for each in tmp_path.iterdir() if ".corrupt-" in each.name]
    assert aside.read_bytes() == garbage


def test_a_file_damaged_in_the_middle_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    astdb = AstDb(path)
    astdb.open()
    for number in range(2000):
        astdb.put("family", f"key{number}", "value" * 10)
    astdb.close()
    data = bytearray(path.read_bytes())
    data[8192 : len(data) - 4096] = b"\xa5" * (len(data) - 12288)
    path.write_bytes(data)
    again = AstDb(path)
    again.open()
    again.close()
    assert [each for each in tmp_path.iterdir() if ".corrupt-" in each.name]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AstDbError, match="unable to open"):
        AstDb(tmp_path / "none" / "astdb.sqlite3").open()


def test_the_file_of_asterisk_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "astdb.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
    connection.execute("INSERT INTO astdb VALUES ('/cidname/123', 'Jane'), ('/n/1', 5)")
    connection.commit()
    connection.close()
    astdb = AstDb(path)
    astdb.open()
    assert astdb.get("cidname", "123") == "Jane"
    assert astdb.get("n", "1") == "5"
    astdb.close()


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from("pdft"), st.sampled_from(["a", "b"]), st.sampled_from(["k", "l", "k/m"]), st.text(max_size=5)
    ),
    max_size=30,
)


@given(OPERATIONS)
@settings(max_examples=50)
def test_the_file_ends_as_the_dictionary(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, ...]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "operations.sqlite3"
    for stale in path.parent.glob("operations.sqlite3*"):
        stale.unlink()
    astdb = AstDb(path)
    astdb.open()
    expected: dict[str, str] = {}
    for what, family, key, value in operations:
        if what == "p":
            astdb.put(family, key, value)
            expected[f"/{family}/{key}"] = value.encode("utf-8", "replace").decode()
        elif what == "d":
            assert astdb.delete(family, key) is (expected.pop(f"/{family}/{key}", None) is not None)
        elif what == "t":
            astdb.delete_tree(family, key)
            root = f"/{family}/{key}"
            expected = {k: v for k, v in expected.items() if k != root and not k.startswith(root + "/")}
        else:
            astdb.flush()
    assert dict(astdb.show()) == expected
    astdb.close()
    again = AstDb(path)
    again.open()
    assert dict(again.show()) == expected
    again.close()


@ensureDeferred
async def test_console_commands(astdb: AstDb) -> None:
    registry = CommandRegistry()
    withdraw = database.register(registry, astdb)

    async def said(line: str) -> str:
        return (await registry.run(line)).output

    assert await said("database put f k v") == "Updated database successfully\n"
    assert await said("database put f k/2 'two words'") == "Updated database successfully\n"
    assert await said("database get f k") == "Value: v\n"
    assert await said("database get f none") == "Database entry not found.\n"
    listing = await said("database show")
    assert listing.splitlines() == [
        f"{'/f/k':<50}: {'v':<25}", f"{'/f/k/2':<50}: {'two words':<25}", "2 results found."
    ]  # fmt: skip
    assert (await said("database show f k")).endswith("2 results found.\n")
    assert (await said("database show f/k/2")).endswith("1 results found.\n")
    assert (await said("database showkey 2")).endswith("1 results found.\n")
    assert await said("database del f k") == "Database entry removed.\n"
    assert await said("database del f k") == "Database entry could not be removed.\n"
    assert await said("database deltree f") == "1 database entries removed.\n"
    assert await said("database deltree f") == "Database entries do not exist.\n"
    assert "must not be empty" in await said("database put '' k v")
    assert "Usage: database get" in await said("database get f")
    withdraw()
    assert "No such command" in await said("database show")
