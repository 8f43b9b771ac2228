"""`phyassist eval predict`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.eval_options import (
    Adapters,
    ApiKey,
    Batch,
    DtypeOption,
    FormOption,
    Limit,
    Marker,
    MaxNewTokens,
    ModelArgument,
    OutArgument,
    Quantised,
    RenderOption,
    Seed,
    SplitOption,
    Stop,
    Temperature,
    TopP,
    Url,
    progress,
    show,
)
from training.workbench.commands.groups import evaluate
from training.workbench.config import Dtype, Quantise, Render


@evaluate.command("predict")
def predict(
    model: ModelArgument,
    rows: Annotated[Path, typer.Argument(help="A folder of rows, or a file of JSON lines.")],
    out: OutArgument,
    adapter: Adapters = None,
    split: SplitOption = None,
    form: FormOption = None,
    limit: Limit = None,
    marker: Marker = None,
    stop: Stop = None,
    render: RenderOption = Render.CHAT,
    max_new_tokens: MaxNewTokens = 256,
    batch: Batch = 8,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    quantise: Quantised = Quantise.NONE,
    dtype: DtypeOption = Dtype.BF16,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Let a model answer rows, and score the answers: BLEU-4, ROUGE-1/2/L, chrF and their length. The same command goes on if killed."""
    from training.evaluation.asked import Asked
    from training.evaluation.predict import predict as run
    from training.evaluation.questions import load_rows, questions_of
    from training.evaluation.scores import answers_table, score_answers
    from training.evaluation.source import Decoding
    from training.workbench.artifacts import free_place

    free_place(out)
    decoding = Decoding(max_new_tokens, temperature, top_p, seed, render, tuple(stop or ()))
    asked = Asked(model, tuple(adapter or ()), decoding, batch, quantise, dtype, url, api_key)
    questions = questions_of(load_rows(rows, split, form), marker, limit)
    made = {"command": "eval predict", **asked.made(), "rows": rows.name}
    with progress("answers") as done:
        scores = run(asked.source(), questions, made, out, score_answers, done)
    show(answers_table(scores))
    print(f"{out}: predictions.jsonl, scores.json")
