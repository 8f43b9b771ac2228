"""`/phyassist audit` and `phyassist audit`: the rows as a file, the soundness of the chain, and heads kept beside the database."""

import csv
import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bot.domain.audit import AuditAction, AuditEntry, Break, Fault, Head
from bot.slack.audit_texts import audit_texts
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.heads import HEADS_FILE, KeptHeads
from bot.workflow.audit_export import NoSelection, Selection, export_audit, read_selection
from deploy.audit import app
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import running_sandbox
from inference.note import Language
from tests.bot.test_audit import an_entry
from tests.bot.test_store import a_database
from tests.support.builders import NOW
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, working_bot

WORDS = audit_texts(Language.ENGLISH)
PATIENCE_S = 120.0


async def recorded(database: Database, *entries: AuditEntry) -> None:
    """Adds these."""
    async with database.begin() as uow:
        for entry in entries:
            await uow.record(entry)


async def tampered(url: str, statement: str) -> None:
    """Somebody writes to the database."""
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


# the file


async def test_the_file_says_how_to_check_it_and_that_is_true(store_url: str) -> None:
    """With nothing but the CSV and the words beside it, every hash comes out again."""
    async with a_database(store_url) as database:
        await recorded(
            database, an_entry(AuditAction.OPENED, subject="a"), an_entry(case_id=None), an_entry(AuditAction.APPROVED, subject="b")
        )
        export = await export_audit(database, Selection(), [], NOW, "U0ADA")
    before = "0" * 64
    for row in csv.DictReader(export.csv.decode().splitlines()):
        said, plain = row.pop("hash"), {**row, "number": int(row["number"]), "case_id": row["case_id"] or None}
        before = hashlib.sha256(f"{before}\n{json.dumps(plain, sort_keys=True, separators=(',', ':'))}".encode()).hexdigest()
        assert before == said
    about = json.loads(export.about)
    assert about["chain"] == {"rows": 3, "sound_up_to": {"number": 3, "hash": before}, "sound": True, "break": None}
    assert (about["exported_by"], about["rows"], export.rows) == ("U0ADA", 3, 3)


async def test_a_part_is_chosen_and_the_whole_is_checked(database_with_rows: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page; one case or one period, and a break outside of it is told all the same."""
    monkeypatch.setattr("bot.workflow.audit_export.PAGE", 2)
    export = await export_audit(database_with_rows, Selection("other"), [Head(9, "f" * 64)], NOW, "U0ADA")
    assert [row["subject"] for row in csv.DictReader(export.csv.decode().splitlines())] == ["s1", "s3"]
    assert (export.head.number, export.broken) == (5, Break(6, Fault.CUT))


@pytest.fixture
async def database_with_rows(store_url: str) -> AsyncIterator[Database]:
    """Five rows of two cases."""
    async with a_database(store_url) as database:
        await recorded(database, *(an_entry(case_id="other" if number % 2 else "case", subject=f"s{number}") for number in range(5)))
        yield database


@pytest.mark.parametrize(
    ("entered", "selection"),
    [
        ("", Selection()),
        ("`c-1a`", Selection("id-1")),
        ("2026-11-21", Selection(None, "2026-11-21T00:00:00.000000+00:00", "2026-11-22T00:00:00.000000+00:00")),
        ("2026-12", Selection(None, "2026-12-01T00:00:00.000000+00:00", "2027-01-01T00:00:00.000000+00:00")),
        ("2026-11-30..2026-12-01", Selection(None, "2026-11-30T00:00:00.000000+00:00", "2026-12-02T00:00:00.000000+00:00")),
    ],
)
def test_what_is_wanted_is_understood(entered: str, selection: Selection) -> None:
    """A code, a day, a month, from day to day."""
    assert read_selection(entered, {"C-1A": "id-1"}) == selection


@pytest.mark.parametrize("entered", ["C-2B", "yesterday", "2026-13", "2026-02-30", "2026", "..", "9999-12"])
def test_what_is_not_understood_is_refused(entered: str) -> None:
    """Rather than exporting something else."""
    with pytest.raises(NoSelection):
        read_selection(entered, {"C-1A": "id-1"})


# heads beside the database


def test_heads_are_kept_once_each_and_go_on_to_accuse(tmp_path: Path) -> None:
    """For their owner alone; an older one is not kept in the place of a newer one; a damaged line hides no other."""
    kept = KeptHeads(tmp_path / HEADS_FILE)
    assert kept.read() == []
    heads = [Head(3, "a" * 64), Head(7, "b" * 64)]
    for head in (*heads, heads[1], Head(5, "c" * 64), Head()):
        kept.keep(head, NOW)
    path = tmp_path / HEADS_FILE
    assert kept.read() == heads
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("nonsense\n" + path.read_text())
    assert kept.read() == heads


# in Slack


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work whose audit has rows and a head that was kept."""
    monkeypatch.setattr("bot.slack.roles.ASK_S", 60.0)
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"

    async def heads() -> Iterable[Head]:
        return KeptHeads(tmp_path / HEADS_FILE).read()

    async with a_database(url) as database, running_sandbox(seed=Seed(cases=1, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0)
        await recorded(database, *(an_entry(subject=f"s{number}") for number in range(5)))
        KeptHeads(tmp_path / HEADS_FILE).keep(await database.audit_head(), NOW)
        async with working_bot(sandbox, database, ScriptedModel([]), "S0ADMINS", kept_heads=heads) as bot:
            yield bot


async def exported(bot: WorkingBot, line: str = "/phyassist audit") -> dict[str, bytes]:
    """The files that ada gets in her conversation with the bot, by their endings."""
    client = bot.sandbox.client
    result = await client.command("ada", "general", line)
    assert result.shown
    assert result.shown.text == WORDS.working
    await client.wait_for_ephemeral("ada", WORDS.sent, timeout=PATIENCE_S)
    dm = next(channel for channel in bot.sandbox.workspace.channels.values() if channel.is_im and "U0ADA" in channel.members)
    *_, newest = dm.messages.values()
    files = [bot.sandbox.workspace.files[file] for file in newest.files]
    return {file.name.rpartition(".")[2]: file.content for file in files}


async def test_an_admin_gets_the_audit_as_files(bot: WorkingBot) -> None:
    """With the row of this very export in it, in a conversation that nobody else sees."""
    files = await exported(bot)
    rows = list(csv.DictReader(files["csv"].decode().splitlines()))
    assert (rows[-1]["action"], rows[-1]["user_id"], len(rows)) == ("audit_exported", "U0ADA", 6)
    assert json.loads(files["json"])["chain"]["sound"]
    shown = [message.text for message in await bot.sandbox.client.ephemerals("ada")]
    assert WORDS.sound.format(number=6, hash=(await bot.database.audit_head()).hash) in shown[-1]


@pytest.mark.parametrize(
    ("statement", "fault", "number"),
    [
        ("UPDATE audit SET user_id = 'U0LI' WHERE number = 2", Fault.CHANGED, 2),
        ("DELETE FROM audit WHERE number = 2", Fault.MISSING, 2),
        ("UPDATE audit SET number = CASE number WHEN 2 THEN -3 WHEN 3 THEN -2 ELSE number END", Fault.MISSING, 2),
        ("DELETE FROM audit WHERE number > 2", Fault.REWRITTEN, 3),
    ],
)
async def test_an_admin_is_told_where_the_audit_is_not_sound(
    bot: WorkingBot, tmp_path: Path, statement: str, fault: Fault, number: int
) -> None:
    """Changed, removed, moved away, and a tail that was cut off before others grew in its place."""
    await tampered(f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}", statement)
    if fault is Fault.REWRITTEN:
        await recorded(bot.database, *(an_entry(subject=f"new{place}") for place in range(3)))
        number = 5
    files = await exported(bot)
    assert json.loads(files["json"])["chain"]["break"] == {"number": number, "fault": fault}
    shown = [message.text for message in await bot.sandbox.client.ephemerals("ada")]
    assert WORDS.broken.format(number=number, fault=WORDS.faults[fault]) in shown[-1]


async def test_others_get_nothing_and_that_is_audited(bot: WorkingBot) -> None:
    """Nor does an admin who asks for something that is not understood."""
    client = bot.sandbox.client
    refused = await client.command("anna", "case-001", "/phyassist audit")
    assert refused.shown
    assert refused.shown.text == WORDS.admins_only
    unclear = await client.command("ada", "general", "/phyassist audit yesterday")
    assert unclear.shown
    assert unclear.shown.text == WORDS.unclear
    *_, newest = await bot.database.audit(0, 99)
    assert (newest.action, newest.user_id, newest.detail) == ("refused", "U0ANNA", "audit:admins_only")


# at a shell


async def test_the_shell_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 for a sound chain, 1 for one that isn't, also where only a head from elsewhere tells; the export leaves both files."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    monkeypatch.setenv("PHYASSIST_HOME", str(tmp_path))
    async with a_database(url) as database:
        await recorded(database, *(an_entry(subject=f"s{number}") for number in range(5)))
        head = await database.audit_head()

    def run(*arguments: str) -> tuple[int, str]:
        with ThreadPoolExecutor() as pool:  # where no loop runs yet, as at a shell
            result = pool.submit(CliRunner().invoke, app, list(arguments)).result()
        return result.exit_code, result.output

    assert run("verify") == (0, f"The audit is sound. Its head is 5:{head.hash}\n")
    code, _ = run("export", str(tmp_path / "out"), "--only", "2026-03-02")
    assert code == 0
    assert len((tmp_path / "out" / "audit.csv").read_text().splitlines()) == 6
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["chain"]["sound"]
    await tampered(url, "DELETE FROM audit WHERE number > 3")
    assert run("verify")[0] == 0
    assert run("verify", "--head", f"5:{head.hash}")[0] == 1
    KeptHeads(tmp_path / HEADS_FILE).keep(head, NOW)
    code, said = run("verify")
    assert code == 1
    assert "row 4: cut" in said
    assert run("verify", "--head", "five:x")[0] == 2
    assert run("export", str(tmp_path / "out"), "--only", "yesterday")[0] == 2
