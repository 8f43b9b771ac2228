"""Small runs for tests of the workbench's training, and a program that is killed in the middle of one."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from training.workbench.config import Config, load_config

WORDS = ("sleep", "work", "walk", "call", "diary", "night", "worry", "friend", "school", "music", "garden", "river", "stone", "bread")
KILLED_AFTER = 5


def words_of(random: Random, count: int) -> str:
    """A sentence of common words."""
    return " ".join(random.choices(WORDS, k=count)).capitalize() + "."


def _prompt_completion(random: Random, number: int) -> dict[str, Any]:
    return {"prompt": words_of(random, 4), "completion": words_of(random, random.randint(3, 12))}


def _conversation(random: Random, number: int) -> dict[str, Any]:
    roles = ("user", "assistant") * 2
    return {"id": str(number), "messages": [{"role": role, "content": words_of(random, random.randint(3, 6))} for role in roles]}


def _text(random: Random, number: int) -> dict[str, Any]:
    return {"text": f"### Human: {words_of(random, 4)}\n### Assistant: {words_of(random, random.randint(3, 12))}"}


FORMS: dict[str, Callable[[Random, int], dict[str, Any]]] = {
    "prompt-completion": _prompt_completion,
    "conversation": _conversation,
    "text": _text,
}


def some_rows(path: Path, form: str, count: int = 14) -> Path:
    """A file of rows of a form."""
    random = Random(form)
    lines = [json.dumps(FORMS[form](random, number)) + "\n" for number in range(count)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def a_config(model: Path, rows: Path, form: str, *changes: str) -> Config:
    """A training of a few steps; its rows are two at a time, grouped by length, a fifth of them held back."""
    settings = {
        "model": {"path": str(model), "dtype": "fp32"},
        "data": {"path": str(rows), "form": form, "max_length": 96, "dev_share": 0.2, "group_by_length": True},
        "method": {"kind": "lora", "rank": 4, "checkpointing": False},
        "optimiser": {"learning_rate": 0.02},
        "steps": {"max_steps": 8, "batch": 2, "accumulation": 2},
        "evaluation": {"every": 4},
        "saving": {"every": 2},
    }
    return load_config(None, changes, settings)


def be_killed(run: Path) -> None:
    """Goes on with a run, and is killed with no time for anything after the line of a step is written."""
    from training.workbench import watch
    from training.workbench.runs import open_run
    from training.workbench.sft import run_sft

    told = watch.Watch.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: Any, **more: Any) -> None:
        told(self, args, state, control, logs, **more)
        if state.global_step == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    watch.Watch.on_log = on_log  # type: ignore[method-assign]  # the moment of the kill is the test's
    run_sft(open_run(run))


if __name__ == "__main__":
    be_killed(Path(sys.argv[1]))
