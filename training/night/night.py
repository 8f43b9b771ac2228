"""A night, read from top to bottom.

    collect    cases with consent → de-identified rows → a dataset that is split by case
    train      an adapter, in a process of its own, that goes on from the champion
    compare    both on the same held-out rows, on the server that serves
    decide     the gate: better, or refused with reasons
    release    card and report, registered under the night's name
    serve      loaded, tried, the pointer moved: at once, or when an admin says so

Each stage leaves its result in the night's folder, last of all that it writes, so a night that was killed anywhere goes on from there and
comes to the same end. Until the last stage nothing of what is in service is touched.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.adapters import check_adapter
from inference.errors import AdapterExists, InferenceError, ModelUnavailable
from inference.note import Language
from inference.probe import Probe, ask_probe
from inference.registry import ADAPTERS_DIRECTORY, Registry
from inference.service import Served, connected, promote
from inference.sharing import Gpus
from training.data.dataset import MANIFEST, Dataset
from training.data.examples import Budget
from training.gate.decide import decide
from training.gate.report import headline, table
from training.gate.scores import Scores
from training.gate.verdict import Verdict
from training.measure import imhi
from training.measure.canaries import plant
from training.measure.run import Questions, measure
from training.measure.safety import load_fixtures
from training.measure.served import Asking, ServedModel
from training.night.collect import DATASET, Cases, collect, datasets_before, held_out, is_worth_training
from training.night.outcome import End, Outcome, read_outcome, write_outcome
from training.night.plan import Plan, Promotion
from training.night.told import Stage, Tell, Told
from training.qlora.process import train
from training.qlora.progress import Progress
from training.qlora.recipe import Recipe
from training.qlora.result import ADAPTER_FOLDER, Result
from training.release.manifest import AdapterManifest, base_sha256
from training.release.prepare import prepare

TRAINING = "training"
RELEASE = "release"
BACK_S = 1800.0
"""How long the model server may take to come back after a training; loading a large model takes minutes."""
POLL_S = 1.0
IMHI_EACH = 50


class Interrupted(Exception):
    """The night was told to stop, and left everything for a later process to go on with."""


@dataclass(frozen=True)
class Comparison:
    """What the server showed of both adapters."""

    champion: Scores
    challenger: Scores
    probe: Probe


@dataclass(frozen=True)
class Desk:
    """What a night works with, beside its plan: who is told, whether to stop, and the key of the model server."""

    tell: Tell
    should_stop: Callable[[], bool] = lambda: False
    api_key: str | None = None


async def spend_night(plan: Plan, cases: Cases, budget: Budget, desk: Desk) -> Outcome:
    """The whole night, or what is left of it.

    Raises:
        Interrupted: `desk.should_stop` said so.
        TrainingFailed, BadDataset, BadAdapter, ModelUnavailable: it can't be done, or not now; what is in service stays so.
    """
    done = read_outcome(plan.folder)
    if done:
        return done
    desk.tell(Told(Stage.COLLECT))
    dataset = await asyncio.to_thread(collect, plan, cases, budget)
    if not is_worth_training(dataset):
        return write_outcome(plan.folder, Outcome(plan.name, End.NOTHING_NEW, plan.champion))
    result = await train_challenger(plan, desk)
    earlier = await asyncio.to_thread(datasets_before, plan)
    compared = await compare(plan, dataset, earlier, result, desk)
    verdict = decide(compared.champion, compared.challenger, plan.thresholds, plan.seed)
    if verdict.promoted:
        await asyncio.to_thread(release, plan, dataset, result, compared, verdict)
        if plan.promotion is Promotion.AUTOMATIC:
            desk.tell(Told(Stage.SERVE))
            async with server_back(plan, desk) as served:
                await promote(_registry(plan), served, plan.name)
    return write_outcome(plan.folder, _outcome(plan, dataset, verdict))


async def train_challenger(plan: Plan, desk: Desk) -> Result:
    """Trains, on GPUs that it may share; steps aside while a counselor's urgent post is answered."""
    begin = {} if plan.begin is None else {"begin": plan.begin, **_shape_of(plan.begin)}
    recipe = Recipe(base=plan.base, dataset=plan.folder / DATASET, seed=plan.seed, **{**plan.recipe, **begin})
    gpus = Gpus(plan.home)

    def should_stop() -> bool:
        return desk.should_stop() or (plan.shared_gpus and gpus.urgent)

    while True:
        desk.tell(Told(Stage.TRAIN))
        async with gpus.for_training() if plan.shared_gpus else contextlib.nullcontext():
            result = await asyncio.to_thread(train, recipe, plan.folder / TRAINING, lambda step: desk.tell(_step(step)), should_stop)
        if result is not None:
            return result
        if desk.should_stop():
            raise Interrupted
        desk.tell(Told(Stage.ASIDE))
        await gpus.until_calm()


async def compare(plan: Plan, dataset: Dataset, earlier: list[Dataset], result: Result, desk: Desk) -> Comparison:
    """Champion and challenger on the same questions, asked of the server that serves."""
    trained = plan.folder / TRAINING / ADAPTER_FOLDER
    # vLLM keeps answers by name and path: other weights must never come under a name that was used before
    candidate = f"{plan.name}-{result.sha256[:8]}"
    async with server_back(plan, desk) as served:
        await asyncio.to_thread(check_adapter, trained, served.shape, served.max_rank)
        if candidate not in await served.control.loaded():
            await served.control.bring_in(candidate, trained.absolute())
        try:
            probe = await ask_probe(served.likelihood, candidate, served.base)
            base = await asyncio.to_thread(base_sha256, plan.base)
            questions = await asyncio.to_thread(_questions, plan, dataset, earlier)
            learned = frozenset(dataset.manifest.files["train.jsonl"].cases) | _cases_of(plan, plan.champion)
            champion = await _measure(
                plan, ServedModel(plan.url, base, plan.champion, tuple(_cases_of(plan, plan.champion))), questions, desk
            )
            challenger = await _measure(plan, ServedModel(plan.url, base, candidate, tuple(learned)), questions, desk)
        finally:
            with contextlib.suppress(InferenceError):
                await served.control.unload(candidate)
    return Comparison(champion, challenger, probe)


def release(plan: Plan, dataset: Dataset, result: Result, compared: Comparison, verdict: Verdict) -> None:
    """Registers the adapter under the night's name, with its card, its report and what it was made of."""
    registry = _registry(plan)
    manifest = AdapterManifest(
        name=plan.name,
        base=plan.base.name,
        base_sha256=compared.challenger.base,
        dataset_sha256=_sha256(plan.folder / DATASET / MANIFEST),
        night=plan.name,
        cases=tuple(dataset.manifest.files["train.jsonl"].cases),
        sources=dataset.manifest.sources,
        pairs=len(dataset.preferences),
        begins_with=plan.champion if plan.begin else None,
        recipe={**plan.recipe, "seed": plan.seed},
        versions=result.versions,
    )
    folder = plan.folder / RELEASE
    prepare(plan.folder / TRAINING / ADAPTER_FOLDER, folder, manifest, compared.probe, compared.champion, compared.challenger, verdict)
    with contextlib.suppress(AdapterExists):  # a night that was killed after this goes on after this
        registry.add(folder, plan.name)


@asynccontextmanager
async def server_back(plan: Plan, desk: Desk) -> AsyncIterator[Served]:
    """Connections to the model server, as soon as it is back."""
    deadline = asyncio.get_running_loop().time() + BACK_S
    async with contextlib.AsyncExitStack() as stack:
        while True:
            try:
                served = await stack.enter_async_context(connected(plan.url, desk.api_key, _registry(plan)))
                break
            except ModelUnavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                if desk.should_stop():
                    raise Interrupted from None
                await asyncio.sleep(POLL_S)
        yield served


async def _measure(plan: Plan, model: ServedModel, questions: Questions, desk: Desk) -> Scores:
    stage = Stage.CHAMPION if model.adapter == plan.champion else Stage.CHALLENGER
    results = plan.folder / f"{stage}.jsonl"
    asking = Asking(plan.max_tokens, plan.limits)
    return await measure(_with_key(model, desk), questions, results, asking, lambda done, of: desk.tell(Told(stage, done, of)))


def _with_key(model: ServedModel, desk: Desk) -> ServedModel:
    return ServedModel(model.url, model.base, model.adapter, model.trained_on, model.base_name, desk.api_key)


def _questions(plan: Plan, dataset: Dataset, earlier: list[Dataset]) -> Questions:
    examples, pairs = held_out(dataset, earlier, plan.heldout_rows)
    benchmarks = imhi.load_questions(plan.imhi, IMHI_EACH, plan.seed) if plan.imhi else ()
    data = _sha256(plan.folder / DATASET / MANIFEST)
    return Questions(data, examples, pairs, load_fixtures(), plant(plan.name, plan.canaries), benchmarks)


def _cases_of(plan: Plan, adapter: str | None) -> frozenset[str]:
    """The cases that an adapter learned from; of one that the registry doesn't know, none are known."""
    registry = _registry(plan)
    known = {one.name for one in registry.list()}
    return registry.cases(adapter) if adapter in known and adapter is not None else frozenset()


def _shape_of(adapter: Path) -> dict[str, object]:
    """Rank, alpha and modules of the adapter that training goes on from; they can't be others."""
    config = json.loads((adapter / "adapter_config.json").read_text())
    return {"rank": config["r"], "alpha": config["lora_alpha"], "modules": tuple(sorted(config["target_modules"]))}


def _outcome(plan: Plan, dataset: Dataset, verdict: Verdict) -> Outcome:
    automatic = End.PROMOTED if plan.promotion is Promotion.AUTOMATIC else End.READY
    return Outcome(
        night=plan.name,
        end=automatic if verdict.promoted else End.REFUSED,
        champion=plan.champion,
        train_rows=len(dataset.train),
        heldout_rows=len(dataset.heldout),
        pairs=len(dataset.preferences),
        cases=len(dataset.manifest.files["train.jsonl"].cases),
        headline={language.value: headline(verdict, language) for language in Language},
        table={language.value: table(verdict, language) for language in Language},
    )


def _registry(plan: Plan) -> Registry:
    return Registry(plan.home / ADAPTERS_DIRECTORY)


def _step(step: Progress) -> Told:
    return Told(Stage.TRAIN, step.step, step.steps, step.loss, step.seconds_left, step.memory_bytes, step.stage, step.stages)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
