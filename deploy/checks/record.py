"""The audit, and how long closed cases are kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from bot.settings import Settings
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.heads import HEADS_FILE, KeptHeads
from bot.store.migrate import current_revision, newest_revision
from bot.workflow.audit_export import NO_ROWS, export_audit
from deploy.checks.finding import Finding, note, ok, problem
from deploy.checks.store import is_absent_file

AUDIT, RETENTION = "Audit", "Retention"


async def check_record(settings: Settings) -> AsyncIterator[Finding]:
    """Follow the chain from its first row; say what happens to closed cases."""
    finding = await _audit(settings)
    if finding:
        yield finding
    yield _retention(settings)


async def _audit(settings: Settings) -> Finding | None:
    """None where the database can't be read, which another finding says."""
    url = settings.store.url
    try:
        if is_absent_file(url) or await current_revision(url) != newest_revision():
            return None
        database = Database(make_engine(url), b"")  # no row of the audit is encrypted
        try:
            kept = KeptHeads(settings.home / HEADS_FILE).read()
            made = await export_audit(database, NO_ROWS, kept, datetime.now(UTC), "doctor")
        finally:
            await database.close()
    except (SQLAlchemyError, OSError, ModuleNotFoundError):
        return None
    if made.broken:
        mend = "Keep the database as it is and find out who could write to it; `phyassist audit export` shows what is left."
        return problem(AUDIT, f"not sound: row {made.broken.number}: {made.broken.fault}", mend)
    return ok(AUDIT, f"sound, {made.head.number} rows, heads kept beside the database: {len(kept)}")


def _retention(settings: Settings) -> Finding:
    days, notice = settings.store.retention_days, settings.store.retention_notice_days
    if days is None:
        return note(RETENTION, "closed cases are kept", "PHYASSIST_STORE__RETENTION_DAYS deletes them after a number of days.")
    said = f"closed cases are deleted after {days} days, announced {notice} days before"
    if not settings.slack.admin_channel:
        return note(RETENTION, said, "Set PHYASSIST_SLACK__ADMIN_CHANNEL: certificates of deletion are issued there.")
    return ok(RETENTION, said)
