"""What the form of a case changes: code, language, note format, state, who gave consent for training and when, the names to take out.

Two people may have the form open at once. So it counts what a person changed in it, not what it happens to show: a form that was opened
before a withdrawal doesn't bring consent back, and names that a colleague added meanwhile stay.
"""

from dataclasses import replace
from datetime import datetime

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case import Case, CaseFile, Consent, ConsentHistory, Roster, Withdrawal, consent_now
from bot.domain.case_state import close, reopen
from bot.domain.errors import CaseOutOfDate, CodeTaken
from bot.workflow.incoming import CaseChanged, SaidConsent
from bot.workflow.ports import Notice, Sign, UnitOfWork


async def apply_change(uow: UnitOfWork, file: CaseFile, act: CaseChanged, at: datetime) -> None:
    """Stores what the form adds.

    Raises:
        CaseOutOfDate: see `next_step`.
        CodeTaken: another case of the team has the code by now.
    """
    case = changed_case(file.case, act, at)
    if case.code != file.case.code and case.code in await uow.codes(case.team_id):
        raise CodeTaken
    if case != file.case:
        await uow.save_case(case)
    if case.closed_at != file.case.closed_at:
        action = AuditAction.CLOSED if case.closed_at else AuditAction.REOPENED
        await uow.record(AuditEntry(at, case.team_id, case.id, act.user_id, action))
    step = next_step(file.consents, act.consents_seen, act.consent, act.user_id, at)
    if step:
        await uow.add_consent(file.case.id, step)
    names = next_names(file.roster, act.roster_seen, act.names)
    if names != file.roster.names:
        await uow.set_roster(file.case.id, Roster(names, file.roster.version + 1), act.user_id, at)


def changed_case(case: Case, act: CaseChanged, at: datetime) -> Case:
    """The case after a form; its language doesn't depend on the first description any more, as somebody has seen it in the form."""
    changed = replace(
        case,
        code=act.code or case.code,
        language=act.language or case.language,
        note_format=act.note_format or case.note_format,
        language_settled=True,
    )
    if act.closed is None:
        return changed
    return close(changed, at) if act.closed else reopen(changed)


def next_step(history: ConsentHistory, seen: int, said: SaidConsent | None, who: str, at: datetime) -> Consent | Withdrawal | None:
    """What a form adds to the history of consent, of which its reader saw the first `seen` steps; None where they changed nothing.

    Raises:
        CaseOutOfDate: they recorded consent without having seen what was recorded since. Withdrawing always counts.
    """
    saw, holds = consent_now(history[:seen]), consent_now(history)
    if said is None:
        return Withdrawal(who, at) if saw and holds else None
    if saw and (saw.given_by, saw.given_on) == (said.given_by, said.given_on):
        return None
    if seen != len(history):
        raise CaseOutOfDate
    return Consent(said.given_by, said.given_on, who, at)


def next_names(roster: Roster, seen: int, said: tuple[str, ...]) -> tuple[str, ...]:
    """The names after a form that was opened at version `seen`: a name too many does no harm, one too few may."""
    kept = () if seen == roster.version else roster.names
    return tuple(dict.fromkeys((*kept, *said)))


def what_holds(file: CaseFile) -> Notice:
    """The sentence that says what holds for a case now."""
    consent, language, names = consent_now(file.consents), file.case.language, len(file.roster.names)
    if consent:
        return Notice(Sign.CONSENT_HOLDS, language, names, on=consent.given_on, case=file.case)
    return Notice(Sign.CONSENT_WITHDRAWN if file.consents else Sign.CONSENT_OFF, language, names, case=file.case)
