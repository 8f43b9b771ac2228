"""Database schema: Alembic migrations from the first table on."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, func, pool, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from bot.store import tables  # noqa: F401 (fills the metadata)
from bot.store.errors import SchemaOutOfDate

metadata = SQLModel.metadata
UPGRADE_LOCK = 7_249_742_271
"""PostgreSQL's advisory lock which one upgrade holds; any number that nobody else uses."""


def alembic_config() -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def upgrade(url: str) -> str:
    """Brings the database at `url` to the newest schema and returns its revision; of several callers at once, one does it."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":  # the write lock from the beginning, so that the version is read under it
        event.listen(engine.sync_engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    await engine.dispose()
    return newest_revision()


async def current_revision(url: str) -> str | None:
    """The schema revision of the database at `url`; None if it is empty."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        revision = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    await engine.dispose()
    return revision


def newest_revision() -> str:
    """The schema revision that this code needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise SchemaOutOfDate("no migrations are installed with this package")
    return head


async def ensure_schema(url: str) -> None:
    """Makes the schema of an empty database.

    Raises:
        SchemaOutOfDate: the database has another schema; a person decides when to change it.
    """
    revision = await current_revision(url)
    if revision is None:
        await upgrade(url)
    elif revision != newest_revision():
        raise SchemaOutOfDate("the database was made by another version of PhyAssist; back it up, then run: phyassist db upgrade")


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
