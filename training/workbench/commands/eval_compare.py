"""`phyassist eval compare`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.eval_options import (
    Batch,
    DtypeOption,
    FormOption,
    Limit,
    Marker,
    MaxNewTokens,
    OutArgument,
    Quantised,
    RenderOption,
    Seed,
    SplitOption,
    Stop,
    progress,
    show,
)
from training.workbench.commands.groups import evaluate
from training.workbench.config import Dtype, Quantise, Render

Side = Annotated[str, typer.Argument(help="Predictions, an IMHI result or losses; with --rows also a model, an adapter or a run.")]


@evaluate.command("compare")
def compare(
    a: Side,
    b: Side,
    out: OutArgument,
    rows: Annotated[Path | None, typer.Option(help="Let both answer these rows first; their answers are kept beside the report.")] = None,
    base: Annotated[str | None, typer.Option(help="The model below adapters; by default the one that they name.")] = None,
    examples: Annotated[int, typer.Option(help="Rows that are shown for each side; 0 keeps all text out of the report.", min=0)] = 3,
    confidence: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    split: SplitOption = None,
    form: FormOption = None,
    limit: Limit = None,
    marker: Marker = None,
    stop: Stop = None,
    render: RenderOption = Render.CHAT,
    max_new_tokens: MaxNewTokens = 256,
    batch: Batch = 8,
    seed: Seed = 0,
    quantise: Quantised = Quantise.NONE,
    dtype: DtypeOption = Dtype.BF16,
) -> None:
    """Compare two models on the same rows: every figure with a bootstrap interval, and a report as Markdown and HTML with pictures."""
    from training.evaluation.asked import Asked
    from training.evaluation.questions import load_rows, questions_of
    from training.evaluation.report import sentences, table, write_report
    from training.evaluation.sides import Job, answered, compare_sides, model_and_adapter
    from training.evaluation.source import Decoding
    from training.workbench.artifacts import free_place

    free_place(out)
    sides = {"a": Path(a), "b": Path(b)}
    if rows:
        decoding = Decoding(max_new_tokens, seed=seed, render=render, stop=tuple(stop or ()))
        questions = questions_of(load_rows(rows, split, form), marker, limit)
        for mark, path in sides.items():
            model, adapters = model_and_adapter(path, base)
            asked = Asked(model, adapters, decoding, batch, quantise, dtype)
            with progress(f"answers of {mark.upper()}") as done:
                sides[mark] = answered(Job(asked, questions, rows.name, path.name), out.with_name(f"{out.name}-{mark}"), done)
    report = compare_sides(sides["a"], sides["b"], examples, confidence, seed)
    write_report(out, report)
    show([row[:-1] for row in table(report)])  # what the rows show is told below, in sentences
    print("\n".join(["", *sentences(report), f"{out}: report.html, report.md"]))
