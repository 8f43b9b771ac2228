"""What happens beside a training: its progress is told, the best checkpoint is kept, it ends early where more steps don't help."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback

from training.qlora.memory import peak_bytes
from training.workbench.distributed import agreed
from training.workbench.faults import check_finite
from training.workbench.progress import Bar, append
from training.workbench.runs import Run
from training.workbench.tracking import tracking

_SUMMARY = "train_runtime"
_SPEED = ("runtime", "per_second", "flos", "num_tokens")
"""Ends of names of figures that are of no use in a run's progress; TRL counts tokens anew after a resumption."""


@dataclass(frozen=True)
class Goal:
    """The figure of an evaluation that checkpoints are chosen by, and whether more of it is better."""

    metric: str = "eval_loss"
    more_is_better: bool = False

    def values(self, log: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
        """(step, value) of the evaluations so far, from the Trainer's own log; that before the first step decides nothing."""
        return [(int(entry["step"]), float(entry[self.metric])) for entry in log if self.metric in entry and entry["step"] > 0]

    def before(self, log: Sequence[Mapping[str, Any]]) -> float | None:
        """The value before the first step."""
        return next((float(entry[self.metric]) for entry in log if self.metric in entry and entry["step"] == 0), None)

    def best(self, log: Sequence[Mapping[str, Any]]) -> tuple[int, float] | None:
        """(step, value) of the best evaluation; the first of several that are equal."""
        sign = -1 if self.more_is_better else 1
        return min(self.values(log), key=lambda one: (sign * one[1], one[0]), default=None)

    def is_over(self, log: Sequence[Mapping[str, Any]], patience: int | None) -> bool:
        """Whether the best value is `patience` evaluations old. It follows from the log alone, so it is the same after a resumption."""
        values, best = self.values(log), self.best(log)
        return patience is not None and best is not None and sum(step > best[0] for step, _ in values) >= patience


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
    """The callback of every training here. It is given the Trainer's state and decides from that alone. `stopped` says whether it ended the
    training because a signal asked for that."""

    def __init__(self, run: Run, goal: Goal, evaluates: bool, label: str, told: Sequence[int]) -> None:
        self._run, self._goal, self._evaluates, self._label, self._told = run, goal, evaluates, label, told
        self._track = tracking(run.folder, run.config.tracking)
        self._bar: Bar | None = None
        self.stopped = False
        self._began, self._first = time.monotonic(), 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._began, self._first = time.monotonic(), state.global_step
        if state.is_world_process_zero:
            self._bar = Bar(self._label, state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_log = True
        if self._evaluates and state.global_step >= state.max_steps:
            control.should_evaluate = True
        if agreed(bool(self._told), args.device):
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        best = self._goal.best(state.log_history)
        if state.global_step > 0 and best is not None and best[0] == state.global_step:
            control.should_save = True
        if self._goal.is_over(state.log_history, self._run.config.evaluation.patience):
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any) -> None:
        if _SUMMARY in logs:
            return
        check_finite(state.global_step, logs)
        if state.is_world_process_zero:
            self._tell(state, logs)

    def end(self) -> None:
        """Takes the bar away, however the training ended."""
        if self._bar is not None:
            self._bar.end()

    def _tell(self, state: Any, logs: Mapping[str, Any]) -> None:
        done, left = state.global_step - self._first, state.max_steps - state.global_step
        figures = {name: float(value) for name, value in logs.items() if isinstance(value, int | float) and not name.endswith(_SPEED)}
        point = {"step": state.global_step, "steps": state.max_steps, **figures, "memory_bytes": peak_bytes()}
        if done:
            point["seconds_left"] = round((time.monotonic() - self._began) / done * left, 1)
        append(self._run.folder, point)
        self._track(point)
        measured = self._goal.metric in figures
        names = (self._goal.metric,) if measured else ("loss", "reward")
        text = ", ".join(f"{name.replace('eval_', 'dev ')} {figures[name]:.3f}" for name in names if name in figures)
        if self._bar is not None:
            self._bar.show(state.global_step, f"{text}, {peak_bytes() / 1e9:.1f} GB", important=measured)
