"""`phyassist eval imhi` and `phyassist eval imhi-score`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from training.workbench.commands.eval_options import (
    Adapters,
    ApiKey,
    Batch,
    DtypeOption,
    MaxNewTokens,
    ModelArgument,
    OutArgument,
    Quantised,
    RenderOption,
    Seed,
    Url,
    progress,
    show,
)
from training.workbench.commands.groups import evaluate
from training.workbench.config import Dtype, Quantise, Render

BartFolder = Annotated[Path | None, typer.Option(help="A folder with a BART model: explanations are scored by BARTScore as well.")]


@evaluate.command("imhi")
def imhi(
    model: ModelArgument,
    data: Annotated[Path, typer.Argument(help="The folder of IMHI, which holds test_data/test_instruction.")],
    out: OutArgument,
    adapter: Adapters = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="DR, dreaddit, Irf, MultiWD or SAD; may be given again. All.")] = None,
    each: Annotated[int | None, typer.Option(help="Only so many questions of a set, drawn by the seed.", min=1)] = None,
    bartscore: BartFolder = None,
    render: RenderOption = Render.CHAT,
    max_new_tokens: MaxNewTokens = 256,
    batch: Batch = 8,
    seed: Seed = 0,
    quantise: Quantised = Quantise.NONE,
    dtype: DtypeOption = Dtype.BF16,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Let a model answer the IMHI benchmark, and score labels (weighted F1) and explanations. The same command goes on if killed."""
    from training.corpora.imhi import SETS
    from training.evaluation.asked import Asked
    from training.evaluation.benchmark import load_imhi
    from training.evaluation.predict import predict
    from training.evaluation.scores import score_imhi
    from training.evaluation.source import Decoding
    from training.workbench.artifacts import free_place

    free_place(out)
    asked = Asked(model, tuple(adapter or ()), Decoding(max_new_tokens, seed=seed, render=render), batch, quantise, dtype, url, api_key)
    questions = load_imhi(data, sets or SETS, each, seed)
    bart = _bart(bartscore)
    made = {"command": "eval imhi", **asked.made(), "each": each, "bartscore": bartscore and bartscore.name}
    with progress("answers") as done:
        scores = predict(asked.source(), questions, made, out, lambda found: score_imhi(found, bart), done)
    _show(scores["sets"])
    print(f"{out}: predictions.jsonl, scores.json")


@evaluate.command("imhi-score")
def imhi_score(
    files: Annotated[list[Path], typer.Argument(help="Files SET.csv with columns goldens and generated_text, or folders of them.")],
    bartscore: BartFolder = None,
) -> None:
    """Score answers to IMHI that lie in files of the benchmark's own form; with a column `labels`, these count and not the text."""
    from training.evaluation.benchmark import score_files
    from training.evaluation.scores import imhi_scores

    scored, bart = score_files(files), _bart(bartscore)
    _show({one.score.name: imhi_scores(one.score, one.golds, one.answers, bart) for one in scored})
    if labelled := [one.score.name for one in scored if one.by_labels]:
        print(f"By the column labels: {', '.join(labelled)}")


def _bart(folder: Path | None) -> Any:
    """The scorer of a folder, loaded before anything that takes long."""
    if folder is None:
        return None
    from training.evaluation.bartscore import BartScorer

    return BartScorer(folder)


def _show(sets: Mapping[str, Mapping[str, Any]]) -> None:
    rows: list[Sequence[str]] = [("set", "questions", "weighted F1", "accuracy", "macro F1", "out of domain", "ROUGE-L*", "chrF*")]
    for name, found in sets.items():
        figures = [f"{found[key]:.2f}" for key in ("weighted_f1", "accuracy", "macro_f1")]
        explained = found["explanations"]
        overlap = [f"{explained[key]:.2f}" for key in ("rouge_l", "chrf")]
        rows.append((name, str(found["questions"]), *figures, str(found["out_of_domain"]), *overlap))
    show([tuple(row) for row in rows])
    print(f"* of explanations: {next(iter(sets.values()))['explanations']['measure']}")
    for name, found in sets.items():
        if "bartscore" in found:
            print(f"{name}: BARTScore {found['bartscore']['mean']:.4f} by the weights {found['bartscore']['weights']}")
