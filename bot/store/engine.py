"""The database engine: SQLite by default, PostgreSQL by URL."""

from functools import partial

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store import sqlite


def make_engine(url: str) -> AsyncEngine:
    """An async engine for `url`, with SQLite made quick, and safe for several writers and for power loss."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20)
    arguments, options = parsed.get_dialect()().create_connect_args(parsed)
    engine = create_async_engine(url, hide_parameters=True, async_creator=partial(sqlite.connect, *arguments, **options))
    # a transaction that begins by reading and writes later fails at once where another one writes: take the lock at the start
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
