"""Task `embeddings`: continued pretraining of the rows that an expansion of the vocabulary has added, and of nothing else.

The old rows and all layers stay as they are, to the bit: their gradients are zero, and AdamW moves nothing whose gradients were always zero
as long as there is no weight decay. So what the model could do before it still can, and the new tokens learn to mean what they stand for.
This comes between the expansion and fine-tuning; BELLE did it on 3.4 billion words of Chinese.

PEFT's `trainable_token_indices` would save the new rows alone, in a small file; but then what comes next has to know of it. Here the output
is a model, which everything else can begin with.
"""

from typing import Any

import torch

from training.workbench.config import DeepSpeed
from training.workbench.errors import WorkbenchError
from training.workbench.expansion import embedding_tables, new_rows
from training.workbench.runs import Result, Run
from training.workbench.sft import job
from training.workbench.trainer import Job, train


def run_embeddings(run: Run) -> Result:
    """Trains from a run's beginning or newest checkpoint to its output.

    Raises:
        WorkbenchError: the model has no new rows, or with what else to do about it.
    """
    if run.config.distributed.deepspeed is not DeepSpeed.NONE:
        raise WorkbenchError(
            "distributed.deepspeed shares out what is trained, here a few rows: set it to none, several processes work without"
        )
    rows = new_rows(run.config.model.path)

    def build(of: Run) -> Job:
        return job(of, lambda model: only_rows(model, rows), weight_decay=0.0)

    return train(run, build)


def only_rows(model: Any, rows: range) -> Any:
    """The model in float32, in which only these rows of its input and output embeddings are trained."""
    model = model.float().requires_grad_(False)
    for table in embedding_tables(model):
        table.requires_grad_(True)
        table.register_hook(lambda gradient: _within(gradient, rows))  # type: ignore[no-untyped-call]  # torch gives it none
    return model


def _within(gradient: torch.Tensor, rows: range) -> torch.Tensor:
    """A gradient (tokens, …) that is zero outside of `rows`."""
    inside = torch.zeros_like(gradient)
    inside[rows.start : rows.stop] = gradient[rows.start : rows.stop]
    return inside
