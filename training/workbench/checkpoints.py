"""The checkpoints of a run: folders of transformers' Trainer, of which only those count that were written to the end."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from training.workbench.artifacts import sync

COMPLETE = "complete"
"""A file that is written into a checkpoint last, when all others of it are on the disk."""
STATE, _RANDOM = "trainer_state.json", "rng_state_all.pth"
_NAME = re.compile(r"checkpoint-(\d+)")
_OUTPUT = re.compile(
    r".*\.(safetensors|jinja|model|txt|py)|(config|generation_config|adapter_config|tokenizer.*|vocab|merges|special_tokens_map|.*\.index)\.json"
)


def mark_complete(checkpoint: Path) -> None:
    """Says of a checkpoint that it is whole, after its files were flushed to the disk."""
    for path in sorted(checkpoint.rglob("*")):
        sync(path)
    (checkpoint / COMPLETE).touch()
    sync(checkpoint)


def newest(folder: Path) -> Path | None:
    """The newest whole checkpoint; None where there is none. Half-written ones are removed."""
    whole: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        found = _NAME.fullmatch(path.name)
        if found and (path / COMPLETE).is_file():
            whole.append((int(found[1]), path))
        else:
            shutil.rmtree(path, ignore_errors=True)  # all processes of a training do this at once
    return max(whole)[1] if whole else None


def folder_of(folder: str | Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return Path(folder) / f"checkpoint-{step}"


def remove_all(folder: Path) -> None:
    """Removes all checkpoints, when the run has its output."""
    shutil.rmtree(folder, ignore_errors=True)


def state_of(checkpoint: Path) -> Mapping[str, Any]:
    """What the Trainer knew at a checkpoint: its step, and all that was logged until then."""
    found: Mapping[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return found


def output_files(checkpoint: Path) -> Iterator[Path]:
    """The files of a checkpoint that make the model or adapter, tokenizer included; not those to go on from."""
    return (path for path in sorted(checkpoint.iterdir()) if path.is_file() and _OUTPUT.fullmatch(path.name))


def keep_random(checkpoint: str) -> None:
    """Writes the random state of every GPU, where one process computes on several: the Trainer keeps that of the first alone, while a model
    that is spread over them has dropout on each."""
    if _spread():
        torch.save(torch.cuda.get_rng_state_all(), Path(checkpoint) / _RANDOM)


def put_random_back(checkpoint: str | None) -> None:
    """Takes the random states from a checkpoint that has them."""
    if checkpoint is not None and _spread() and (Path(checkpoint) / _RANDOM).is_file():
        torch.cuda.set_rng_state_all(torch.load(Path(checkpoint) / _RANDOM, weights_only=True))


def _spread() -> bool:
    return torch.cuda.device_count() > 1 and not torch.distributed.is_initialized()
