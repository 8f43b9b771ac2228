"""`phyassist data questions` and `data approved-questions`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import data
from training.workbench.config import Dtype, Quantise, Render


@data.command("questions")
def questions(
    model: Annotated[str, typer.Argument(help="A model that learned to ask about documents: a folder or a finished run.")],
    descriptions: Annotated[Path, typer.Argument(help="A text file, a description a line.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    adapter: Annotated[list[str] | None, typer.Option(help="Folder of an adapter on it; may be repeated.")] = None,
    each: Annotated[int, typer.Option(help="How often to ask about each description.", min=1, max=8)] = 4,
    temperature: Annotated[float, typer.Option(help="Higher ones give questions that differ more.", min=0.0)] = 0.8,
    max_new_tokens: Annotated[int, typer.Option(help="The longest question, in tokens.", min=1)] = 64,
    render: Annotated[Render, typer.Option(help="As in training.")] = Render.CHAT,
    quantise: Annotated[Quantise, typer.Option(help="How the model is held in memory.")] = Quantise.NONE,
    dtype: Annotated[Dtype, typer.Option(help="The type of its weights.")] = Dtype.BF16,
    seed: Annotated[int, typer.Option(help="Decides what is written.")] = 0,
) -> None:
    """Propose questions to ask about descriptions, for a counselor to approve."""
    from training.evaluation.asked import Asked
    from training.evaluation.source import Decoding
    from training.workbench.suggestions import FILE, propose, read_descriptions, write_suggestions

    found = read_descriptions(descriptions)
    decoding = Decoding(max_new_tokens, temperature, top_p=0.95, seed=seed, render=render)
    asked = Asked(model, tuple(adapter or ()), decoding, quantise=quantise, dtype=dtype)
    proposed = propose(asked.source(), found, each)
    write_suggestions(out, proposed, {"command": "data questions", **asked.made(), "descriptions": descriptions.name, "each": each})
    total = sum(len(one.note["questions"]) for one in proposed.suggestions)
    print(f"{out}: {total} questions about {len(found)} descriptions, none approved yet: go through {FILE}")
    for reason, count in proposed.left_out.items():
        print(f"  left out: {count} ({reason})")


@data.command("approved-questions")
def approved_questions(
    suggestions: Annotated[Path, typer.Argument(help="A folder that `phyassist data questions` made and a person went through.")],
    out: Annotated[Path, typer.Option(help="The folder of rows to make.")],
) -> None:
    """Make training rows of the questions that a person has approved."""
    from training.workbench.suggestions import approved_rows

    made = approved_rows(suggestions, out).made
    print(f"{out}: {made['rows']['train']} rows; {made['dropped']['not approved']} descriptions are not approved")
