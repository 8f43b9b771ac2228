"""What became of rows on their way: how many were left out, and how many were changed, by reason."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tally:
    """Rows by reason, as manifests have them. `dropped` rows are not there any more, `repaired` ones are there, changed."""

    dropped: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
