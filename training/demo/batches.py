"""Encoded rows as padded batches of about equal token counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

import torch

from training.demo.tokens import EOS, Encoded

SORTED_ROWS = 256
"""Rows that are sorted by length before they are cut into batches; more means less padding and less of a shuffle."""


@dataclass(frozen=True)
class Batch:
    """`ids` and `labels`, both (rows, length); labels are shifted already, -100 where nothing is learned."""

    ids: torch.Tensor
    labels: torch.Tensor

    @property
    def tokens(self) -> int:
        """Tokens in the batch, padding included."""
        return self.ids.numel()

    def to(self, device: str) -> "Batch":
        """The same batch on another device."""
        return Batch(self.ids.to(device), self.labels.to(device))


def batches(rows: Iterator[Encoded], tokens: int, seed: int) -> Iterator[Batch]:
    """Batches of at most `tokens` tokens each (a longer row makes a batch of its own), in a seeded order."""
    rng = Random(seed)
    while pool := sorted(islice(rows, SORTED_ROWS), key=lambda row: len(row.ids)):
        groups = list(_groups(pool, tokens))
        rng.shuffle(groups)
        for group in groups:
            yield pad(group)


def pad(rows: Sequence[Encoded]) -> Batch:
    """Rows padded on the right. Attention is causal, so padding is seen by nobody and needs no mask."""
    width = max(len(row.ids) for row in rows) - 1
    ids = torch.full((len(rows), width), EOS)
    labels = torch.full((len(rows), width), -100)
    for place, row in enumerate(rows):
        length = len(row.ids) - 1
        ids[place, :length] = torch.tensor(row.ids[:-1])
        labels[place, :length] = torch.tensor([one if learn else -100 for one, learn in zip(row.ids[1:], row.learned[1:], strict=True)])
    return Batch(ids, labels)


def _groups(rows: Sequence[Encoded], tokens: int) -> Iterator[list[Encoded]]:
    group: list[Encoded] = []
    for row in rows:
        if group and (len(group) + 1) * len(row.ids) > tokens:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
