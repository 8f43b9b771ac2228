"""Checkpoints of a stage: one file each, put in place in one step, so a file that is there is whole."""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch

_NAME = re.compile(r"checkpoint-(\d{8})\.pt")

State = dict[str, Any]
"""Tensors, numbers, and dicts and lists of them."""


def save(folder: Path, step: int, state: State, keep: int) -> None:
    """Writes the state after a step, then deletes all but the newest `keep`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"checkpoint-{step:08d}.pt"
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    sync(folder)
    for old in _newest_first(folder)[keep:]:
        old.unlink()


def load_newest(folder: Path) -> State | None:
    """The newest state that can be read; an older one where a disk lost a part of it. None where there is none."""
    for path in _newest_first(folder):
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            continue
        return state
    return None


def newest_step(folder: Path) -> int:
    """The step of the state that `load_newest` gives; 0 where there is none."""
    state = load_newest(folder)
    return 0 if state is None else int(state["step"])


def sync(folder: Path) -> None:
    """Flush a folder's list of names to the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _newest_first(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("checkpoint-*.pt") if _NAME.fullmatch(path.name)), reverse=True)
