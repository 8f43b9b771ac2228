"""`phyassist model …`: serve a model, see which adapters there are, put one into service and take it out again."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.explain import explained
from inference.profiles import ProfileName, ServeProfile, make_profile
from inference.registry import RESERVED_NAMES

if TYPE_CHECKING:
    from bot.domain.audit import AuditAction
    from bot.settings import Settings
    from inference.registry import Registry
    from inference.service import Change, Served
    from training.measure.recall import Found, Remembered

DEMO = Path(__file__).parent.parent / "training" / "demo"
DEMO_MODEL = DEMO / "model"
DEMO_ADAPTER = DEMO / "adapter"
DEMO_NAME = "phyassist"
"""What the demo model's adapter is called on the server; the default of PHYASSIST_INFERENCE__MODEL."""

BASE = "base"
"""What the audit calls the base model, as `promote` does."""
SOMETHING_CAME_OUT = 3
"""The exit status of `probe` that says so."""

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
    """The registered adapters, oldest first; `*` marks the one in service, `-` the one before it."""
    from inference.registry import Role

    with explained():
        _, registry = _home()
        rows = registry.listing()
    marks = {Role.CHAMPION: "*", Role.PREVIOUS: "-", Role.KEPT: " "}
    for row in rows:
        retired = f"  retired {row.retirement.at:%Y-%m-%d}: {row.retirement.reason}" if row.retirement else ""
        typer.echo(f"{marks[row.role]} {row.adapter.name}  {row.adapter.added:%Y-%m-%d %H:%M}{retired}")
    if not rows:
        typer.echo("No adapter is registered yet.")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="A registered adapter, or `base` for the base model without one.")],
) -> None:
    """Put an adapter into service while the server answers; the one before it stays loaded, for a rollback."""
    from bot.domain.audit import AuditAction
    from inference.service import promote as put_into_service

    with explained():
        _, registry = _home()
        wanted = None if name in RESERVED_NAMES else name
        if wanted is not None:
            registry.get(wanted)  # a misspelt name is told without a look at the server
        _tell(asyncio.run(_change(lambda registry, served: put_into_service(registry, served, wanted), AuditAction.PROMOTED)))


@app.command()
def rollback() -> None:
    """Put the adapter before the present one back into service; the next rollback undoes that."""
    from bot.domain.audit import AuditAction
    from inference.service import rollback as put_back

    with explained():
        _tell(asyncio.run(_change(put_back, AuditAction.ROLLED_BACK)))


@app.command()
def probe(
    name: Annotated[str, typer.Argument(help="A registered adapter, a retired one too, or `base` for the base model without one.")],
    text_file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Where the texts are; else standard input.")] = None,
) -> None:
    """Ask an adapter for texts that it must not hold, such as lines of a deleted case's notes, and say which ones come out.

    A line is a text, or the description that it belonged to, a tab, and the text. Nothing of them is shown or kept, only the numbers of
    their lines. Exit status 3: at least one came out.
    """
    from training.measure.recall import Found, read_texts

    with explained():
        texts = read_texts((text_file.read_text(encoding="utf-8", errors="replace") if text_file else sys.stdin.read()).splitlines())
        found = asyncio.run(_look_for(None if name in RESERVED_NAMES else name, texts)) if texts else {}
    said = {Found.OUT: "comes out", Found.NOT_OUT: "does not come out", Found.TOO_SHORT: "too short to tell"}
    for number, what in found.items():
        typer.echo(f"{number}: {said[what]}")
    if not found:
        typer.echo("There was no text to look for.")
    if Found.OUT in found.values():
        raise typer.Exit(SOMETHING_CAME_OUT)


async def _look_for(name: str | None, texts: "Mapping[int, Remembered]") -> "dict[int, Found]":
    """What came of each text; an adapter that had to be loaded for it is unloaded again."""
    from inference.service import connected, try_out
    from training.measure.recall import look_for

    settings, registry = _home()
    key = settings.inference.api_key
    async with connected(settings.inference.url, key.get_secret_value() if key else None, registry) as served:
        loaded = () if name is None else await try_out(registry, served, name)
        try:
            return {number: await look_for(served.likelihood, name or served.base, one) for number, one in texts.items()}
        finally:
            for each in loaded:
                await served.control.unload(each)


async def _change(act: "Callable[[Registry, Served], Awaitable[Change]]", action: "AuditAction") -> "Change":
    """Makes the change, and writes it to the audit where the bot's database is at hand; what can't be written there is said."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.store.errors import StoreError
    from deploy.recording import record_at_shell
    from inference.service import connected

    settings, registry = _home()
    key = settings.inference.api_key
    async with connected(settings.inference.url, key.get_secret_value() if key else None, registry) as served:
        change = await act(registry, served)
    try:
        await record_at_shell(settings, action, change.pointer.champion or BASE)
    except (StoreError, SQLAlchemyError, OSError) as error:
        typer.echo(f"The audit does not have this change: its database can't be written to ({type(error).__name__}).", err=True)
    return change


def _tell(change: "Change") -> None:
    """What happened, a line each."""
    for name in change.loaded:
        typer.echo(f"Loaded {name}.")
    for name in change.unloaded:
        typer.echo(f"Unloaded {name}; its files stay.")
    previous = change.pointer.previous or "the base model"
    typer.echo(f"In service: {change.pointer.champion or 'the base model'}. A rollback brings back {previous}.")


def _home() -> "tuple[Settings, Registry]":
    """The settings, and the registry in their data directory."""
    from bot.settings import load_settings
    from inference.registry import ADAPTERS_DIRECTORY, Registry

    settings = load_settings()
    return settings, Registry(settings.home / ADAPTERS_DIRECTORY)


async def _serve(profile: ServeProfile, demo: bool) -> None:
    from inference.hotload import AdapterControl
    from inference.server import model_server
    from inference.sharing import Gpus
    from inference.turns import serve_in_turns

    settings, registry = _home()
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
        champion = registry.pointer().champion if settings.inference.follow_registry else None
        asked = champion or settings.inference.model
        if asked not in names:
            typer.echo(f"Note: the bot asks for {asked!r}; set PHYASSIST_INFERENCE__MODEL, or promote, one of these names.")

    await serve_in_turns(server, Gpus(settings.home), typer.echo, say_what_is_served)
