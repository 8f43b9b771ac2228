"""`phyassist sandbox …`: run the workspace, and act in a running one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import httpx
import typer

from deploy.sandbox.client import SandboxClient
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.faults import Faults
from deploy.sandbox.render import plain_message, plain_view
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted, Result
from deploy.sandbox.server import DEFAULT_PORT
from deploy.sandbox.server import main as serve

app = typer.Typer(help="A local Slack-compatible workspace.", invoke_without_command=True, no_args_is_help=False)

Url = Annotated[str, typer.Option(help="Address of the running sandbox.", envvar="PHYASSIST_SANDBOX_URL")]
LOCAL = f"http://127.0.0.1:{DEFAULT_PORT}"
User = Annotated[str, typer.Argument(help="Who acts: anna, li, sol, ada, gus.")]
Channel = Annotated[str, typer.Argument(help="Channel name, such as case-001.")]
Ts = Annotated[str, typer.Argument(help="Timestamp of the message, as `messages` shows it.")]

T = TypeVar("T")


@app.callback()
def default(context: typer.Context) -> None:
    """Run the workspace when no command is named."""
    if context.invoked_subcommand is None:
        run_server()


@app.command("serve")
def run_server(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.")] = DEFAULT_PORT,
    cases: Annotated[int, typer.Option(help="Number of case channels.")] = 3,
    bot_in_cases: Annotated[bool, typer.Option(help="The bot is in the case channels from the start.")] = False,
    rate_limits: Annotated[bool, typer.Option(help="Apply Slack's rate limits.")] = True,
) -> None:
    """Run the workspace until Ctrl-C."""
    try:
        serve(port, Seed(cases, bot_in_cases), rate_limits=rate_limits)
    except OSError as error:
        typer.echo(f"Port {port} can't be used ({error.strerror}). Is another sandbox running? Choose one with --port.", err=True)
        raise typer.Exit(1) from None


@app.command()
def say(user: User, channel: Channel, text: str, url: Url = LOCAL) -> None:
    """Post a message and print its timestamp."""
    typer.echo(_with(url, lambda client: client.say(user, channel, text)).ts)


@app.command()
def reply(user: User, channel: Channel, thread_ts: Ts, text: str, url: Url = LOCAL) -> None:
    """Reply in a thread and print the reply's timestamp."""
    typer.echo(_with(url, lambda client: client.say(user, channel, text, thread_ts=thread_ts)).ts)


@app.command()
def edit(user: User, channel: Channel, ts: Ts, text: str, url: Url = LOCAL) -> None:
    """Edit one's own message."""
    _with(url, lambda client: client.edit_message(user, channel, ts, text))


@app.command()
def command(
    user: User, channel: Channel, line: Annotated[str, typer.Argument(help='Such as "/phyassist help".')], url: Url = LOCAL
) -> None:
    """Enter a slash command and print its answer."""
    _print_result(_with(url, lambda client: client.command(user, channel, line)))


@app.command()
def click(
    user: User,
    channel: Channel,
    ts: Ts,
    action_id: Annotated[str, typer.Argument(help="The button's action_id; `messages --ids` shows it.")],
    value: Annotated[str | None, typer.Option(help="The button's value, or the choice in a select.")] = None,
    url: Url = LOCAL,
) -> None:
    """Click a button of a message."""
    _print_result(_with(url, lambda client: client.click(user, channel, ts, action_id, value=value)))


@app.command()
def shortcut(
    user: User,
    channel: Channel,
    ts: Ts,
    callback_id: Annotated[str, typer.Argument(help="The shortcut's callback_id, as the app's manifest names it.")],
    url: Url = LOCAL,
) -> None:
    """Use a message shortcut."""
    _print_result(_with(url, lambda client: client.shortcut(user, channel, ts, callback_id)))


@app.command()
def invite(
    channel: Channel,
    user: Annotated[str, typer.Argument(help="Who is invited; by default the bot.")] = "phyassist",
    url: Url = LOCAL,
) -> None:
    """Invite the bot or a person to a channel."""
    _with(url, lambda client: client.invite(channel, user))


@app.command()
def form(user: User, url: Url = LOCAL) -> None:
    """Print the form (modal) that a user has open, with the names of its inputs."""
    top = _with(url, lambda client: client.views(user)).top
    if top is None:
        typer.echo("No form is open.", err=True)
        raise typer.Exit(1)
    typer.echo(plain_view(top))
    typer.secho("inputs: " + ", ".join(block["block_id"] for block in top["blocks"] if block["type"] == "input"), dim=True)


@app.command()
def submit(
    user: User,
    entries: Annotated[list[str] | None, typer.Argument(help="input=text for each input that changes; `form` shows their names.")] = None,
    url: Url = LOCAL,
) -> None:
    """Fill in and submit the form that a user has open."""

    async def act(client: SandboxClient) -> Result:
        top = (await client.views(user)).top
        if top is None:
            raise CannotDo("view_not_found")
        return await client.submit_view(user, top["id"], dict(entry.split("=", 1) for entry in entries or [] if "=" in entry))

    result = _with(url, act)
    for block_id, problem in result.errors.items():
        typer.echo(f"{block_id}: {problem}", err=True)
    _print_result(result)


@app.command()
def messages(
    channel: Channel,
    thread_ts: Annotated[str | None, typer.Option("--thread", help="Only this thread.")] = None,
    ids: Annotated[bool, typer.Option(help="Show action ids of buttons.")] = False,
    user: Annotated[str | None, typer.Option(help="Also what only this user sees.")] = None,
    url: Url = LOCAL,
) -> None:
    """Print a channel's messages."""

    async def read(client: SandboxClient) -> tuple[list[Posted], dict[str, str]]:
        found = await client.messages(channel, thread_ts)
        found += await client.ephemerals(user) if user else []
        names = {each["id"]: str(each["name"]) for each in (await client.state())["users"]}
        return sorted(found, key=lambda message: message.ts), names

    found, names = _with(url, read)
    for message in found:
        indent = "    " if message.thread_ts not in {None, message.ts} else ""
        marks = " (edited)" * message.edited + " (only you)" * bool(message.raw.get("is_ephemeral"))
        typer.secho(f"{indent}{names.get(message.user, message.user)}  {message.ts}{marks}", bold=True)
        typer.echo("\n".join(f"{indent}{line}" for line in plain_message(message.raw, lambda each: names.get(each, each)).splitlines()))
        if ids and message.action_ids:
            typer.secho(f"{indent}action ids: {', '.join(message.action_ids)}", dim=True)
            for block in message.blocks:
                menu = block.get("accessory") or {}
                if menu.get("type") == "overflow":
                    choices = ", ".join(option["value"] for option in menu["options"])
                    typer.secho(f"{indent}{menu['action_id']} in block {block['block_id']}: {choices}", dim=True)


@app.command()
def faults(
    settings: Annotated[list[str] | None, typer.Argument(help="name=value, such as rate_limit_every=3; `none` ends all.")] = None,
    url: Url = LOCAL,
) -> None:
    """Show the faults in force, or put others in force."""

    async def change(client: SandboxClient) -> Faults:
        if settings:
            pairs = dict(setting.split("=", 1) for setting in settings if "=" in setting)
            await client.set_faults(Faults.model_validate(pairs))
        return await client.faults()

    for name, value in _with(url, change).model_dump(mode="json").items():
        typer.echo(f"{name}={value}")


def _print_result(result: Result) -> None:
    if result.shown is not None:
        typer.echo(result.shown.plain)
    if not result.ok:
        if result.failure is not None:
            typer.echo(f"It didn't work: {result.failure}", err=True)
        raise typer.Exit(1)


def _with(url: str, act: Callable[[SandboxClient], Awaitable[T]]) -> T:
    """Run one action against the sandbox; refusals end the command with a sentence."""

    async def run() -> T:
        async with SandboxClient(url) as client:
            return await act(client)

    try:
        return asyncio.run(run())
    except CannotDo as refusal:
        typer.echo(f"The sandbox refuses: {refusal.reason}", err=True)
    except httpx.ConnectError:
        typer.echo(f"No sandbox answers at {url}. Start one with `phyassist sandbox serve`.", err=True)
    raise typer.Exit(1)
