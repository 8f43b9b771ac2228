"""The unit of work: domain values in, encrypted rows out, and back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import AuditEntry
from bot.domain.case import Case, CaseFile, CaseState, Consent, Roster, Withdrawal
from bot.domain.note import Note, Revision
from bot.domain.reading import Reading
from bot.store import audit
from bot.store.case_files import case_from, read_consents, read_roster, write_consent, write_roster
from bot.store.digests import read_corrections, write_correction
from bot.store.errors import TakenOver
from bot.store.final_notes import write_addendum, write_approval, write_cosignature, write_format
from bot.store.keys import data_key
from bot.store.notes import read_note, write_acceptance, write_revision
from bot.store.tables import CaseRow, DeletedCaseRow, InboxRow, MessageRow, NoteRow, ReportRow, TurnRow
from bot.store.vault import seal, unseal
from bot.workflow.incoming import Stage, post_key
from bot.workflow.ports import Report, StoredTurn, Work
from inference.digest import Correction
from inference.note import Language
from inference.prompt import Turn, TurnKind


class SqlUnitOfWork:
    """One transaction on one session; made by `Database.begin`."""

    def __init__(self, session: AsyncSession, master_key: bytes) -> None:
        self._session = session
        self._master_key = master_key
        self._entries: list[AuditEntry] = []

    async def record(self, entry: AuditEntry) -> None:
        """One more row of the audit, added when the transaction ends, after everything else in it (`bot.store.audit` says why)."""
        self._entries.append(entry)

    async def finish(self) -> None:
        """Adds what was recorded, right before the commit."""
        if self._entries:
            await audit.append(self._session, self._entries)

    async def case_of(self, team_id: str, channel_id: str) -> Case | None:
        """The case bound to a channel."""
        row = (await self._session.exec(select(CaseRow).where(CaseRow.team_id == team_id, CaseRow.channel_id == channel_id))).first()
        return case_from(row) if row else None

    async def cases(self) -> Sequence[Case]:
        """All cases, oldest first."""
        rows = await self._session.exec(select(CaseRow).order_by(col(CaseRow.opened_at), col(CaseRow.id)))
        return [case_from(row) for row in rows]

    async def deleted_cases(self) -> Mapping[str, datetime]:
        """The ids of deleted cases, and when each was deleted."""
        return {row.id: row.deleted_at for row in await self._session.exec(select(DeletedCaseRow))}

    async def case_file(self, case_id: str) -> CaseFile | None:
        """A case with its consents and names; None where it is gone."""
        row = await self._session.get(CaseRow, case_id)
        if row is None:
            return None
        key = await self._key(case_id)
        consents, roster = await read_consents(self._session, key, case_id), await read_roster(self._session, key, case_id)
        return CaseFile(case_from(row), consents, roster)

    async def add_consent(self, case_id: str, step: Consent | Withdrawal) -> None:
        """One more step in the history of a case's consent."""
        position = len(await read_consents(self._session, key := await self._key(case_id), case_id)) + 1
        await write_consent(self._session, key, case_id, position, step)

    async def set_roster(self, case_id: str, roster: Roster, by: str, at: datetime) -> None:
        """Other names of a case's people, as somebody entered them."""
        await write_roster(self._session, await self._key(case_id), case_id, roster, by, at)

    async def open_case(self, team_id: str, channel_id: str, language: Language, at: datetime, case_id: str | None = None) -> Case:
        """A new case with a data key of its own and a proposed pseudonymous code; its id is drawn unless one is given."""
        case_id = case_id or uuid.uuid4().hex
        case = Case(case_id, team_id, channel_id, f"C-{case_id[:6].upper()}", language, CaseState.OPEN, at)
        await data_key(self._session, self._master_key, case.id, create=True)
        self._session.add(
            CaseRow(id=case.id, team_id=team_id, channel_id=channel_id, code=case.code, language=language, state=case.state, opened_at=at)
        )
        await self._session.flush()
        return case

    async def turns(self, case_id: str) -> Sequence[Turn]:
        """All turns of a case's prompt, oldest first."""
        return [stored.turn for stored in await self.stored_turns(case_id)]

    async def stored_turns(self, case_id: str) -> Sequence[StoredTurn]:
        """The same with where each belongs."""
        key = await self._key(case_id)
        rows = await self._session.exec(select(TurnRow).where(TurnRow.case_id == case_id).order_by(col(TurnRow.position)))
        return [_turn(row, key) for row in rows]

    async def corrections(self, case_id: str) -> Sequence[Correction]:
        """The digests of a case as counselors corrected them, oldest first."""
        return await read_corrections(self._session, await self._key(case_id), case_id)

    async def add_correction(self, case_id: str, upto: int, lines: Sequence[str], by: str, at: datetime) -> None:
        """A digest of the case's first `upto` turns as somebody corrected it."""
        await write_correction(self._session, await self._key(case_id), case_id, upto, lines, by, at)

    async def turn_of(self, note_id: str) -> StoredTurn | None:
        """The newest turn in which a counselor asked something of this note."""
        query = select(TurnRow).where(TurnRow.note_id == note_id, TurnRow.kind != TurnKind.ANSWER)
        row = (await self._session.exec(query.order_by(col(TurnRow.position).desc()).limit(1))).first()
        return _turn(row, await self._key(row.case_id)) if row else None

    async def add_turn(self, note: Note, turn: Turn, revision_id: str | None = None, source: str | None = None) -> None:
        """One more turn at the end of the note's case, with the revision that it made and what it was read from."""
        case_id = note.case_id
        position = await self._next_position(TurnRow, case_id)
        sealed = seal(await self._key(case_id), turn.text, f"turn:{case_id}:{position}")
        self._session.add(
            TurnRow(
                case_id=case_id,
                note_id=note.id,
                position=position,
                kind=turn.kind,
                tokens=turn.tokens,
                sealed_text=sealed,
                revision_id=revision_id,
                source=source,
            )
        )
        await self._session.flush()

    async def note(self, note_id: str) -> Note | None:
        """A note with all its revisions."""
        row = await self._session.get(NoteRow, note_id)
        return await self._note(row) if row else None

    async def note_in_thread(self, case_id: str, thread_ts: str) -> Note | None:
        """The note that lives in a thread."""
        row = (await self._session.exec(select(NoteRow).where(NoteRow.case_id == case_id, NoteRow.thread_ts == thread_ts))).first()
        return await self._note(row) if row else None

    async def notes(self, case_id: str) -> Sequence[Note]:
        """All notes of a case, oldest first."""
        rows = await self._session.exec(select(NoteRow).where(NoteRow.case_id == case_id).order_by(col(NoteRow.position)))
        return [await self._note(row) for row in rows.all()]

    async def add_note(self, note: Note) -> None:
        """A new note, without revisions yet."""
        position = await self._next_position(NoteRow, note.case_id)
        self._session.add(NoteRow(id=note.id, case_id=note.case_id, position=position, purpose=note.purpose, thread_ts=note.thread_ts))
        await self._session.flush()
        if note.format:
            await write_format(self._session, note.id, note.format)

    async def add_revision(self, note: Note, revision: Revision) -> None:
        """One more revision of a note; the note itself is not changed otherwise."""
        await write_revision(self._session, await self._key(note.case_id), note.id, revision)

    async def add_approval(self, note: Note) -> None:
        """The approval which the note carries."""
        if note.approval is None:
            raise ValueError("the note is not approved")
        await write_approval(self._session, await self._key(note.case_id), note.id, note.approval)

    async def add_addendum(self, note: Note) -> None:
        """The newest addendum of the note."""
        await write_addendum(self._session, await self._key(note.case_id), note.id, note.addenda[-1])

    async def add_cosignature(self, note: Note) -> None:
        """The co-signature which the note carries, unless it is there already."""
        if note.cosignature is None:
            raise ValueError("the note is not co-signed")
        await write_cosignature(self._session, await self._key(note.case_id), note.id, note.cosignature)

    async def add_acceptance(self, note: Note) -> None:
        """The acceptance of the note's newest revision, unless it is there already."""
        if note.acceptance is None:
            raise ValueError("the note is not accepted")
        await write_acceptance(self._session, note.id, note.acceptance)

    async def add_report(self, report: Report) -> None:
        """What a counselor wrote in one message, or in a new version of it."""
        sealed = seal(await self._key(report.case_id), report.text, f"description:{report.source_ts}:{report.version}")
        self._session.add(
            ReportRow(
                case_id=report.case_id,
                note_id=report.note_id,
                source_ts=report.source_ts,
                version=report.version,
                author_id=report.author_id,
                reading=report.reading,
                sealed_text=sealed,
            )
        )
        await self._session.flush()

    async def report(self, case_id: str, source_ts: str) -> Report | None:
        """The newest version of what a message reported, as it was read last."""
        query = select(ReportRow).where(ReportRow.case_id == case_id, ReportRow.source_ts == source_ts)
        row = (await self._session.exec(query.order_by(col(ReportRow.serial).desc()).limit(1))).first()
        if row is None:
            return None
        text = unseal(await self._key(case_id), row.sealed_text, f"description:{source_ts}:{row.version}")
        return Report(case_id, row.note_id, source_ts, row.version, row.author_id, Reading(row.reading), text)

    async def advance(self, work: Work, stage: Stage, note_id: str | None = None) -> Work:
        """The inbox row one stage further; done rows lose their text."""
        row = await self._session.get(InboxRow, work.id, with_for_update=True)
        if row is None:
            raise TakenOver("the case of this act was deleted")
        if row.stage != work.stage:
            raise TakenOver("another instance of the bot went on with this act")
        row.stage = stage
        row.note_id = note_id or row.note_id
        if stage is Stage.DONE:
            row.sealed_act = None
        self._session.add(row)
        await self._session.flush()
        return replace(work, stage=stage, note_id=row.note_id, attempts=row.attempts)

    async def was_posted(self, team_id: str, channel_id: str, ts: str) -> bool:
        """Whether a message came through the inbox, as long as its key is kept."""
        key = post_key(team_id, channel_id, ts)
        return (await self._session.exec(select(InboxRow.id).where(InboxRow.key == key))).first() is not None

    async def latest_slot(self, note_id: str) -> str | None:
        """The slot of the newest message that shows a note."""
        query = select(MessageRow.slot).where(MessageRow.note_id == note_id).order_by(col(MessageRow.serial).desc()).limit(1)
        return (await self._session.exec(query)).first()

    async def slot_at(self, note_id: str, ts: str) -> str | None:
        """The slot of the message with this timestamp, if it shows the note."""
        return (await self._session.exec(select(MessageRow.slot).where(MessageRow.note_id == note_id, MessageRow.ts == ts))).first()

    async def _key(self, case_id: str) -> bytes:
        return await data_key(self._session, self._master_key, case_id)

    async def _next_position(self, table: type[TurnRow] | type[NoteRow], case_id: str) -> int:
        newest = (await self._session.exec(select(func.max(table.position)).where(table.case_id == case_id))).one()
        return (newest or 0) + 1

    async def _note(self, row: NoteRow) -> Note:
        return await read_note(self._session, await self._key(row.case_id), row)


def _turn(row: TurnRow, key: bytes) -> StoredTurn:
    text = unseal(key, row.sealed_text, f"turn:{row.case_id}:{row.position}")
    return StoredTurn(Turn(TurnKind(row.kind), text, row.tokens), row.note_id, row.revision_id, row.source)
