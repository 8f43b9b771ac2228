"""The database: what stands in it in plain text, what doesn't open, what is taken once, and how it comes into being."""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it publishes no types
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from bot.domain.case import Case
from bot.domain.note import Note, Origin, Purpose
from bot.domain.reading import Reading
from bot.store import sqlite
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.errors import KeyFileUnusable, SchemaOutOfDate, SealBroken
from bot.store.migrate import alembic_config, current_revision, ensure_schema, metadata, newest_revision, upgrade
from bot.store.vault import NONCE_BYTES, load_master_key, new_key, seal, unseal
from bot.workflow.incoming import Incoming, Joined, Stage
from bot.workflow.ports import Report
from inference.note import Kind, Language
from inference.prompt import Turn, TurnKind
from tests.support.builders import NOW, a_counselor, a_post, a_revision, an_item
from tests.support.databases import make_schema

KEY = new_key()
PLANTED = ("Marmalade in the aquarium", "水族箱里的橘子酱", "Zebras under the staircase", "Thunder in the teapot")


@asynccontextmanager
async def a_database(url: str, key: bytes = KEY) -> AsyncIterator[Database]:
    """A database with its schema."""
    await make_schema(url)
    database = Database(make_engine(url), key, lambda: NOW)
    try:
        await database.prepare()
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def a_stored_case(database: Database, channel: str = "C1") -> tuple[Case, Note]:
    """A case with every kind of text in it: description, turn, revisions of model and counselor, an approval."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", channel, Language.ENGLISH, NOW)
        note = Note(f"note-{channel}", case.id, Purpose.SUMMARY, "1.1")
        await uow.add_note(note)
        await uow.add_report(Report(case.id, note.id, "1.1", "1.1", "U0ANNA", Reading.DESCRIPTION, PLANTED[0]))
        await uow.add_turn(note, Turn(TurnKind.DESCRIPTION, PLANTED[1], 9))
        revisions = (
            a_revision(an_item(PLANTED[2])),
            a_revision(an_item(PLANTED[3], Kind.ADVICE, Origin.COUNSELOR), number=2, by=a_counselor()),
        )
        for revision in revisions:
            await uow.add_revision(note, revision)
        note = replace(note, revisions=revisions).approve("U0ANNA", revisions[1].id, NOW)
        await uow.add_approval(note)
    return case, note


async def dump(url: str) -> bytes:
    """Everything that the database holds, as bytes: all columns of all tables, or the very files."""
    if url.startswith("sqlite"):
        path = Path(url.split("///")[1])
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [row for table in tables for row in await connection.fetch(f'SELECT * FROM "{table[0]}"')]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row.values())
    finally:
        await connection.close()


def encodings(sentence: str) -> list[bytes]:
    """The ways in which a sentence could stand somewhere in plain text."""
    return [sentence.encode(), sentence.encode("utf-16-le"), sentence.encode("unicode_escape"), ascii(sentence)[1:-1].encode()]


# encryption


async def test_no_word_stands_in_plain_text(store_url: str) -> None:
    """Neither database files, nor log, nor any column holds a sentence of an act, a turn, a description or a note."""
    async with a_database(store_url) as database:
        await a_stored_case(database)
        await database.receive(a_post(PLANTED[0]))
        await database.receive(a_post(PLANTED[1], channel="C2"))
        work = await database.next_work("C1")
        assert work
        async with database.begin() as uow:
            await uow.advance(work, Stage.DONE)
        content = await dump(store_url)
        assert b"U0ANNA" in content, "the dump must show what is not encrypted"
        if store_url.startswith("sqlite"):
            assert Path(store_url.split("///")[1] + "-wal").stat().st_size > 0
        for sentence in PLANTED:
            for way in encodings(sentence):
                assert way not in content
    content = await dump(store_url)
    assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]


async def test_what_was_stored_comes_back(database: Database) -> None:
    """Case, turns, description, revisions and approval are read as they were written."""
    case, note = await a_stored_case(database)
    async with database.begin() as uow:
        assert await uow.case_of("T1", "C1") == case
        assert await uow.case_of("T1", "C2") is None
        assert await uow.note(note.id) == note
        assert await uow.note_in_thread(case.id, "1.1") == note
        assert await uow.notes(case.id) == [note]
        assert await uow.turns(case.id) == [Turn(TurnKind.DESCRIPTION, PLANTED[1], 9)]
        report = await uow.report(case.id, "1.1")
    assert report
    assert (report.text, report.reading) == (PLANTED[0], Reading.DESCRIPTION)


async def test_a_wrong_master_key_opens_nothing(store_url: str) -> None:
    """Another key file gives a clear error without a word of the case."""
    async with a_database(store_url) as database:
        case, note = await a_stored_case(database)
    other = Database(make_engine(store_url), new_key())
    try:
        async with other.begin() as uow:
            for read in (uow.turns(case.id), uow.note(note.id), uow.report(case.id, "1.1")):
                with pytest.raises(SealBroken) as caught:
                    await read
                assert not any(sentence in str(caught.value) for sentence in PLANTED)
        with pytest.raises(SealBroken):
            await other.receive(a_post("new"))
    finally:
        await other.close()


@pytest.mark.parametrize("query", [
    "UPDATE turn SET position = 7",
    "UPDATE description SET source_ts = '9.9'",
    "UPDATE revision SET sealed_items = (SELECT sealed_text FROM turn LIMIT 1) WHERE number = 1",
    "UPDATE description SET sealed_text = (SELECT sealed_text FROM turn LIMIT 1)",
    "UPDATE data_key SET sealed_key = (SELECT sealed_key FROM data_key WHERE id = 'inbox') WHERE id <> 'inbox'",
    "DELETE FROM data_key WHERE id <> 'inbox'",
])  # fmt: skip
async def test_a_value_opens_in_its_own_place_only(store_url: str, query: str) -> None:
    """A sealed value moved to another row or column is refused, and so is everything under a destroyed key."""
    async with a_database(store_url) as database:
        case, note = await a_stored_case(database)
        engine = make_engine(store_url)
        async with engine.begin() as connection:
            await connection.execute(text(query))
        await engine.dispose()
        with pytest.raises(SealBroken):
            async with database.begin() as uow:
                await uow.turns(case.id)
                await uow.note(note.id)
                await uow.report(case.id, "1.1")
                await uow.report(case.id, "9.9")


async def test_a_value_does_not_move_between_cases(database: Database, store_url: str) -> None:
    """Two cases have two keys: a turn copied from one to the other stays shut."""
    one, _ = await a_stored_case(database, "C1")
    other, _ = await a_stored_case(database, "C2")
    engine = make_engine(store_url)
    async with engine.begin() as connection:
        moved = "UPDATE turn SET sealed_text = (SELECT sealed_text FROM turn WHERE case_id = :one) WHERE case_id = :other"
        await connection.execute(text(moved), {"one": one.id, "other": other.id})
    await engine.dispose()
    with pytest.raises(SealBroken):
        async with database.begin() as uow:
            await uow.turns(other.id)


def test_a_seal_holds_against_every_changed_byte() -> None:
    """Any changed byte, another place, another key, a cut value: nothing opens; the same text is sealed differently each time."""
    sealed = seal(KEY, "text", "turn:1")
    assert unseal(KEY, sealed, "turn:1") == "text"
    assert seal(KEY, "text", "turn:1") != sealed
    changed = [bytes(byte ^ (position == index) for position, byte in enumerate(sealed)) for index in range(len(sealed))]
    for value in [*changed, sealed[:-1], sealed[:NONCE_BYTES], b""]:
        with pytest.raises(SealBroken):
            unseal(KEY, value, "turn:1")
    with pytest.raises(SealBroken):
        unseal(KEY, sealed, "turn:2")
    with pytest.raises(SealBroken):
        unseal(new_key(), sealed, "turn:1")


# the key file


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The first start makes the file with mode 600, later ones read the same key, nothing else is left beside it."""
    path = tmp_path / "new folder" / "master.key"
    key = load_master_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key) == 32
    assert load_master_key(path) == key
    assert list(path.parent.iterdir()) == [path]


async def test_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Two instances that start together on one volume have one key."""
    keys = await asyncio.gather(*[asyncio.to_thread(load_master_key, tmp_path / "master.key") for _ in range(16)])
    assert len(set(keys)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The error says what to run."""
    path = tmp_path / "master.key"
    load_master_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileUnusable, match="chmod 600"):
        load_master_key(path)


@pytest.mark.parametrize("content", [b"", b"c2hvcnQ=", b"not base64 at all !", b"\xff" * 32])
def test_a_damaged_key_file_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    """A file without a key is an error and stays as it is: a new key would lose every case."""
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileUnusable, match="backup"):
        load_master_key(path)
    assert path.read_bytes() == content


# the inbox


async def test_a_delivery_is_taken_once_however_many_come_at_once(database: Database) -> None:
    """Thirty deliveries of three acts at the same moment leave three rows, and exactly one caller a row hears that it was new."""
    posts = [a_post(f"{number}", f"170000000{number}.000100") for number in range(3)]
    new = await asyncio.gather(*[database.receive(post) for post in posts * 10])
    assert sum(new) == 3
    assert await database.count_waiting("C1") == 3


async def test_an_edit_of_a_message_is_another_act(database: Database) -> None:
    """The same message with a new edit time is new; the same in another channel or team is, too."""
    post = a_post()
    acts: list[Incoming] = [
        post,
        post.model_copy(update={"edited_ts": "1.5"}),
        post.model_copy(update={"channel_id": "C2"}),
        post.model_copy(update={"team_id": "T2"}),
    ]
    assert [await database.receive(act) for act in acts * 2] == [True] * 4 + [False] * 4


async def test_acts_come_in_slacks_order(database: Database) -> None:
    """The earliest by Slack's time is next, whatever came first, clicks and commands included."""
    late, early = a_post("late", "1700000009.000200"), a_post("early", "1700000009.000100")
    joined = Joined(team_id="T1", channel_id="C1", user_id="U0ANNA", at="1700000009.000150")
    order: list[str] = []
    for act in (late, joined, early):
        await database.receive(act)
    while work := await database.next_work("C1"):
        order.append(work.act.at[-3:])
        async with database.begin() as uow:
            await uow.advance(work, Stage.DONE)
    assert order == ["100", "150", "200"]


async def test_an_act_survives_a_restart_word_for_word(store_url: str) -> None:
    """What was committed before the crash is there after it: emoji, right-to-left text, zero bytes and all."""
    text = "🙂 עברית\u200f\x00 <!channel> ' \" \\ {json: [1]}"
    async with a_database(store_url) as database:
        await database.receive(a_post(text))
    async with a_database(store_url) as database:
        work = await database.next_work("C1")
        assert work
        assert work.act == a_post(text, work.act.at)
        assert (work.stage, work.attempts) == (Stage.PENDING, 0)


async def test_done_acts_lose_their_text_and_are_known_all_the_same(database: Database, store_url: str) -> None:
    """After the answer is shown the row has no text, not even sealed, yet a late delivery is recognized; a week later it is gone."""
    post = a_post(PLANTED[0])
    await database.receive(post)
    work = await database.next_work("C1")
    assert work
    async with database.begin() as uow:
        await uow.advance(work, Stage.DONE)
    engine = make_engine(store_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT sealed_act FROM inbox"))).scalars().all() == [None]
    await engine.dispose()
    assert not await database.receive(post)
    assert await database.next_work("C1") is None
    assert await database.waiting() == []
    assert await database.forget_keys(timedelta(days=7)) == 0
    assert await database.forget_keys(timedelta(seconds=-1)) == 1


async def test_an_act_set_aside_keeps_its_text(database: Database) -> None:
    """What could not be handled waits for nobody's turn, and housekeeping leaves it to whoever looks into it."""
    await database.receive(a_post("hard"))
    work = await database.next_work("C1")
    assert work
    await database.failed(work, give_up=False)
    again = await database.next_work("C1")
    assert again
    assert again.attempts == 1
    await database.failed(again, give_up=True)
    assert await database.next_work("C1") is None
    assert await database.waiting() == []
    assert await database.forget_keys(timedelta(seconds=-1)) == 0


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """An error inside a unit of work undoes all of it."""
    with pytest.raises(ValueError, match="in the middle"):
        async with database.begin() as uow:
            await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
            raise ValueError("in the middle")
    async with database.begin() as uow:
        assert await uow.case_of("T1", "C1") is None


# the outbox


async def test_a_slot_is_one_message_a_page(database: Database) -> None:
    """A slot's page is made once, which only its first caller sees, and remembers where it is; a summary's first page opens its thread."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        await uow.add_note(Note("n", case.id, Purpose.SUMMARY, None))
    first, second = await database.slot("n", "act-1", 0), await database.slot("n", "act-1", 1)
    assert first.id != second.id
    assert first.fresh  # nobody can have tried to post it
    assert await database.slot("n", "act-1", 0) == replace(first, fresh=False)
    await database.posted(first, "5.5", opens_thread=True)
    assert (await database.slot("n", "act-1", 0)).ts == "5.5"
    async with database.begin() as uow:
        note = await uow.note_in_thread(case.id, "5.5")
        assert note
        assert note.id == "n"
        assert await uow.latest_slot("n") == "act-1"


# the schema


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_models_and_migrations_agree(store_url: str) -> None:
    """A database made by the migrations is what the models describe: Alembic finds nothing to do."""
    assert await upgrade(store_url) == newest_revision()
    engine = make_engine(store_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []

    def check(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)

    async with engine.connect() as connection:
        await connection.run_sync(check)
    await engine.dispose()


async def test_migrations_go_down_and_up_again(store_url: str) -> None:
    """Every migration can be undone, and leaves no table behind."""
    await upgrade(store_url)
    engine = make_engine(store_url)

    def down(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with engine.begin() as connection:
        await connection.run_sync(down)
        left = await connection.run_sync(lambda sync: MigrationContext.configure(sync).dialect.get_table_names(sync))
    await engine.dispose()
    assert left == ["alembic_version"]
    await upgrade(store_url)
    assert await current_revision(store_url) == newest_revision()


OLD = """
INSERT INTO "case" VALUES ('c', 'T1', 'C1', 'C-1', 'en', 'open', '2026-03-02 09:30:00+00:00');
INSERT INTO note VALUES ('told', 'c', 1, 'answer', '1.1'), ('reread', 'c', 2, 'answer', '2.1');
INSERT INTO revision (id, note_id, number, author_origin, author, sealed_items, content_hash, created_at) VALUES
 ('t1', 'told', 1, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('t2', 'told', 2, 'counselor', 'U0ANNA', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('t3', 'told', 3, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('r1', 'reread', 1, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('r2', 'reread', 2, 'counselor', 'U0ANNA', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('r3', 'reread', 3, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('r4', 'reread', 4, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00'),
 ('r5', 'reread', 5, 'model', 'm', 'x', 'h', '2026-03-02 09:30:00+00:00');
INSERT INTO turn (case_id, note_id, position, kind, tokens, sealed_text) VALUES
 ('c', 'told', 1, 'description', 1, 'x'), ('c', 'told', 2, 'answer', 1, 'x'), ('c', 'reread', 3, 'description', 1, 'x'),
 ('c', 'reread', 4, 'answer', 1, 'x'), ('c', 'told', 5, 'edited', 1, 'x'), ('c', 'told', 6, 'answer', 1, 'x'),
 ('c', 'reread', 7, 'edited', 1, 'x'), ('c', 'reread', 8, 'answer', 1, 'x'), ('c', 'reread', 9, 'information', 1, 'x'),
 ('c', 'reread', 10, 'answer', 1, 'x');
"""


async def test_turns_of_the_time_before_learn_their_revisions(store_url: str) -> None:
    """Where each revision of a note has its turn they are linked; where a reply was read anew, nothing is guessed."""
    engine = make_engine(store_url)

    def to_the_second(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    async with engine.begin() as connection:
        await connection.run_sync(to_the_second)
        for statement in OLD.split(";")[:-1]:
            await connection.execute(text(statement))
    await upgrade(store_url)
    async with engine.connect() as connection:
        linked = (await connection.execute(text("SELECT revision_id FROM turn ORDER BY position"))).scalars().all()
    await engine.dispose()
    assert linked == [None, "t1", None, None, "t2", "t3", None, None, None, None]


async def test_an_empty_database_gets_its_schema_at_the_first_start(store_url: str) -> None:
    """The first start makes the tables, the second changes nothing."""
    assert await current_revision(store_url) is None
    await ensure_schema(store_url)
    assert await current_revision(store_url) == newest_revision()
    async with a_database(store_url) as database:
        await a_stored_case(database)
    await ensure_schema(store_url)
    async with a_database(store_url) as database, database.begin() as uow:
        assert await uow.case_of("T1", "C1")


async def test_first_starts_at_once_make_one_schema(store_url: str) -> None:
    """Two instances that start together on an empty database both come up."""
    await asyncio.gather(ensure_schema(store_url), ensure_schema(store_url), ensure_schema(store_url))
    assert await current_revision(store_url) == newest_revision()


async def test_another_versions_schema_is_left_to_a_person(store_url: str) -> None:
    """A database of another version is not touched; the error says what to run."""
    await ensure_schema(store_url)
    engine = make_engine(store_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(SchemaOutOfDate, match="phyassist db upgrade"):
        await ensure_schema(store_url)
    assert await current_revision(store_url) == "9999"


async def test_several_writers_share_a_database(store_url: str) -> None:
    """Many transactions at once that read and then write all come through: nobody meets a locked database."""
    async with a_database(store_url) as database:
        await a_stored_case(database)

        async def write(number: int) -> None:
            async with database.begin() as uow:
                case = await uow.case_of("T1", "C1") if number % 2 else None
                channel = f"D{number}"
                case = case or await uow.open_case("T1", channel, Language.ENGLISH, NOW)
                await uow.add_note(Note(f"n{number}", case.id, Purpose.ANSWER, f"9{number}.1"))

        # notes of one case are written by one worker at a time: the queue sees to that
        await asyncio.gather(*[write(number) for number in range(0, 40, 2)])
        for number in (1, 3):
            await write(number)


def copied_at_each_sync(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What power loss would leave: copies of the database and its log, one each time that the disk was waited for."""
    copies: list[Path] = []
    synced = os.fsync

    def copying(descriptor: int) -> None:
        synced(descriptor)
        copies.append(folder / f"copy-{len(copies)}")
        copies[-1].mkdir()
        for name in ("phyassist.db", "phyassist.db-wal"):
            shutil.copy(folder / name, copies[-1])

    monkeypatch.setattr(os, "fsync", copying)
    return copies


async def test_sqlite_survives_power_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an act's receipt was acknowledged for is on the disk: found in copies of what the disk was made to hold, taken at each sync."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    engine = make_engine(url)
    database = Database(engine, new_key())
    await database.prepare()
    copies = copied_at_each_sync(tmp_path, monkeypatch)
    received: list[tuple[str, int]] = []

    async def receive(channel: str, ts: str) -> None:
        assert await database.receive(a_post(channel=channel, ts=ts))
        received.append((channel, len(copies)))  # the newest copy when it was acknowledged

    await asyncio.gather(*(receive(f"C{number}", f"{number}.1") for number in range(12)))
    await receive("C99", "99.1")
    assert len(copies) < len(received), "those who come meanwhile wait for one sync together"
    monkeypatch.undo()
    for channel, newest in received:
        with closing(sqlite3.connect(copies[newest - 1] / "phyassist.db")) as lost:
            assert lost.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert lost.execute("SELECT count(*) FROM inbox WHERE channel_id = ?", [channel]).fetchone() == (1,)
    await engine.dispose()


async def test_what_is_shown_rests_on_what_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of an act don't wait for the disk, since the inbox begins them again; the message that is about to be posted does, for all."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    engine = make_engine(url)
    database = Database(engine, new_key())
    await database.prepare()
    await database.receive(a_post())
    copies = copied_at_each_sync(tmp_path, monkeypatch)
    work = await database.take("C1")
    assert work
    async with database.begin() as uow:
        case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        await uow.add_note(Note("n1", case.id, Purpose.ANSWER, "1.1"))
        await uow.advance(work, Stage.ACCEPTED, "n1")
    assert not copies
    await database.slot("n1", "act-1", 0)
    monkeypatch.undo()
    with closing(sqlite3.connect(copies[-1] / "phyassist.db")) as lost:
        assert lost.execute("SELECT stage FROM inbox").fetchall() == [("accepted",)]
        assert lost.execute("SELECT slot FROM message").fetchall() == [("act-1",)]
    await engine.dispose()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "the disk is gone"), RuntimeError("the disk is gone")])
async def test_a_disk_that_fails_acknowledges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """An act whose sync fails, however, is not taken for received; delivered again, it is there once."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    engine = make_engine(url)
    database = Database(engine, new_key())
    await database.prepare()
    post = a_post()

    def failing(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(type(error), match="the disk is gone"):
        await database.receive(post)
    monkeypatch.undo()
    await database.receive(post)
    assert await database.count_waiting("C1") == 1
    await engine.dispose()


async def test_the_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages go into the database file once it is long, and its room is used again."""
    monkeypatch.setattr(sqlite, "LONGEST_LOG", 100_000)
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    engine = make_engine(url)
    database = Database(engine, new_key())
    await database.prepare()
    for number in range(150):
        await database.receive(a_post(channel=f"C{number}", ts=f"{number}.1"))
    assert (tmp_path / "phyassist.db-wal").stat().st_size < 400_000
    await engine.dispose()
    assert sqlite3.connect(tmp_path / "phyassist.db").execute("SELECT count(*) FROM inbox").fetchone() == (150,)


async def test_sqlite_is_set_up_for_it(tmp_path: Path) -> None:
    """A write-ahead log that commits don't wait for, foreign keys, deleted content overwritten."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    engine = make_engine(url)
    async with engine.connect() as connection:
        names = ("journal_mode", "synchronous", "wal_autocheckpoint", "secure_delete", "foreign_keys")
        values = {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in names}
    await engine.dispose()
    assert values == {"journal_mode": "wal", "synchronous": 1, "wal_autocheckpoint": 0, "secure_delete": 1, "foreign_keys": 1}
