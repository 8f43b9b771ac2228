"""`phyassist model …`: serve a model, and see which adapters there are."""

import asyncio
import contextlib
import signal
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from deploy.explain import explained
from inference.profiles import ProfileName, ServeProfile, make_profile

DEMO = Path(__file__).parent.parent / "training" / "demo"
DEMO_MODEL = DEMO / "model"
DEMO_ADAPTER = DEMO / "adapter"
DEMO_NAME = "phyassist"
"""What the demo model's adapter is called on the server; the default of PHYASSIST_INFERENCE__MODEL."""

app = typer.Typer(help="The model server.", no_args_is_help=True)


@app.command()
def serve(
    profile: Annotated[ProfileName, typer.Option(help="The kind of machine.")] = ProfileName.CPU,
    model: Annotated[str | None, typer.Option(help="A directory or a hub id; else the profile's own, on `cpu` the demo model.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    tensor_parallel: Annotated[int | None, typer.Option(help="Over how many GPUs, or cores, to split each layer.", min=1)] = None,
) -> None:
    """Run the model server until Ctrl-C; it is restarted when it dies, with the adapters that are in service."""
    demo = model is None and profile is ProfileName.CPU
    chosen = make_profile(profile, DEMO_MODEL if demo else model, port, tensor_parallel)
    with explained(), contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(replace(chosen, host=host), demo))


@app.command("list")
def list_adapters() -> None:
    """The registered adapters, oldest first; `*` marks the one in service."""
    from bot.settings import load_settings
    from inference.registry import Registry
    from inference.server import ADAPTERS_DIRECTORY

    with explained():
        registry = Registry(load_settings().home / ADAPTERS_DIRECTORY)
        champion = registry.pointer().champion
        adapters = registry.list()
    for adapter in adapters:
        typer.echo(f"{'*' if adapter.name == champion else ' '} {adapter.name}  {adapter.added}")
    if not adapters:
        typer.echo("No adapter is registered yet.")


async def _serve(profile: ServeProfile, demo: bool) -> None:
    from bot.settings import load_settings
    from inference.hotload import AdapterControl
    from inference.server import model_server
    from inference.sharing import Gpus
    from inference.turns import serve_in_turns

    settings = load_settings()
    key = settings.inference.api_key
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a script's `&` starts us with it ignored
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    keyed = replace(profile, api_key=key.get_secret_value() if key else None)
    server = model_server(keyed, settings.home, {DEMO_NAME: DEMO_ADAPTER} if demo else {}, typer.echo)

    async def say_what_is_served() -> None:
        async with AdapterControl(server.url, keyed.api_key) as control:
            names = await control.served()
        typer.echo(f"Serving {', '.join(names)} at {server.url}; Ctrl-C stops it.")
        if settings.inference.model not in names:
            typer.echo(f"Note: the bot asks for {settings.inference.model!r}; set PHYASSIST_INFERENCE__MODEL to one of these names.")

    await serve_in_turns(server, Gpus(settings.home), typer.echo, say_what_is_served)
