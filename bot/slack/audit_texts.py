"""Words about the audit, in each language."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog
from bot.domain.audit import Fault


@dataclass(frozen=True)
class AuditTexts:
    """The words of one language."""

    admins_only: str
    working: str
    unclear: str
    sound: str
    broken: str
    faults: dict[Fault, str]
    rows: str
    sent: str
    not_sent: str


def _words(_: Translate) -> AuditTexts:
    return AuditTexts(
        admins_only=_("Only admins can do that."),
        working=_("I am checking the audit; this takes a few seconds."),
        unclear=_(
            "Please name a day, a month, a period or the code of a case, such as `/phyassist audit 2026-11`, "
            "`/phyassist audit 2026-11-01..2026-11-14` or `/phyassist audit C-1A2B3C`."
        ),
        sound=_("The audit is sound: {number} rows, each chained to the one before. Its head is `{hash}`."),
        broken=_("*The audit is not sound.* Row {number}: {fault} Please keep the database as it is and find out who could write to it."),
        faults={
            Fault.CHANGED: _("it was changed, or put in the place of another."),
            Fault.MISSING: _("it is missing."),
            Fault.CUT: _("it was there once, and everything from it on is gone."),
            Fault.REWRITTEN: _("it is another one than at the time when its hash was kept."),
        },
        rows=_("Rows in the file: {number}."),
        sent=_("The files are in our conversation."),
        not_sent=_("The files could not be sent. Please try again in a minute."),
    )


audit_texts = catalog("audit", _words)
