"""The proof of a deletion: afterwards no sentence of the case, and nothing that opens, is in any file that PhyAssist keeps."""

from functools import partial
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it publishes no types
from sqlalchemy import select

from bot.domain.audit import BOT, verify
from bot.domain.deletion import DeletionStage
from bot.night_process import forget_in_datasets
from bot.store.engine import make_engine
from bot.store.heads import HEADS_FILE, KeptHeads
from bot.store.tables import KeyRow
from bot.workflow.audit_export import Selection, export_audit
from bot.workflow.deleting import Deletions
from inference.registry import Registry
from tests.bot.test_case_deletion import Everybody, FakeDesk
from tests.bot.test_deletion import a_full_case, all_rows, sealed_in
from tests.bot.test_lessons import learned
from tests.bot.test_store import PLANTED, a_database, dump, encodings
from tests.support.builders import NOW
from tests.training.test_dataset import a_preference, an_example, base_set
from training.data.dataset import load_dataset, make_dataset
from training.data.examples import Rows
from training.data.settings import Settings
from training.night.forgetting import Forgotten, forget_everywhere
from training.night.plan import DATASET

IN_DATASETS = "Porridge under the drawbridge"


def a_night(home: Path, name: str, *cases: str, said: str = IN_DATASETS) -> Path:
    """The dataset of a night with rows of these cases, the first of which said that."""
    texts = [said, *(f"{name} {case} says something else altogether" for case in cases[1:])]
    rows = Rows(
        tuple(an_example(case, text, night=name) for case, text in zip(cases, texts, strict=True)),
        tuple(a_preference(case, name) for case in cases),
    )
    folder = home / "nights" / name / DATASET
    folder.parent.mkdir(parents=True)
    make_dataset(folder, rows, name, set(cases), (), base_set(10), Settings())
    return folder


def files_of(folder: Path) -> bytes:
    """Every byte of every file below."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def key_files(url: str) -> bytes:
    """What PostgreSQL's files of this database hold; nothing where they are out of reach."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("CHECKPOINT")
        number = await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = Path(await connection.fetchval("SHOW data_directory")) / "base" / str(number)
    finally:
        await connection.close()
    try:
        return files_of(folder)
    except OSError:
        return b""


async def wrapped_key(url: str, case_id: str) -> bytes:
    """The data key of a case as it stands in the database."""
    engine = make_engine(url)
    async with engine.connect() as connection:
        found = (await connection.execute(select(KeyRow.sealed_key).where(KeyRow.id == case_id))).scalar_one()  # type: ignore[call-overload]
    await engine.dispose()
    return bytes(found)


async def test_after_a_deletion_nothing_of_the_case_is_left_anywhere(store_url: str, tmp_path: Path) -> None:
    """Database files, write-ahead log, datasets, exports of the audit, kept heads, logs of nights; the neighbour keeps all of its own."""
    home = tmp_path / "home"
    async with a_database(store_url) as database:
        deleted, kept = await a_full_case(database, "C1"), await a_full_case(database, "C2")
        both, alone = a_night(home, "night-1", deleted, kept), a_night(home, "night-2", deleted)
        untouched = a_night(home, "night-3", kept, "a-third", said="Nobody is deleted here")
        unchanged = files_of(untouched)
        registry = Registry(home / "adapters")
        learned(registry, tmp_path, "night-1", deleted, kept)
        sealed = sealed_in(await all_rows(store_url))
        key = await wrapped_key(store_url, deleted)
        content = await dump(store_url) + files_of(home)
        assert key in content
        assert IN_DATASETS.encode() in content, "the scan must see what is in a dataset"
        if store_url.startswith("postgresql") and (files := await key_files(store_url)):
            assert key in files, "the scan must see what is in the server's files"

        deletions = Deletions(database, Everybody(), FakeDesk(), partial(forget_in_datasets, home, None), registry)
        assert await deletions.delete(deleted, BOT)
        await deletions.carry_on()
        (deletion,) = await database.deletions()
        assert deletion.stage is DeletionStage.DONE
        assert (deletion.found.datasets, deletion.found.adapters) == (("night-1", "night-2"), ("night-1",))

        export = await export_audit(database, Selection(deleted), [], NOW, "U0ADA")
        (home / "audit.csv").write_bytes(export.csv)
        KeptHeads(home / HEADS_FILE).keep(await database.audit_head(), NOW)
        left = sealed_in(await all_rows(store_url))
        assert verify(await database.audit(0, 999), [deletion.audit]) is None
        content = await dump(store_url) + files_of(home)
        gone = sealed - left
        assert key in gone
        assert not [value for value in gone if value in content]
        assert not [sentence for sentence in (*PLANTED, IN_DATASETS) for way in encodings(sentence) if way in content]
        if store_url.startswith("postgresql"):
            assert key not in await key_files(store_url)
        assert deleted not in load_dataset(alone).manifest.sides
        assert deleted.encode() not in files_of(home / "nights")
        assert {row.case_id for row in (*load_dataset(both).train, *load_dataset(both).heldout)} >= {kept}
        assert files_of(untouched) == unchanged


async def test_a_night_under_way_keeps_its_dataset_until_it_has_ended(tmp_path: Path) -> None:
    """It is named; afterwards it is cleaned, and what can't be read is named as well."""
    home = tmp_path / "home"
    folder, other = a_night(home, "night-1", "gone", "kept"), a_night(home, "night-2", "gone")
    damaged = a_night(home, "night-3", "gone")
    (damaged / "train.jsonl").write_text("nonsense\n")
    before = files_of(folder)
    assert await forget_in_datasets(home, None, "gone", ["night-1"]) != Forgotten()
    assert files_of(folder) == before
    assert "gone" not in load_dataset(other).manifest.sides
    again = await forget_in_datasets(home, None, "gone", ["night-1"])
    assert (again.cleaned, again.waiting, again.unclear) == ((), ("night-1",), ("night-3",))
    assert forget_everywhere(home, "gone", ()) == Forgotten(("night-1",), (), ("night-3",))
    assert forget_everywhere(home, "gone", ()) == Forgotten((), (), ("night-3",))
    assert b"gone" not in files_of(folder)
