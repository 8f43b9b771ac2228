"""What is recorded about a case as a whole, its consents and its people's names; and the end of a case."""

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Delete, delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.case import Case, CaseState, Consent, ConsentHistory, Roster, Suspension, Withdrawal
from bot.store.tables import (
    AcceptanceRow,
    AddendumRow,
    AnnouncementRow,
    ApprovalRow,
    CaseRow,
    ConsentRow,
    CorrectionRow,
    CosignatureRow,
    DeletedCaseRow,
    EditDraftRow,
    EditReasonRow,
    FeedbackRow,
    InboxRow,
    ItemChangeRow,
    KeyRow,
    MessageRow,
    MovedChannelRow,
    NightSampleRow,
    NoteChangeRow,
    NoteFormatRow,
    NoteRow,
    QuestionRow,
    ReportRow,
    RevisionRow,
    RosterRow,
    SafetyCardRow,
    SafetyCardSeenRow,
    TickedRow,
    TurnRow,
)
from bot.store.vault import seal, unseal
from inference.note import Language


def case_from(row: CaseRow) -> Case:
    """The case of a row."""
    return Case(
        row.id,
        row.team_id,
        row.channel_id,
        row.code,
        Language(row.language),
        CaseState(row.state),
        row.opened_at,
        row.opened_by,
        row.note_format,
        row.language_settled,
        row.welcomed,
        row.closed_at,
        Suspension(row.suspended_for) if row.suspended_for else None,
        row.suspended_at,
    )


async def read_consents(session: AsyncSession, key: bytes, case_id: str) -> ConsentHistory:
    """All that was recorded about a case's consent, oldest first."""
    rows = await session.exec(select(ConsentRow).where(ConsentRow.case_id == case_id).order_by(col(ConsentRow.position)))
    return tuple(_step(row, key) for row in rows)


async def write_consent(session: AsyncSession, key: bytes, case_id: str, position: int, step: Consent | Withdrawal) -> None:
    """One more step at the end of the history, at `position`. A withdrawal also removes what was shown to admins of the case."""
    row = ConsentRow(case_id=case_id, position=position, recorded_by=step.recorded_by, recorded_at=step.recorded_at)
    if isinstance(step, Consent):
        row.sealed_given_by, row.given_on = seal(key, step.given_by, f"consent:{case_id}:{position}"), step.given_on
    else:
        await session.exec(delete(NightSampleRow).where(col(NightSampleRow.case_id) == case_id))
    session.add(row)
    await session.flush()


def _step(row: ConsentRow, key: bytes) -> Consent | Withdrawal:
    if row.sealed_given_by is None or row.given_on is None:
        return Withdrawal(row.recorded_by, row.recorded_at)
    given_by = unseal(key, row.sealed_given_by, f"consent:{row.case_id}:{row.position}")
    return Consent(given_by, row.given_on, row.recorded_by, row.recorded_at)


async def read_roster(session: AsyncSession, key: bytes, case_id: str) -> Roster:
    """The names of a case's people; version 0 where nobody entered any."""
    row = await session.get(RosterRow, case_id)
    if row is None:
        return Roster()
    return Roster(tuple(json.loads(unseal(key, row.sealed_names, f"roster:{case_id}:{row.version}"))), row.version)


async def write_roster(session: AsyncSession, key: bytes, case_id: str, roster: Roster, by: str, at: datetime) -> None:
    """These names in place of those that were there."""
    sealed = seal(key, json.dumps(roster.names, ensure_ascii=False), f"roster:{case_id}:{roster.version}")
    await session.merge(RosterRow(case_id=case_id, version=roster.version, sealed_names=sealed, changed_by=by, changed_at=at))
    await session.flush()


async def remove_case(session: AsyncSession, case_id: str, at: datetime) -> bool:
    """Removes a case's key and all its rows, those of its channel in the inbox included; whether it was there."""
    case = await session.get(CaseRow, case_id)
    if case is None:
        return False
    for statement in _removals(case):
        await session.exec(statement)
    session.add(DeletedCaseRow(id=case_id, deleted_at=at))
    return True


_OF_A_NOTE = (
    MessageRow,
    AcceptanceRow,
    ApprovalRow,
    ItemChangeRow,
    EditReasonRow,
    FeedbackRow,
    EditDraftRow,
    AddendumRow,
    CosignatureRow,
    NoteFormatRow,
)
"""Tables whose rows say which note they are of."""


_OF_A_CASE = (
    NoteChangeRow,
    ReportRow,
    TurnRow,
    NoteRow,
    ConsentRow,
    RosterRow,
    NightSampleRow,
    AnnouncementRow,
    QuestionRow,
    TickedRow,
    CorrectionRow,
)
"""Tables whose rows say which case they are of, in an order that no foreign key minds."""


def _removals(case: CaseRow) -> Iterator[Delete]:
    """What to delete, in an order that no foreign key minds; the key first, so that nobody reads on."""
    notes = select(NoteRow.id).where(NoteRow.case_id == case.id)
    cards = select(SafetyCardRow.id).where(SafetyCardRow.case_id == case.id)
    yield delete(KeyRow).where(col(KeyRow.id) == case.id)
    yield delete(SafetyCardSeenRow).where(col(SafetyCardSeenRow.card_id).in_(cards))
    yield delete(SafetyCardRow).where(col(SafetyCardRow.case_id) == case.id)
    for table in _OF_A_NOTE:
        yield delete(table).where(col(table.note_id).in_(notes))
    yield delete(RevisionRow).where(col(RevisionRow.note_id).in_(notes))
    for each in _OF_A_CASE:
        yield delete(each).where(col(each.case_id) == case.id)
    yield delete(InboxRow).where(col(InboxRow.team_id) == case.team_id, col(InboxRow.channel_id) == case.channel_id)
    yield delete(MovedChannelRow).where(col(MovedChannelRow.new_channel_id) == case.channel_id)
    yield delete(CaseRow).where(col(CaseRow.id) == case.id)
