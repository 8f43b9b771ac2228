"""`phyassist chat`."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from training.workbench.chatting.settings import PRESETS
from training.workbench.chatting.styles import STYLES
from training.workbench.commands.groups import chat
from training.workbench.config import Dtype, Quantise

if TYPE_CHECKING:
    from training.workbench.chatting.local import LocalModel
    from training.workbench.chatting.remote import RemoteModel

ADDRESSES = ("http://", "https://")


@chat.command()
def talk(
    model: Annotated[
        str, typer.Argument(help="A model's folder, a run's, a name on the hub, or the URL of an OpenAI-compatible server (ends in /v1).")
    ],
    adapter: Annotated[
        list[str] | None,
        typer.Option(help="A LoRA adapter's folder, or a run's; several are put on each other. With a URL: the name of a served model."),
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"A write-up's settings: {', '.join(PRESETS)}.")] = None,
    style: Annotated[
        str | None, typer.Option(help=f"How turns become a prompt: {', '.join(STYLES)}. Else the chat template, or markers without one.")
    ] = None,
    system: Annotated[str, typer.Option(help="What the model is told before all else.")] = "",
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of an answer at most.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 takes the likeliest token always; 0.7 unless a preset says more.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest tokens that have this probability together.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Only so many of the likeliest tokens; 0 is all.")] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1, what was said is said again less.")] = None,
    memory: Annotated[int | None, typer.Option(help="Earlier turns that the model is told again; 8 unless a preset says else.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same conversation gets the same answers. For models in this process.")] = None,
    trim: Annotated[bool, typer.Option(help="Whether an answer cut by the limit loses its unfinished last sentence.")] = True,
    quantise: Annotated[Quantise, typer.Option(help="How a model in this process is held in memory.")] = Quantise.NONE,
    dtype: Annotated[Dtype, typer.Option(help="Its type; fp32 is quicker on most CPUs.")] = Dtype.BF16,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="PHYASSIST_INFERENCE__API_KEY", help="Of the server; better in the variable, where nobody reads it."),
    ] = None,
) -> None:
    """Talk to a model in the terminal: on this machine with its adapters, or behind a URL. A demonstration, never for patients.

    Nothing of the conversation is kept when it ends. What can be typed in it: `help`.
    """
    from rich.console import Console

    from training.workbench.chatting.dialogue import Dialogue
    from training.workbench.chatting.screen import Screen
    from training.workbench.chatting.settings import changed
    from training.workbench.chatting.settings import preset as settings_of
    from training.workbench.chatting.styles import style as style_of
    from training.workbench.chatting.terminal import Conversation, check_seed

    given = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "repetition_penalty": repetition_penalty,
        "memory": memory,
        "trim": trim,
    }
    settings = changed(settings_of(preset), {**given, "seed": seed})
    with asyncio.Runner() as runner:
        if model.startswith(ADDRESSES):
            check_seed(settings, takes_seed=False)
            found: LocalModel | RemoteModel = runner.run(_connected(model, adapter or [], api_key))
        else:
            from training.workbench.chatting.local import load

            found = load(model, adapter or [], quantise=quantise, dtype=dtype)
        dialogue = Dialogue(found, style_of(style, found.has_template), settings, system)
        Conversation(dialogue, Screen(Console(highlight=False)), runner).run()
        runner.run(found.close())


async def _connected(url: str, names: list[str], api_key: str | None) -> "RemoteModel":
    from training.workbench.chatting.remote import connect
    from training.workbench.errors import WorkbenchError

    if len(names) > 1:
        raise WorkbenchError("a server answers as one model at a time: name one --adapter")
    return await connect(url, api_key, names[0] if names else None)
