"""One training from its recipe to its adapter, read from top to bottom.

RUN_FOLDER/recipe.json        what to do, the only thing that is there before
           inputs.json        hashes of what it is done with; if one changes (a case was deleted, say), the training begins again
           progress.jsonl     a line a step
           stage-1/ stage-2/  checkpoints
           adapter/           what the server may load
           curve.png
           result.json        written last: its existence means that the rest is complete
"""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from inference.adapters import check_adapter, read_base_shape
from training.data.dataset import Dataset, load_dataset
from training.data.examples import Example, Preference
from training.qlora import checkpoints, preference
from training.qlora.adapter import add_adapter, copy_weights, write_adapter
from training.qlora.base import load_base
from training.qlora.errors import TrainingFailed
from training.qlora.inputs import inputs_of, note_inputs, unchanged, versions
from training.qlora.loop import Outcome, Stage, batch_of, steps_of, train_stage
from training.qlora.memory import parameter_bytes, peak_bytes
from training.qlora.objectives import Dpo, Likelihood, Objective, answer_log_probabilities
from training.qlora.progress import (
    CURVE_FILE,
    PROGRESS_FILE,
    TENSORBOARD_FOLDER,
    WANDB_FOLDER,
    draw_curve,
    read_progress,
    reporter,
    rewind,
)
from training.qlora.recipe import PreferenceStep, Recipe, read_recipe
from training.qlora.result import ADAPTER_FOLDER, RESULT_FILE, Counts, Margin, PartBytes, Result, StageResult, read_result, write_result
from training.qlora.rows import Encoded, RowEncoder, Sample, Unit, pack, with_references

STAGE_FOLDERS = ("stage-1", "stage-2")

Pair = tuple[Preference, Encoded, Encoded]
"""A preference, the answer that won, and the one that lost."""


@dataclass(frozen=True)
class Rows:
    """A dataset as token ids, less what is too long, and how many rows that was."""

    train: tuple[Encoded, ...]
    heldout: tuple[Encoded, ...]
    pairs: tuple[Pair, ...]
    heldout_pairs: tuple[Pair, ...]
    counts: dict[str, Counts]


@dataclass(frozen=True)
class _Plan:
    """A stage before it begins; its objective and its rows may depend on the adapter that it begins with."""

    name: str
    train: Sequence[Unit]
    heldout: Sequence[Unit]
    rate: float
    epochs: int


def run(folder: Path, should_stop: Callable[[], bool] = lambda: False) -> Result:
    """Does what the recipe in a folder says, or the rest of it if it was stopped before; a finished one is only read.

    Raises:
        Stopped: `should_stop` said so, and it did after a step.
        TrainingFailed, BadDataset, BadAdapter: with a reason that holds no text of a row.
    """
    began = time.monotonic()
    recipe = read_recipe(folder)
    inputs = inputs_of(recipe)
    _begin_again_if_changed(folder, recipe)
    done = read_result(folder)
    if done is not None:
        return done
    shape = read_base_shape(recipe.base)
    encoder = RowEncoder(recipe.base)
    rows = encode_dataset(load_dataset(recipe.dataset), encoder, recipe)
    plans = _plans(rows, recipe)
    model = add_adapter(load_base(recipe), recipe, shape)
    sizes = {str(part): PartBytes(size.weights, size.bytes) for part, size in parameter_bytes(model).items()}
    before = margin(model, rows.heldout_pairs, encoder.padding)
    report = reporter(folder, recipe.tracker)
    steps = [steps_of(plan.train, plan.epochs, recipe) for plan in plans]
    rewind(folder, {number: checkpoints.newest_step(folder / name) for number, name in enumerate(STAGE_FOLDERS, start=1)})
    results = []
    for number, plan in enumerate(plans, start=1):
        stage = _stage(plan, number, len(plans), sum(steps[number:]), model, encoder.padding, recipe)
        outcome = train_stage(model, stage, recipe, folder / STAGE_FOLDERS[number - 1], report, should_stop)
        results.append(_stage_result(plan, outcome))
    after = margin(model, rows.heldout_pairs, encoder.padding)
    sha256 = _put_adapter(folder, model, recipe)
    draw_curve(read_progress(folder), folder / CURVE_FILE)
    seconds = time.monotonic() - began
    result = Result(sha256, tuple(results), rows.counts, before, after, sizes, peak_bytes(), seconds, inputs, versions())
    write_result(folder, result)
    return result


def encode_dataset(dataset: Dataset, encoder: RowEncoder, recipe: Recipe) -> Rows:
    """The rows of a dataset that fit into a sequence, prompt, answer and end; a pair fits if both its answers do."""
    train, heldout = (_encode_examples(rows, encoder, recipe) for rows in (dataset.train, dataset.heldout))
    wanted = recipe.preference is not PreferenceStep.NONE
    pairs = _encode_pairs(dataset.preferences if wanted else (), encoder, recipe)
    heldout_pairs = _encode_pairs(dataset.heldout_preferences, encoder, recipe)
    counts = {"train": train[1], "heldout": heldout[1], "preferences": pairs[1], "heldout_preferences": heldout_pairs[1]}
    return Rows(train[0], heldout[0], pairs[0], heldout_pairs[0], counts)


def margin(model: torch.nn.Module, pairs: Sequence[Pair], padding: int) -> Margin | None:
    """How much the model prefers the edits of pairs to their drafts; None where there are none."""
    if not pairs:
        return None
    model.eval()
    differences = []
    with torch.no_grad():
        for _, won, lost in pairs:
            better, worse = answer_log_probabilities(model, batch_of([preference.dpo_unit(won, lost)], padding)).tolist()
            differences.append(better - worse)
    return Margin(sum(differences) / len(differences), sum(one > 0 for one in differences) / len(differences))


def _plans(rows: Rows, recipe: Recipe) -> list[_Plan]:
    plans = []
    if rows.train:
        units = [_units([row.sample() for row in some], recipe) for some in (rows.train, rows.heldout)]
        plans.append(_Plan("likelihood", units[0], units[1], recipe.learning_rate, recipe.epochs))
    if rows.pairs:
        if recipe.preference is PreferenceStep.DPO:
            units = [[preference.dpo_unit(won, lost) for _, won, lost in pairs] for pairs in (rows.pairs, rows.heldout_pairs)]
        else:
            units = [_units(list(_salted(pairs, recipe)), recipe) for pairs in (rows.pairs, rows.heldout_pairs)]
        plans.append(_Plan(str(recipe.preference), units[0], units[1], recipe.preference_rate, recipe.preference_epochs))
    if not plans:
        raise TrainingFailed("there is nothing to learn: the dataset has no row that fits into a sequence")
    return plans


def _stage(plan: _Plan, number: int, stages: int, later: int, model: torch.nn.Module, padding: int, recipe: Recipe) -> Stage:
    """A plan with what depends on the adapter as it is now: DPO's reference is the adapter that the stage begins with. PEFT's usual
    reference, the model without adapter, is the base, from which a champion is far away before the first step."""
    train, heldout = plan.train, plan.heldout
    objective: Objective = Likelihood(recipe.pull, copy_weights(model) if recipe.pull else None)
    if plan.name == PreferenceStep.DPO:
        objective = Dpo(recipe.dpo_beta)
        train, heldout = (with_references(units, _references(model, units, padding)) for units in (train, heldout))
    return Stage(number, stages, train, heldout, objective, plan.rate, plan.epochs, padding, later)


def _references(model: torch.nn.Module, units: Sequence[Unit], padding: int) -> list[float]:
    model.eval()
    with torch.no_grad():
        return [value for unit in units for value in answer_log_probabilities(model, batch_of([unit], padding)).tolist()]


def _units(samples: Sequence[Sample], recipe: Recipe) -> list[Unit]:
    sequences = pack(samples, recipe.sequence_length) if recipe.pack else [(sample,) for sample in samples]
    return [(sequence,) for sequence in sequences]


def _salted(pairs: Iterable[Pair], recipe: Recipe) -> Iterable[Sample]:
    for pair, won, lost in pairs:
        yield from preference.salt_samples(pair, won, lost, recipe)


def _encode_examples(rows: Sequence[Example], encoder: RowEncoder, recipe: Recipe) -> tuple[tuple[Encoded, ...], Counts]:
    encoded = [encoder.encode(row.messages, row.completion) for row in rows]
    fitting = tuple(row for row in encoded if len(row) <= recipe.sequence_length)
    return fitting, Counts(len(fitting), len(encoded) - len(fitting))


def _encode_pairs(rows: Sequence[Preference], encoder: RowEncoder, recipe: Recipe) -> tuple[tuple[Pair, ...], Counts]:
    encoded = [(row, *preference.encode_pair(row, encoder)) for row in rows]
    fitting = tuple(pair for pair in encoded if max(len(pair[1]), len(pair[2])) <= recipe.sequence_length)
    return fitting, Counts(len(fitting), len(encoded) - len(fitting))


def _put_adapter(folder: Path, model: torch.nn.Module, recipe: Recipe) -> str:
    """The adapter, checked as the server's side checks it, then put in place in one step."""
    partial, target = folder / f"{ADAPTER_FOLDER}.partial", folder / ADAPTER_FOLDER
    for old in (partial, target):  # what a crash before the result left
        if old.exists():
            shutil.rmtree(old)
    sha256 = write_adapter(model, partial, recipe.base)
    check_adapter(partial, read_base_shape(recipe.base), recipe.rank)
    checkpoints.sync(partial)
    partial.rename(target)
    checkpoints.sync(folder)
    return sha256


def _begin_again_if_changed(folder: Path, recipe: Recipe) -> None:
    """Throws away what was trained on something else: a deleted case must not live on in a checkpoint."""
    if unchanged(folder, recipe):
        return
    for name in (RESULT_FILE, PROGRESS_FILE, CURVE_FILE):
        (folder / name).unlink(missing_ok=True)
    for name in (*STAGE_FOLDERS, ADAPTER_FOLDER, TENSORBOARD_FOLDER, WANDB_FOLDER):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
    note_inputs(folder, recipe)


def _stage_result(plan: _Plan, outcome: Outcome) -> StageResult:
    return StageResult(plan.name, **asdict(outcome))
