"""The training loop: one flat loop for every objective, resumable to the bit.

Nothing that decides a step is carried from the one before but the numbers in the checkpoint: which rows it takes, its dropout and its
learning rate follow from its number alone. So there is no random state to save, on however many devices, and a training that is stopped or
killed ends with the adapter that it would have had. The README says why this is not transformers' Trainer.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.qlora import checkpoints
from training.qlora.adapter import Weights, copy_weights, set_weights, trainable
from training.qlora.errors import Stopped, TrainingFailed
from training.qlora.memory import peak_bytes
from training.qlora.objectives import Objective
from training.qlora.progress import Progress, Report
from training.qlora.recipe import Recipe
from training.qlora.rows import Batch, Unit, collate

_EPOCH_SEEDS, _STEP_SEEDS = 1_000_003, 7_919


@dataclass(frozen=True)
class Stage:
    """Rows to learn from, rows to be measured on, and what is minimised. `later_steps` are those of the stages after it."""

    number: int
    stages: int
    train: Sequence[Unit]
    heldout: Sequence[Unit]
    objective: Objective
    rate: float
    epochs: int
    padding: int
    later_steps: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a stage ended. Losses are None where nothing was held out; `best_step` is the one whose adapter was kept."""

    steps: int
    best_step: int
    loss: float
    heldout_before: float | None
    heldout_after: float | None


@dataclass
class _State:
    """All that a step leaves to the next, beside weights and optimizer."""

    step: int = 0
    tokens: int = 0
    loss: float = 0.0
    first: float | None = None
    best: float | None = None
    best_step: int = 0
    worse: int = 0
    finished: bool = False
    best_weights: Weights = field(default_factory=dict)


def steps_of(units: Sequence[Unit], epochs: int, recipe: Recipe) -> int:
    """How many steps a stage takes at most."""
    steps = epochs * _steps_an_epoch(len(units), recipe)
    return min(steps, recipe.max_steps or steps)


def batches_of(step: int, count: int, recipe: Recipe) -> list[list[int]]:
    """Which of `count` units a step takes, batch by batch; steps count from 0. Every epoch takes each unit once, in an order of its own."""
    epoch, place = divmod(step, _steps_an_epoch(count, recipe))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(recipe.seed * _EPOCH_SEEDS + epoch)).tolist()
    size = recipe.batch * recipe.accumulation
    mine = order[place * size : (place + 1) * size]
    return [mine[start : start + recipe.batch] for start in range(0, len(mine), recipe.batch)]


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """The learning rate of a step, as a share of its peak: a straight rise, then half a cosine down to nothing."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising + 1) / (steps - rising + 1)))


def train_stage(
    model: torch.nn.Module, stage: Stage, recipe: Recipe, folder: Path, report: Report, should_stop: Callable[[], bool]
) -> Outcome:
    """Trains the adapter and leaves its best numbers in the model. Goes on from the newest checkpoint in `folder`.

    Raises:
        Stopped: `should_stop` said so after a step; a checkpoint is there.
        TrainingFailed: a loss is not finite.
    """
    steps = steps_of(stage.train, stage.epochs, recipe)
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=stage.rate, weight_decay=0.0)
    state = _resume(folder, model, optimizer)
    if state.step == 0 and not state.finished:
        _evaluate(model, stage, recipe, state)
    began, done = time.monotonic(), state.step
    while not state.finished:
        rate = stage.rate * rate_factor(state.step, steps, recipe.warmup)
        state.loss = _step(model, stage, recipe, state, optimizer, rate)
        state.step += 1
        due = state.step % recipe.evaluate_every == 0 or state.step == steps
        measured = _evaluate(model, stage, recipe, state) if due else None
        state.finished = state.step == steps or state.worse >= recipe.patience
        seconds = (time.monotonic() - began) / (state.step - done)
        left = seconds * ((0 if state.finished else steps - state.step) + stage.later_steps)
        report(Progress(stage.number, stage.stages, state.step, steps, state.loss, measured, rate, state.tokens, left, peak_bytes()))
        stopping = should_stop()
        if state.finished or stopping or state.step % recipe.save_every == 0:
            _save(folder, model, optimizer, state, recipe.checkpoints)
        if stopping and not state.finished:
            raise Stopped
    if state.best_weights:
        set_weights(model, state.best_weights)
    return Outcome(state.step, state.best_step if state.best_weights else state.step, state.loss, state.first, state.best)


def mean_loss(model: torch.nn.Module, units: Sequence[Unit], objective: Objective, batch: int, padding: int) -> float:
    """The loss on units, without dropout and gradients; the mode of the model is left as it was."""
    was_training = model.training
    model.eval()
    total = count = 0.0
    with torch.no_grad():
        for start in range(0, len(units), batch):
            one = batch_of(units[start : start + batch], padding)
            total += objective(model, one).item()
            count += objective.count(one)
    model.train(was_training)
    return total / count


def batch_of(units: Sequence[Unit], padding: int) -> Batch:
    """All rows of some units as one batch."""
    return collate([row for unit in units for row in unit], padding)


def _step(model: torch.nn.Module, stage: Stage, recipe: Recipe, state: _State, optimizer: torch.optim.Optimizer, rate: float) -> float:
    """One optimizer step; its loss."""
    torch.manual_seed(recipe.seed * _STEP_SEEDS + stage.number * _EPOCH_SEEDS + state.step)
    model.train()
    picked = batches_of(state.step, len(stage.train), recipe)
    batches = [batch_of([stage.train[index] for index in some], stage.padding) for some in picked]
    count = sum(stage.objective.count(batch) for batch in batches)
    total = 0.0
    for batch in batches:
        loss = stage.objective(model, batch) / count
        torch.autograd.backward(loss)
        total += loss.item()
        state.tokens += int((batch.owner >= 0).sum())
    norm = torch.nn.utils.clip_grad_norm_(trainable(model).values(), recipe.gradient_clip)
    if not (math.isfinite(total) and math.isfinite(norm.item())):
        raise TrainingFailed(f"the loss or its gradient is not finite in step {state.step + 1} of stage {stage.number}")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def _evaluate(model: torch.nn.Module, stage: Stage, recipe: Recipe, state: _State) -> float | None:
    """The held-out loss, remembered if it is the best; None where nothing is held out."""
    if not stage.heldout:
        return None
    loss = mean_loss(model, stage.heldout, stage.objective, recipe.batch, stage.padding)
    if not math.isfinite(loss):
        raise TrainingFailed(f"the held-out loss is not finite after step {state.step} of stage {stage.number}")
    if state.best is None or loss < state.best:
        state.best, state.best_step, state.worse, state.best_weights = loss, state.step, 0, copy_weights(model)
    else:
        state.worse += 1
    state.first = loss if state.first is None else state.first
    return loss


def _save(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: _State, keep: int) -> None:
    saved = {**vars(state), "weights": copy_weights(model), "optimizer": optimizer.state_dict()}
    checkpoints.save(folder, state.step, saved, keep)


def _resume(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> _State:
    saved: dict[str, Any] | None = checkpoints.load_newest(folder)
    if saved is None:
        return _State()
    set_weights(model, saved.pop("weights"))
    optimizer.load_state_dict(saved.pop("optimizer"))
    return _State(**saved)


def _steps_an_epoch(count: int, recipe: Recipe) -> int:
    return math.ceil(count / (recipe.batch * recipe.accumulation))
