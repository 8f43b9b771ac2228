"""`phyassist eval side-by-side`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.chatting.settings import PRESETS
from training.workbench.chatting.styles import STYLES
from training.workbench.commands.groups import evaluate
from training.workbench.config import Dtype, Quantise


@evaluate.command("side-by-side")
def side_by_side(
    model: Annotated[str, typer.Argument(help="The base: a model's folder, a run's, or a name on the hub.")],
    adapter: Annotated[list[str], typer.Option(help="A LoRA adapter's folder, or a run's; of several the last is switched on and off.")],
    question: Annotated[list[str] | None, typer.Option(help="A question; may be given several times.")] = None,
    questions: Annotated[
        Path | None, typer.Option(help="A file with a question a line, or JSON lines with a column `question` or `prompt`.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder to make for the report; without it nothing is kept.")] = None,
    preset: Annotated[str, typer.Option(help=f"Settings of the answers: {', '.join(PRESETS)}.")] = "falcon-compare",
    style: Annotated[
        str | None,
        typer.Option(help=f"How a question becomes a prompt: {', '.join(STYLES)}. Else the chat template, or markers without one."),
    ] = None,
    system: Annotated[str, typer.Option(help="What the model is told before the question.")] = "",
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of an answer at most.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 takes the likeliest token always.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest tokens that have this probability together.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Only so many of the likeliest tokens; 0 is all.")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1, what was said is said again less.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gets the same answers.")] = 0,
    quantise: Annotated[Quantise, typer.Option(help="How the base is held in memory.")] = Quantise.NONE,
    dtype: Annotated[Dtype, typer.Option(help="Its type; fp32 is quicker on most CPUs.")] = Dtype.BF16,
) -> None:
    """Ask the base and its adapter the same questions, and show both answers beside each other.

    The model is loaded once, and its adapter switched off and on. The report names no person and rates nothing: it is for reading.
    """
    import asyncio

    from rich.console import Console

    from training.workbench.chatting import side_by_side as sides
    from training.workbench.chatting.local import load
    from training.workbench.chatting.settings import changed
    from training.workbench.chatting.settings import preset as settings_of
    from training.workbench.chatting.styles import style as style_of
    from training.workbench.errors import WorkbenchError

    asked = [*(question or []), *(sides.read_questions(questions) if questions else [])]
    if not asked:
        raise WorkbenchError("there is nothing to ask: give --question or --questions")
    drawn = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "top_k": top_k, "repetition_penalty": repetition_penalty}
    settings = changed(settings_of(preset), {**drawn, "seed": seed})
    loaded = load(model, adapter, quantise=quantise, dtype=dtype)
    chosen = style_of(style, loaded.has_template)
    names = (loaded.name_below, loaded.name)
    console = Console(highlight=False)
    pairs = asyncio.run(
        sides.compare(
            loaded, chosen, settings, system, asked, lambda number, pair: console.print(sides.shown(number, pair, names, console.width))
        )
    )
    console.print(sides.told_lengths(pairs, names))
    if out is not None:
        sides.write_report(out, pairs, names, {"command": "eval side-by-side", "base": names[0], "adapter": names[1]}, settings)
        console.print(f"{out}: the report")
