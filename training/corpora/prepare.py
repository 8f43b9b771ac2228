"""`phyassist data prepare`: public sets read, cleaned by the rule, split, sampled, and joined into rows of one form.

read      a set as it is in its files, mended                      (one module a set)
rule      rows that the first write-up drops, counted by reason    (cleaning)
sides     dev and test rows by question or post; what repeats them is not learned
draw      so many rows of each set and side, by the seed           (sampling)
finish    names taken out of what was drawn, and the form of rows  (the set, forms)
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from training.corpora.cleaning import Drop, Rule
from training.corpora.forms import FORMS, as_comparison, pairs_by_votes
from training.corpora.pieces import Corpus, Piece, key_of
from training.corpora.reading import Progress, silent
from training.corpora.sampling import HELD, distinct, draw, sides_of
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Origin, Row, Split

COMPARISON = "comparison"
ROWS = 600
"""Rows of a set that the first write-up learned from."""
HELD_ROWS = 60


@dataclass(frozen=True)
class Settings:
    """What may be chosen. Numbers of rows are for each set; None takes all there are, 0 none."""

    form: str = "prompt-completion"
    rows: Mapping[Split, int | None] = field(default_factory=lambda: {Split.TRAIN: ROWS, Split.DEV: HELD_ROWS, Split.TEST: HELD_ROWS})
    seed: int = 0
    rule: Rule = field(default_factory=Rule)

    def told(self) -> dict[str, Any]:
        """For a manifest."""
        return {**asdict(self), "rows": {str(split): count for split, count in self.rows.items()}}


@dataclass(frozen=True)
class Counts:
    """What became of a set: rows read, left out by reason, kept (before the draw), mended by what, and drawn for each side."""

    name: str
    read: int
    dropped: Mapping[str, int]
    kept: int
    repaired: Mapping[str, int]
    drawn: Mapping[str, int]


@dataclass(frozen=True)
class Prepared:
    """Rows by side, and what became of each set; nothing is written yet."""

    rows: Mapping[Split, Sequence[Row]]
    sets: tuple[Counts, ...]
    origin: Origin


def prepare(corpora: Sequence[Corpus], settings: Settings, progress: Progress = silent) -> Prepared:
    """Cleans, splits and samples sets, and joins them.

    Raises:
        WorkbenchError: a set has no votes to compare answers by.
    """
    split = {corpus.name: _with_sides(corpus, settings) for corpus in corpora}
    held = _held_keys([piece for pieces in split.values() for piece in pieces])
    rows: dict[Split, list[Row]] = {one: [] for one in Split}
    told = []
    for corpus in corpora:
        dropped: Counter[str] = Counter(corpus.dropped)
        kept = _unrepeated(_clean(split[corpus.name], settings.rule, dropped), held, dropped)
        repaired = Counter(corpus.repaired)
        made = {one: _rows(corpus, kept, one, settings, repaired, progress) for one in Split}
        for one in Split:
            rows[one] += made[one]
        read = len(corpus.pieces) + sum(corpus.dropped.values())
        drawn = {str(one): len(found) for one, found in made.items()}
        told.append(Counts(corpus.name, read, _sorted(dropped), len(kept), _sorted(repaired), drawn))
    return Prepared({one: found for one, found in rows.items() if found}, tuple(told), _origin(corpora, told, settings))


def _with_sides(corpus: Corpus, settings: Settings) -> list[Piece]:
    """Every piece with a side: its own, or one drawn for its group among those of which rows are wanted and the set has none itself."""
    own = {piece.side for piece in corpus.pieces}
    held = {split: share for split, share in HELD.items() if settings.rows.get(split) != 0 and split not in own}
    groups = dict.fromkeys(piece.group for piece in corpus.pieces if piece.side is None)
    sides = sides_of(groups, f"{settings.seed} {corpus.name}", held)
    return [piece if piece.side else replace(piece, side=sides[piece.group]) for piece in corpus.pieces]


def _held_keys(pieces: Sequence[Piece]) -> dict[Split, set[str]]:
    """For each side the prompts that may not be on it: those of the sides that are kept farther from learning."""
    test = {piece.key for piece in pieces if piece.side is Split.TEST}
    dev = {piece.key for piece in pieces if piece.side is Split.DEV}
    return {Split.TRAIN: test | dev, Split.DEV: test, Split.TEST: set()}


def _clean(pieces: Sequence[Piece], rule: Rule, dropped: Counter[str]) -> list[Piece]:
    kept = []
    for piece in pieces:
        reason = rule.against(piece.prompt if piece.asked is None else piece.asked, piece.answer)
        if reason is None:
            kept.append(piece)
        else:
            dropped[reason] += 1
    return kept


def _unrepeated(pieces: Sequence[Piece], held: Mapping[Split, set[str]], dropped: Counter[str]) -> list[Piece]:
    apart = [piece for piece in pieces if piece.key not in held[piece.side or Split.TRAIN]]
    once = distinct(apart, lambda piece: (piece.side, key_of(piece.prompt), key_of(piece.answer)))
    dropped[Drop.HELD_OUT] += len(pieces) - len(apart)
    dropped[Drop.REPEATED] += len(apart) - len(once)
    return once


def _rows(corpus: Corpus, kept: Sequence[Piece], split: Split, settings: Settings, repaired: Counter[str], progress: Progress) -> list[Row]:
    """The rows of one side of a set, as many as are wanted, finished."""
    pieces = [piece for piece in kept if piece.side is split]
    count, seed = settings.rows.get(split), f"{settings.seed} {corpus.name} {split}"
    if settings.form == COMPARISON:
        if all(piece.votes is None for piece in corpus.pieces):
            raise WorkbenchError(f"{corpus.name} has no votes, so no answer is better than another: leave it out of comparisons")
        pairs = draw(pairs_by_votes(pieces), count, seed)
        return [as_comparison(*(corpus.finish(piece, repaired) for piece in pair)) for pair in pairs]
    drawn = draw(pieces, count, seed)
    made = []
    for done, piece in enumerate(drawn, start=1):
        made.append(FORMS[settings.form](corpus.finish(piece, repaired)))
        progress(f"{corpus.name} {split}", done, len(drawn))
    return made


def _origin(corpora: Sequence[Corpus], told: Sequence[Counts], settings: Settings) -> Origin:
    dropped: Counter[str] = Counter()
    repaired: Counter[str] = Counter()
    for counts in told:
        dropped.update(counts.dropped)
        repaired.update(counts.repaired)
    sources = [replace(source, licence=corpus.licence) for corpus in corpora for source in corpus.sources]
    sets = {counts.name: {key: value for key, value in asdict(counts).items() if key != "name"} for counts in told}
    return Origin("data prepare", sources, _sorted(dropped), _sorted(repaired), {**settings.told(), "sets": sets})


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Counts without zeros, the largest first, under plain names."""
    return {str(name): count for name, count in counts.most_common() if count}
