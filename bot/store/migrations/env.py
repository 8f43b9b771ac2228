"""Run by Alembic; the connection comes from `bot.store.migrate`."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import AutoString

from bot.store.migrate import metadata
from bot.store.tables import UtcDateTime


def render(kind: str, value: Any, _context: AutogenContext) -> str | Literal[False]:
    """Own column types as plain ones, so that an old migration doesn't depend on today's code."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return "sa.String()" if kind == "type" and isinstance(value, AutoString) else False


connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, render_item=render)
with context.begin_transaction():
    context.run_migrations()
