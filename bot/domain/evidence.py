"""Which descriptions of a case an item rests on, found by comparing words.

An item rests on a description as far as both speak of the same things (`words.py`). What few descriptions of the case speak of counts more
than what all do, and the descriptions that led to the note have an advantage over others, which were not what the model was asked about.

The limits were set on made-up cases of half of the demo's problems. On the other half, which was not looked at, 92 % of the links are right
in English and 94 % in Chinese; 59 % and 57 % of the items that belong to a description have their link, and 90 % and 92 % of those that
belong to none have none (`python -m tests.bench.evidence`, 2026-11-21). So a link is mostly right, and an item without one may be
supported all the same, in words that share nothing.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.note import Item
from bot.domain.words import FAMILY, features
from inference.note import Language
from inference.safety import mentioned_risk

ENOUGH = 2.0
"""The score from which an item rests on a description."""
ANSWERED = 3.0
"""By how much the descriptions that a note answers are ahead of others."""
BESIDE_THE_BEST = 0.8
"""How near to the best description another one has to come, to be named too."""
MOST = 3
"""Descriptions that an item names."""
DANGER = f"{FAMILY}danger"
"""The family of safety items: it is told of a description that mentions a danger in whatever words."""

_FAMILY_WEIGHT, _STEM_WEIGHT, _PAIR_WEIGHT, _NUMBER_WEIGHT = 2.0, 1.0, 0.4, 0.3
_EVENNESS = 2.0
"""How little the weight of a feature depends on how many descriptions have it."""


@dataclass(frozen=True)
class Source:
    """A message that reported something. `id`, its timestamp, stands in the evidence of items; `note_id` is the note that it led to."""

    id: str
    note_id: str
    thread_ts: str | None = None


@dataclass(frozen=True)
class Described:
    """A message that reported something, and what it says."""

    source: Source
    text: str = field(repr=False)


class Grounds:
    """The descriptions of a case, ready to be compared with the items of one note."""

    def __init__(self, described: Sequence[Described], note_id: str, language: Language) -> None:
        """`note_id` names the note; the descriptions that led to it are those that it answers."""
        self._answered = frozenset(each.source.id for each in described if each.source.note_id == note_id)
        self._features: dict[str, frozenset[str]] = {}
        for each in described:
            found, id_ = features(each.text), each.source.id
            # asked of the few that a note answers: the list of dangers is long
            danger = id_ in self._answered and mentioned_risk(each.text, language)
            self._features[id_] = found | {DANGER} if danger else found
        self._held_by = Counter(feature for found in self._features.values() for feature in found)

    def evidence(self, text: str) -> tuple[str, ...]:
        """The ids of the descriptions that a text rests on, in their order; at most `MOST`."""
        said = features(text)
        length = math.sqrt(sum(map(_weight, said)))
        scores = {id_: self._score(id_, said, found) / length for id_, found in self._features.items() if said & found}
        best = max(scores.values(), default=0.0)
        enough = [id_ for id_, score in scores.items() if score >= max(ENOUGH, BESIDE_THE_BEST * best)]
        named = set(sorted(enough, key=lambda id_: (-scores[id_], id_))[:MOST])
        return tuple(id_ for id_ in enough if id_ in named)

    def support(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The items with their evidence; what an item has already stays."""
        return tuple(item if item.evidence else replace(item, evidence=self.evidence(item.text)) for item in items)

    def _score(self, id_: str, said: frozenset[str], found: frozenset[str]) -> float:
        score = sum(_weight(feature) * self._rarity(feature) for feature in said & found)
        return score * (ANSWERED if id_ in self._answered else 1.0)

    def _rarity(self, feature: str) -> float:
        """About 1; more for what few descriptions speak of."""
        return (_EVENNESS + math.log((len(self._features) + 1) / self._held_by[feature])) / (_EVENNESS + math.log(2))


def _weight(feature: str) -> float:
    if feature.startswith(FAMILY):
        return _FAMILY_WEIGHT
    if feature[0] > "\u2e7f":
        return _PAIR_WEIGHT
    return _NUMBER_WEIGHT if feature.isdigit() else _STEM_WEIGHT
