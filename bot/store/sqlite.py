"""SQLite for an event loop: statements run where they are asked for, only the waiting is done elsewhere.

aiosqlite sends each step of each statement to a thread and back, ten times and more in a small transaction, which costs many times what
SQLite itself needs: reads come from memory and writes go to the operating system's cache, in microseconds. Beside a model server that
keeps all cores busy, each of those steps also waits for its turn. What may take long is done without holding up the loop: a commit waits
for the disk, in a thread; a database that another process is writing to is asked again after a pause. DECISIONS.md has the figures.

`Connection` has what SQLAlchemy's dialect for aiosqlite asks of a connection; an engine gets it by `async_creator`.

The disk is slow, 5 ms and more for each time that it is waited for, and SQLite would keep all others out meanwhile. So a commit only writes
to the log, and `Log` waits for the disk afterwards, once for all transactions that were committed until then (group commit; DeWitt et al.,
Implementation Techniques for Main Memory Database Systems, SIGMOD 1984). The log keeps their order, so power loss can only take away the
last of them. What is acknowledged, and the row of a message that is about to be posted, have waited; what is left are steps of an act
that the inbox begins again.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 15.0
"""How long to wait for another process that writes: a backup, an upgrade, a person with a shell."""
BUSY_PAUSE_S = 0.02
LONGEST_LOG = 4 * 2**20
"""Bytes of the write-ahead log after which its pages are copied into the database file; SQLite's own measure."""


async def connect(database: str, **options: Any) -> "Connection":
    """A connection to a database file, made safe for several writers and for power loss; it leaves transactions to SQLAlchemy."""
    raw = sqlite3.connect(database, **{**options, "isolation_level": None, "timeout": 0})
    # NORMAL and no checkpoints: a commit never waits for the disk; `Log` does both, elsewhere and for many at once
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "wal_autocheckpoint=0",
        f"journal_size_limit={LONGEST_LOG}",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        await Cursor(raw.cursor()).execute(f"PRAGMA {pragma}")
    return Connection(raw)


class Cursor:
    """A cursor whose `execute` waits for other processes, and for nothing else."""

    def __init__(self, raw: sqlite3.Cursor) -> None:
        self._raw = raw

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._raw.close()

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Runs a statement."""
        await _when_free(lambda: self._raw.execute(statement, parameters))

    async def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a statement for each row of parameters; inside a transaction, so nothing of it is done twice."""
        await _when_free(lambda: self._raw.executemany(statement, rows))

    async def fetchone(self) -> Any:
        """The next row, or None."""
        return self._raw.fetchone()

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return self._raw.fetchall()

    async def close(self) -> None:
        """Frees what the statement held."""
        self._raw.close()

    @property
    def description(self) -> Any:
        """The columns of the result, as DB-API says it."""
        return self._raw.description

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""
        return self._raw.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The id of the row that was inserted last."""
        return self._raw.lastrowid


class Connection:
    """One connection; used by one task at a time."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._written = 0

    @property
    def _connection(self) -> sqlite3.Connection:
        """By this name SQLAlchemy asks whether the connection is open."""
        return self._raw

    def cursor(self) -> Cursor:
        """For one statement."""
        return Cursor(self._raw.cursor())

    @property
    def has_written(self) -> bool:
        """Whether any row changed since the last commit."""
        return self._raw.total_changes != self._written

    async def commit(self) -> None:
        """Ends the transaction; that it is on the disk is for `Log` to see to."""
        self._raw.commit()
        self._written = self._raw.total_changes

    async def rollback(self) -> None:
        """Forgets the transaction."""
        self._raw.rollback()

    async def close(self) -> None:
        """Closes the file."""
        self._raw.close()

    def stop(self) -> None:
        """The same where nobody can wait."""
        self._raw.close()

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        """A function of SQL written in Python; SQLAlchemy brings some along."""
        self._raw.create_function(*arguments, **options)


class Log:
    """The write-ahead log of an engine's database: who committed something waits here until it is on the disk."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.commits = 0
        """Transactions that changed something, so far."""
        self._database = Path(engine.url.database or "")
        self._next: asyncio.Future[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        event.listen(engine.sync_engine, "commit", self._note)

    async def settled(self) -> None:
        """Returns when everything that is committed now survives power loss.

        Raises:
            OSError: the disk failed; what was committed is there, and may be lost yet.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waited = self._next
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())
        await asyncio.shield(waited)

    def _note(self, connection: Any) -> None:
        """Called by SQLAlchemy right before each commit."""
        driver = connection.connection.driver_connection
        self.commits += isinstance(driver, Connection) and driver.has_written

    async def _sync(self) -> None:
        """One round for all who wait when it begins, and another for those who come meanwhile."""
        try:
            while self._next is not None:
                waiting, self._next = self._next, None
                try:
                    length = await asyncio.to_thread(self._write_through)
                except Exception as error:  # noqa: BLE001  # it goes to all who wait: whatever it is, none of them may wait for ever
                    waiting.set_exception(error)
                    continue
                waiting.set_result(None)
                if length > LONGEST_LOG:
                    await asyncio.to_thread(self._copy)
        finally:
            self._syncing = None

    def _write_through(self) -> int:
        """Waits for the disk; the log's length in bytes."""
        try:
            descriptor = os.open(f"{self._database}-wal", os.O_RDONLY)
        except FileNotFoundError:  # its last connection was closed, and all of it is in the database file
            return 0
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _copy(self) -> None:
        """Copies the log's pages into the database file, as far as that goes beside those who read, so that it begins anew."""
        try:
            with closing(sqlite3.connect(self._database, isolation_level=None, timeout=0)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            log.warning("the write-ahead log can't be copied now (%s); it grows until it can", error)


async def _when_free(work: Callable[[], object]) -> None:
    """Does it once no other process writes; each statement fails as a whole, so it can be tried again."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        else:
            return
        await asyncio.sleep(BUSY_PAUSE_S)
