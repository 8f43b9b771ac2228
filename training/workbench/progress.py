"""How a training goes: a line of numbers for each step and evaluation, a bar in the terminal, a picture at the end.

Lines of steps which a crash undid are taken out when the run goes on, so the file always tells one training.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.workbench.runs import CURVE, PROGRESS

Point = Mapping[str, float]
"""A line: `step`, of `steps`, and the figures that were measured, in the names of transformers' Trainer."""
LOSS, DEV_LOSS = "loss", "eval_loss"
_LABELS = {LOSS: "training", DEV_LOSS: "dev"}


def append(folder: Path, point: Point) -> None:
    """Adds a line."""
    with (folder / PROGRESS).open("a", encoding="ascii") as file:
        file.write(json.dumps(point, sort_keys=True, allow_nan=False) + "\n")


def read_progress(folder: Path) -> list[Point]:
    """All lines so far; one that is being written just now is left out."""
    try:
        text = (folder / PROGRESS).read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def rewind(folder: Path, step: int) -> None:
    """Takes out what comes after a step, since it is about to be done again."""
    kept = [point for point in read_progress(folder) if point["step"] <= step]
    partial = folder / f".{PROGRESS}"
    partial.write_text("".join(json.dumps(point, sort_keys=True) + "\n" for point in kept), encoding="ascii")
    partial.replace(folder / PROGRESS)


def draw_curve(folder: Path, names: Sequence[str] = (LOSS, DEV_LOSS)) -> Path:
    """Figures over the steps as a picture (PNG): loss and dev loss, or others of the lines."""
    from matplotlib.figure import Figure

    points = read_progress(folder)
    figure = Figure(figsize=(7, 4), layout="constrained")
    panel = figure.add_subplot()
    for name in names:
        measured = [(point["step"], point[name]) for point in points if name in point]
        if measured:
            steps, values = zip(*measured, strict=True)
            panel.plot(steps, values, "o-" if name.startswith("eval_") else "-", markersize=4, linewidth=1, label=_LABELS.get(name, name))
    panel.set(xlabel="step", ylabel="nats a token" if names[0] == LOSS else "")
    panel.legend()
    figure.savefig(folder / CURVE, dpi=120)
    return folder / CURVE


class Bar:
    """A line at the bottom of the terminal, or now and then a line of text where there is no terminal."""

    def __init__(self, label: str, done: int, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._steps = steps
        self._label = label
        self._told = done
        columns: Sequence[Any] = (
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}"),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task(label, total=steps, completed=done, text="")
        self._bar.start()

    def show(self, step: int, text: str, important: bool) -> None:
        """Moves on; `important` ones are told without a terminal too, and so is every tenth of the way."""
        self._bar.update(self._task, completed=step, text=text)
        if not self._console.is_terminal and (important or step - self._told >= self._steps / 10):
            self._told = step
            self._console.print(f"{self._label}: step {step} of {self._steps}, {text}", highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Takes the line away."""
        self._bar.stop()
