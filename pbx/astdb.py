"""The AstDB: the exchange's own small store of ``family``, ``key`` and value, kept in SQLite as Asterisk keeps it.

All of it is mirrored in a dictionary, so reading and writing are immediate. Changes reach the file together, one
transaction at most ten times a second: a crash loses at most a tenth of a second of changes, and none that
`AstDb.flush` followed.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from pbx.clock import Clock, cancel_timer
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from twisted.internet.interfaces import IDelayedCall

log = Logger()

WRITE_INTERVAL_SECONDS = 0.1
MAX_PATH_BYTES = 4096
"""Family and key together; Asterisk has no bound."""
BUSY_TIMEOUT_SECONDS = 2.0

_CREATE = "CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))"
_PUT = "INSERT OR REPLACE INTO astdb (key, value) VALUES (?, ?)"
_DELETE = "DELETE FROM astdb WHERE key = ?"

Batch = dict[str, "str | None"]
"""Changes by path; None deletes."""


class Threads(Protocol):
    """What is needed of the reactor to write on a thread of its pool."""

    def callInThread(self, callable: Callable[[], object]) -> object:  # noqa: A002, N802 - Twisted's names
        """Run on a thread of the pool."""

    def callFromThread(self, callable: Callable[[], object]) -> object:  # noqa: A002 - Twisted's names
        """Run on the reactor's thread."""


class AstDbError(ObeliskError):
    """The database file cannot be used, or a key is not allowed."""


class AstDb:
    """The database, for the reactor's thread; a lock guards the file, which a thread of the pool may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, str] = {}
        self._pending: Batch = {}
        self._leaving: Batch = {}  # handed over to be written, perhaps tried before; guarded by _leaving_lock
        self._leaving_lock = threading.Lock()  # held for an instant only
        self._file_lock = threading.Lock()  # held while the file is written
        self._connection: sqlite3.Connection | None = None
        self._clock: Clock | None = None
        self._threads: Threads | None = None
        self._timer: IDelayedCall | None = None

    # Life

    def open(self) -> None:
        """Open the file, creating it if need be, and read it whole. A corrupt file is moved aside and replaced.

        Raises AstDbError when the file cannot be opened for another reason.
        """
        try:
            self._connect()
        except sqlite3.OperationalError as error:
            self._disconnect()
            raise AstDbError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            self._disconnect()
            aside = self._move_aside()
            log.error(
                "{path} is damaged ({error}): it was moved to {aside} and an empty database takes its place;"
                " phones must register again",
                path=str(self.path),
                error=str(error),
                aside=str(aside),
            )
            try:
                self._connect()
            except sqlite3.DatabaseError as again:
                self._disconnect()
                raise AstDbError(f"{self.path}: {again}") from again

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection = connection
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_CREATE)
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict is None or verdict[0] != "ok":
            raise sqlite3.DatabaseError("integrity check failed" if verdict is None else str(verdict[0]))
        rows = connection.execute("SELECT key, value FROM astdb WHERE key IS NOT NULL AND value IS NOT NULL")
        self._entries = {str(key): str(value) for key, value in rows}

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _move_aside(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        number = 0
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}-{number}")
        self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            companion = self.path.with_name(self.path.name + suffix)
            if companion.exists():
                companion.replace(aside.with_name(aside.name + suffix))
        return aside

    def start(self, clock: Clock, threads: Threads | None = None) -> None:
        """Write changes by themselves from now on: by a thread of ``threads`` (the reactor) or, without, in place."""
        self._clock = clock
        self._threads = threads
        if self._pending:
            self._schedule()

    def close(self) -> None:
        """Write what is left and close the file. Raises AstDbError when it cannot be written."""
        cancel_timer(self._timer)
        self._timer = None
        self._clock = None
        if self._connection is not None:
            try:
                self.flush()
            finally:
                with self._file_lock:
                    self._disconnect()

    # Reading

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, family: str, key: str) -> str | None:
        """The value, or None."""
        return self._entries.get(f"/{family}/{key}")

    def show(self, family: str = "", key: str = "") -> list[tuple[str, str]]:
        """(path, value) of everything at or below ``/family/key``, sorted by path; everything without a family."""
        return sorted((path, self._entries[path]) for path in self._below(family, key))

    def show_key(self, key: str) -> list[tuple[str, str]]:
        """(path, value) of every entry whose path ends in ``/key``, whatever its family; sorted."""
        suffix = f"/{key}"
        return sorted(entry for entry in self._entries.items() if entry[0].endswith(suffix))

    def keys(self, family: str) -> list[str]:
        """The keys of ``family``, sorted; a key may hold slashes."""
        prefix = f"/{family}/"
        return sorted(path[len(prefix) :] for path in self._entries if path.startswith(prefix))

    def _below(self, family: str, key: str) -> Iterator[str]:
        family, key = family.strip("/"), key.strip("/")
        if not family:
            yield from self._entries
            return
        root = f"/{family}/{key}" if key else f"/{family}"
        prefix = root + "/"
        for path in self._entries:
            if path.startswith(prefix) or path == root:
                yield path

    # Writing

    def put(self, family: str, key: str, value: str) -> None:
        """Store a value. Raises AstDbError when family and key are empty or too long."""
        path = f"/{family}/{key}"
        if not family or not key:
            raise AstDbError("family and key must not be empty")
        if len(_writable(path).encode()) >= MAX_PATH_BYTES:
            raise AstDbError(f"family and key must be shorter than {MAX_PATH_BYTES} bytes together")
        path, value = _writable(path), _writable(value)
        if self._entries.get(path) != value:
            self._entries[path] = value
            self._change(path, value)

    def delete(self, family: str, key: str) -> bool:
        """Remove an entry; whether there was one."""
        path = f"/{family}/{key}"
        if self._entries.pop(path, None) is None:
            return False
        self._change(path, None)
        return True

    def delete_tree(self, family: str = "", key: str = "") -> int:
        """Remove everything at or below ``/family/key`` (everything without a family); gives the number removed."""
        doomed = list(self._below(family, key))
        for path in doomed:
            del self._entries[path]
            self._change(path, None)
        return len(doomed)

    def _change(self, path: str, value: str | None) -> None:
        self._pending[path] = value
        if self._timer is None and self._clock is not None:
            self._schedule()

    def _schedule(self) -> None:
        if self._clock is not None:
            self._timer = self._clock.call_later(WRITE_INTERVAL_SECONDS, self._write_behind)

    def _write_behind(self) -> None:
        self._timer = None
        self._hand_over()
        if self._threads is None:
            self._write_logged()
        else:
            self._threads.callInThread(self._write_logged)

    def _hand_over(self) -> None:
        with self._leaving_lock:
            self._leaving = self._leaving | self._pending
        self._pending = {}

    def _write_logged(self) -> None:
        """Write what was handed over, perhaps on a thread of the pool; after a failure try again later."""
        try:
            self._write()
        except sqlite3.Error as error:
            log.error("{path} cannot be written: {error}; trying again", path=str(self.path), error=str(error))
            if self._threads is None:
                self._retry()
            else:
                self._threads.callFromThread(self._retry)

    def _retry(self) -> None:
        if self._timer is None:
            self._schedule()

    def _write(self) -> None:
        """Write what was handed over in one transaction. Raises sqlite3.Error, and keeps it, when that fails."""
        with self._file_lock:
            with self._leaving_lock:
                batch, self._leaving = self._leaving, {}
            if not batch:
                return
            try:
                self._transact(batch)
            except sqlite3.Error:
                with self._leaving_lock:
                    self._leaving = batch | self._leaving
                raise

    def _transact(self, batch: Batch) -> None:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the database is closed")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(_PUT, [item for item in batch.items() if item[1] is not None])
            self._connection.executemany(_DELETE, [(path,) for path, value in batch.items() if value is None])
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def flush(self) -> None:
        """Return when everything is safe on the disk. Raises AstDbError when it cannot be written."""
        cancel_timer(self._timer)
        self._timer = None
        self._hand_over()
        try:
            self._write()
            with self._file_lock:
                if self._connection is not None:
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            self._retry()
            raise AstDbError(f"{self.path} cannot be written: {error}") from error


def _writable(text: str) -> str:
    """``text`` as UTF-8 can hold it: lone surrogates, which a peer's bytes may leave behind, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
