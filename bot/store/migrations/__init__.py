"""Run by Alembic from `bot.store.migrate`."""
