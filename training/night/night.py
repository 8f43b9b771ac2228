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
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE, check_adapter
from inference.errors import AdapterExists, InferenceError, ModelUnavailable
from inference.note import Language
from inference.probe import Probe, ask_probe
from inference.registry import ADAPTERS_DIRECTORY, Registry
from inference.service import Served, connected, promote
from inference.sharing import Gpus
from training.data.dataset import MANIFEST, Dataset
from training.data.examples import Budget
from training.gate.decide import decide
from training.gate.report import headline, sentence, table
from training.gate.scores import Scores
from training.gate.verdict import Criterion, Finding, Reason, Role, Verdict
from training.gate.verdict import Outcome as Judged
from training.measure import imhi
from training.measure.canaries import plant
from training.measure.run import Questions, measure
from training.measure.safety import load_fixtures
from training.measure.served import Asking, ServedModel
from training.night.collect import collect, forget, held_out, is_worth_training
from training.night.errors import Interrupted, NightFailed
from training.night.handover import Cases
from training.night.outcome import End, Outcome, did_harm, read_outcome, write_outcome
from training.night.past import NOBODYS, Beginning, Earlier, beginning, earlier_nights
from training.night.plan import DATASET, Plan, Promotion
from training.night.told import Stage, Tell, Told
from training.qlora.process import train
from training.qlora.progress import Progress
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.result import ADAPTER_FOLDER, Result
from training.release.manifest import AdapterManifest, base_sha256
from training.release.prepare import prepare

TRAINING = "training"
RELEASE = "release"
BACK_S = 1800.0
"""How long the model server may take to come back after a training; loading a large model takes minutes."""
POLL_S = 1.0
IMHI_EACH = 50


T = TypeVar("T")


@dataclass(frozen=True)
class Material:
    """What is learned tonight: from where, on what, and what earlier nights left."""

    begin: Beginning
    dataset: Dataset
    earlier: Earlier

    @property
    def cases(self) -> tuple[str, ...]:
        """Ids of the cases in rows and pairs that are trained on, sorted."""
        files = self.dataset.manifest.files
        return tuple(sorted({*files["train.jsonl"].cases, *files["preferences.jsonl"].cases}))


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
        NightFailed, TrainingFailed, BadDataset, InferenceError: it can't be done, or not now; what is in service stays so.
    """
    done = read_outcome(plan.folder)
    if done:
        return done
    desk.tell(Told(Stage.COLLECT))
    material = await asyncio.to_thread(gather, plan, cases, budget)
    if not await asyncio.to_thread(is_worth_training, plan, material.dataset):
        return write_outcome(plan.folder, Outcome(plan.name, End.NOTHING_NEW, plan.champion))
    too_few = _too_few(plan, material)
    if too_few:
        return write_outcome(plan.folder, too_few)
    result = await train_challenger(plan, material, desk)
    compared = await compare(plan, material, result, desk)
    verdict = decide(compared.champion, compared.challenger, plan.thresholds, plan.seed)
    if verdict.promoted:
        await asyncio.to_thread(release, plan, material, result, compared, verdict)
        if plan.promotion is Promotion.AUTOMATIC:
            desk.tell(Told(Stage.SERVE))
            async with server_back(plan, desk) as served:
                await promote(_registry(plan), served, plan.name)
    return write_outcome(plan.folder, _outcome(plan, material, verdict))


def gather(plan: Plan, cases: Cases, budget: Budget) -> Material:
    """Forgets what may not be trained on any more, then makes tonight's dataset. Raises: BadDataset, BadAdapter."""
    forget(plan.home, cases.consenting)
    begin = beginning(plan, _registry(plan), cases.consenting)
    earlier = earlier_nights(plan, begin)
    return Material(begin, collect(plan, cases, budget, earlier), earlier)


async def train_challenger(plan: Plan, material: Material, desk: Desk) -> Result:
    """Trains, on GPUs that it may share; steps aside while a counselor's urgent post is answered."""
    recipe = _recipe(plan, material.begin)
    await asyncio.to_thread(_drop_other_training, plan, recipe)
    gpus = Gpus(plan.home)

    def should_stop() -> bool:
        return desk.should_stop() or (plan.shared_gpus and gpus.urgent)

    while True:
        desk.tell(Told(Stage.TRAIN))
        async with gpus.for_training() if plan.shared_gpus else contextlib.nullcontext(()) as held:
            tell_step = partial(_tell_step, desk)
            result = await asyncio.to_thread(train, recipe, plan.folder / TRAINING, tell_step, should_stop, hold=held)
        if result is not None:
            return result
        if desk.should_stop():
            raise Interrupted
        desk.tell(Told(Stage.ASIDE))
        await gpus.until_calm()


async def compare(plan: Plan, material: Material, result: Result, desk: Desk) -> Comparison:
    """Champion and challenger on the same questions, asked of the server that serves."""
    trained = plan.folder / TRAINING / ADAPTER_FOLDER
    # vLLM keeps answers by name and path: other weights must never come under a name that was used before
    candidate = f"{plan.name}-{result.sha256[:8]}"
    base = await asyncio.to_thread(base_sha256, plan.base)
    questions = await asyncio.to_thread(_questions, plan, material)
    known = _cases_of(plan, plan.champion)
    learned = frozenset(material.cases) | _cases_of(plan, material.begin.name)
    async with server_back(plan, desk) as served:
        await asyncio.to_thread(check_adapter, trained, served.shape, served.max_rank)
        if candidate not in await served.control.loaded():
            await served.control.bring_in(candidate, trained.absolute())
        try:
            probe = await ask_probe(served.likelihood, candidate, served.base)
            ours = ServedModel(plan.url, base, plan.champion, tuple(sorted(known)), served.base, desk.api_key)
            theirs = ServedModel(plan.url, base, candidate, tuple(sorted(learned)), served.base, desk.api_key)
            champion = await _measure(plan, Stage.CHAMPION, ours, questions, desk)
            challenger = await _measure(plan, Stage.CHALLENGER, theirs, questions, desk)
        finally:
            with contextlib.suppress(InferenceError):
                await served.control.unload(candidate)
    return Comparison(champion, challenger, probe)


def release(plan: Plan, material: Material, result: Result, compared: Comparison, verdict: Verdict) -> None:
    """Registers the adapter under the night's name, with its card, its report and what it was made of.

    Raises:
        NightFailed: another adapter was registered under this name.
    """
    registry, dataset = _registry(plan), material.dataset
    registered = {adapter.name for adapter in registry.list()}
    manifest = AdapterManifest(
        name=plan.name,
        base=plan.base.name,
        base_sha256=compared.challenger.base,
        dataset_sha256=_sha256(plan.folder / DATASET / MANIFEST),
        night=plan.name,
        cases=material.cases,
        sources=dataset.manifest.sources,
        pairs=len(dataset.preferences),
        begins_with=material.begin.name if material.begin.name in registered else None,
        origin=None if material.begin.path is None or material.begin.name in registered else material.begin.path.name,
        recipe={**plan.recipe, "seed": plan.seed},
        versions=result.versions,
    )
    folder = plan.folder / RELEASE
    prepare(plan.folder / TRAINING / ADAPTER_FOLDER, folder, manifest, compared.probe, compared.champion, compared.challenger, verdict)
    try:
        registry.add(folder, plan.name)
    except AdapterExists:  # a night that was killed after this goes on after this
        if _sha256(registry.get(plan.name).path / WEIGHTS_FILE) != result.sha256:
            raise NightFailed(f"{plan.name} was registered already, and its data changed since; the next night will do it again") from None


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


async def _measure(plan: Plan, stage: Stage, model: ServedModel, questions: Questions, desk: Desk) -> Scores:
    results = plan.folder / f"{stage}.jsonl"
    asking = Asking(plan.max_tokens, plan.limits, plan.at_once)
    return await _unless_stopped(measure(model, questions, results, asking, lambda done, of: desk.tell(Told(stage, done, of))), desk)


async def _unless_stopped(work: Coroutine[Any, Any, T], desk: Desk) -> T:
    """Does the work, or cancels it when the night is told to stop. Raises: Interrupted, and what the work raises."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=POLL_S))[0]:
            if desk.should_stop():
                raise Interrupted
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


def _questions(plan: Plan, material: Material) -> Questions:
    examples, pairs = held_out(material.dataset, material.earlier.usable, plan.heldout_rows)
    benchmarks = imhi.load_questions(plan.imhi, IMHI_EACH, plan.seed) if plan.imhi else ()
    data = hashlib.sha256(repr((_sha256(plan.folder / DATASET / MANIFEST), examples, pairs)).encode()).hexdigest()
    return Questions(data, examples, pairs, load_fixtures(), plant(plan.name, plan.canaries), benchmarks)


def _cases_of(plan: Plan, adapter: str | None) -> frozenset[str]:
    """The cases that an adapter learned from; of one that the registry doesn't know, none are known."""
    registry = _registry(plan)
    known = {one.name for one in registry.list()}
    return registry.cases(adapter) if adapter in known and adapter is not None else frozenset()


def _recipe(plan: Plan, begin: Beginning) -> Recipe:
    """The training's settings; rank, alpha and modules of an adapter that it goes on from can't be others."""
    fixed: dict[str, object] = {} if begin.path is None else {"begin": begin.path.absolute(), **_shape_of(begin.path)}
    paths = {"base": plan.base.absolute(), "dataset": (plan.folder / DATASET).absolute()}
    try:
        return Recipe.model_validate({"seed": plan.seed, **plan.recipe, **paths, **fixed})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise NightFailed(f"the recipe can't be used: {wrong}") from None


def _drop_other_training(plan: Plan, recipe: Recipe) -> None:
    """Throws away a training with another beginning, as when consent for a case in the champion was withdrawn since."""
    folder = plan.folder / TRAINING
    with contextlib.suppress(FileNotFoundError):
        if (folder / RECIPE_FILE).read_text() != recipe.model_dump_json(indent=1):
            shutil.rmtree(folder)


def _shape_of(adapter: Path) -> dict[str, object]:
    config = json.loads((adapter / CONFIG_FILE).read_text())
    return {"rank": config["r"], "alpha": config["lora_alpha"], "modules": tuple(sorted(config["target_modules"]))}


def _too_few(plan: Plan, material: Material) -> Outcome | None:
    """The refusal that is certain before anything is trained, because there are too few held-out cases; None where there are enough."""
    examples, _ = held_out(material.dataset, material.earlier.usable, plan.heldout_rows)
    count, least = len({row.case_id for row in examples}), plan.thresholds.cases
    if count >= least:
        return None
    finding = Finding(Criterion.CASES, Role.MUST, Judged.FAILED, Reason.TOO_FEW_CASES, threshold=float(least), count=count)
    said = {language.value: sentence(finding, language) for language in Language}
    return replace(_counted(plan, material, End.REFUSED), headline=said)


def _outcome(plan: Plan, material: Material, verdict: Verdict) -> Outcome:
    automatic = End.PROMOTED if plan.promotion is Promotion.AUTOMATIC else End.READY
    return replace(
        _counted(plan, material, automatic if verdict.promoted else End.REFUSED),
        headline={language.value: headline(verdict, language) for language in Language},
        table={language.value: table(verdict, language) for language in Language},
        harmful=did_harm(verdict),
    )


def _counted(plan: Plan, material: Material, end: End) -> Outcome:
    """How it ended, with what there was to learn."""
    dataset = material.dataset
    return Outcome(
        night=plan.name,
        end=end,
        champion=plan.champion,
        train_rows=len(dataset.train),
        heldout_rows=len(dataset.heldout),
        pairs=len(dataset.preferences),
        cases=sum(not case.startswith(NOBODYS) for case in material.cases),
    )


def _registry(plan: Plan) -> Registry:
    return Registry(plan.home / ADAPTERS_DIRECTORY)


def _tell_step(desk: Desk, step: Progress) -> None:
    desk.tell(Told(Stage.TRAIN, step.step, step.steps, step.loss, step.seconds_left, step.memory_bytes, step.stage, step.stages))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
