"""Nights for tests: plans for the demo model, practice cases, and the night's own process."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.model_fixtures import DEMO
from training.data.records import CaseRecord
from training.demo import LIMITS
from training.night.handover import end_line, record_line
from training.night.plan import Plan, Promotion, write_plan
from training.night.sample import KEPT, SAMPLES_FLAG, Sample, read_samples
from training.night.told import Told

ROOT = Path(__file__).parents[2]
NAMED = "Quillfeather"
"""A name that is in the roster and in the texts of one practice case."""

LIGHT: dict[str, Any] = {
    "quantise": False,
    "compute": "fp32",
    "checkpointing": False,
    "dropout": 0.0,
    "learning_rate": 1e-4,
    "max_steps": 8,
    "accumulation": 2,
    "save_every": 2,
    "preference": "none",
    "tracker": "none",
}
"""A few small steps: the demo model is so small that more of them on a hundred notes cost it more than they bring."""


def a_plan(home: Path, url: str, name: str, **changes: Any) -> Plan:
    """A night of a team whose server runs the bare demo model, and which was given the demo adapter to begin with."""
    usual: dict[str, Any] = {"begin": DEMO / "adapter", "origin": DEMO / "adapter", "recipe": LIGHT, "promotion": Promotion.AUTOMATIC}
    usual |= {"limits": LIMITS, "prompt_tokens": 3000, "shared_gpus": False, "heldout_rows": 25, "at_once": 16}
    return Plan(name=name, home=home, base=DEMO / "model", url=url, **{**usual, **changes})


@dataclass(frozen=True)
class Spent:
    """What the process of a night left behind; `lines` are all but that with notes before and after."""

    code: int
    lines: tuple[str, ...]
    log: str
    samples: tuple[Sample, ...] | None = None

    @property
    def told(self) -> list[Told]:
        """Its lines, read. Raises: ValueError for a line that is none."""
        return [Told.from_json(line) for line in self.lines]


def spend(plan: Plan, records: Sequence[CaseRecord], *program: str, keep: bool | None = None) -> Spent:
    """Runs the night's process to its end; `program` stands in for `-m training.night`.

    `keep`: whether notes before and after are kept, which the process finds on its standard input behind the cases; None asks for none.
    """
    flags = [] if keep is None else [SAMPLES_FLAG]
    process = subprocess.run(
        [sys.executable, *(program or ("-m", "training.night")), str(write_plan(plan)), *flags],
        input=handed_over(records) + (KEPT if keep else b""),
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    said = [(line, read_samples(line)) for line in process.stdout.decode().splitlines()]
    samples = next((found for _, found in said if found is not None), None)
    lines = tuple(line for line, found in said if found is None)
    return Spent(process.returncode, lines, process.stderr.decode(), samples)


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
