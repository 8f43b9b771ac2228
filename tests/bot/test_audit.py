"""The audit: a chain in which every change shows, kept by a database in which many write at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bot.domain.audit import AuditAction, AuditEntry, AuditRecord, Break, Fault, Head, canonical, chained, verify
from bot.store.database import Database
from bot.store.engine import make_engine
from tests.bot.test_store import a_database
from tests.support.builders import NOW

WORDS = ("The client", "睡", "two words", "a\nb", "é", "x" * 201, '"')


def an_entry(
    action: AuditAction = AuditAction.VIEWED, case_id: str | None = "case", subject: str = "", at: datetime = NOW, user_id: str = "U0ANNA"
) -> AuditEntry:
    """Something that somebody did."""
    return AuditEntry(at, "T1", case_id, user_id, action, subject)


def a_chain(*entries: AuditEntry) -> list[AuditRecord]:
    """These entries as a chain."""
    records: list[AuditRecord] = []
    for entry in entries:
        records.append(chained(records[-1].head if records else Head(), entry))
    return records


async def everything(database: Database) -> Sequence[AuditRecord]:
    """The whole audit."""
    return await database.audit(0, 10_000)


ids = st.text("ABab01_.:+-", max_size=12)
entries = st.builds(
    AuditEntry,
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])),
    ids,
    st.none() | ids,
    ids,
    st.sampled_from(AuditAction),
    ids,
    ids,
)
chains = st.lists(entries, min_size=1, max_size=12).map(lambda made: a_chain(*made))


# the chain


@given(chains)
def test_a_chain_as_it_was_made_is_whole(records: list[AuditRecord]) -> None:
    """With any of its own heads, too."""
    assert verify(records) is None
    assert verify(records, [Head(), *(record.head for record in records)]) is None


@given(chains, st.data())
def test_any_change_of_a_row_is_found(records: list[AuditRecord], data: st.DataObject) -> None:
    """Whatever is changed in it, at that row; only its number, which is its place, makes it missing."""
    place = data.draw(st.integers(0, len(records) - 1))
    name = data.draw(st.sampled_from([field.name for field in fields(AuditRecord) if field.name != "number"]))
    other = data.draw(st.text(max_size=8).filter(lambda value: value != getattr(records[place], name)))
    changed = [*records[:place], replace(records[place], **{name: other}), *records[place + 1 :]]
    assert verify(changed) == Break(place + 1, Fault.CHANGED)


@given(chains, st.data())
def test_a_row_that_is_gone_or_elsewhere_is_found(records: list[AuditRecord], data: st.DataObject) -> None:
    """A hole, a hole that was closed by counting anew, two rows in each other's places, a row that was put in."""
    place = data.draw(st.integers(0, len(records) - 1))
    before, after = records[:place], records[place + 1 :]
    if after:
        assert verify([*before, *after]) == Break(place + 1, Fault.MISSING)
        closed = [replace(record, number=record.number - 1) for record in after]
        assert verify([*before, *closed]) == Break(place + 1, Fault.CHANGED)
        swapped = [replace(after[0], number=place + 1), replace(records[place], number=place + 2)]
        assert verify([*before, *swapped, *after[1:]]) == Break(place + 1, Fault.CHANGED)
    put_in = chained(records[place].head, data.draw(entries.filter(lambda entry: not after or chained(Head(), entry).at != after[0].at)))
    shifted = [replace(record, number=record.number + 1) for record in after]
    if after:
        assert verify([*before, records[place], put_in, *shifted]) == Break(place + 3, Fault.CHANGED)


@given(chains, st.data())
def test_an_end_that_was_cut_or_written_anew_shows_beside_a_head(records: list[AuditRecord], data: st.DataObject) -> None:
    """Without one such a chain is whole in itself, which is why heads are kept elsewhere."""
    kept = records[-1].head
    length = data.draw(st.integers(0, len(records) - 1))
    short = records[:length]
    assert verify(short) is None
    assert verify(short, [kept]) == Break(length + 1, Fault.CUT)
    anew = short
    for record in records[length:]:
        entry = AuditEntry(datetime.fromisoformat(record.at) + timedelta(days=1), "T9", None, "U9", AuditAction.VIEWED)
        anew = [*anew, chained(anew[-1].head if anew else Head(), entry)]
    assert verify(anew) is None
    assert verify(anew, [kept]) == Break(kept.number, Fault.REWRITTEN)


def test_the_hash_is_that_of_the_one_before_and_of_the_canonical_row() -> None:
    """Fixed for good: exports are checked by others, with a few lines of their own."""
    (record,) = a_chain(an_entry(subject="note-1"))
    assert canonical(record) == (
        '{"action":"viewed","at":"2026-03-02T09:30:00.000000+00:00","case_id":"case","detail":"","number":1,"subject":"note-1",'
        '"team_id":"T1","user_id":"U0ANNA"}'
    )
    assert record.hash == "75713598e42ba012b63d31f5b4198e269a324275af76af7845bd3305cf85cb5d"  # as sha256sum says


@pytest.mark.parametrize("name", ["team_id", "user_id", "subject", "detail"])
@pytest.mark.parametrize("words", WORDS)
def test_an_entry_has_no_room_for_words(name: str, words: str) -> None:
    """A sentence of a case in any field is refused, and the error does not say it."""
    with pytest.raises(ValueError, match=f"the {name} of an audit entry is no id") as caught:
        replace(an_entry(), **{name: words})
    assert words not in str(caught.value)


# the database


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def test_what_was_recorded_is_a_chain(database: Database) -> None:
    """In the order in which it was, by pages, in UTC."""
    assert await database.audit_head() == Head()
    there = timezone(timedelta(hours=8))
    async with database.begin() as uow:
        await uow.record(an_entry(AuditAction.OPENED))
        await uow.record(an_entry(AuditAction.APPROVED, subject="note-1", at=NOW.astimezone(there)))
    async with database.begin() as uow:
        await uow.record(an_entry(AuditAction.REFUSED, case_id=None))
    records = await everything(database)
    assert [(record.number, record.action, record.case_id) for record in records] == [
        (1, "opened", "case"),
        (2, "approved", "case"),
        (3, "refused", None),
    ]
    assert records == a_chain(
        an_entry(AuditAction.OPENED), an_entry(AuditAction.APPROVED, subject="note-1"), an_entry(AuditAction.REFUSED, None)
    )
    assert await database.audit_head() == records[-1].head
    assert await database.audit(1, 1) == records[1:2]
    assert await database.audit(3, 9) == []


async def test_what_is_undone_is_not_recorded(database: Database) -> None:
    """An act and its row are one transaction."""
    with pytest.raises(RuntimeError):
        async with database.begin() as uow:
            await uow.record(an_entry())
            raise RuntimeError
    assert await everything(database) == []


async def test_many_writers_make_one_chain(store_url: str) -> None:
    """Of two instances at once, each with many transactions that also do something else."""
    async with a_database(store_url) as one, a_database(store_url) as other:

        async def act(database: Database, number: int) -> None:
            async with database.begin() as uow:
                await uow.record(an_entry(subject=f"first-{number}"))
                await uow.case_of("T1", f"C{number}")
                await asyncio.sleep(0)
                await uow.record(an_entry(subject=f"second-{number}"))

        await asyncio.gather(*(act(database, number) for number in range(25) for database in (one, other)))
        records = await everything(one)
        assert len(records) == 100
        assert verify(records) is None
        subjects = [record.subject for record in records]
        assert all(second == first.replace("first", "second") for first, second in zip(subjects[::2], subjects[1::2], strict=True))


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET user_id = 'U0LI' WHERE number = 3", Fault.CHANGED),
        ("UPDATE audit SET action = 'no such action', at = 'no time' WHERE number = 3", Fault.CHANGED),
        ("DELETE FROM audit WHERE number = 3", Fault.MISSING),
        ("DELETE FROM audit WHERE number >= 3", Fault.CUT),
    ],
)
async def test_tampering_in_the_database_is_found(store_url: str, statement: str, fault: Fault) -> None:
    """A row that was changed to anything whatever can still be read, and is found."""
    async with a_database(store_url) as database:
        async with database.begin() as uow:
            for number in range(5):
                await uow.record(an_entry(subject=f"s{number}"))
        head = await database.audit_head()
        assert verify(await everything(database), [head]) is None
        engine = make_engine(store_url)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()
        assert verify(await everything(database), [head]) == Break(3, fault)
