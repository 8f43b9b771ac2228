"""What may end a training and is not its own fault: memory, disk, numbers. Each is told apart, and said with its remedy."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from training.workbench.config import Config, Full, Lora, Quantise
from training.workbench.errors import WorkbenchError, disk_is_full

_GRADIENT = "grad_norm"


@contextmanager
def saving(name: str) -> Iterator[None]:
    """Turns whatever libraries say of a full disk into one error.

    Raises:
        WorkbenchError: a checkpoint could not be written.
    """
    try:
        yield
    except Exception as error:
        if disk_is_full(error):
            raise WorkbenchError(
                f"the disk that holds {name} is full, so no checkpoint could be written: make room and resume the run, "
                "or keep fewer checkpoints (saving.keep)"
            ) from error
        raise


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the machine."""
    from accelerate.utils.memory import should_reduce_batch_size  # type: ignore[import-untyped]  # it publishes no types

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or bool(should_reduce_batch_size(error))


def memory_advice(config: Config) -> str:
    """Which setting makes a training smaller when it takes one row at a time already: what helps most and costs least comes first."""
    method = config.method
    if not method.checkpointing:
        return "set method.checkpointing to true: it keeps the activations of one layer in place of all"
    if isinstance(method, Lora) and config.model.quantise is Quantise.NONE:
        return "set model.quantise to nf4: the base then takes a quarter"
    if isinstance(method, Full):
        return "set distributed.deepspeed to zero3 with more processes, or method.kind to lora: a weight with its optimizer takes 16 bytes"
    return f"set data.max_length, which is {config.data.max_length}, lower: rows that are longer are left out and counted"


def check_finite(step: int, logs: Mapping[str, Any]) -> None:
    """Raises: WorkbenchError when a loss or the gradient's length is no number any more."""
    wrong = [name for name, value in logs.items() if (name.endswith("loss") or name == _GRADIENT) and not math.isfinite(value)]
    if wrong:
        what = "gradient" if wrong == [_GRADIENT] else "loss"
        raise WorkbenchError(
            f"the {what} is not finite in step {step}: begin a new run with a lower optimiser.learning_rate, and look for rows that are no "
            "text. The newest checkpoint of this one is from before"
        )
