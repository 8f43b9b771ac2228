"""What a counselor did to a draft, item by item: kept, rewritten, cut, added.

Equal items are paired first. What is left is paired by the best total similarity, found exactly (maximum weight matching), because
taking the most similar pair first can spoil a better pairing of the rest. Similarity is the share of common words in the same order
(Indel similarity of word sequences, each Han character a word): it is symmetric, which difflib's ratio is not, and unrelated sentences
score alike in both languages, which they don't on letters, where unrelated English has a median of 0.40 and unrelated Chinese of 0.10.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import networkx as nx  # type: ignore[import-untyped]  # it publishes no types
from rapidfuzz.distance import Indel, Levenshtein

from inference.note import NoteItem

REWRITTEN = 0.4
"""Items at least this similar count as one item rewritten.

Of 100,000 random pairs out of the 1,905 items a language which the demo corpus is written from, 0.05 % reach it in either language.
"""

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_FINE = 10**6


class Fate(StrEnum):
    """What became of an item."""

    KEPT = "kept"
    REWRITTEN = "rewritten"
    CUT = "cut"
    ADDED = "added"


@dataclass(frozen=True)
class Line:
    """One item's fate. `before` and `after` are its places in the draft and in the edited note; None where it isn't in that one."""

    fate: Fate
    before: int | None
    after: int | None
    moved: bool = False
    """It changed from one kind to another; its place among items of its kind doesn't matter."""


@dataclass(frozen=True)
class Counts:
    """How many items had which fate. `moved` ones are among the kept and rewritten. Counts of several notes add up."""

    kept: int = 0
    rewritten: int = 0
    cut: int = 0
    added: int = 0
    moved: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.kept + other.kept,
            self.rewritten + other.rewritten,
            self.cut + other.cut,
            self.added + other.added,
            self.moved + other.moved,
        )

    @property
    def kept_item_rate(self) -> float:
        """The share of drafted items that were kept word for word, 0 to 1; 1 where nothing was drafted, since nothing was lost."""
        drafted = self.kept + self.rewritten + self.cut
        return self.kept / drafted if drafted else 1.0


@dataclass(frozen=True)
class Alignment:
    """A draft and its edited version, every item of both in exactly one line."""

    draft: tuple[NoteItem, ...]
    edited: tuple[NoteItem, ...]
    lines: tuple[Line, ...]

    @property
    def counts(self) -> Counts:
        """How many items had which fate."""
        fates = Counter(line.fate for line in self.lines)
        moved = sum(line.moved for line in self.lines)
        return Counts(fates[Fate.KEPT], fates[Fate.REWRITTEN], fates[Fate.CUT], fates[Fate.ADDED], moved)

    @property
    def unchanged(self) -> bool:
        """Both say the same under the same headings, in whatever order."""
        return all(line.fate is Fate.KEPT and not line.moved for line in self.lines)

    @property
    def changed(self) -> int:
        """Characters changed: the Levenshtein distance of each pair; a cut or added item counts with its length."""
        return sum(Levenshtein.distance(before, after) for before, after in self._texts())

    @property
    def length(self) -> int:
        """Characters there are: of the longer text of each pair."""
        return sum(max(len(before), len(after)) for before, after in self._texts())

    @property
    def distance(self) -> float:
        """Characters changed, as a share of those there are: 0 for the same items in any order, 1 if nothing is left."""
        return self.changed / self.length if self.length else 0.0

    def _texts(self) -> Iterable[tuple[str, str]]:
        for line in self.lines:
            before = "" if line.before is None else same_key(self.draft[line.before].text)
            after = "" if line.after is None else same_key(self.edited[line.after].text)
            yield before, after


def align(draft: Sequence[NoteItem], edited: Sequence[NoteItem]) -> Alignment:
    """Pairs the items of a draft with those of its edited version.

    Counts depend on neither the order of items nor on which of the two came first (cut and added then change places).
    """
    same = _same(draft, edited)
    left = sorted(set(range(len(draft))) - {before for before, _ in same}, key=lambda index: _place(draft[index]))
    right = sorted(set(range(len(edited))) - {after for _, after in same}, key=lambda index: _place(edited[index]))
    similar = [(left[one], right[other]) for one, other in _matched([draft[i] for i in left], [edited[i] for i in right])]
    pairs = [(Fate.KEPT, pair) for pair in same] + [(Fate.REWRITTEN, pair) for pair in similar]
    lines = [Line(fate, before, after, draft[before].kind is not edited[after].kind) for fate, (before, after) in pairs]
    lines += [Line(Fate.CUT, before, None) for before in left if before not in {pair[0] for pair in similar}]
    lines += [Line(Fate.ADDED, None, after) for after in right if after not in {pair[1] for pair in similar}]
    return Alignment(tuple(draft), tuple(edited), tuple(sorted(lines, key=_order)))


def similarity(one: str, other: str) -> float:
    """The share of words that two texts have in common in the same order, 0 to 1; symmetric."""
    return float(Indel.normalized_similarity(words(one) or list(same_key(one)), words(other) or list(same_key(other))))


def words(text: str) -> list[str]:
    """The words of a text in order, case and width aside; each Han character is one."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def same_key(text: str) -> str:
    """What has to be equal for two texts to be the same: all but spacing and the width of characters."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _same(draft: Sequence[NoteItem], edited: Sequence[NoteItem]) -> list[tuple[int, int]]:
    """Pairs of equal texts, under the same heading if possible; each item in one pair at most."""
    pairs: list[tuple[int, int]] = []
    for headed in (True, False):
        taken = {after for _, after in pairs}
        free: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for after, item in enumerate(edited):
            if after not in taken:
                free[item.kind if headed else "", same_key(item.text)].append(after)
        used = {before for before, _ in pairs}
        for before, item in enumerate(draft):
            places = free[item.kind if headed else "", same_key(item.text)]
            if before not in used and places:
                pairs.append((before, places.pop(0)))
    return pairs


def _matched(draft: Sequence[NoteItem], edited: Sequence[NoteItem]) -> list[tuple[int, int]]:
    """Pairs of similar items with the greatest sum of similarities; among equal sums the most pairs, then the fewest that moved.

    All in whole numbers, so that nothing hangs on rounding.
    """
    graph, step = nx.Graph(), min(len(draft), len(edited)) + 1
    for before, one in enumerate(draft):
        for after, other in enumerate(edited):
            alike = similarity(one.text, other.text)
            if alike >= REWRITTEN:
                weight = (round(alike * _FINE) * step + 1) * step + (one.kind is other.kind)
                graph.add_edge(before, len(draft) + after, weight=weight)
    found: Iterable[tuple[int, int]] = nx.max_weight_matching(graph)
    return sorted((min(pair), max(pair) - len(draft)) for pair in found)


def _place(item: NoteItem) -> tuple[str, str, str]:
    return item.kind, same_key(item.text), item.text


def _order(line: Line) -> tuple[bool, int]:
    """Lines in the order of the draft, added ones at the end in the order of the edit."""
    return (True, line.after or 0) if line.before is None else (False, line.before)
