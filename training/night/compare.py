"""The second half of a night: champion and challenger on the same questions, asked of the server that serves."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from inference.adapters import check_adapter
from inference.errors import InferenceError, ModelUnavailable
from inference.probe import Probe, ask_probe
from inference.service import Served, connected
from training.data.dataset import MANIFEST
from training.gate.scores import Scores
from training.measure import imhi
from training.measure.canaries import plant
from training.measure.run import Questions, measure
from training.measure.safety import load_fixtures
from training.measure.served import Asking, ServedModel
from training.night.collect import held_out
from training.night.desk import Desk, registry_of
from training.night.errors import Interrupted
from training.night.learn import TRAINING, Material
from training.night.plan import DATASET, Plan
from training.night.told import Stage, Told
from training.qlora.result import ADAPTER_FOLDER, Result
from training.release.manifest import base_sha256

BACK_S = 1800.0
"""How long the model server may take to come back after a training; loading a large model takes minutes."""
POLL_S = 1.0
IMHI_EACH = 50

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """What the server showed of both adapters."""

    champion: Scores
    challenger: Scores
    probe: Probe


async def compare(plan: Plan, material: Material, result: Result, desk: Desk) -> Comparison:
    """Champion and challenger on the same questions, asked of the server that serves."""
    base = await asyncio.to_thread(base_sha256, plan.base)
    questions = await asyncio.to_thread(_questions, plan, material)
    async with challenger_loaded(plan, result, desk) as (served, candidate):
        probe = await ask_probe(served.likelihood, candidate, served.base)
        ours, theirs = served_models(plan, material, served, candidate, base, desk)
        champion = await _measure(plan, Stage.CHAMPION, ours, questions, desk)
        challenger = await _measure(plan, Stage.CHALLENGER, theirs, questions, desk)
    return Comparison(champion, challenger, probe)


@asynccontextmanager
async def challenger_loaded(plan: Plan, result: Result, desk: Desk) -> AsyncIterator[tuple[Served, str]]:
    """The model server, as soon as it is back, and the name under which it has the new adapter for as long as the block lasts."""
    trained = plan.folder / TRAINING / ADAPTER_FOLDER
    # vLLM keeps answers by name and path: other weights must never come under a name that was used before
    candidate = f"{plan.name}-{result.sha256[:8]}"
    async with server_back(plan, desk) as served:
        await asyncio.to_thread(check_adapter, trained, served.shape, served.max_rank)
        if candidate not in await served.control.loaded():
            await served.control.bring_in(candidate, trained.absolute())
        try:
            yield served, candidate
        finally:
            with contextlib.suppress(InferenceError):
                await served.control.unload(candidate)


def served_models(plan: Plan, material: Material, served: Served, candidate: str, base: str, desk: Desk) -> tuple[ServedModel, ServedModel]:
    """Champion and challenger, as they are asked; `base` is the hash of the base model."""
    known = _cases_of(plan, plan.champion)
    learned = frozenset(material.cases) | _cases_of(plan, material.begin.name)
    return (
        ServedModel(plan.url, base, plan.champion, tuple(sorted(known)), served.base, desk.api_key),
        ServedModel(plan.url, base, candidate, tuple(sorted(learned)), served.base, desk.api_key),
    )


@asynccontextmanager
async def server_back(plan: Plan, desk: Desk) -> AsyncIterator[Served]:
    """Connections to the model server, as soon as it is back."""
    deadline = asyncio.get_running_loop().time() + BACK_S
    async with contextlib.AsyncExitStack() as stack:
        while True:
            try:
                served = await stack.enter_async_context(connected(plan.url, desk.api_key, registry_of(plan)))
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
    return await unless_stopped(measure(model, questions, results, asking, lambda done, of: desk.tell(Told(stage, done, of))), desk)


async def unless_stopped(work: Coroutine[Any, Any, T], desk: Desk) -> T:
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
    data = hashlib.sha256(repr((dataset_sha256(plan), examples, pairs)).encode()).hexdigest()
    return Questions(data, examples, pairs, load_fixtures(), plant(plan.name, plan.canaries), benchmarks)


def _cases_of(plan: Plan, adapter: str | None) -> frozenset[str]:
    """The cases that an adapter learned from; of one that the registry doesn't know, none are known."""
    registry = registry_of(plan)
    known = {one.name for one in registry.list()}
    return registry.cases(adapter) if adapter in known and adapter is not None else frozenset()


def dataset_sha256(plan: Plan) -> str:
    """Of the dataset's manifest, which has the hashes of its files."""
    return hashlib.sha256((plan.folder / DATASET / MANIFEST).read_bytes()).hexdigest()
