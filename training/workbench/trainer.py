"""What every training of the workbench shares, whatever TRL or transformers call its trainer: from a run's folder to its output.

A training that was killed and resumed ends with the bytes that it would have had: what is trained is float32, which a checkpoint keeps
exactly; the order of rows follows from the seed and the epoch; early stopping follows from the Trainer's log, which a checkpoint holds; and
only checkpoints that were written to the end are taken.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_pt_utils import LengthGroupedSampler

from training.qlora.memory import peak_bytes
from training.workbench import checkpoints
from training.workbench.config import Config, DeepSpeed, Optimiser, Steps
from training.workbench.distributed import check, how_it_runs
from training.workbench.errors import WorkbenchError, writing
from training.workbench.faults import memory_advice, out_of_memory, saving
from training.workbench.progress import DEV_LOSS, LOSS, draw_curve, rewind
from training.workbench.runs import MEMORY, Result, Run, alone, finish, is_main_process, result_of, write_output
from training.workbench.stopping import stop_signals
from training.workbench.watch import Goal, Watch
from training.workbench.zero import deepspeed_settings, tell_deepspeed_of_all


@dataclass(frozen=True)
class Job:
    """What a task gives to be trained: its trainer (of a class that derives from `Resumable`), what became of its rows, split by split,
    and figures of its own for the result."""

    trainer: Any
    rows: Mapping[str, Mapping[str, int]]
    more: Mapping[str, Any] = field(default_factory=dict)


Build = Callable[[Run], Job]
"""Loads the model of a run and makes its trainer. It may be called again with a smaller batch, in the run's configuration, after memory
ran out: so it must keep nothing."""
Measure = Callable[[Run], Mapping[str, Any]]
"""Figures of a task about the output that a run has."""


class Resumable(Trainer):  # type: ignore[misc]  # transformers' types are not followed
    """To be put before a trainer's class: `class Sft(Resumable, SFTTrainer)`. Its checkpoints are whole, and its order of rows returns."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with saving("the run"):
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.is_world_process_zero():
                checkpoints.mark_complete(checkpoints.folder_of(self.args.output_dir, self.state.global_step))

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        checkpoints.keep_random(output_dir)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint)
        checkpoints.put_random_back(checkpoint)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        sampler = super()._get_train_sampler(train_dataset)
        return SeededByEpoch(sampler, self.args.seed) if isinstance(sampler, LengthGroupedSampler) else sampler


class SeededByEpoch(torch.utils.data.Sampler[int]):
    """A sampler whose order follows from seed and epoch. transformers draws the order of rows grouped by length from the global random
    state, which after a resumption is another one."""

    def __init__(self, sampler: Any, seed: int) -> None:
        self._sampler, self._seed, self._epoch = sampler, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the beginning of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[int]:
        self._sampler.generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        yield from self._sampler


def arguments(kind: Callable[..., Any], run: Run, evaluates: bool, goal: Goal | None = None, **more: Any) -> Any:
    """The arguments of a trainer (`SFTConfig`, `RewardConfig`, …) as a run's configuration has them; `more` are those of the task.

    Make them before the model is loaded: ZeRO-3 shares its weights out while they are read.
    """
    config, goal = run.config, goal or Goal()
    steps, evaluation = config.steps, config.evaluation
    cuda = torch.cuda.is_available()
    resumes = checkpoints.newest(run.checkpoints) is not None
    settings: dict[str, Any] = {
        "output_dir": str(run.checkpoints),
        "per_device_train_batch_size": steps.batch,
        "gradient_accumulation_steps": steps.accumulation,
        "per_device_eval_batch_size": evaluation.batch,
        "num_train_epochs": steps.epochs,
        "max_steps": steps.max_steps or -1,
        "learning_rate": config.optimiser.learning_rate,
        "lr_scheduler_type": config.optimiser.schedule,
        "warmup_steps": config.optimiser.warmup,
        "weight_decay": config.optimiser.weight_decay,
        "max_grad_norm": config.optimiser.max_grad_norm,
        "optim": optimiser_name(config.optimiser, cuda),
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": evaluation.every if evaluates else None,
        "eval_on_start": evaluates and not resumes,
        "metric_for_best_model": goal.metric if evaluates else None,
        "greater_is_better": goal.more_is_better if evaluates else None,
        "save_strategy": "steps",
        "save_steps": config.saving.every,
        "save_total_limit": config.saving.keep,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "gradient_checkpointing": config.method.checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "train_sampling_strategy": "group_by_length" if config.data.group_by_length else "random",
        "seed": config.seed,
        "bf16": cuda and config.method.kind != "lora",
        "fp16": False,
        "use_cpu": not cuda,
        "dataloader_pin_memory": cuda,
        "deepspeed": deepspeed_settings(config.distributed.deepspeed),
        "report_to": "none",
        "disable_tqdm": True,
    }
    made = kind(**{**settings, **more})
    _ = made.device  # now the processes find each other
    if config.distributed.deepspeed is not DeepSpeed.NONE:
        tell_deepspeed_of_all()
    return made


def optimiser_name(optimiser: Optimiser, cuda: bool) -> str:
    """The name that transformers knows; bitsandbytes' paged ones are for GPUs, elsewhere plain AdamW stands in, and it is said."""
    if optimiser.name.startswith("paged") and not cuda:
        if is_main_process():
            print(f"optimiser.name: {optimiser.name} needs a GPU; adamw_torch stands in for it", file=sys.stderr)
        return "adamw_torch"
    return optimiser.name


@contextmanager
def keeping_numbers(model: Any) -> Iterator[None]:
    """What is trained keeps its numbers and its float32. TRL casts adapters of quantised models to bf16, from which no training resumes
    exactly."""
    kept = {name: parameter.data for name, parameter in model.named_parameters() if parameter.requires_grad}
    yield
    for name, parameter in model.named_parameters():
        if name in kept:
            parameter.data = kept[name].to(parameter.device)


def train(
    run: Run, build: Build, goal: Goal | None = None, curve: tuple[str, ...] = (LOSS, DEV_LOSS), measure: Measure = lambda _: {}
) -> Result:
    """Trains until the run has its output, from its beginning or from its newest checkpoint; a complete run is only read.

    `measure` gives figures for the result once the output is written and the model that was trained is out of memory.

    Raises:
        WorkbenchError: with what to do about it; what was trained until the last checkpoint stays.
    """
    done = result_of(run.folder)
    if done is not None:
        return done
    goal, began = goal or Goal(), time.monotonic()
    with alone(run), writing(run.folder), stop_signals() as told:
        while (outcome := _attempt(run, build, goal, told)) is None:
            _make_smaller(run)
        if not is_main_process():
            return _result(run, outcome, goal, "", 0, began)
        chosen = _chosen(run, goal)
        step = int(checkpoints.state_of(chosen)["global_step"])
        kind = write_output(run, checkpoints.output_files(chosen), step)
        draw_curve(run.folder, curve)
        outcome = replace(outcome, job={**outcome.job, **measure(run)})
        result = _result(run, outcome, goal, kind, step, began)
        if not run.config.saving.after:
            checkpoints.remove_all(run.checkpoints)
        finish(run, result)
    return result


@dataclass(frozen=True)
class _Outcome:
    """What is known of a training when its model is gone from memory."""

    trained: int
    weights: int
    log: list[dict[str, Any]]
    job: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, int]]


def _attempt(run: Run, build: Build, goal: Goal, told: list[int]) -> _Outcome | None:
    """One training to its end; None if memory ran out. Nothing of it is in memory any more when this returns."""
    if torch.cuda.is_available():  # equal results, as on a CPU; a GPU's library reads the variable when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        return _trained(_with_memory(run), build, goal, told)
    except Exception as error:
        if not out_of_memory(error):
            raise
    return None


def _trained(run: Run, build: Build, goal: Goal, told: list[int]) -> _Outcome:
    checkpoint = checkpoints.newest(run.checkpoints)
    begun: Mapping[str, Any] = {"global_step": 0, "max_steps": 1, "log_history": []}
    state = checkpoints.state_of(checkpoint) if checkpoint else begun
    if is_main_process():
        rewind(run.folder, state["global_step"] if checkpoint else -1)
    job = build(run)
    trainer = job.trainer
    if not (state["global_step"] >= state["max_steps"] or goal.is_over(state["log_history"], run.config.evaluation.patience)):
        watch = Watch(run, goal, trainer.args.eval_strategy != "no", f"{run.config.task} {run.folder.name}", told)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(watch)
        trainer.add_callback(_Assure(run.config, trainer))
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        finally:
            watch.end()
        state = {"log_history": trainer.state.log_history, "global_step": trainer.state.global_step, "max_steps": trainer.state.max_steps}
        if watch.stopped and state["global_step"] < state["max_steps"]:
            raise WorkbenchError(f"stopped after step {state['global_step']}: `phyassist train resume {run.folder}` goes on with it")
    trained, weights = _numbers(trainer.model)
    return _Outcome(trained, weights, list(state["log_history"]), {**job.more, "ran": asdict(how_it_runs(trainer))}, job.rows)


class _Assure(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
    """Ends a training before its first step where it does not run as it was meant to; only then is known what runs."""

    def __init__(self, config: Config, trainer: Any) -> None:
        self._config, self._trainer = config, trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        check(self._config, how_it_runs(self._trainer))


def _chosen(run: Run, goal: Goal) -> Any:
    """The checkpoint that becomes the output: the best, or the last where nothing was measured or the last is wanted."""
    last = checkpoints.newest(run.checkpoints)
    if last is None:
        raise WorkbenchError(f"the run {run.folder.name} has no whole checkpoint: resume it")
    best = goal.best(checkpoints.state_of(last)["log_history"])
    if best is None or not run.config.evaluation.keep_best:
        return last
    return checkpoints.folder_of(run.checkpoints, best[0])


def _result(run: Run, outcome: _Outcome, goal: Goal, kind: str, step: int, began: float) -> Result:
    losses = [entry[LOSS] for entry in outcome.log if LOSS in entry]
    values = dict(goal.values(outcome.log))
    return Result(
        task=str(run.config.task),
        output=kind,
        steps=max((int(entry["step"]) for entry in outcome.log), default=0),
        best_step=step,
        loss=losses[-1] if losses else None,
        dev_before=goal.before(outcome.log),
        dev_after=values.get(step),
        trained=outcome.trained,
        weights=outcome.weights,
        memory_bytes=peak_bytes(),
        seconds=round(time.monotonic() - began, 1),
        rows=outcome.rows,
        adjusted=_noted(run),
        more=outcome.job,
    )


def _with_memory(run: Run) -> Run:
    """The run with the batch that memory has room for, where it ran out before."""
    noted = _noted(run)
    if noted is None:
        return run
    steps = Steps.model_validate(run.config.steps.model_dump() | noted)
    return replace(run, config=run.config.model_copy(update={"steps": steps}))


def _noted(run: Run) -> dict[str, int] | None:
    path = run.folder / MEMORY
    found: dict[str, int] | None = json.loads(path.read_text(encoding="ascii")) if path.is_file() else None
    return found


def _make_smaller(run: Run) -> None:
    """Halves the batch and doubles the accumulation, for this process and all that go on with the run.

    Raises:
        WorkbenchError: a batch is one row already, or others train along, who would wait for ever.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    config = _with_memory(run).config
    batch, accumulation = config.steps.batch, config.steps.accumulation
    if batch == 1:
        raise WorkbenchError(f"memory ran out with one row at a time: {memory_advice(config)}")
    if config.distributed.processes * config.distributed.nodes > 1:
        raise WorkbenchError(f"memory ran out: set steps.batch to {batch // 2} and steps.accumulation to {accumulation * 2} in a new run")
    smaller = {"batch": batch // 2, "accumulation": -(-batch * accumulation // (batch // 2))}
    partial = run.folder / f".{MEMORY}"
    partial.write_text(json.dumps(smaller), encoding="ascii")
    partial.replace(run.folder / MEMORY)
    last = checkpoints.newest(run.checkpoints)
    told = f"its last checkpoint, step {checkpoints.state_of(last)['global_step']}" if last else "the beginning"
    print(
        f"memory ran out with {batch} rows at a time; {smaller['batch']} from here on, and {smaller['accumulation']} batches a step; "
        f"the run begins again from {told}",
        file=sys.stderr,
    )


def _numbers(model: Any) -> tuple[int, int]:
    """How many are trained, and how many there are; a quantised matrix counts as what it stands for."""
    trained = weights = 0
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        numbers = getattr(parameter, "ds_numel", parameter.numel()) if state is None else state.shape.numel()  # ZeRO-3 holds a share here
        weights += numbers
        trained += numbers if parameter.requires_grad else 0
    return trained, weights
