"""What waits in cases, counted by the database on both kinds of it."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.case import Case
from bot.domain.note import Note, Purpose
from bot.store.database import Database
from bot.workflow.incoming import Stage
from bot.workflow.overview import CaseOverview
from inference.note import Language
from tests.bot.test_store import a_database
from tests.support.builders import NOW, a_post, a_revision, an_item


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def a_case(database: Database, channel: str) -> Case:
    """A case without notes."""
    async with database.begin() as uow:
        return await uow.open_case("T1", channel, Language.ENGLISH, NOW)


async def written(database: Database, case: Case, name: str, purpose: Purpose = Purpose.ANSWER, revisions: int = 1) -> Note:
    """A note with so many revisions."""
    note = Note(f"{name}-{case.channel_id}", case.id, purpose, None)
    async with database.begin() as uow:
        await uow.add_note(note)
        for number in range(1, revisions + 1):
            revision = a_revision(an_item(), number=number)
            note = note.revise(revision)
            await uow.add_revision(note, revision)
    return note


async def seen(database: Database, case: Case) -> CaseOverview:
    """What waits in a case."""
    async with database.begin() as uow:
        (found,) = await uow.overviews("T1", [case.channel_id, "C-unknown"])
        assert found.drafts == len(await uow.drafts(case.id))
    assert found.case == case
    return found


async def test_drafts_wait_until_they_or_a_later_one_are_approved(database: Database) -> None:
    """One that was never written is none; those of another case don't count here."""
    case, other = await a_case(database, "C1"), await a_case(database, "C2")
    await written(database, case, "never", Purpose.SUMMARY, revisions=0)
    assert (await seen(database, case)).drafts == 0
    await written(database, case, "first", Purpose.SUMMARY, revisions=2)
    second = await written(database, case, "second", Purpose.SUMMARY)
    await written(database, other, "first", Purpose.SUMMARY)
    assert (await seen(database, case)).drafts == 2
    assert second.current
    async with database.begin() as uow:
        await uow.add_approval(second.approve("U0ANNA", second.current.id, NOW))
    assert (await seen(database, case)).drafts == 0
    await written(database, case, "third", Purpose.SUMMARY)
    assert (await seen(database, case)).drafts == 1
    assert (await seen(database, other)).drafts == 1


async def test_an_answer_failed_when_it_is_the_newest_and_nobody_writes_it(database: Database) -> None:
    """Not while its act is on its way, and not once a later answer was written."""
    case = await a_case(database, "C1")
    await written(database, case, "one")
    assert not (await seen(database, case)).failed
    missing = await written(database, case, "two", revisions=0)
    assert (await seen(database, case)).failed
    await database.receive(a_post(channel="C1"))
    work = await database.next_work("C1")
    assert work
    async with database.begin() as uow:
        work = await uow.advance(work, Stage.ACCEPTED, missing.id)
    coming = await seen(database, case)
    assert (coming.failed, coming.posts) == (0, 1)
    async with database.begin() as uow:
        await uow.advance(work, Stage.DONE)
    assert await seen(database, case) == CaseOverview(case, failed=1)
    await written(database, case, "three")
    assert await seen(database, case) == CaseOverview(case)


async def test_answers_count_until_they_are_accepted_as_they_stand(database: Database) -> None:
    """A later revision leaves one open again; one without a revision, and a summary, are none."""
    case = await a_case(database, "C1")
    await written(database, case, "missing", revisions=0)
    await written(database, case, "summary", Purpose.SUMMARY)
    note = await written(database, case, "one", revisions=3)
    await written(database, case, "two")
    async with database.begin() as uow:
        assert await uow.count_unaccepted(case.id) == 2
        assert note.current
        await uow.add_acceptance(note.accept("U0ANNA", note.current.id, NOW))
    async with database.begin() as uow:
        assert await uow.count_unaccepted(case.id) == 1
        revision = a_revision(an_item("More."), number=4)
        await uow.add_revision(note, revision)
    async with database.begin() as uow:
        assert await uow.count_unaccepted(case.id) == 2


async def test_cases_come_by_code_and_of_these_channels_alone(database: Database) -> None:
    """Another team's channel of the same id is another case."""
    cases = [await a_case(database, f"C{number}") for number in range(5)]
    async with database.begin() as uow:
        found = await uow.overviews("T1", [case.channel_id for case in cases[1:]])
        assert [each.case for each in found] == sorted(cases[1:], key=lambda case: case.code)
        assert await uow.overviews("T2", ["C1"]) == []
        assert await uow.overviews("T1", []) == []
