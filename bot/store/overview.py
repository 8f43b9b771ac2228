"""What waits in cases, counted: one query a kind, over all cases that are asked for, and nothing is decrypted."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.note import Purpose
from bot.store.case_files import case_from
from bot.store.questions import count_open
from bot.store.safety_cards import count_unseen
from bot.store.tables import AcceptanceRow, ApprovalRow, CaseRow, InboxRow, NoteRow, RevisionRow
from bot.workflow.incoming import Stage
from bot.workflow.overview import CaseOverview, Draft

_UNFINISHED = [stage for stage in Stage if not stage.is_final]


async def overviews(session: AsyncSession, team_id: str, channel_ids: Collection[str]) -> Sequence[CaseOverview]:
    """The cases of these channels, by code."""
    query = select(CaseRow).where(CaseRow.team_id == team_id, col(CaseRow.channel_id).in_(channel_ids)).order_by(col(CaseRow.code))
    cases = [case_from(row) for row in await session.exec(query)]
    ids = [case.id for case in cases]
    drafts, failed, questions = await _count_drafts(session, ids), await _failed(session, ids), await count_open(session, ids)
    posts, cards = await _count_posts(session, [case.channel_id for case in cases]), await count_unseen(session, ids)
    return [
        CaseOverview(
            case,
            drafts=drafts.get(case.id, 0),
            questions=questions.get(case.id, 0),
            failed=int(case.id in failed),
            posts=posts.get(case.channel_id, 0),
            safety=cards.get(case.id, 0),
        )
        for case in cases
    ]


async def drafts(session: AsyncSession, case_id: str) -> Sequence[Draft]:
    """The final notes of a case that wait for approval, oldest first."""
    query = (
        select(NoteRow.thread_ts, RevisionRow.created_at)
        .join(RevisionRow, col(RevisionRow.note_id) == col(NoteRow.id))
        .where(NoteRow.case_id == case_id, RevisionRow.number == 1, *_is_draft())
    )
    return [Draft(thread_ts, at) for thread_ts, at in await session.exec(query.order_by(col(NoteRow.position)))]


async def count_unaccepted(session: AsyncSession, case_id: str) -> int:
    """How many answers of a case nobody took over as they stand now."""
    later = aliased(RevisionRow)
    superseded = select(later.id).where(later.note_id == NoteRow.id, later.number > RevisionRow.number).exists()
    accepted = select(AcceptanceRow.serial).where(AcceptanceRow.revision_id == RevisionRow.id).exists()
    query = (
        select(func.count())
        .select_from(NoteRow)
        .join(RevisionRow, col(RevisionRow.note_id) == col(NoteRow.id))
        .where(NoteRow.case_id == case_id, NoteRow.purpose == Purpose.ANSWER, ~superseded, ~accepted)
    )
    return (await session.exec(query)).one()


async def _count_drafts(session: AsyncSession, case_ids: Collection[str]) -> Mapping[str, int]:
    written = select(RevisionRow.id).where(RevisionRow.note_id == NoteRow.id).exists()
    query = select(NoteRow.case_id, func.count()).where(col(NoteRow.case_id).in_(case_ids), written, *_is_draft())
    return dict((await session.exec(query.group_by(col(NoteRow.case_id)))).all())


def _is_draft() -> tuple[ColumnElement[bool] | bool, ...]:
    """Conditions on a note: a summary that is not approved, and that no approved one came after."""
    approved, other = select(ApprovalRow.note_id).where(ApprovalRow.note_id == NoteRow.id).exists(), aliased(NoteRow)
    later = (
        select(other.id)
        .join(ApprovalRow, col(ApprovalRow.note_id) == col(other.id))
        .where(other.case_id == NoteRow.case_id, other.position > NoteRow.position)
        .exists()
    )
    return NoteRow.purpose == Purpose.SUMMARY, ~approved, ~later


async def _failed(session: AsyncSession, case_ids: Collection[str]) -> frozenset[str]:
    """Cases whose newest answer was never written, and is not on its way either."""
    newest = (
        select(NoteRow.case_id, func.max(NoteRow.position).label("position"))
        .where(col(NoteRow.case_id).in_(case_ids), NoteRow.purpose == Purpose.ANSWER)
        .group_by(col(NoteRow.case_id))
        .subquery()
    )
    written = select(RevisionRow.id).where(RevisionRow.note_id == NoteRow.id).exists()
    coming = select(InboxRow.id).where(InboxRow.note_id == NoteRow.id, col(InboxRow.stage).in_(_UNFINISHED)).exists()
    query = (
        select(NoteRow.case_id)
        .join(newest, (newest.c.case_id == NoteRow.case_id) & (newest.c.position == NoteRow.position))
        .where(~written, ~coming)
    )
    return frozenset(await session.exec(query))


async def _count_posts(session: AsyncSession, channel_ids: Collection[str]) -> Mapping[str, int]:
    query = select(InboxRow.channel_id, func.count()).where(col(InboxRow.stage).in_(_UNFINISHED))
    rows = await session.exec(query.where(col(InboxRow.channel_id).in_(channel_ids)).group_by(col(InboxRow.channel_id)))
    return dict(rows.all())
