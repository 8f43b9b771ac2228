"""A night, read from top to bottom.

    collect    cases with consent → de-identified rows → a dataset that is split by case
    train      an adapter, in a process of its own, that goes on from the champion
    compare    both on the same held-out rows, on the server that serves
    decide     the gate: better, or refused with reasons
    release    card and report, registered under the night's name
    show       notes of both adapters for an admin to compare, where somebody keeps them
    serve      loaded, tried, the pointer moved: at once, or when an admin says so

Each stage leaves its result in the night's folder, last of all that it writes, so a night that was killed anywhere goes on from there and
comes to the same end. Until the last stage nothing of what is in service is touched.
"""

import asyncio
import hashlib
from dataclasses import replace

from inference.adapters import WEIGHTS_FILE
from inference.errors import AdapterExists
from inference.note import Language
from inference.service import promote
from training.data.examples import Budget
from training.gate.decide import decide
from training.gate.report import headline, sentence, table
from training.gate.verdict import Criterion, Finding, Reason, Role, Verdict
from training.gate.verdict import Outcome as Judged
from training.night.before_after import before_and_after
from training.night.collect import held_out, is_worth_training
from training.night.compare import Comparison, compare, dataset_sha256, server_back
from training.night.desk import Desk, registry_of
from training.night.errors import Interrupted, NightFailed
from training.night.handover import Cases
from training.night.harm import did_harm
from training.night.learn import TRAINING, Material, gather, train_challenger
from training.night.outcome import End, Outcome, read_outcome, write_outcome
from training.night.past import NOBODYS
from training.night.plan import Plan, Promotion
from training.night.told import Stage, Told
from training.qlora.result import ADAPTER_FOLDER, Result
from training.release.manifest import AdapterManifest
from training.release.prepare import prepare

RELEASE = "release"


async def spend_night(plan: Plan, cases: Cases, budget: Budget, desk: Desk) -> Outcome:
    """The whole night, or what is left of it.

    Raises:
        Interrupted: `desk.should_stop` said so, or nobody kept what was to be shown.
        NightFailed, TrainingFailed, BadDataset, InferenceError: it can't be done, or not now; what is in service stays so.
    """
    done = read_outcome(plan.folder)
    if done:
        return done
    desk.tell(Told(Stage.COLLECT))
    material = await asyncio.to_thread(gather, plan, cases, budget)
    if not await asyncio.to_thread(is_worth_training, plan, material.dataset):
        return write_outcome(plan.folder, Outcome(plan.name, End.NOTHING_NEW, plan.champion, sealed=material.sealed))
    too_few = _too_few(plan, material)
    if too_few:
        return write_outcome(plan.folder, too_few)
    result = await train_challenger(plan, material, desk)
    compared = await compare(plan, material, result, desk)
    verdict = decide(compared.champion, compared.challenger, plan.thresholds, plan.seed)
    if verdict.promoted:
        await asyncio.to_thread(release, plan, material, result, compared, verdict)
        await show(plan, material, result, compared, desk)
        if plan.promotion is Promotion.AUTOMATIC:
            desk.tell(Told(Stage.SERVE))
            async with server_back(plan, desk) as served:
                await promote(registry_of(plan), served, plan.name)
    return write_outcome(plan.folder, _outcome(plan, material, verdict))


async def show(plan: Plan, material: Material, result: Result, compared: Comparison, desk: Desk) -> None:
    """Hands over notes of both adapters to the same held-out prompts. Raises: Interrupted, where they were not kept; InferenceError."""
    if desk.keep is None:
        return
    samples = await before_and_after(plan, material, result, compared, desk)
    if not desk.keep(samples):
        raise Interrupted


def release(plan: Plan, material: Material, result: Result, compared: Comparison, verdict: Verdict) -> None:
    """Registers the adapter under the night's name, with its card, its report and what it was made of.

    Raises:
        NightFailed: another adapter was registered under this name.
    """
    registry, dataset = registry_of(plan), material.dataset
    registered = {adapter.name for adapter in registry.list()}
    manifest = AdapterManifest(
        name=plan.name,
        base=plan.base.name,
        base_sha256=compared.challenger.base,
        dataset_sha256=dataset_sha256(plan),
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
        if hashlib.sha256((registry.get(plan.name).path / WEIGHTS_FILE).read_bytes()).hexdigest() != result.sha256:
            raise NightFailed(f"{plan.name} was registered already, and its data changed since; the next night will do it again") from None


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
        sealed=material.sealed,
    )
