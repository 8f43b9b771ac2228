"""What is changed at a shell goes to the bot's audit where its database is at hand: as the user `shell`, of no team."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

    from bot.domain.audit import AuditAction
    from bot.settings import Settings

SHELL = "shell"


async def record_at_shell(settings: "Settings", action: "AuditAction", subject: str) -> bool:
    """One row of the audit; False: there is no database yet, as on a machine that only serves a model.

    Raises:
        SchemaOutOfDate: the database has another schema.
        SQLAlchemyError, OSError: it can't be reached.
    """
    from sqlalchemy import make_url

    from bot.domain.audit import AuditEntry
    from bot.store.database import Database
    from bot.store.engine import make_engine
    from bot.store.migrate import ensure_schema

    if not _is_there(make_url(settings.store.url)):
        return False
    await ensure_schema(settings.store.url)
    database = Database(make_engine(settings.store.url), b"")  # no row of the audit is encrypted
    try:
        async with database.begin() as uow:
            await uow.record(AuditEntry(datetime.now(UTC), "", None, SHELL, action, subject))
    finally:
        await database.close()
    return True


def _is_there(where: "URL") -> bool:
    """Whether there may be a database: a file that is not there is none, and is not to be made."""
    return where.get_backend_name() != "sqlite" or Path(where.database or "").is_file()
