"""Nights for tests: plans for the demo model, practice cases, and the night's own process."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.client import OpenAIChatModel
from inference.likelihood import Likelihood
from tests.model_fixtures import ADAPTER, DEMO
from training.data.records import CaseRecord
from training.demo import LIMITS
from training.demo.content import load_content
from training.measure.heldout import Asked
from training.measure.served import Asking
from training.night.handover import end_line, record_line
from training.night.plan import Plan, Promotion, write_plan
from training.night.told import Told
from training.simulation.counselors import served, worked_with
from training.simulation.figures import in_turns

AT_ONCE = 16
ROOT = Path(__file__).parents[2]
NAMED = "Quillfeather"
"""A name that is in the roster and in the texts of one practice case."""

STYLE: dict[str, Any] = {
    "quantise": False,
    "compute": "fp32",
    "checkpointing": False,
    "dropout": 0.0,
    "learning_rate": 3e-3,
    "max_steps": 20,
    "accumulation": 2,
    "evaluate_every": 1000,
    "save_every": 5,
    "preference": "none",
    "tracker": "none",
}
"""Learns the steady counselor's style from a hundred notes."""


def a_plan(home: Path, url: str, name: str, **changes: Any) -> Plan:
    """A night on the demo model beside a running server."""
    usual: dict[str, Any] = {"champion": ADAPTER, "begin": DEMO / "adapter", "recipe": STYLE, "promotion": Promotion.AUTOMATIC}
    usual |= {"limits": LIMITS, "prompt_tokens": 3000, "shared_gpus": False, "heldout_rows": 25, "at_once": AT_ONCE}
    return Plan(name=name, home=home, base=DEMO / "model", url=url, **{**usual, **changes})


@dataclass(frozen=True)
class Spent:
    """What the process of a night left behind."""

    code: int
    lines: tuple[str, ...]
    log: str

    @property
    def told(self) -> list[Told]:
        """Its lines, read. Raises: ValueError for a line that is none."""
        return [Told.from_json(line) for line in self.lines]


def spend(plan: Plan, records: Sequence[CaseRecord], *program: str) -> Spent:
    """Runs the night's process to its end; `program` stands in for `-m training.night`."""
    process = subprocess.run(
        [sys.executable, *(program or ("-m", "training.night")), str(write_plan(plan))],
        input=handed_over(records),
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    return Spent(process.returncode, tuple(process.stdout.decode().splitlines()), process.stderr.decode())


def handed_over(records: Sequence[CaseRecord]) -> bytes:
    """The whole stream."""
    return b"".join([*map(record_line, records), end_line(len(records))])


def with_name(record: CaseRecord) -> CaseRecord:
    """The same case about somebody called Theodora Quillfeather."""
    turn, event = record.turns[0], record.events[0]
    assert event.edit
    said = f"Theodora {NAMED} " + turn.text
    edited = tuple(replace(item, text=f"{item.text} ({NAMED})") for item in event.edit.items)
    events = (replace(event, edit=replace(event.edit, items=edited)),)
    return replace(record, names=(f"Theodora {NAMED}",), turns=(replace(turn, text=said), *record.turns[1:]), events=events)


def renamed(records: Iterable[CaseRecord], prefix: str) -> list[CaseRecord]:
    """The same cases under other ids."""
    return [replace(record, id=f"{prefix}-{record.id}") for record in records]


def worked_on(url: str, count: int) -> list[CaseRecord]:
    """Cases whose notes the served demo adapter drafted and a steady counselor edited; the first is about somebody with a name."""

    async def work() -> list[CaseRecord | None]:
        content, client = load_content(), OpenAIChatModel(url, None, 600)
        try:
            async with Likelihood(url, None, 600) as likelihood:
                draft = served(Asked(client, likelihood, ADAPTER, Asking(limits=LIMITS)))
                return await in_turns([worked_with(content, f"practice-night-001-{number}", draft) for number in range(count)], AT_ONCE)
        finally:
            await client.close()

    first, *others = [record for record in asyncio.run(work()) if record]
    return [with_name(first), *others]
