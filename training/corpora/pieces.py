"""What every public set is read as, before its rows take a form."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from training.workbench.rows import Source, Split

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Piece:
    """A prompt and an answer to it."""

    id: str
    """Names the row in its set, by its place there; nothing of its text."""
    group: str
    """Rows of one group (a question, a post) are never on two sides."""
    prompt: str
    answer: str
    key: str
    """What makes its prompt the same as another one's: see `key_of`."""
    side: Split | None = None
    """The side that the set itself puts it on."""
    votes: int | None = None
    """How many readers found the answer helpful."""
    asked: str | None = None
    """What somebody said, where the prompt says more than that: the rule is for people's texts, not for ours."""
    author: str | None = None
    """Who wrote the answer under their own name, so that it has to be taken out; None where nobody is named."""


Finish = Callable[[Piece, Counter[str]], Piece]
"""Does to a row what is left to do once it is kept, and counts it."""


def as_it_is(piece: Piece, _repaired: Counter[str]) -> Piece:
    """Nothing is left to do."""
    return piece


@dataclass(frozen=True)
class Corpus:
    """A set as it was read: everything in it, mended, nothing left out but what `dropped` counts. `repaired` counts what was mended."""

    name: str
    sources: tuple[Source, ...]
    pieces: tuple[Piece, ...]
    repaired: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    finish: Finish = as_it_is
    licence: str | None = None
    """Under which the set is published, and what its authors ask for besides; None where it is nobody's but the user's."""


def key_of(text: str) -> str:
    """The words of a text in small letters: texts that differ in blanks, punctuation and capitals alone are the same."""
    return " ".join(_WORDS.findall(text.casefold())) or text.strip()
