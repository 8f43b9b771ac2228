"""Sides for rows: what belongs together stays together, by a seed.

Together belong dialogues that open with the same words (one that goes on where another stops; answers of several people to one question),
questions about one document, answers to one prompt. Groups are put in an order by the hash of their words and the seed, and the first
ones are held out; so the sides don't depend on the order of the rows, and a share of a small set is still at least one group.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from training.corpora.dialogues import opening
from training.corpora.questions import document_of
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Conversation, Row, Split, Text


def split_rows(rows: Sequence[Row], dev: float, test: float, seed: int) -> dict[Split, list[Row]]:
    """The rows by side, in their order; `dev` and `test` are shares of the groups. A side whose share is 0 is not there.

    Raises:
        WorkbenchError: shares that leave nothing to learn from, or fewer groups than sides.
    """
    if min(dev, test) < 0 or dev + test >= 1:
        raise WorkbenchError("shares to hold out lie between 0 and 1, and together leave some rows to learn from")
    groups = sorted({group_of(row) for row in rows}, key=lambda group: hashlib.sha256(f"{seed} ".encode() + group).digest())
    asked = {split: share for split, share in ((Split.DEV, dev), (Split.TEST, test)) if share}
    if groups and len(groups) <= len(asked):
        raise WorkbenchError(f"{len(groups)} groups of rows can't be put on {len(asked) + 1} sides: leave out --dev or --test, or add rows")
    sides: dict[bytes, Split] = {}
    for split, share in asked.items():
        free = [group for group in groups if group not in sides]
        left = len(asked) - list(asked).index(split)
        count = min(max(1, round(share * len(groups))), len(free) - left)
        sides |= dict.fromkeys(free[:count], split)
    found: dict[Split, list[Row]] = {split: [] for split in (Split.TRAIN, *asked)}
    for row in rows:
        found[sides.get(group_of(row), Split.TRAIN)].append(row)
    return found


def group_of(row: Row) -> bytes:
    """What a row has in common with the rows it must stay with, as 16 bytes."""
    if isinstance(row, Conversation):
        said = opening(row)
    elif isinstance(row, Text):
        said = row.text
    else:
        said = document_of(row.prompt) or row.prompt
    return hashlib.blake2b(said.encode(errors="surrogatepass"), digest_size=16).digest()


def each_answer(rows: Sequence[Row]) -> list[Row]:
    """A row for every answer of a dialogue, with the turns before it: the samples of the COVID doctor's write-up, for prediction.

    To learn from, whole dialogues are better: with the loss on every answer, these rows would count the first answers again and again.
    """
    found: list[Row] = []
    for row in rows:
        if not isinstance(row, Conversation):
            found.append(row)
            continue
        ends = [place for place, turn in enumerate(row.messages, start=1) if turn.role == "assistant"]
        found += [replace(row, id=f"{row.id}-{number}", messages=row.messages[:end]) for number, end in enumerate(ends, start=1)]
    return found
