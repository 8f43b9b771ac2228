"""A deleted case: nothing of it is left but its id, and nothing that was kept of it elsewhere opens any more."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select
from sqlmodel import SQLModel

from bot.domain.case import Consent, Roster
from bot.domain.change import ChangeKind, NoteChange
from bot.domain.deletion import Announcement
from bot.domain.editing import Edits, ItemChange
from bot.domain.note import Note, Purpose
from bot.domain.questions import Outcome, Ticked
from bot.domain.reading import Reading
from bot.domain.safety_card import Seen
from bot.domain.signing import Addendum, Role, Signer
from bot.domain.templates import read_templates
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.errors import SealBroken, StoreError
from bot.store.repository import SqlUnitOfWork
from bot.store.vault import unseal
from bot.workflow.ports import Report
from inference.client import Delta, Finished
from inference.note import Kind, Language
from inference.prompt import Message, Turn, TurnKind
from tests.bot.test_conversation import FIRST, Desk
from tests.bot.test_store import KEY, PLANTED, a_database, a_stored_case, dump, encodings
from tests.support.builders import NOW, a_card, a_post, a_revision, a_sample, an_item
from tests.support.fakes import ScriptedModel
from training.data.records import Reason

Rows = dict[str, list[dict[str, Any]]]

OF_NO_CASE = ("night_run", "told_adapter", "night_judgement")
"""Tables of the nights: names, times and ids, which stay when a case goes."""
LEFT = ("audit", "deleted_case", "deletion")
"""Tables in which a deleted case leaves its id."""
TEMPLATE = """
letter:
  title: {en: Letter, zh: 信}
  sections:
    - {key: all, title: {en: All, zh: 全部}, takes: [own, analysis, advice, questions]}
"""


async def all_rows(url: str) -> Rows:
    """Every row of every table."""
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            return {
                table.name: [dict(row._mapping) for row in await connection.execute(select(table))]
                for table in SQLModel.metadata.sorted_tables
            }
    finally:
        await engine.dispose()


def sealed_in(rows: Rows) -> set[bytes]:
    """Every encrypted value."""
    columns = {
        (table.name, column.name)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    return {row[column] for table, column in columns for row in rows[table] if row[column] is not None}


async def a_full_case(database: Database, channel: str) -> str:
    """A case with a row in every table that a case can have rows in; returns its id."""
    case, summary = await a_stored_case(database, channel)
    async with database.begin() as uow:
        items = an_item(PLANTED[0]), an_item(PLANTED[1], Kind.QUESTION)
        note = Note(f"answer-{channel}", case.id, Purpose.ANSWER, "2.2", (a_revision(*items),))
        await uow.add_note(note)
        await uow.add_report(Report(case.id, note.id, "2.2", "2.2", "U0ANNA", Reading.DESCRIPTION, PLANTED[1]))
        await uow.add_turn(note, Turn(TurnKind.ANSWER, PLANTED[2], 9), note.revisions[0].id, "2.2:2.2")
        await uow.add_revision(note, note.revisions[0])
        (question,) = await uow.open_questions(case.id)
        await uow.tick_question(case.id, question.name, Ticked(Outcome.ANSWERED, "U0ANNA", NOW))
        await uow.add_acceptance(note.accept("U0ANNA", note.revisions[0].id, NOW))
        await uow.add_change(case.id, NoteChange(note.id, "2.2", ChangeKind.EDITED, Reading.DESCRIPTION, 1, NOW))
        await uow.add_item_change(note, note.revisions[0], 0, ItemChange.KEPT)
        await uow.add_reason(note, note.revisions[0].id, Reason.TONE, "U0ANNA", NOW)
        await uow.set_feedback(note, note.revisions[0].id, "U0ANNA", False, NOW)
        await uow.keep_draft(note, f"V-{channel}", {"advice:add": PLANTED[1]}, NOW)
        await uow.add_consent(case.id, Consent(PLANTED[3], date(2026, 2, 27), "U0ANNA", NOW))
        await uow.add_safety_card(a_card(f"card-{channel}", case.id, note.id))
        await uow.add_seen(f"card-{channel}", Seen("U0ANNA", NOW))
        await uow.set_roster(case.id, Roster((PLANTED[0], PLANTED[1]), 1), "U0ANNA", NOW)
        await uow.move_channel("T1", f"before-{channel}", channel)
        await a_signed_note(uow, case.id, channel)
        await uow.add_correction(case.id, 1, PLANTED[:2], "U0ANNA", NOW)
    await database.keep_samples(f"night-{channel}", [a_sample(case.id, PLANTED[0], PLANTED[1], PLANTED[2])])
    await database.announce(case, Announcement(NOW - timedelta(days=1), NOW))
    await database.posted(await database.slot(summary.id, f"act-{channel}", 0), "5.5", opens_thread=True)
    await database.receive(a_post(PLANTED[0], channel=channel))
    return case.id


async def a_signed_note(uow: SqlUnitOfWork, case_id: str, channel: str) -> Note:
    """A final note in sections, approved, co-signed and added to."""
    revision = a_revision(an_item(PLANTED[0]))
    note = Note(f"final-{channel}", case_id, Purpose.SUMMARY, "3.3", (revision,), format=read_templates(TEMPLATE)["letter"])
    await uow.add_note(note)
    await uow.add_revision(note, revision)
    note = note.approve("U0ANNA", revision.id, NOW, Role.COUNSELOR, PLANTED[1])
    await uow.add_approval(note)
    supervisor = Signer("U0SOL", PLANTED[2], Role.SUPERVISOR)
    note = note.cosign(supervisor, revision.content_hash, NOW)
    await uow.add_cosignature(note)
    note = note.add(Addendum(f"addendum-{channel}", 0, supervisor, PLANTED[3], NOW))
    await uow.add_addendum(note)
    return note


async def test_a_signed_note_comes_back_as_it_was(store_url: str) -> None:
    """With its format, approval, addenda and co-signature; none of the names and texts stands anywhere in plain."""
    async with a_database(store_url) as database:
        async with database.begin() as uow:
            case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
            note = await a_signed_note(uow, case.id, "C1")
        async with database.begin() as uow:
            assert await uow.note(note.id) == note
            assert await uow.notes(case.id) == [note]
        content = await dump(store_url)
        assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]


async def test_what_was_recorded_about_a_case_comes_back(store_url: str) -> None:
    """Consents in order, names under their newest version, acceptances with their revision, turns with where they belong."""
    async with a_database(store_url) as database:
        case_id = await a_full_case(database, "C1")
        async with database.begin() as uow:
            await uow.set_roster(case_id, Roster(("Bo",), 2), "U0LI", NOW)
            file = await uow.case_file(case_id)
            assert file
            assert [case.id for case in await uow.cases()] == [case_id]
            assert file.consents == (Consent(PLANTED[3], date(2026, 2, 27), "U0ANNA", NOW),)
            assert file.roster == Roster(("Bo",), 2)
            note = await uow.note("answer-C1")
            assert note
            assert note.acceptance
            stored = await uow.stored_turns(case_id)
            assert [(turn.note_id, turn.source) for turn in stored] == [("note-C1", None), ("answer-C1", "2.2:2.2")]
            assert stored[1].revision_id == note.revisions[0].id
            assert await uow.slot_at("note-C1", "5.5") == "act-C1"
            assert await uow.slot_at("answer-C1", "5.5") is None
            assert await uow.case_file("nobody") is None
            seen = note.revisions[0].id
            assert await uow.edits(note.id) == Edits({seen: ItemChange.KEPT}, {seen: Reason.TONE}, frozenset({seen}))
            assert await uow.draft(note, "V-C1") == {"advice:add": PLANTED[1]}
            await uow.keep_draft(note, "V-C1", {"advice:add": PLANTED[2]}, NOW)
            assert await uow.draft(note, "V-C1") == {"advice:add": PLANTED[2]}
            await uow.keep_draft(note, "V-new", {}, NOW + timedelta(days=1, seconds=1))
            assert await uow.draft(note, "V-C1") == {}  # left more than a day ago
        content = await dump(store_url)
        assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]


async def test_nothing_of_a_deleted_case_is_left(store_url: str) -> None:
    """No row names it, no byte of what was sealed is in the database or its files, and its neighbour is untouched."""
    async with a_database(store_url) as database:
        deleted = await a_full_case(database, "C1")
        kept = await a_full_case(database, "C2")
        before = await all_rows(store_url)
        empty = {table for table, rows in before.items() if not rows}
        assert empty == {"deleted_case", "deletion", "lease", *OF_NO_CASE}, "the test must fill every table"
        assert await database.delete_case(deleted)
        after = await all_rows(store_url)
        gone = sealed_in(before) - sealed_in(after)
        assert len(gone) == len(sealed_in(before) - sealed_in({**after, "data_key": []})) - len(after["data_key"])
        assert len(gone) == len(sealed_in(before)) // 2
        content = await dump(store_url)
        assert not [value for value in gone if value in content]
        assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]
        left = {(table, value) for table, rows in after.items() for row in rows for value in row.values() if _names(value, deleted, "C1")}
        assert left == {*((table, deleted) for table in LEFT), ("deletion", "C1")}
        async with database.begin() as uow:
            assert await uow.deleted_cases() == {deleted: NOW}
            assert await uow.case_of("T1", "C1") is None
            file = await uow.case_file(kept)
            assert file
            assert file.roster.names == PLANTED[:2]
            assert [turn.text for turn in await uow.turns(kept)] == [PLANTED[1], PLANTED[2]]
            assert len(await uow.notes(kept)) == 3
        assert await database.count_waiting("C2") == 1
        assert not await database.delete_case(deleted)
        assert not await database.delete_case("nobody")


async def test_a_copy_from_before_does_not_open_any_more(store_url: str) -> None:
    """Whoever kept the sealed values, and has the master key and all data keys that are left, reads none of them."""
    async with a_database(store_url) as database:
        deleted, kept = await a_full_case(database, "C1"), await a_full_case(database, "C2")
        before = await all_rows(store_url)
        async with database.begin() as uow:
            keys = [await uow._key(kept), await uow._key("inbox"), KEY]
            assert await uow._key(deleted)
        await database.delete_case(deleted)
        async with database.begin() as uow:
            with pytest.raises(SealBroken):
                await uow._key(deleted)
        places = {row["sealed_text"]: f"turn:{deleted}:{row['position']}" for row in before["turn"] if row["case_id"] == deleted}
        places |= {row["sealed_text"]: "description:1.1:1.1" for row in before["description"] if row["case_id"] == deleted}
        places |= {row["sealed_names"]: f"roster:{deleted}:1" for row in before["roster"] if row["case_id"] == deleted}
        places |= {row["sealed_given_by"]: f"consent:{deleted}:1" for row in before["consent"] if row["case_id"] == deleted}
        places |= {row["sealed_sample"]: "night_sample:night-C1:0" for row in before["night_sample"] if row["case_id"] == deleted}
        assert len(places) == 7
        for (sealed, place), key in itertools.product(places.items(), keys):
            with pytest.raises(SealBroken):
                unseal(key, sealed, place)


async def test_a_channel_can_have_a_new_case_afterwards(store_url: str) -> None:
    """With another id and another key."""
    async with a_database(store_url) as database:
        deleted = await a_full_case(database, "C1")
        await database.delete_case(deleted)
        async with database.begin() as uow:
            case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        assert case.id != deleted
        assert await database.receive(a_post(PLANTED[0]))
        async with database.begin() as uow:
            assert (await uow.case_file(case.id)) is not None


class DeletedMeanwhile(ScriptedModel):
    """A model in whose first words the case is deleted."""

    database: Database

    async def stream(self, messages: Sequence[Message], **how: Any) -> AsyncIterator[Delta | Finished]:
        async with self.database.begin() as uow:
            (case,) = await uow.cases()
        assert await self.database.delete_case(case.id)
        async for event in super().stream(messages, **how):
            yield event


@pytest.mark.parametrize("writing", [False, True])
async def test_what_is_being_done_when_a_case_is_deleted_is_void(store_url: str, writing: bool) -> None:
    """An answer that is owed, or being written right then, is stored nowhere and tried no more."""
    async with a_database(store_url) as database:
        model = DeletedMeanwhile([FIRST])
        model.database = database
        desk = Desk(database, model)
        await database.receive(a_post(PLANTED[0]))
        work = await database.next_work("C1")
        assert work
        work = await desk.conversation.handle(work)
        if not writing:
            async with database.begin() as uow:
                (case,) = await uow.cases()
            await database.delete_case(case.id)
        with pytest.raises(StoreError):
            await desk.conversation.handle(work)
        await database.failed(work, give_up=False)
        assert await database.next_work("C1") is None
        assert len(model.prompts) == writing
        left = await all_rows(store_url)
        assert {table for table, rows in left.items() if rows} == {"data_key", *LEFT}


def _names(value: object, case_id: str, channel: str) -> bool:
    """Whether a value names a case: by its id, its channel, or one of its notes."""
    return isinstance(value, str) and (case_id in value or value in {channel, f"note-{channel}", f"answer-{channel}", f"act-{channel}"})
