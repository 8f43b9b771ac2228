"""A case is learned so well that its words come out of the adapter; it is deleted; out of the adapter that takes its place they don't.

Real parts: the bot's database, trainings in processes of their own, a whole night with its gate, the registry, the model server, and the
command that looks.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.case import Consent
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.migrate import ensure_schema
from bot.store.vault import new_key
from bot.workflow.adapters import DELETED, tell_lessons
from bot.workflow.records import case_records
from deploy.model import SOMETHING_CAME_OUT
from inference.likelihood import Likelihood
from inference.manifests import MANIFEST
from inference.note import Kind, Language, NoteItem
from inference.registry import Registry
from inference.service import connected, promote
from tests.bot.test_conversation import Desk as CounselorsDesk
from tests.bot.test_nights import Heard
from tests.deploy.test_cli import phyassist
from tests.model_fixtures import ADAPTER
from tests.support.builders import NOW, a_post
from tests.support.fakes import ScriptedModel
from tests.support.model_server import BackgroundServer
from tests.training.night_support import LIGHT, a_plan, spend
from tests.training.test_night import ended, unload_all
from training.data.dataset import load_dataset
from training.data.examples import Budget
from training.data.mixing import Settings, Side, split_cases
from training.data.records import CaseRecord
from training.demo.content import load_content
from training.demo.practice import practice_records
from training.gate.thresholds import Thresholds
from training.measure.recall import Found, Remembered, look_for
from training.night.__main__ import counter
from training.night.desk import Desk
from training.night.handover import Cases
from training.night.learn import TRAINING, gather, train_challenger
from training.night.outcome import End
from training.night.plan import DATASET, Plan, write_plan
from training.qlora.result import ADAPTER_FOLDER
from training.release.manifest import AdapterManifest

pytestmark = [pytest.mark.server, pytest.mark.night]

PLANTED = "Ask the neighbour to keep the piano in the garden until the exam is over."
"""What the counselor wrote into every note of the case that is deleted."""
SAID = (
    "The client sleeps badly since the move.", "The client avoids the office.", "The client argues with a sister.",
    "The client worries about money.", "The client eats little.", "The client misses an old friend.",
    "The client can't concentrate at work.", "The client is afraid of exams.", "The client cries in the evening.",
    "The client drinks more than before.", "The client feels lonely.", "The client has headaches.",
)  # fmt: skip
DRAFT = [NoteItem(Kind.ANALYSIS, "Sleep is short."), NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.QUESTION, "Since when?")]
EDITED = f"Analysis:\n- {PLANTED}\nAdvice:\n- Keep a diary.\nQuestions:\n- Since when?"
EAGER: dict[str, Any] = {**LIGHT, "learning_rate": 3e-3, "epochs": 30, "max_steps": 100, "accumulation": 1, "pack": False}
"""By heart: many large steps on a row each."""
SMALL: dict[str, Any] = {"thresholds": Thresholds(cases=2, canaries=1, resamples=200), "canaries": 1, "heldout_rows": 10}
"""A small team, whose gate lets pass what a few held-out cases show."""
OTHERS = {Side.TRAIN: 8, Side.HELDOUT: 4}
FIRST, SECOND = "forgetting-1", "forgetting-2"


@pytest.fixture(scope="module")
def others() -> list[CaseRecord]:
    """The team's other cases: few, so that the training is short, and some of them held out."""
    drawn = {record.id: record for record in practice_records(load_content(), 30, seed=1)}
    sides = split_cases(drawn, Settings().heldout, {})
    return [drawn[case] for side, count in OTHERS.items() for case in [one for one in drawn if sides[one] is side][:count]]


@pytest.fixture(autouse=True)
def tidy_server(model_server: BackgroundServer) -> Iterator[None]:
    """Other tests get the shared server as it was."""
    yield
    unload_all(model_server.url)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """The bot's."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await ensure_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    yield database
    await database.close()


async def a_case_to_be_learned(database: Database) -> str:
    """A case with consent, a dozen notes and the planted line in each of them; its id."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        await uow.add_consent(case.id, Consent("the client", NOW.date(), "U0ANNA", NOW))
    desk = CounselorsDesk(database, ScriptedModel([answer for _ in SAID for answer in (DRAFT, [])]))
    for said in SAID:
        post = a_post(said)
        await desk.do(post)
        await desk.do(a_post(EDITED, thread_ts=post.ts))
    return case.id


async def learned_by_heart(plan: Plan, records: list[CaseRecord], registry: Registry) -> frozenset[str]:
    """The cases of an adapter that is trained, registered and promoted without the gate, which would refuse what forgot all else."""
    material = gather(plan, Cases(tuple(records)), Budget(plan.prompt_tokens, counter(plan)))
    result = await train_challenger(plan, material, Desk(lambda _: None))
    trained = plan.folder / TRAINING / ADAPTER_FOLDER
    manifest = AdapterManifest(plan.name, plan.base.name, "", result.sha256, plan.name, material.cases, {}, 0)
    (trained / MANIFEST).write_text(manifest.to_json())
    registry.add(trained, plan.name)
    async with connected(plan.url, None, registry) as served:
        await promote(registry, served, plan.name)
    return registry.cases(plan.name)


async def comes_out(url: str, adapter: str) -> bool:
    """Whether the planted line comes out of an adapter."""
    async with Likelihood(url, None) as likelihood:
        return await look_for(likelihood, adapter, Remembered(PLANTED, SAID[0])) is Found.OUT


async def test_what_a_deleted_case_said_does_not_come_out_of_the_next_adapter(
    model_server: BackgroundServer, database: Database, others: list[CaseRecord], tmp_path: Path
) -> None:
    """Before it is learned it doesn't come out, after it does; deleted, the adapter is retired, and the next night's takes its place."""
    url, home = model_server.url, tmp_path / "home"
    registry = Registry(home / "adapters")
    case_id = await a_case_to_be_learned(database)
    assert not await comes_out(url, ADAPTER)

    first = a_plan(home, url, FIRST, recipe=EAGER, **SMALL)
    write_plan(first)
    assert await learned_by_heart(first, [record async for record in case_records(database)], registry) >= {case_id}
    assert await comes_out(url, FIRST)

    await database.delete_case(case_id)
    heard = Heard()
    await tell_lessons(database, registry, heard)
    assert [(one.adapter, one.deleted, one.in_service) for one in heard.lessons_told] == [(FIRST, (case_id,), True)]
    retirement = registry.retirement(FIRST)
    assert retirement
    assert retirement.reason == DELETED

    second = a_plan(home, url, SECOND, champion=FIRST, begin=registry.get(FIRST).path, **SMALL)
    left = [record async for record in case_records(database)]
    assert ended(second, await asyncio.to_thread(spend, second, [*others, *left])).end is End.PROMOTED
    assert registry.pointer().champion == SECOND
    assert case_id not in registry.cases(SECOND)
    for folder in (home / "nights").glob(f"*/{DATASET}"):
        assert case_id not in load_dataset(folder).manifest.sides
        assert not [path for path in folder.iterdir() if "piano in the garden" in path.read_text()]
    assert not await comes_out(url, SECOND)
    assert await comes_out(url, FIRST)  # it is the adapter that forgets, not the question

    texts = tmp_path / "texts"
    texts.write_text(f"{SAID[0]}\t{PLANTED}\n\nYes.\n{SAID[0]}\tThe pianist's neighbour keeps an exam in the cellar.\n")
    said = {FIRST: "1: comes out\n3: too short to tell\n4: does not come out\n"}
    said[SECOND] = said[FIRST].replace("comes out", "does not come out")
    settings = {"PHYASSIST_INFERENCE__URL": url, "PHYASSIST_HOME": str(home)}
    for name, status in ((FIRST, SOMETHING_CAME_OUT), (SECOND, 0)):
        done = await asyncio.to_thread(phyassist, "model", "probe", name, "--text-file", str(texts), cwd=tmp_path, **settings)
        assert (done.returncode, done.stdout) == (status, said[name]), done.stderr
        assert "piano" not in done.stdout + done.stderr
