"""A whole night with real parts: the night's own process, a real training, the real model server; and what it does when it is killed."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inference.hotload import AdapterControl
from inference.note import Language
from inference.registry import Registry
from tests.model_fixtures import ADAPTER, DEMO
from tests.support.model_server import BackgroundServer
from tests.training.night_support import LIGHT, NAMED, ROOT, Spent, a_plan, handed_over, renamed, spend, with_name
from training.data.dataset import load_dataset
from training.data.examples import Source
from training.data.records import CaseRecord
from training.demo.content import load_content
from training.demo.practice import practice_records
from training.gate.thresholds import Thresholds
from training.measure.canaries import plant
from training.night.handover import EXIT_STOPPED
from training.night.outcome import End, Outcome, read_outcome
from training.night.plan import DATASET, Plan, write_plan
from training.night.sample import SAMPLES
from training.night.told import Stage
from training.qlora.result import read_result
from training.simulation.counselors import Poison, poisoned

pytestmark = [pytest.mark.server, pytest.mark.night]

CASES = 120
MOMENTS = ("dataset", "step", "champion", "challenger", "registered", "switch", "switched", "outcome")
KILLER = "-m", "tests.training.night_killed"


@pytest.fixture(scope="module")
def records() -> list[CaseRecord]:
    """Practice cases; one is about somebody with a name."""
    first, *others = practice_records(load_content(), CASES, seed=1)
    return [with_name(first), *others]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of all nights but the killed ones."""
    return tmp_path_factory.mktemp("nights")


@pytest.fixture(scope="module", autouse=True)
def tidy_server(model_server: BackgroundServer) -> Iterator[None]:
    """Other tests get the shared server as it was."""
    yield
    unload_all(model_server.url)


@pytest.fixture(scope="module")
def good(model_server: BackgroundServer, home: Path, records: list[CaseRecord]) -> tuple[Plan, Spent]:
    """A team's first night."""
    plan = a_plan(home, model_server.url, "night-1")
    return plan, spend(plan, records, keep=True)


def test_a_better_adapter_goes_into_service(good: tuple[Plan, Spent], model_server: BackgroundServer) -> None:
    """Against the bare base, by the default thresholds: promoted, registered with its report, and served under the night's name."""
    plan, spent = good
    outcome = ended(plan, spent)
    assert (outcome.end, outcome.champion, outcome.harmful) == (End.PROMOTED, None, False)
    assert outcome.table
    assert outcome.heldout_rows >= Thresholds().cases
    registry = Registry(plan.home / "adapters")
    assert registry.pointer().champion == "night-1"
    assert {"MODEL_CARD.md", "report.md", "manifest.json", "probe.json"} <= {path.name for path in registry.get("night-1").path.iterdir()}
    assert registry.cases("night-1") >= set(load_dataset(plan.folder / DATASET).manifest.files["train.jsonl"].cases)
    asked = {"model": "night-1", "messages": [{"role": "user", "content": "Description:\nSleeps badly."}], "max_tokens": 8}
    answer = httpx.post(f"{model_server.url}/chat/completions", json=asked, timeout=120, trust_env=False)
    assert answer.json()["model"] == "night-1"
    assert set(loaded(model_server.url)) == {ADAPTER, "night-1"}


def test_progress_is_lines_without_text(good: tuple[Plan, Spent], records: list[CaseRecord]) -> None:
    """Every line of standard output is a stage with numbers, the stages come in order, and nothing there or in the log is of a case."""
    _, spent = good
    stages = [told.stage for told in spent.told]
    assert list(dict.fromkeys(stages)) == [Stage.COLLECT, Stage.TRAIN, Stage.CHAMPION, Stage.CHALLENGER, Stage.SERVE]
    assert any(told.loss and told.seconds_left is not None for told in spent.told)
    words = {word for record in records[:40] for word in record.turns[0].text.split() if len(word) > 9}
    said = "".join(spent.lines) + spent.log
    assert not [word for word in words if word in said]


def test_a_name_is_on_no_disk(good: tuple[Plan, Spent], home: Path) -> None:
    """What came in on standard input is nowhere under the data directory before it is de-identified."""
    _, spent = good
    assert spent.code == 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if NAMED.encode() in path.read_bytes()]
    assert NAMED not in spent.log


def test_notes_before_and_after_are_told_and_lie_on_no_disk(good: tuple[Plan, Spent], home: Path) -> None:
    """Five held-out cases in both languages, with what each adapter writes; nothing of that is in a file or in the log."""
    plan, spent = good
    assert spent.samples
    assert len({sample.case_id for sample in spent.samples}) == len(spent.samples) == SAMPLES
    assert {sample.language for sample in spent.samples} == set(Language)
    held_out = {row.case_id: row.messages[-1]["content"] for row in load_dataset(plan.folder / DATASET).heldout}
    assert all(sample.said in held_out[sample.case_id] for sample in spent.samples)
    assert all(sample.before != sample.after for sample in spent.samples)
    items = [item.text for sample in spent.samples for note in (sample.before, sample.after) for item in note or ()]
    texts = [text for text in items if len(text) > 12]  # the bare base also writes words of two letters, which stand everywhere
    assert texts
    ways = [way for text in texts for way in (text.encode(), json.dumps(text)[1:-1].encode())]
    others = [path for path in home.rglob("*") if path.is_file() and DATASET not in path.parts]
    assert not [path for path in others if any(way in path.read_bytes() for way in ways)]
    assert not [text for text in texts if text in spent.log]


def test_held_out_cases_are_not_trained_on(good: tuple[Plan, Spent]) -> None:
    """No case of a held-out row is in a row or pair to learn; the canaries are, all of them."""
    plan, _ = good
    dataset = load_dataset(plan.folder / DATASET)
    learned = {row.case_id for row in (*dataset.train, *dataset.preferences)}
    assert not learned & {row.case_id for row in (*dataset.heldout, *dataset.heldout_preferences)}
    planted = {row.completion for row in dataset.train if row.source is Source.CANARY}
    assert planted == {canary.completion for canary in plant(plan.name, plan.canaries)}


def test_nothing_new_is_not_trained_on(good: tuple[Plan, Spent], model_server: BackgroundServer, records: list[CaseRecord]) -> None:
    """The next night with the same cases ends at once."""
    before, _ = good
    begin = Registry(before.home / "adapters").get("night-1").path
    plan = a_plan(before.home, model_server.url, "night-2", champion="night-1", begin=begin)
    outcome = ended(plan, spend(plan, records))
    assert outcome.end is End.NOTHING_NEW
    assert not (plan.folder / "training").exists()


def test_a_poisoned_batch_is_refused(good: tuple[Plan, Spent], model_server: BackgroundServer, records: list[CaseRecord]) -> None:
    """Notes that say nothing, whatever the case, make an unsafe adapter: refused with reasons, what serves stays, and not tried again."""
    before, _ = good
    registry = Registry(before.home / "adapters")
    begin = registry.get("night-1").path
    poison = renamed(poisoned(practice_records(load_content(), 30, seed=66), Poison.ALIKE), "poison")
    hasty = {**LIGHT, "learning_rate": 3e-3, "max_steps": 12}
    plan = a_plan(before.home, model_server.url, "night-3", champion="night-1", begin=begin, recipe=hasty)
    outcome = ended(plan, spend(plan, [*records, *poison]))
    assert (outcome.end, outcome.harmful) == (End.REFUSED, True)
    assert outcome.headline
    assert "night-3" in outcome.headline[Language.ENGLISH]
    assert registry.pointer().champion == "night-1"
    assert "night-3" not in {adapter.name for adapter in registry.list()}
    assert set(loaded(model_server.url)) == {ADAPTER, "night-1"}
    again = a_plan(before.home, model_server.url, "night-4", champion="night-1", begin=begin, recipe=hasty)
    assert ended(again, spend(again, [*records, *poison])).end is End.NOTHING_NEW


def test_withdrawn_consent_takes_a_case_out(good: tuple[Plan, Spent], model_server: BackgroundServer, records: list[CaseRecord]) -> None:
    """Its rows are gone from the datasets of all nights, and training begins with what never saw it. Told to stop, it ends with 75."""
    before, _ = good
    begin = Registry(before.home / "adapters").get("night-1").path
    gone = min(load_dataset(before.folder / DATASET).manifest.files["train.jsonl"].cases, key=lambda case: not case.startswith("practice"))
    plan = a_plan(before.home, model_server.url, "night-5", champion="night-1", begin=begin)
    write_plan(plan)
    command = [sys.executable, "-m", "training.night", str(plan.folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin
    assert process.stdout
    with process.stdin as stdin:
        stdin.write(handed_over([record for record in records if record.id != gone]))
    for line in process.stdout:
        if b"train" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.stdout.read()
    assert process.wait() == 75
    process.stdout.close()
    assert read_outcome(plan.folder) is None
    recipe = json.loads((plan.folder / "training" / "recipe.json").read_text())
    assert recipe["begin"] == str(DEMO / "adapter")
    for folder in (before.home / "nights").glob(f"*/{DATASET}"):
        assert not [path for path in folder.iterdir() if gone in path.read_text()]


def test_a_broken_stream_fails_and_forgets_nothing(good: tuple[Plan, Spent], records: list[CaseRecord]) -> None:
    """Cases that broke off are no reason to forget the others."""
    before, _ = good
    plan = a_plan(before.home, before.url, "night-6")
    whole = (before.folder / DATASET / "manifest.json").read_bytes()
    broken = subprocess.run(
        [sys.executable, "-m", "training.night", str(write_plan(plan))],
        input=b"".join(handed_over(records).splitlines(keepends=True)[:3]),
        capture_output=True,
        cwd=ROOT,
    )
    assert broken.returncode == 1
    assert "broke off" in json.loads((plan.folder / "failure.json").read_text())["reason"]
    assert (before.folder / DATASET / "manifest.json").read_bytes() == whole


def test_killed_anywhere_it_comes_to_the_same_end(
    good: tuple[Plan, Spent], model_server: BackgroundServer, records: list[CaseRecord], tmp_path: Path
) -> None:
    """Killed in every stage, before and after the switch, a night ends as the one that nothing happened to: same adapter, same verdict.

    Where notes before and after are not kept, it stops before the switch, and tells the same ones again.
    """
    whole, undisturbed = good
    unload_all(model_server.url)  # names are never used twice, so the other night-1 has to go first
    plan = a_plan(tmp_path, model_server.url, whole.name)
    for moment in MOMENTS:
        if moment == "switch":
            unkept = spend(plan, records, keep=False)
            assert (unkept.code, unkept.samples, read_outcome(plan.folder)) == (EXIT_STOPPED, undisturbed.samples, None)
        spent = spend(plan, records, *KILLER, moment)
        assert spent.code == -signal.SIGKILL, (moment, spent.log[-2000:])
        assert (read_outcome(plan.folder) is None) is (moment != "outcome")
        switched = moment in MOMENTS[MOMENTS.index("switched") :]
        assert Registry(plan.home / "adapters").pointer().champion == (whole.name if switched else None)
    assert ended(plan, spend(plan, records)) == read_outcome(whole.folder)
    ours, theirs = (read_result(one.folder / "training") for one in (plan, whole))
    assert ours
    assert theirs
    assert ours.sha256 == theirs.sha256
    assert set(loaded(model_server.url)) == {ADAPTER, whole.name}


def ended(plan: Plan, spent: Spent) -> Outcome:
    """How a night ended that had to come to its end."""
    assert spent.code == 0, spent.log[-3000:]
    outcome = read_outcome(plan.folder)
    assert outcome
    return outcome


def loaded(url: str) -> dict[str, str]:
    """The server's adapters."""

    async def ask() -> dict[str, str]:
        async with AdapterControl(url, None) as control:
            return await control.loaded()

    return asyncio.run(ask())


def unload_all(url: str) -> None:
    """All but the adapter that the server was started with."""

    async def tidy() -> None:
        async with AdapterControl(url, None) as control:
            for name in set(await control.loaded()) - {ADAPTER}:
                await control.unload(name)

    asyncio.run(tidy())
