"""`python -m tests.training.night_killed MOMENT FOLDER`: the night of a folder, which kills itself without warning at a moment of it."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.registry import Registry
from training.night import __main__ as program
from training.night import learn, night
from training.night.told import Stage, Told


def before(place: Any, name: str, wanted: Callable[..., bool] = lambda *_: True) -> None:
    """Dies in place of a call."""
    usual = getattr(place, name)
    setattr(place, name, lambda *given: die() if wanted(*given) else usual(*given))


def after(place: Any, name: str) -> None:
    """Dies right after a call."""
    usual = getattr(place, name)
    setattr(place, name, lambda *given: die(usual(*given)))


def die(*_: object) -> None:
    """No handler, no cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def at(stage: Stage, done: int) -> Callable[[object, Told], bool]:
    """So far in a stage, or farther; not every step is told."""
    return lambda _, told: told.stage is stage and told.done >= done


MOMENTS: dict[str, Callable[[], None]] = {
    "dataset": lambda: after(learn, "collect"),
    "step": lambda: before(program.Line, "tell", at(Stage.TRAIN, 1)),
    "champion": lambda: before(program.Line, "tell", at(Stage.CHAMPION, 7)),
    "challenger": lambda: before(program.Line, "tell", at(Stage.CHALLENGER, 7)),
    "registered": lambda: after(Registry, "add"),
    "switch": lambda: before(Registry, "promote"),
    "switched": lambda: after(Registry, "promote"),
    "outcome": lambda: after(night, "write_outcome"),
}

if __name__ == "__main__":
    MOMENTS[sys.argv[1]]()
    sys.exit(program.main(Path(sys.argv[2])))
