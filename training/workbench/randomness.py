"""The random state of every GPU, in a checkpoint. The Trainer keeps that of the first alone, while a model that is spread over several has
dropout on each."""

from pathlib import Path

import torch

_FILE = "rng_state_all.pth"


def keep(checkpoint: str) -> None:
    """Writes it, where one process computes on several GPUs."""
    if _spread():
        torch.save(torch.cuda.get_rng_state_all(), Path(checkpoint) / _FILE)


def put_back(checkpoint: str | None) -> None:
    """Takes it from a checkpoint that has one."""
    if checkpoint is not None and _spread() and (Path(checkpoint) / _FILE).is_file():
        torch.cuda.set_rng_state_all(torch.load(Path(checkpoint) / _FILE, weights_only=True))


def _spread() -> bool:
    return torch.cuda.device_count() > 1 and not torch.distributed.is_initialized()
