"""Tonight's dataset: what is new in the cases with consent, mixed with what was learned before, nothing of cases without it.

The cases come in as they stand, each night all of them. A row that an earlier night had already is not new. Before anything else, the
datasets of all nights forget the cases that were deleted or whose consent was withdrawn.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from inference.prompt import Message
from training.data.dataset import MANIFEST, Dataset, forget_case, load_dataset, make_dataset
from training.data.deidentify import Deidentifier, Roster
from training.data.examples import Budget, Example, Preference, Rows, Source, build_rows
from training.data.mixing import Settings
from training.data.records import CaseRecord
from training.measure.canaries import plant
from training.night.plan import Plan

DATASET = "dataset"
BASE_CASE = "base-"
CANARY_CASE = "canary-"
RECORD = TypeAdapter(CaseRecord)


@dataclass(frozen=True)
class Cases:
    """What the bot hands over: the cases with consent, as they stand."""

    records: tuple[CaseRecord, ...]

    @property
    def consenting(self) -> frozenset[str]:
        """Ids of the cases that may be trained on now."""
        return frozenset(record.id for record in self.records if record.consent is not None)


def collect(plan: Plan, cases: Cases, budget: Budget) -> Dataset:
    """The dataset of the night, made if it isn't there yet; verified in either case. Raises: BadDataset."""
    forget(plan.home, cases.consenting)
    folder = plan.folder / DATASET
    if not (folder / MANIFEST).exists():
        earlier = datasets_before(plan)
        rows = fresh(rows_of(cases, budget, plan.name), earlier)
        base = () if plan.base_set is None else read_examples(plan.base_set)
        planted = [canary.example(plan.name) for canary in plant(plan.name, plan.canaries)]
        make_dataset(folder, rows, plan.name, cases.consenting, earlier, base, Settings(**plan.mixing), planted)
    return load_dataset(folder)


def forget(home: Path, consenting: Iterable[str]) -> None:
    """Takes every case that may not be trained on (any more) out of the datasets of all nights."""
    allowed = set(consenting)
    for folder in sorted((home / "nights").glob(f"*/{DATASET}")):
        if not (folder / MANIFEST).exists():
            continue
        seen = {case for entry in load_dataset(folder).manifest.files.values() for case in entry.cases}
        for case in sorted(case for case in seen - allowed if not _belongs_to_nobody(case)):
            forget_case(folder, case)


def datasets_before(plan: Plan) -> list[Dataset]:
    """The datasets of all other nights that are complete, oldest first."""
    folders = sorted((plan.home / "nights").glob(f"*/{DATASET}/{MANIFEST}"), key=lambda path: path.parents[1].name)
    return [load_dataset(path.parent) for path in folders if path.parents[1] != plan.folder]


def rows_of(cases: Cases, budget: Budget, night: str) -> Rows:
    """All rows of all cases, de-identified."""
    examples: list[Example] = []
    pairs: list[Preference] = []
    for record in cases.records:
        rows = build_rows(record, _cleaner(record), budget, night)
        examples += rows.examples
        pairs += rows.preferences
    return Rows(tuple(examples), tuple(pairs))


def _cleaner(record: CaseRecord) -> Callable[[str], str]:
    names = Deidentifier(Roster(record.names))  # one a case, so that people keep their numbers
    return lambda text: names.clean(text, record.language).text


def fresh(rows: Rows, earlier: Sequence[Dataset]) -> Rows:
    """The rows that no earlier night had."""
    examples = {_key(row) for one in earlier for row in (*one.train, *one.heldout)}
    pairs = {_key(row) for one in earlier for row in (*one.preferences, *one.heldout_preferences)}
    return Rows(
        tuple(row for row in rows.examples if _key(row) not in examples), tuple(row for row in rows.preferences if _key(row) not in pairs)
    )


def held_out(tonight: Dataset, earlier: Sequence[Dataset], most: int) -> tuple[tuple[Example, ...], tuple[Preference, ...]]:
    """What is measured: held-out rows of this night and of those before, the newest first, each once."""
    nights = [tonight, *reversed(earlier)]
    examples = {_key(row): row for one in reversed(nights) for row in reversed(one.heldout)}
    pairs = {_key(row): row for one in reversed(nights) for row in reversed(one.heldout_preferences)}
    return tuple(reversed(examples.values()))[:most], tuple(reversed(pairs.values()))[:most]


def is_worth_training(dataset: Dataset) -> bool:
    """Whether anything of this night is to be learned, beside what was planted."""
    return any(row.night == dataset.manifest.night and row.source is not Source.CANARY for row in dataset.train)


def read_examples(path: Path) -> tuple[Example, ...]:
    """A base set: `case_id` (any name for what belongs together), `messages` and `completion` a line."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(
        Example(
            f"{BASE_CASE}{row['case_id']}",
            tuple(Message(role=one["role"], content=one["content"]) for one in row["messages"]),
            row["completion"],
            Source.BASE,
            "base",
        )
        for row in rows
    )


def _key(row: Example | Preference) -> tuple[object, ...]:
    said = tuple((message["role"], message["content"]) for message in row.messages)
    return (row.case_id, said, row.completion) if isinstance(row, Example) else (row.case_id, said, row.chosen, row.rejected)


def _belongs_to_nobody(case_id: str) -> bool:
    """Rows of a base set and planted ones: no case that could be deleted."""
    return case_id.startswith((CANARY_CASE, BASE_CASE))
