"""`phyassist demo`: the whole main job on one machine, on real parts.

A local Slack-compatible workspace, the real model server with the demo model, and the real bot in a process of its own. The
story plays by itself and stays up afterwards, so that people go on by hand.
"""

import asyncio
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.model import DEMO_ADAPTER, DEMO_MODEL, DEMO_NAME
from deploy.picture import save_picture
from deploy.sandbox.commands import LOCAL
from deploy.sandbox.render import plain_message
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import DEFAULT_PORT, Sandbox, running_sandbox
from deploy.story import CHANNEL, COUNSELOR, Story, StoryFailed
from inference.errors import InferenceError, PortTaken
from inference.profiles import ProfileName, make_profile
from inference.server import model_server

CONNECT_S = 60.0


async def play(once: bool = False, port: int = DEFAULT_PORT, picture: Path | None = None) -> int:
    """Plays the story, with the workspace at `port` and the model server at the next one; 0 if every step went well.

    Without `once` it stays up until Ctrl-C. `picture` is a file for an SVG of what was shown.
    """
    console = Console(record=picture is not None)
    async with AsyncExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="phyassist-demo-"))
        try:
            sandbox = await _start(stack, console, home, port)
            await _tell(sandbox, console)
            if picture is not None:
                save_picture(console, picture, "make demo")
        except (StoryFailed, InferenceError, OSError, TimeoutError) as error:
            console.print(f"[red]The demo stopped:[/red] {_reason(error)}")
            console.print(f"Its logs are kept in {home}", highlight=False)
            return 1
        if not once:
            _say_how_to_go_on(console, sandbox)
            await _until_interrupted()
            console.print("\nStopping …")
    shutil.rmtree(home, ignore_errors=True)
    if not once:
        console.print("Everything is stopped, and the demo's data is removed.")
    return 0


async def _start(stack: AsyncExitStack, console: Console, home: Path, port: int) -> Sandbox:
    """Workspace, model server and bot, in this order; `stack` ends them in the other."""
    console.rule("PhyAssist demo")
    begin = time.monotonic()

    def progress(line: str) -> None:
        console.print(f"  [dim]{time.monotonic() - begin:5.1f} s[/dim]  {line}")

    try:
        sandbox = await stack.enter_async_context(running_sandbox(port))
    except OSError:
        raise PortTaken(f"port {port} is taken, most likely by another demo: stop it first, or choose another port with --port") from None
    progress(f"workspace: a local Slack-compatible server at {sandbox.base_url}")
    profile = make_profile(ProfileName.CPU, DEMO_MODEL, port + 1)
    server = model_server(profile, home, {DEMO_NAME: DEMO_ADAPTER}, lambda line: progress(f"model: {line}"))
    await stack.enter_async_context(server)
    settings = sandbox_settings(sandbox, home, server.url, slack__update_seconds="1.0")
    await stack.enter_async_context(running_bot_process(settings, home / "logs" / "bot.log"))
    await sandbox.client.wait_connected(timeout=CONNECT_S)
    progress("bot: connected by Socket Mode")
    return sandbox


async def _tell(sandbox: Sandbox, console: Console) -> None:
    """Plays the story and shows every message as it grows."""
    console.rule("One case")
    names = {user["id"]: str(user["name"]) for user in (await sandbox.client.state())["users"]}
    with Terminal(console, names) as terminal:
        seen = await Story(sandbox.client, terminal).play()
    console.print(f"[green]The story is complete:[/green] {len(seen)} answers, each checked.")


class Terminal:
    """The story on a terminal; a growing message is redrawn in its place where the terminal can do that."""

    def __init__(self, console: Console, names: dict[str, str]) -> None:
        self._console, self._names = console, names
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._settle()

    def tells(self, line: str) -> None:
        """A bold line."""
        self._console.print(f"[bold]{line}[/bold]")

    def grows(self, message: Posted) -> None:
        """Redraws the message in its place."""
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        self._live.update(self._panel(message))

    def stands(self, message: Posted) -> None:
        """Draws the message for good."""
        self._settle()
        self._console.print(self._panel(message))

    def _settle(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _panel(self, message: Posted) -> Panel:
        where = "thread" if message.thread_ts not in {None, message.ts} else f"#{CHANNEL}"
        title = f"{self._names.get(message.user, message.user)} · {where}"
        return Panel(Text(plain_message(message.raw, self._name)), title=title, title_align="left", width=100)

    def _name(self, user_id: str) -> str:
        return self._names.get(user_id, user_id)


def _say_how_to_go_on(console: Console, sandbox: Sandbox) -> None:
    url = sandbox.base_url
    here = "" if url == LOCAL else f" --url {url}"
    console.rule("Go on by hand, in another terminal")
    console.print(
        "The demo model is small: it writes fluently about common problems and knows nothing else. Try your own description:\n",
        f'  .venv/bin/phyassist sandbox say{here} {COUNSELOR} {CHANNEL} "The client fears the exam next week and cannot concentrate."\n',
        f"  .venv/bin/phyassist sandbox messages{here} {CHANNEL}\n",
        f'  .venv/bin/phyassist sandbox command{here} {COUNSELOR} {CHANNEL} "/phyassist summarize"\n',
        f"or plain HTTP: curl {url}/sandbox/messages?channel={CHANNEL}\n",
        "Ctrl-C stops everything.",
        sep="",
        markup=False,
        highlight=False,
    )


async def _until_interrupted() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:  # asyncio.run turns the first Ctrl-C into this; leaving in order is all that is wanted
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
