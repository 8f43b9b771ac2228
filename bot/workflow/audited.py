"""Which row of the audit an act of the inbox makes.

An act is audited when it is taken up, in the transaction that does so, whoever does it; so no workflow has to think of it. An act of a kind
that is not listed here counts as a change, under the name of its kind: nothing is left out.
"""

from datetime import datetime

from bot.domain.audit import BOT, AuditAction, AuditEntry
from bot.workflow.incoming import Incoming, Stage
from bot.workflow.ports import Work

ACTIONS = {
    "posted": AuditAction.DESCRIBED,
    "deleted": AuditAction.DESCRIPTION_DELETED,
    "remove_note": AuditAction.DESCRIPTION_DELETED,
    "separate": AuditAction.REREAD,
    "handed_back": AuditAction.EDITED,
    "item_changed": AuditAction.EDITED,
    "reason_stated": AuditAction.RATED,
    "felt": AuditAction.RATED,
    "reread": AuditAction.REREAD,
    "try_again": AuditAction.RETRIED,
    "asked_anew": AuditAction.RETRIED,
    "write_again": AuditAction.RETRIED,
    "questions_ticked": AuditAction.DISMISSED,
    "digest_corrected": AuditAction.CORRECTED,
    "summarize": AuditAction.SUMMARIZED,
    "sections_corrected": AuditAction.EDITED,
    "approve": AuditAction.APPROVED,
    "cosign": AuditAction.COSIGNED,
    "add_addendum": AuditAction.ADDED,
    "accept": AuditAction.ACCEPTED,
    "case_changed": AuditAction.CHANGED,
}
"""By the kind of an act."""
BY_THEMSELVES = {
    "joined",
    "case_switched",
    "channel_changed",
    "channel_moved",
    "channel_renamed",
    "card_seen",
    "export_notes",
    "delete_case",
}
"""Kinds of acts whose own workflow audits what came of them, which their kind does not tell."""
_OFTEN_NOTHING = {"posted", "deleted", "reread", "item_changed"}
"""Kinds of acts that changed nothing where they were done at once, or are about no note: people talk in other threads, an edit left the
text as it was."""


def taken_up(work: Work, stage: Stage, case_id: str | None, note_id: str | None, at: datetime) -> AuditEntry | None:
    """The row of an act that goes on to `stage`; None where that is nothing new, or changed nothing."""
    act = work.act
    if work.stage is Stage.ACCEPTED and stage is Stage.ANSWERED:
        return AuditEntry(at, act.team_id, case_id, BOT, AuditAction.ANSWERED, note_id or "")
    nothing = act.type in BY_THEMSELVES or (act.type in _OFTEN_NOTHING and (stage is Stage.DONE or note_id is None))
    if work.stage is not Stage.PENDING or nothing:
        return None
    action = ACTIONS.get(act.type, AuditAction.CHANGED)
    return AuditEntry(at, act.team_id, case_id, act.user_id, action, _subject(act, note_id), _detail(act))


def turned_away(act: Incoming, case_id: str | None, sign: str, at: datetime) -> AuditEntry:
    """The row of an act that was refused with a sign."""
    about = case_id or getattr(act, "case_id", None)  # as a form says
    return AuditEntry(at, act.team_id, about, act.user_id, AuditAction.REFUSED, act.channel_id, f"{act.type}:{sign}")


def _subject(act: Incoming, note_id: str | None) -> str:
    """The note that the act is about, as it says itself or as it turned out."""
    return str(getattr(act, "note_id", None) or note_id or "")


def _detail(act: Incoming) -> str:
    """Which revision of the note, where the act names one; else the kind of act, where the action does not tell it."""
    return str(getattr(act, "revision_id", None) or ("" if act.type in ACTIONS else act.type))
