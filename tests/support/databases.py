"""The newest schema for a new database, copied from one that was migrated once in this session.

Each migration from the first table on takes a third of a second, and hundreds of tests begin with an empty database.
That the migrations themselves work is shown by the tests that run them: tests/bot/test_store.py, tests/deploy/test_cli.py and the stories.
"""

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
from sqlalchemy import make_url

from bot.store.migrate import ensure_schema

_sqlite: list[bytes] = []
"""The file of an empty SQLite database with its schema, once it was made."""
_postgres: dict[str, str] = {}
"""Of each PostgreSQL server: the name of the database that the others are copied from."""


async def make_schema(url: str) -> None:
    """What `ensure_schema` makes of an empty database, only sooner; a database that has tables is looked at by `ensure_schema` itself."""
    if make_url(url).get_backend_name() == "sqlite":
        await _make_sqlite(url)
    else:
        await _make_postgres(url)


async def drop_templates() -> None:
    """Removes what was copied from."""
    while _postgres:
        server, name = _postgres.popitem()
        await _execute(server, f'DROP DATABASE "{name}"')


async def _make_sqlite(url: str) -> None:
    path = Path(make_url(url).database or "")
    if path.exists():
        return await ensure_schema(url)
    if not _sqlite:
        with TemporaryDirectory() as folder:
            first = Path(folder) / "phyassist.db"
            await ensure_schema(f"sqlite+aiosqlite:///{first}")
            _sqlite.append(first.read_bytes())
    path.write_bytes(_sqlite[0])
    return None


async def _make_postgres(url: str) -> None:
    address = url.replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    try:
        empty = await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL")
    finally:
        await connection.close()
    if not empty:
        return await ensure_schema(url)
    server, name = address.rsplit("/", 1)
    server += "/postgres"
    if server not in _postgres:
        template = f"phyassist_{uuid.uuid4().hex}"
        await _execute(server, f'CREATE DATABASE "{template}"')
        await ensure_schema(f"{url.rsplit('/', 1)[0]}/{template}")
        _postgres[server] = template
    # copying the files is the faster way here, as nothing waits for the disk
    copy = f'CREATE DATABASE "{name}" TEMPLATE "{_postgres[server]}" STRATEGY FILE_COPY'
    await _execute(server, f'DROP DATABASE "{name}"', copy)
    return None


async def _execute(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
