"""`phyassist eval loss`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.eval_options import (
    Adapters,
    Batch,
    DtypeOption,
    FormOption,
    Limit,
    ModelArgument,
    OutArgument,
    Quantised,
    RenderOption,
    SplitOption,
    progress,
    show,
)
from training.workbench.commands.groups import evaluate
from training.workbench.config import Dtype, Quantise, Render


@evaluate.command("loss")
def loss(
    model: ModelArgument,
    rows: Annotated[Path, typer.Argument(help="A folder of rows, or a file of JSON lines.")],
    out: OutArgument,
    adapter: Adapters = None,
    split: SplitOption = None,
    form: FormOption = None,
    limit: Limit = None,
    render: RenderOption = Render.CHAT,
    batch: Batch = 8,
    quantise: Quantised = Quantise.NONE,
    dtype: DtypeOption = Dtype.BF16,
) -> None:
    """Loss and perplexity of a model on the answers of rows; `phyassist eval compare` takes two such folders."""
    from training.evaluation.asked import Asked
    from training.evaluation.likelihood import row_losses
    from training.evaluation.losses import write_losses
    from training.evaluation.questions import load_rows
    from training.workbench.artifacts import free_place
    from training.workbench.encoding import Encoder
    from training.workbench.models import end_tokens, load_model, load_tokenizer

    free_place(out)
    asked = Asked(model, tuple(adapter or ()), batch=batch, quantise=quantise, dtype=dtype)
    chosen = load_rows(rows, split, form)[:limit]
    made = {"command": "eval loss", **asked.weights(), "render": str(render), "batch": batch, "rows": rows.name}
    tokenizer = load_tokenizer(model)
    encoder = Encoder(tokenizer, end_tokens(model, tokenizer), render)
    with progress("rows") as done:
        found = row_losses(load_model(model, asked.adapters, quantise, dtype), encoder, chosen, batch, done)
    scores = asdict(write_losses(out, found, made))
    show([(name, f"{value:.4f}" if isinstance(value, float) else str(value)) for name, value in scores.items()])
    print(f"{out}: losses.jsonl")
