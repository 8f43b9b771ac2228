"""The demo from its start to its end: the parts are started, the story plays, people go on by hand.

However it ends, nothing is left running. A step that fails ends the demo at once, and its logs are kept. A night that the gate refuses is
no failure, but no story that went as it is told either: with `once` the exit code says so.
"""

import asyncio
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import load_master_key
from deploy.demo.day import CHANNEL, Day
from deploy.demo.night import ADMINS, Night
from deploy.demo.parts import Parts, start_parts, until_nothing_runs
from deploy.demo.practice import add_practice
from deploy.demo.scene import ADMIN, COUNSELOR, Bars, Scene, StoryFailed
from deploy.demo.terminal import Terminal
from deploy.model import DEMO_NAME
from deploy.picture import save_picture
from deploy.sandbox.commands import LOCAL
from deploy.sandbox.server import DEFAULT_PORT, Sandbox
from inference.errors import InferenceError

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, as shells have it."""


async def play(once: bool = False, only_day: bool = False, port: int = DEFAULT_PORT, picture: Path | None = None) -> int:
    """Plays the story, with the workspace at `port` and the model server at the next one; 0 if every step went as told.

    Without `once` it stays up until Ctrl-C. `only_day` leaves the second half out. `picture` is a file for an SVG of what was shown.
    """
    console = Console(record=picture is not None)
    home = Path(tempfile.mkdtemp(prefix="phyassist-demo-"))
    code, interrupted = INTERRUPTED, False
    async with AsyncExitStack() as stack:
        stack.push_async_callback(until_nothing_runs, home)
        try:
            parts = await _start(stack, console, home, port)
            as_told = await _tell(parts, console, only_day)
            if picture is not None:
                save_picture(console, picture, "make demo")
            code = 0 if as_told or not once else 1
            if not once:
                _say_how_to_go_on(console, parts.sandbox)
                await asyncio.Event().wait()
        except asyncio.CancelledError:  # asyncio.run turns the first Ctrl-C into this; leaving in order is all that is wanted
            _go_on()
            interrupted = True
            console.print("\nStopping …")
        except (StoryFailed, InferenceError, OSError, TimeoutError) as error:
            console.print(f"[red]The demo stopped:[/red] {escape(_reason(error))}")
            console.print(f"Its logs are kept in {home}", highlight=False)
            return 1
    shutil.rmtree(home, ignore_errors=True)
    if interrupted:
        console.print("Everything is stopped, and the demo's data is removed.")
    return code


async def _start(stack: AsyncExitStack, console: Console, home: Path, port: int) -> Parts:
    """The parts, and what they say while they start."""
    console.rule("PhyAssist demo")
    begin = time.monotonic()

    def progress(line: str) -> None:
        console.print(f"  [dim]{time.monotonic() - begin:5.1f} s[/dim]  {line}")

    return await start_parts(stack, home, port, progress)


async def _tell(parts: Parts, console: Console, only_day: bool) -> bool:
    """Plays the story and shows every message as it grows; whether it went as told."""
    client = parts.sandbox.client
    names = {user["id"]: str(user["name"]) for user in (await client.state())["users"]}
    with Terminal(console, names) as terminal:
        scene = Scene(client, terminal)
        terminal.part("The day: one case")
        seen = await Day(scene).play()
        console.print(f"[green]The day is complete:[/green] {len(seen)} answers, each checked.")
        if only_day:
            return True
        terminal.part("The night: the model learns")
        promoted = await Night(scene, parts.home, seen[0].message, lambda show: _practise(parts, show)).play()
        if promoted:
            console.print("[green]The story is complete:[/green] learned, judged, switched and rolled back, each step checked.")
        else:
            console.print("[yellow]The story ended otherwise than it is told:[/yellow] the new adapter was refused.")
        return promoted


async def _practise(parts: Parts, show: Bars) -> int:
    """Practice cases, drafted by the model in service, in the bot's database."""
    database = Database(make_engine(parts.store_url), load_master_key(parts.key_file))
    try:
        return await add_practice(
            database,
            parts.sandbox.team_id,
            parts.url,
            DEMO_NAME,
            parts.content,
            lambda done, of: show("Drafting and editing practice notes", done, of, ""),
        )
    finally:
        await database.close()


def _say_how_to_go_on(console: Console, sandbox: Sandbox) -> None:
    url = sandbox.base_url
    here = "" if url == LOCAL else f" --url {url}"
    console.rule("Go on by hand, in another terminal")
    console.print(
        "The demo model is small: it writes fluently about common problems and knows nothing else.\n",
        "Try your own description, or one that names a danger:\n",
        f'  .venv/bin/phyassist sandbox say{here} {COUNSELOR} {CHANNEL} "The client fears the exam next week and cannot concentrate."\n',
        f'  .venv/bin/phyassist sandbox say{here} {COUNSELOR} {CHANNEL} "He says that he wants to end his life."\n',
        f"  .venv/bin/phyassist sandbox messages{here} {CHANNEL}\n",
        f'  .venv/bin/phyassist sandbox command{here} {COUNSELOR} {CHANNEL} "/phyassist summarize"\n',
        f'  .venv/bin/phyassist sandbox command{here} {ADMIN} {ADMINS} "/phyassist help"\n',
        f"or plain HTTP: curl {url}/sandbox/messages?channel={CHANNEL}\n",
        "Ctrl-C stops everything.",
        sep="",
        markup=False,
        highlight=False,
    )


def _go_on() -> None:
    """The cancellation was heard."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
