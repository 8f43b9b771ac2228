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
    "handed_back": AuditAction.EDITED,
    "reread": AuditAction.REREAD,
    "try_again": AuditAction.RETRIED,
    "summarize": AuditAction.SUMMARIZED,
    "approve": AuditAction.APPROVED,
    "accept": AuditAction.ACCEPTED,
    "case_changed": AuditAction.CHANGED,
}
"""By the kind of an act."""
_OFTEN_NOTHING = {"posted", "reread", "joined"}
"""Kinds of acts that changed nothing where they were done at once: people talk in other threads, an edit left the text as it was."""


def taken_up(work: Work, stage: Stage, case_id: str | None, note_id: str | None, at: datetime) -> AuditEntry | None:
    """The row of an act that goes on to `stage`; None where that is nothing new, or changed nothing."""
    act = work.act
    if work.stage is Stage.ACCEPTED and stage is Stage.ANSWERED:
        return AuditEntry(at, act.team_id, case_id, BOT, AuditAction.ANSWERED, note_id or "")
    if work.stage is not Stage.PENDING or (stage is Stage.DONE and act.type in _OFTEN_NOTHING):
        return None
    action = ACTIONS.get(act.type, AuditAction.CHANGED)
    return AuditEntry(at, act.team_id, case_id, act.user_id, action, _subject(act, note_id), _detail(act))


def turned_away(act: Incoming, case_id: str | None, sign: str, at: datetime) -> AuditEntry:
    """The row of an act that was refused with a sign."""
    return AuditEntry(at, act.team_id, case_id, act.user_id, AuditAction.REFUSED, act.channel_id, f"{act.type}:{sign}")


def _subject(act: Incoming, note_id: str | None) -> str:
    """The note that the act is about, as it says itself or as it turned out."""
    return str(getattr(act, "note_id", None) or note_id or "")


def _detail(act: Incoming) -> str:
    """Which revision of the note, where the act names one; else the kind of act, where the action does not tell it."""
    return str(getattr(act, "revision_id", None) or ("" if act.type in ACTIONS else act.type))
