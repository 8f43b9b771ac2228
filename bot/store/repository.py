"""The unit of work: domain values in, encrypted rows out, and back."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import bindparam, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import BOT, AuditAction, AuditEntry
from bot.domain.case import Case, CaseFile, CaseState, Consent, Roster, Withdrawal
from bot.domain.case_code import propose_code
from bot.domain.change import NoteChange
from bot.domain.editing import Edits, ItemChange
from bot.domain.evidence import Described
from bot.domain.note import Note, Purpose, Revision
from bot.domain.questions import Question, Ticked
from bot.domain.reading import Reading
from bot.domain.safety_card import SafetyCard, Seen
from bot.store import audit, descriptions, edits, history, overview, questions, safety_cards
from bot.store.case_files import case_from, read_consents, read_roster, write_consent, write_roster
from bot.store.digests import read_corrections, write_correction
from bot.store.errors import TakenOver
from bot.store.final_notes import write_addendum, write_approval, write_cosignature, write_format
from bot.store.grounds import read_described
from bot.store.keys import INBOX_KEY, data_key
from bot.store.moves import move_channel
from bot.store.notes import read_note, rewrite_revision, write_acceptance, write_revision
from bot.store.tables import CaseRow, DeletedCaseRow, InboxRow, MessageRow, NoteRow, ReportRow, TurnRow
from bot.store.vault import seal, unseal
from bot.workflow.audited import taken_up, turned_away
from bot.workflow.incoming import Incoming, Stage, deleted_key, joined_prefix, post_key
from bot.workflow.overview import CaseOverview, Draft
from bot.workflow.ports import CARD_SLOT, Clock, PastNote, Report, Sign, Step, StoredTurn, Work
from inference.digest import Correction
from inference.note import Language
from inference.prompt import Turn, TurnKind
from training.data.records import Reason

_CASE_OF = select(CaseRow).where(CaseRow.team_id == bindparam("team"), CaseRow.channel_id == bindparam("channel"))
_TURNS = select(TurnRow).where(TurnRow.case_id == bindparam("case")).order_by(col(TurnRow.position))
_REPORT = (
    select(ReportRow)
    .where(ReportRow.case_id == bindparam("case"), ReportRow.source_ts == bindparam("source"))
    .order_by(col(ReportRow.serial).desc())
    .limit(1)
)
_NEWEST = {table: select(func.max(table.position)).where(table.case_id == bindparam("case")) for table in (TurnRow, NoteRow)}
"""Statements of every answer, made once: to make one takes longer than to run it."""


class SqlUnitOfWork:
    """One transaction on one session; made by `Database.begin`."""

    def __init__(self, session: AsyncSession, master_key: bytes, clock: Clock) -> None:
        self._session = session
        self._master_key = master_key
        self._clock = clock
        self._entries: list[AuditEntry] = []
        self._opened: list[Case] = []
        self._actor = BOT
        self.repeatable = False
        """Whether power loss may undo this transaction, because the inbox, where it began, would do it again."""
        self._keys: dict[str, bytes] = {}
        self._channels: dict[tuple[str, str], CaseRow] = {}
        """What this transaction read already, and is asked for again and again."""
        self._used = 0
        """The last position of the turns that this transaction removed: none that it adds gets it again, or comes before it."""

    async def record(self, entry: AuditEntry) -> None:
        """One more row of the audit, added when the transaction ends, after everything else in it (`bot.store.audit` says why)."""
        self._entries.append(entry)

    async def finish(self) -> None:
        """Adds what was recorded, right before the commit."""
        said = {entry.case_id for entry in self._entries if entry.action is AuditAction.OPENED}  # by whoever knows more about it
        new = [case for case in self._opened if case.id not in said]
        opened = [AuditEntry(case.opened_at, case.team_id, case.id, self._actor, AuditAction.OPENED) for case in new]
        if opened or self._entries:
            await audit.append(self._session, [*opened, *self._entries])

    async def case_of(self, team_id: str, channel_id: str) -> Case | None:
        """The case bound to a channel."""
        row = self._channels.get((team_id, channel_id))
        if row is None:
            row = (await self._session.exec(_CASE_OF, params={"team": team_id, "channel": channel_id})).first()
            if row is None:
                return None
            self._channels[team_id, channel_id] = row
        return case_from(row)

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
        action = AuditAction.CONSENT_GIVEN if isinstance(step, Consent) else AuditAction.CONSENT_WITHDRAWN
        case = await self._session.get_one(CaseRow, case_id)
        await self.record(AuditEntry(step.recorded_at, case.team_id, case_id, step.recorded_by, action))

    async def set_roster(self, case_id: str, roster: Roster, by: str, at: datetime) -> None:
        """Other names of a case's people, as somebody entered them."""
        await write_roster(self._session, await self._key(case_id), case_id, roster, by, at)

    async def open_case(
        self,
        team_id: str,
        channel_id: str,
        language: Language,
        at: datetime,
        case_id: str | None = None,
        *,
        opened_by: str | None = None,
    ) -> Case:
        """A new case with a data key of its own and a proposed pseudonymous code; its id is drawn unless one is given."""
        case_id, code = case_id or uuid.uuid4().hex, propose_code(await self.codes(team_id))
        case = Case(case_id, team_id, channel_id, code, language, CaseState.OPEN, at, opened_by)
        self._keys[case.id] = await data_key(self._session, self._master_key, case.id, create=True)
        self._session.add(CaseRow(**asdict(case)))
        await self._session.flush()
        self._opened.append(case)  # audited in the end, when it is known whose act it was
        return case

    async def save_case(self, case: Case) -> None:
        """The case as it is now, in place of what was kept of it."""
        row = await self._session.get_one(CaseRow, case.id)
        row.sqlmodel_update(asdict(case))
        self._session.add(row)
        await self._session.flush()

    async def codes(self, team_id: str) -> Mapping[str, str]:
        """The codes of a team's cases, and the cases' ids."""
        rows = await self._session.exec(select(CaseRow.code, CaseRow.id).where(CaseRow.team_id == team_id))
        return dict(rows.all())

    async def was_invited(self, channel_id: str) -> bool:
        """Whether the bot was invited to a channel, as long as that is remembered."""
        query = select(InboxRow.id).where(
            InboxRow.channel_id == channel_id, col(InboxRow.key).startswith(joined_prefix(channel_id), autoescape=True)
        )
        return (await self._session.exec(query)).first() is not None

    async def move_channel(self, team_id: str, old_channel_id: str, new_channel_id: str) -> None:
        """A channel's case and inbox under its new id; what comes late under the old one is put there too."""
        await move_channel(self._session, self._master_key, team_id, old_channel_id, new_channel_id)
        self._channels.clear()

    async def turns(self, case_id: str) -> Sequence[Turn]:
        """All turns of a case's prompt, oldest first."""
        return [stored.turn for stored in await self.stored_turns(case_id)]

    async def stored_turns(self, case_id: str) -> Sequence[StoredTurn]:
        """The same with where each belongs."""
        key = await self._key(case_id)
        rows = await self._session.exec(_TURNS, params={"case": case_id})
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
        position = max(await self._next_position(TurnRow, case_id), self._used + 1)
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
        """One more revision of a note; the note itself is not changed otherwise. An answer's questions are tracked from then on."""
        key = await self._key(note.case_id)
        await write_revision(self._session, key, note.id, revision)
        if note.purpose is Purpose.ANSWER:
            await questions.follow_revision(self._session, key, note.case_id, note.id, revision)

    async def rewrite_revision(self, note: Note, revision: Revision) -> None:
        """Other items for a stored revision of a note that is not approved: only where what it says has to be forgotten."""
        if note.approval:
            raise ValueError("the note is approved")
        await rewrite_revision(self._session, await self._key(note.case_id), revision)

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

    async def add_item_change(self, note: Note, revision: Revision, place: int, change: ItemChange) -> None:
        """A revision of this note was made by a tap on the line at `place`, counted from 0 in what the person saw."""
        await edits.add_change(self._session, note.id, revision.id, place, change)

    async def add_reason(self, note: Note, revision_id: str, reason: Reason, user_id: str, at: datetime) -> None:
        """Why somebody changed the note, or what is wrong with it."""
        await edits.add_reason(self._session, note.id, revision_id, reason, user_id, at)

    async def set_feedback(self, note: Note, revision_id: str, user_id: str, good: bool, at: datetime) -> None:
        """Whether somebody finds a revision good or bad, in place of what they said before."""
        await edits.set_feedback(self._session, note.id, revision_id, user_id, good, at)

    async def edits(self, note_id: str) -> Edits:
        """What is recorded about a note's revisions beside their items."""
        return await edits.read(self._session, note_id)

    async def keep_draft(self, note: Note, draft_id: str, fields: Mapping[str, str], at: datetime) -> None:
        """What is typed so far in a form, in place of what was kept of it; drafts that were left more than a day ago go."""
        await edits.keep_draft(self._session, await self._key(note.case_id), note.id, draft_id, fields, at)

    async def draft(self, note: Note, draft_id: str) -> Mapping[str, str]:
        """What was typed in a form on its other pages, by field; empty where nothing was kept."""
        return await edits.draft(self._session, await self._key(note.case_id), draft_id)

    async def remove_draft(self, draft_id: str) -> None:
        """Forgets what was typed in a form."""
        await edits.remove_draft(self._session, draft_id)

    async def remove_drafts_of(self, note_id: str) -> None:
        """Forgets what was typed in all forms on a note."""
        await edits.remove_drafts_of(self._session, note_id)

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
        row = (await self._session.exec(_REPORT, params={"case": case_id, "source": source_ts})).first()
        return await self._report(row) if row else None

    async def described(self, case_id: str) -> Sequence[Described]:
        """What a case's messages reported, in the order in which they came: each in its newest version, without edited notes."""
        return await read_described(self._session, await self._key(case_id), case_id)

    async def advance(self, work: Work, stage: Stage, note_id: str | None = None) -> Work:
        """The inbox row one stage further; done rows lose their text. An act that is taken up is audited."""
        self.repeatable = not stage.is_final
        further = await self._move(work, stage, note_id)
        entry = taken_up(work, stage, await self._case_id(work), further.note_id, self._clock())
        if entry:
            await self.record(entry)
        return further

    async def refuse(self, work: Work, sign: Sign) -> Work:
        """The inbox row done, because somebody may not do that, or it can't be done; audited as refused."""
        done = await self._move(work, Stage.DONE, None)
        await self.record(turned_away(work.act, await self._case_id(work), sign, self._clock()))
        return done

    async def _move(self, work: Work, stage: Stage, note_id: str | None) -> Work:
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
        self._actor = work.act.user_id
        return replace(work, stage=stage, note_id=row.note_id, attempts=row.attempts)

    async def _case_id(self, work: Work) -> str | None:
        case = await self.case_of(work.act.team_id, work.act.channel_id)
        return case.id if case else None

    async def was_posted(self, team_id: str, channel_id: str, ts: str) -> bool:
        """Whether a message came through the inbox, as long as its key is kept."""
        key = post_key(team_id, channel_id, ts)
        return (await self._session.exec(select(InboxRow.id).where(InboxRow.key == key))).first() is not None

    async def was_deleted(self, team_id: str, channel_id: str, ts: str) -> bool:
        """Whether a message's deletion came through the inbox, as long as its key is kept."""
        key = deleted_key(team_id, channel_id, ts)
        return (await self._session.exec(select(InboxRow.id).where(InboxRow.key == key))).first() is not None

    async def newest_answer(self, case_id: str) -> Note | None:
        """The case's newest answer to a description."""
        query = select(NoteRow).where(NoteRow.case_id == case_id, NoteRow.purpose == Purpose.ANSWER)
        row = (await self._session.exec(query.order_by(col(NoteRow.position).desc()).limit(1))).first()
        return await self._note(row) if row else None

    async def reports_of(self, note_id: str) -> Sequence[Report]:
        """The newest version of each message that a note rests on, as it was read last, in the order of the messages."""
        rows = await descriptions.newest_reports(self._session, note_id)
        return [await self._report(row) for row in rows]

    async def versions(self, case_id: str, source_ts: str) -> Sequence[str]:
        """The texts of a message, as it was reported and in all its later versions."""
        return [(await self._report(row)).text for row in await descriptions.versions(self._session, case_id, source_ts)]

    async def forget_message(self, case_id: str, source_ts: str) -> None:
        """Removes what a message reported, all versions, and what was kept of the case to compare notes."""
        await descriptions.forget_message(self._session, case_id, source_ts)

    async def forget_posts(self, team_id: str, channel_id: str, ts: str) -> None:
        """Acts of a message that are over lose what they may still hold of it."""
        await descriptions.forget_posts(self._session, post_key(team_id, channel_id, ts))

    async def was_rewritten(self, case_id: str) -> bool:
        """Whether a text of the case was edited or deleted after it had been taken up."""
        return await descriptions.was_rewritten(self._session, case_id)

    async def rewrite_turn(self, case_id: str, stored: StoredTurn) -> None:
        """Another text, length and source for the turn at that position."""
        await descriptions.rewrite_turn(self._session, await self._key(case_id), case_id, stored)

    async def remove_turns(self, case_id: str, turns: Sequence[StoredTurn]) -> None:
        """Takes turns out of the prompt."""
        self._used = max([self._used, *(stored.position for stored in turns)])
        await descriptions.remove_turns(self._session, case_id, [stored.position for stored in turns])

    async def add_change(self, case_id: str, change: NoteChange) -> None:
        """A message that a note rests on was edited or deleted."""
        await descriptions.add_change(self._session, case_id, change)

    async def changes(self, note_id: str) -> Sequence[NoteChange]:
        """What became of the messages that a note rests on, oldest first."""
        return await descriptions.read_changes(self._session, note_id)

    async def empty_note(self, note: Note) -> None:
        """Removes all that a note says and rests on; its thread stays known."""
        await descriptions.empty_note(self._session, note)

    async def put_back(self, act: Incoming) -> None:
        """Something that was said goes to the inbox, to be taken up anew."""
        key = await data_key(self._session, self._master_key, INBOX_KEY)
        await descriptions.put_back(self._session, key, act)

    async def slots_of(self, note_id: str) -> Sequence[str]:
        """The slots of all messages that show a note, oldest first."""
        return await descriptions.slots_of(self._session, note_id)

    async def latest_slot(self, note_id: str) -> str | None:
        """The slot of the newest message that shows a note; its safety cards are none."""
        of_note = MessageRow.note_id == note_id, ~col(MessageRow.slot).startswith(CARD_SLOT)
        query = select(MessageRow.slot).where(*of_note).order_by(col(MessageRow.serial).desc()).limit(1)
        return (await self._session.exec(query)).first()

    async def slot_at(self, note_id: str, ts: str) -> str | None:
        """The slot of the message with this timestamp, if it shows the note."""
        return (await self._session.exec(select(MessageRow.slot).where(MessageRow.note_id == note_id, MessageRow.ts == ts))).first()

    async def add_safety_card(self, card: SafetyCard) -> None:
        """A new safety card."""
        await safety_cards.add(self._session, card)

    async def add_seen(self, card_id: str, seen: Seen) -> None:
        """Somebody has seen a safety card; the first time counts."""
        await safety_cards.add_seen(self._session, card_id, seen)

    async def safety_card(self, card_id: str) -> SafetyCard | None:
        """The safety card of that id."""
        return await safety_cards.named(self._session, card_id)

    async def safety_cards(self, note_id: str) -> Sequence[SafetyCard]:
        """A note's safety cards, oldest first."""
        return await safety_cards.of_note(self._session, note_id)

    async def case_safety_cards(self, case_id: str) -> Sequence[SafetyCard]:
        """A case's safety cards, oldest first."""
        return await safety_cards.of_case(self._session, case_id)

    async def open_safety_cards(self, case_id: str) -> Sequence[SafetyCard]:
        """Those of a case that nobody has seen yet."""
        return await safety_cards.unseen(self._session, case_id)

    async def open_questions(self, case_id: str) -> Sequence[Question]:
        """The questions of a case that nobody ticked off, those asked last first."""
        return await questions.open_questions(self._session, await self._key(case_id), case_id)

    async def ticked_questions(self, case_id: str, most: int) -> Sequence[Question]:
        """Those that were ticked off last, the newest first."""
        return await questions.ticked_questions(self._session, await self._key(case_id), case_id, most)

    async def tick_question(self, case_id: str, name: str, ticked: Ticked | None) -> None:
        """Ticks a question off, or, with None, opens it again."""
        await questions.tick_question(self._session, case_id, name, ticked)

    async def past_note(self, case_id: str, step: Step, position: int = 0) -> PastNote | None:
        """A note of a case's history, with all that was reported to it; None where there is none."""
        return await history.past_note(self._session, await self._key(case_id), case_id, step, position)

    async def position_since(self, case_id: str, ts: str) -> int | None:
        """The position of a case's first note of that time or later; None where all are older."""
        return await history.position_since(self._session, case_id, ts)

    async def overviews(self, team_id: str, channel_ids: Collection[str]) -> Sequence[CaseOverview]:
        """What waits in the cases of these channels, by code."""
        return await overview.overviews(self._session, team_id, channel_ids)

    async def drafts(self, case_id: str) -> Sequence[Draft]:
        """The final notes of a case that wait for approval, oldest first."""
        return await overview.drafts(self._session, case_id)

    async def count_unaccepted(self, case_id: str) -> int:
        """How many answers of a case nobody took over as they stand now."""
        return await overview.count_unaccepted(self._session, case_id)

    async def _key(self, case_id: str) -> bytes:
        if case_id not in self._keys:
            self._keys[case_id] = await data_key(self._session, self._master_key, case_id)
        return self._keys[case_id]

    async def _next_position(self, table: type[TurnRow] | type[NoteRow], case_id: str) -> int:
        newest = (await self._session.exec(_NEWEST[table], params={"case": case_id})).one()
        return (newest or 0) + 1

    async def _report(self, row: ReportRow) -> Report:
        text = unseal(await self._key(row.case_id), row.sealed_text, f"description:{row.source_ts}:{row.version}")
        return Report(row.case_id, row.note_id, row.source_ts, row.version, row.author_id, Reading(row.reading), text)

    async def _note(self, row: NoteRow) -> Note:
        return await read_note(self._session, await self._key(row.case_id), row)


def _turn(row: TurnRow, key: bytes) -> StoredTurn:
    text = unseal(key, row.sealed_text, f"turn:{row.case_id}:{row.position}")
    return StoredTurn(Turn(TurnKind(row.kind), text, row.tokens), row.note_id, row.revision_id, row.source, row.position)
