"""SQLite inside the event loop: it waits for other processes without holding anybody up, and keeps what it acknowledged."""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import sqlite
from bot.store.engine import make_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine for a file with one small table."""
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path / 'some.db'}")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE word (it TEXT PRIMARY KEY)"))
    yield engine
    await engine.dispose()


async def write(engine: AsyncEngine, *words: str) -> None:
    """Adds words in one transaction."""
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO word VALUES (:it)"), [{"it": word} for word in words])


def on_disk(folder: Path) -> set[str]:
    """The words that another process would see."""
    with sqlite3.connect(folder / "some.db") as other:
        return {word for (word,) in other.execute("SELECT it FROM word")}


async def test_another_writer_holds_nobody_up(engine: AsyncEngine, tmp_path: Path) -> None:
    """While somebody else writes, a transaction waits and everything else goes on."""
    other = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write(engine, "one"))
    turns = 0
    for _ in range(10):
        await asyncio.sleep(sqlite.BUSY_PAUSE_S)
        turns += 1
    assert turns == 10
    assert not waiting.done()
    other.execute("COMMIT")
    await waiting
    other.close()
    assert on_disk(tmp_path) == {"one"}


async def test_whoever_never_ends_is_an_error(engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that is allowed, a locked database is said to be locked; afterwards it can be used again."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    other = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        await write(engine, "one")
    other.execute("ROLLBACK")
    other.close()
    await write(engine, "two")
    assert on_disk(tmp_path) == {"two"}


async def test_a_failed_transaction_leaves_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    """Neither its first rows nor its lock."""
    await write(engine, "one")
    with pytest.raises(IntegrityError):
        await write(engine, "two", "one")
    await write(engine, "three")
    assert on_disk(tmp_path) == {"one", "three"}


async def test_many_tasks_at_once(engine: AsyncEngine, tmp_path: Path) -> None:
    """More writers than the pool has connections: each waits its turn, and all is there."""
    words = [f"{letter}{number}" for letter, number in itertools.product("abcdef", range(5))]
    await asyncio.gather(*(write(engine, word) for word in words))
    assert on_disk(tmp_path) == set(words)


async def test_a_transaction_that_is_cancelled_anywhere_is_whole_or_gone(engine: AsyncEngine, tmp_path: Path) -> None:
    """Also while its commit waits for the disk: both rows are there or none, and the database is free for the next."""
    for number in range(20):
        task = asyncio.create_task(write(engine, f"a{number}", f"b{number}"))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await write(engine, f"after {number}")
    words = on_disk(tmp_path)
    assert all((f"a{number}" in words) == (f"b{number}" in words) for number in range(20))
    assert {f"after {number}" for number in range(20)} <= words
