"""What somebody is shown of a case when they ask for it goes to the audit, before they see it: once an opening, not page by page."""

from datetime import UTC, datetime

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case import Case
from bot.workflow.ports import Store


async def viewed(store: Store, case: Case, user_id: str, what: str, subject: str = "") -> None:
    """Somebody opens something of a case: `what` is a word of ours, `subject` the id of what it is about."""
    async with store.begin() as uow:
        await uow.record(AuditEntry(datetime.now(UTC), case.team_id, case.id, user_id, AuditAction.VIEWED, subject, what))
