"""The database: reachable, and in the form this version needs."""

from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.store.migrate import current_revision, newest_revision
from deploy.checks.finding import Finding, note, ok, problem

SUBJECT = "Database"


async def check_store(address: str) -> AsyncIterator[Finding]:
    """Connect, and compare the tables' revision with the newest one."""
    try:
        url = make_url(address)
    except ArgumentError:
        yield problem(SUBJECT, "PHYASSIST_STORE__URL is no database address", "postgresql+asyncpg://user:password@host/name")
        return
    shown = url.render_as_string(hide_password=True)
    if is_absent_file(address):
        yield note(SUBJECT, f"{shown} will be made at the first start")
        return
    try:
        revision = await current_revision(address)
    except (SQLAlchemyError, OSError, ModuleNotFoundError) as error:
        mend = "Start the database, or set PHYASSIST_STORE__URL to an address that works, with an async driver such as asyncpg."
        yield problem(SUBJECT, f"{shown} does not answer ({type(error).__name__})", mend)
        return
    if revision is None:
        yield note(SUBJECT, f"{shown} is reached and empty; its tables come at the first start")
    elif revision == newest_revision():
        yield ok(SUBJECT, f"{shown}, tables at {revision}")
    else:
        found = f"{shown} has tables at {revision}, this version needs {newest_revision()}"
        yield problem(SUBJECT, found, "Back it up, then: phyassist db upgrade")


def is_absent_file(address: str) -> bool:
    """Whether it is an SQLite file that is not there yet; connecting would make it. Raises: ArgumentError."""
    url = make_url(address)
    return url.get_backend_name() == "sqlite" and bool(url.database) and not Path(str(url.database)).exists()
