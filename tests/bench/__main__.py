"""Runs the benchmarks and prints the figures: prompts of long cases, App Home, the bot beside direct requests, and adapters that change
under load.

Direct requests and the bot take turns, round by round, so that a machine that gets slower gets slower for both.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.model import DEMO_ADAPTER, DEMO_MODEL, DEMO_NAME
from deploy.sandbox.server import running_sandbox
from inference.client import OpenAIChatModel
from inference.profiles import ProfileName, make_profile
from inference.server import model_server
from tests.bench.arms import Counter, Direct, Through, descriptions
from tests.bench.measure import Figures, Note, Round
from tests.bench.overview import measure_home
from tests.bench.prompts import measure_prompts
from tests.bench.switching import measure_switching
from tests.support.model_server import a_free_port

MAX_TOKENS = 500


def main() -> int:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cases", type=int, nargs="*", default=[1, 8, 32], help="how many cases are live at the same time")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind")
    parser.add_argument("--turns", type=int, default=40, help="turns of the long case; 0 leaves it out")
    parser.add_argument("--changes", type=int, default=9, help="promotions and rollbacks, every third one; 0 leaves them out")
    parser.add_argument("--streams", type=int, default=24, help="notes that are being written while adapters change")
    parser.add_argument("--home", type=int, default=200, help="cases in an App Home; 0 leaves it out")
    parser.add_argument("--prompts", type=int, default=500, help="descriptions of a case whose prompt is built; 0 leaves it out")
    asyncio.run(run(**vars(parser.parse_args())))
    return 0


async def run(cases: list[int], rounds: int, turns: int, changes: int, streams: int, home: int, prompts: int) -> None:
    """Prompts and App Home; then all sizes, one after the other, and one long case, on one server and one bot; then, without the bot,
    adapters that change."""
    console = Console()
    if prompts:
        measure_prompts(console, prompts)
    with tempfile.TemporaryDirectory(prefix="phyassist-bench-") as folder:
        if home:
            await measure_home(console, Path(folder), home)
        if cases or turns or changes:
            await _measure_server(console, Path(folder), cases, rounds, turns, changes, streams)


async def _measure_server(console: Console, home: Path, cases: list[int], rounds: int, turns: int, changes: int, streams: int) -> None:
    profile = make_profile(ProfileName.CPU, DEMO_MODEL, a_free_port())
    async with model_server(profile, home, {DEMO_NAME: DEMO_ADAPTER}, console.print) as server:
        if cases or turns:
            await _measure_bot(console, server.url, home, cases, rounds, turns)
        if changes:
            await measure_switching(console, server.url, home, streams, changes)


async def _measure_bot(console: Console, url: str, home: Path, cases: list[int], rounds: int, turns: int) -> None:
    async with running_sandbox() as sandbox:
        settings = sandbox_settings(sandbox, home, url, inference__max_tokens=str(MAX_TOKENS))
        async with running_bot_process(settings, home / "bot.log") as process:
            await sandbox.client.wait_connected(timeout=60)
            counter, model = Counter(url), OpenAIChatModel(url, None, 120.0)
            direct = Direct(model, DEMO_NAME, MAX_TOKENS, counter, descriptions(1))
            through = Through(sandbox, counter, descriptions(2))
            await direct.round(1)
            await through.round(1)
            for count in cases:
                await _compare(console, psutil.Process(process.pid), direct, through, count, rounds)
            if turns:
                _tell_long_case(console, await through.long_case(turns))
            await model.close()


async def _compare(console: Console, bot: psutil.Process, direct: Direct, through: Through, count: int, rounds: int) -> None:
    alone: list[Round] = []
    with_bot: list[Round] = []
    cpu_s = seconds = 0.0
    for _ in range(rounds):
        alone.append(await direct.round(count))
        before = bot.cpu_times()
        with_bot.append(await through.round(count))
        after = bot.cpu_times()
        cpu_s += after.user + after.system - before.user - before.system
        seconds += with_bot[-1].seconds
    left, right = Figures.of(alone), Figures.of(with_bot)
    table = Table("", "vLLM alone", "through the bot", "difference", title=f"{count} live case(s), {rounds} rounds", title_justify="left")
    for name, one, other in [
        ("first words, median", left.first_p50, right.first_p50),
        ("first words, 95th percentile", left.first_p95, right.first_p95),
        ("complete note, median", left.final_p50, right.final_p50),
        ("complete note, 95th percentile", left.final_p95, right.final_p95),
    ]:
        table.add_row(name, f"{one * 1000:.0f} ms", f"{other * 1000:.0f} ms", f"{(other - one) * 1000:+.0f} ms")
    ratio = right.tokens_per_s / left.tokens_per_s
    table.add_row("tokens a second", f"{left.tokens_per_s:.0f}", f"{right.tokens_per_s:.0f}", f"{ratio:.0%} of vLLM alone")
    table.add_row("bot: CPU, memory", "", f"{cpu_s / seconds:.0%} of a core, {bot.memory_info().rss / 2**20:.0f} MiB", "")
    console.print(table)


def _tell_long_case(console: Console, notes: list[Note]) -> None:
    """First words of five turns together, so that one slow moment of a shared machine does not decide."""
    table = Table("turns", "first words, median", title=f"one case of {len(notes)} turns", title_justify="left")
    for start in (2, *range(10, len(notes), 10)):
        end = min(start + 5, len(notes))
        table.add_row(f"{start + 1} to {end}", f"{statistics.median(note.first_s for note in notes[start:end]) * 1000:.0f} ms")
    table.add_row(f"{max(len(notes) - 4, 1)} to {len(notes)}", f"{statistics.median(note.first_s for note in notes[-5:]) * 1000:.0f} ms")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
