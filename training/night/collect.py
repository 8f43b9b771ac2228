"""Tonight's dataset: what is new in the cases with consent, mixed with what was learned before, nothing of cases without it.

The cases come in as they stand, each night all of them. New is what the adapter that training begins with never learned (`past.py`).
Before anything else, the datasets of all nights forget the cases that were deleted or whose consent was withdrawn, and, of a case in which
a description was edited or deleted, every row that the case as it now stands would not give.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from inference.prompt import Message
from training.data.dataset import MANIFEST, Dataset, forget_case, keep_rows, load_dataset, make_dataset
from training.data.deidentify import Deidentifier, Roster
from training.data.examples import Budget, Example, Preference, Rows, Source, build_rows
from training.data.records import CaseRecord
from training.data.settings import Settings
from training.measure.canaries import plant
from training.night.handover import Cases
from training.night.outcome import read_outcome
from training.night.past import NOBODYS, Earlier, night_datasets
from training.night.plan import DATASET, PLAN_FILE, Plan, read_plan


def collect(plan: Plan, cases: Cases, budget: Budget, earlier: Earlier) -> Dataset:
    """The dataset of the night, made if it isn't there yet; verified in either case. Raises: BadDataset."""
    folder = plan.folder / DATASET
    if not (folder / MANIFEST).exists():
        rows = fresh(rows_of(cases, budget, plan.name), (*earlier.known, *earlier.aside))
        base = () if plan.base_set is None else read_examples(plan.base_set)
        planted = [canary.example(plan.name) for canary in plant(plan.name, plan.canaries)]
        make_dataset(folder, rows, plan.name, cases.consenting, earlier.for_mixing, base, Settings(**plan.mixing), planted)
    return load_dataset(folder)


def forget(home: Path, consenting: Iterable[str]) -> None:
    """Takes every case that may not be trained on (any more) out of the datasets of all nights. Raises: BadDataset."""
    allowed = set(consenting)
    for folder in night_datasets(home):
        manifest = load_dataset(folder).manifest
        seen = {*manifest.sides, *(case for entry in manifest.files.values() for case in entry.cases)}
        for case in sorted(case for case in seen - allowed if not case.startswith(NOBODYS)):
            forget_case(folder, case)


def forget_rewritten(home: Path, cases: Cases, budget: Budget) -> None:
    """Takes what is no longer said out of the datasets of all nights: a row of a rewritten case stays if it is made anew word for word.

    A row that reads otherwise for another reason, such as a name that is taken out now, is new tonight in any case. Raises: BadDataset.
    """
    rewritten = tuple(record for record in cases.records if record.rewritten)
    if not rewritten:
        return
    ids, now = {record.id for record in rewritten}, rows_of(Cases(rewritten), budget, "")
    said = {*map(_key, now.examples), *map(_key, now.preferences)}
    for folder in night_datasets(home):
        keep_rows(folder, lambda row: row.case_id not in ids or _key(row) in said)


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


def is_worth_training(plan: Plan, dataset: Dataset) -> bool:
    """Whether there is anything to learn, beside what was planted, that was not tried before: with the same settings, from the same
    beginning and with the same rows, the same would come of it."""
    new = {_key(row) for row in dataset.train if row.night == plan.name and row.source is not Source.CANARY}
    tried = {_key(row) for folder in night_datasets(plan.home) if _is_same_try(plan, folder.parent) for row in load_dataset(folder).train}
    return bool(new - tried)


def read_examples(path: Path) -> tuple[Example, ...]:
    """A base set: `case_id` (any name for what belongs together), `messages` and `completion` a line."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(
        Example(
            f"base-{row['case_id']}",
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


def _is_same_try(plan: Plan, other: Path) -> bool:
    """Whether another night came to its end from the same beginning with the same settings."""
    if other == plan.folder or read_outcome(other) is None or not (other / PLAN_FILE).exists():
        return False
    names = {"name", "home", "url", "shared_gpus"}
    return read_plan(other).model_dump(exclude=names) == plan.model_dump(exclude=names)
