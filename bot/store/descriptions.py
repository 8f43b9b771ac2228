"""What happens to stored descriptions after they were posted: edited, deleted, taken as one; and a note that is removed with them.

Deleted rows are overwritten on the disk (`secure_delete`); `Database.scrub` empties the log that still held them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import bindparam, delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.change import ChangeKind, NoteChange
from bot.domain.note import Note
from bot.domain.reading import Reading
from bot.store.tables import (
    AcceptanceRow,
    CorrectionRow,
    EditDraftRow,
    EditReasonRow,
    FeedbackRow,
    InboxRow,
    ItemChangeRow,
    MessageRow,
    NightSampleRow,
    NoteChangeRow,
    QuestionRow,
    ReportRow,
    RevisionRow,
    TickedRow,
    TurnRow,
)
from bot.store.vault import seal
from bot.workflow.incoming import Incoming, Stage
from bot.workflow.ports import StoredTurn

_VERSIONS = select(func.max(ReportRow.serial)).where(ReportRow.note_id == bindparam("note")).group_by(col(ReportRow.source_ts))
_NEWEST = select(ReportRow).where(col(ReportRow.serial).in_(_VERSIONS)).order_by(col(ReportRow.source_ts))
_CHANGES = select(NoteChangeRow).where(NoteChangeRow.note_id == bindparam("note")).order_by(col(NoteChangeRow.serial))


async def newest_reports(session: AsyncSession, note_id: str) -> Sequence[ReportRow]:
    """The newest version of each message that a note rests on, in the order of the messages."""
    return (await session.exec(_NEWEST, params={"note": note_id})).all()


async def versions(session: AsyncSession, case_id: str, source_ts: str) -> Sequence[ReportRow]:
    """All versions of a message, oldest first."""
    query = select(ReportRow).where(ReportRow.case_id == case_id, ReportRow.source_ts == source_ts)
    return (await session.exec(query.order_by(col(ReportRow.serial)))).all()


async def forget_message(session: AsyncSession, case_id: str, source_ts: str) -> None:
    """Removes all versions of what a message reported, and what may have been made of it: the case's notes that were kept to be compared,
    which don't say where their text came from, and digests that a counselor corrected while it was in them."""
    here = col(TurnRow.case_id) == case_id, col(TurnRow.source).startswith(f"{source_ts}:", autoescape=True)
    await _forget_digests(session, case_id, (await session.exec(select(func.min(TurnRow.position)).where(*here))).one())
    await session.exec(delete(ReportRow).where(col(ReportRow.case_id) == case_id, col(ReportRow.source_ts) == source_ts))
    await session.exec(delete(NightSampleRow).where(col(NightSampleRow.case_id) == case_id))


async def forget_posts(session: AsyncSession, key: str) -> None:
    """Acts that were given up keep their text, for whoever looks into it: not those whose key begins with this one."""
    ended = col(InboxRow.key).startswith(key, autoescape=True), col(InboxRow.stage).in_((Stage.DONE, Stage.FAILED))
    await session.exec(update(InboxRow).where(*ended).values(sealed_act=None))


async def rewrite_turn(session: AsyncSession, key: bytes, case_id: str, stored: StoredTurn) -> None:
    """Another text, length and source in place of those that stood at that position."""
    sealed = seal(key, stored.turn.text, f"turn:{case_id}:{stored.position}")
    here = update(TurnRow).where(col(TurnRow.case_id) == case_id, col(TurnRow.position) == stored.position)
    await session.exec(here.values(sealed_text=sealed, tokens=stored.turn.tokens, source=stored.source))
    await _forget_digests(session, case_id, stored.position)


async def _forget_digests(session: AsyncSession, case_id: str, position: int | None) -> None:
    """Removes the corrected digests that stood for the turn at this position, and those after them, which were made from them."""
    stood = col(CorrectionRow.case_id) == case_id
    if position is not None:
        first = (await session.exec(select(func.min(CorrectionRow.number)).where(stood, CorrectionRow.upto >= position))).one()
        if first is not None:
            await session.exec(delete(CorrectionRow).where(stood, col(CorrectionRow.number) >= first))


async def remove_turns(session: AsyncSession, case_id: str, positions: Sequence[int]) -> None:
    """Removes the turns at these positions; the others keep theirs."""
    await session.exec(delete(TurnRow).where(col(TurnRow.case_id) == case_id, col(TurnRow.position).in_(positions)))


async def add_change(session: AsyncSession, case_id: str, change: NoteChange) -> None:
    """One more change of a message that a note rests on."""
    session.add(
        NoteChangeRow(
            case_id=case_id,
            note_id=change.note_id,
            source_ts=change.source_ts,
            kind=change.kind,
            reading=change.reading,
            revisions=change.revisions,
            at=change.at,
        )
    )
    await session.flush()


async def read_changes(session: AsyncSession, note_id: str) -> Sequence[NoteChange]:
    """The changes of a note's messages, oldest first."""
    rows = await session.exec(_CHANGES, params={"note": note_id})
    return [NoteChange(row.note_id, row.source_ts, ChangeKind(row.kind), Reading(row.reading), row.revisions, row.at) for row in rows]


async def was_rewritten(session: AsyncSession, case_id: str) -> bool:
    """Whether any text of a case was edited or deleted after it had been taken up."""
    return (await session.exec(select(NoteChangeRow.serial).where(NoteChangeRow.case_id == case_id).limit(1))).first() is not None


async def empty_note(session: AsyncSession, note: Note) -> None:
    """Removes a note's revisions with all that was said about them, its questions, turns and reports; its row, its messages and the fact of
    the change stay."""
    first = (await session.exec(select(func.min(TurnRow.position)).where(TurnRow.note_id == note.id))).one()
    await _forget_digests(session, note.case_id, first)
    for table in (AcceptanceRow, ItemChangeRow, EditReasonRow, FeedbackRow, EditDraftRow, QuestionRow, RevisionRow, TurnRow, ReportRow):
        await session.exec(delete(table).where(col(table.note_id) == note.id))
    asked = select(QuestionRow.name).where(QuestionRow.case_id == note.case_id)  # ticks of what no other note asks
    await session.exec(delete(TickedRow).where(col(TickedRow.case_id) == note.case_id, col(TickedRow.name).not_in(asked)))
    await session.exec(delete(NightSampleRow).where(col(NightSampleRow.case_id) == note.case_id))


async def slots_of(session: AsyncSession, note_id: str) -> Sequence[str]:
    """The slots of all messages that show a note, oldest first."""
    query = select(MessageRow.slot).where(MessageRow.note_id == note_id).group_by(col(MessageRow.slot))
    return (await session.exec(query.order_by(func.min(MessageRow.serial)))).all()


async def put_back(session: AsyncSession, key: bytes, act: Incoming) -> None:
    """An inbox row for an act that follows from another one; where it was there before, it stays as it is."""
    if (await session.exec(select(InboxRow.id).where(InboxRow.key == act.key))).first() is not None:
        return
    sealed = seal(key, act.model_dump_json(), f"inbox:{act.key}")
    session.add(
        InboxRow(
            key=act.key,
            team_id=act.team_id,
            channel_id=act.channel_id,
            at=act.at,
            stage=Stage.PENDING,
            sealed_act=sealed,
            received_at=datetime.now(UTC),
        )
    )
    await session.flush()
