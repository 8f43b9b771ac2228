"""How a night's rows are mixed: what may be set. Imports nothing, so that the bot can check what it is given."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How rows are mixed. Shares are of cases (`heldout`) or of the rows of the train file (`earlier`, `base`).

    `near_duplicate` is the Jaccard similarity of word triples from which two rows count as one; 0.8 is the usual cut (Lee et al.,
    Deduplicating Training Data Makes Language Models Better, ACL 2022).
    """

    heldout: float = 0.2
    earlier: float = 0.3
    base: float = 0.1
    near_duplicate: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.heldout <= 1 and 0 < self.near_duplicate <= 1):
            raise ValueError("`heldout` and `near_duplicate` are shares between 0 and 1")
        if self.earlier < 0 or self.base < 0 or self.earlier + self.base >= 1:
            raise ValueError("`earlier` and `base` must leave room for new rows")
