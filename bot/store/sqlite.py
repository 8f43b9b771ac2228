"""SQLite for an event loop: statements run where they are asked for, only the waiting is done elsewhere.

aiosqlite sends each step of each statement to a thread and back, ten times and more in a small transaction, which costs many times what
SQLite itself needs: reads come from memory and writes go to the operating system's cache, in microseconds. Beside a model server that
keeps all cores busy, each of those steps also waits for its turn. What may take long is done without holding up the loop: a commit waits
for the disk, in a thread; a database that another process is writing to is asked again after a pause. DECISIONS.md has the figures.

`Connection` has what SQLAlchemy's dialect for aiosqlite asks of a connection; an engine gets it by `async_creator`.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

BUSY_TIMEOUT_S = 15.0
"""How long to wait for another process that writes: a backup, an upgrade, a person with a shell."""
BUSY_PAUSE_S = 0.02


async def connect(database: str, **options: Any) -> "Connection":
    """A connection to a database file, made safe for several writers and for power loss; it leaves transactions to SQLAlchemy."""
    # check_same_thread: a commit runs in a thread, while nobody else uses the connection
    raw = sqlite3.connect(database, **{**options, "isolation_level": None, "check_same_thread": False, "timeout": 0})
    # an acknowledged envelope must survive power loss: FULL syncs the log at each commit
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
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

    async def commit(self) -> None:
        """Waits for the disk without holding up the loop; where no row was written there is nothing to wait for."""
        if self._raw.total_changes == self._written:
            self._raw.commit()
        else:
            await asyncio.to_thread(self._raw.commit)
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
