"""The `phyassist` command. Each command imports what it runs when it runs: `phyassist --help` needs none of it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy import audit, model
from deploy.explain import explained, extras_explained

app = typer.Typer(
    name="phyassist",
    help="An assistant for counselors: itemized notes in Slack, drafted by a model, edited and approved by people.",
    epilog="New here? `phyassist demo` shows the whole main job on this machine; `phyassist doctor` says what is missing for real use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local variables, and those may hold case text
)
db = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(model.app, name="model")
app.add_typer(audit.app, name="audit")
app.add_typer(db, name="db")

# The command's own parser gets everything, `--help` as well: its modules are loaded only then.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def main() -> None:
    """Run the command line."""
    with extras_explained():
        app()


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after the story: 0 when every step went as told.")] = False,
    only_day: Annotated[bool, typer.Option("--only-day", help="Leave out the night, the second half: it takes some minutes.")] = False,
    port: Annotated[
        int, typer.Option(help="Port of the workspace on 127.0.0.1; the model server takes the next one.", min=1, max=65534)
    ] = 8765,
    picture: Annotated[Path | None, typer.Option(help="Also save what is shown, as an SVG picture.")] = None,
) -> None:
    """Play a day and a night, from a description to an adapter that learned: a local workspace, a real model server, the real bot."""
    from deploy.demo.play import play

    with explained():
        raise typer.Exit(asyncio.run(play(once, only_day, port, picture)))


@app.command()
def bot() -> None:
    """Start the bot with the settings of the environment and `.env`."""
    from bot.__main__ import main as run

    with explained():
        raise typer.Exit(run())


@app.command(context_settings=PASS_ON)
def sandbox(context: typer.Context) -> None:
    """A local Slack-compatible workspace: run it, and act in it (`phyassist sandbox --help`)."""
    from deploy.sandbox.commands import app as commands

    commands(context.args, prog_name="phyassist sandbox")


@app.command()
def doctor(
    no_model: Annotated[bool, typer.Option("--no-model", help="Leave out the checks of the model server.")] = False,
) -> None:
    """Try the settings with real calls and say how to mend what doesn't work; exits 1 when something doesn't."""
    from deploy.doctor import examine, show

    raise typer.Exit(show(asyncio.run(examine(skip_model=no_model))))


@db.command()
def upgrade() -> None:
    """Make the database's tables, or bring them to this version's form."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.settings import load_settings
    from bot.store.migrate import upgrade as migrate

    with explained():
        settings = load_settings()
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            revision = asyncio.run(migrate(settings.store.url))
        except (SQLAlchemyError, OSError) as error:
            typer.echo(f"The database does not answer ({type(error).__name__}); `phyassist doctor` says more.", err=True)
            raise typer.Exit(1) from None
    typer.echo(f"The database is up to date, at {revision}.")


@db.callback()
def database() -> None:
    """The database."""


@app.command(context_settings=PASS_ON)
def data(context: typer.Context) -> None:
    """Make training rows from public sets and from files of your own (`phyassist data --help`)."""
    _workbench("data", context)


@app.command(context_settings=PASS_ON)
def train(context: typer.Context) -> None:
    """Make models and adapters: fine-tune, reward, reinforce, merge, expand (`phyassist train --help`)."""
    _workbench("train", context)


@app.command("eval", context_settings=PASS_ON)
def evaluate(context: typer.Context) -> None:
    """Measure models, and compare two of them (`phyassist eval --help`)."""
    _workbench("eval", context)


@app.command(context_settings=PASS_ON)
def chat(context: typer.Context) -> None:
    """Talk to a model in the terminal (`phyassist chat --help`)."""
    _workbench("chat", context)


def _workbench(group: str, context: typer.Context) -> None:
    from training.workbench.commands.groups import run_group

    run_group(group, context.args)


if __name__ == "__main__":
    main()
