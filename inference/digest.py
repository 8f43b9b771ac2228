"""What remains of the part of a long case that no longer fits into the prompt: a digest of it, and what a new report brings back.

Both are chosen from the counselors' own sentences; nothing is worded anew, so nothing can be made up, it costs no call of the model, and
the same history gives the same text for serving and for training. The digest tells what the case is about, evenly over its time; what
a later report touches, however long ago it was said, is brought back beside that report.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import add

from inference.note import clean_text
from inference.tokens import estimate_tokens

ERAS = 8
"""Into how many stretches of equal length the past is cut; each has its turn when lines are chosen."""
SENTENCE_CHARS = 240
"""Longer sentences are cut between words."""
ALIKE = 0.6
"""Sentences that share so much of their terms (Jaccard index) say the same thing; the newer one stays."""
STEM = 5
"""English words count as one where they begin alike: "allergic" and "allergy"."""
RECALLED = 2
"""How many sentences one report brings back at most."""
COMMON = 0.2
"""Terms that are in a larger share of the reports bring nothing back."""
ENOUGH = 0.9
"""A sentence comes back if it shares as much as nearly one term which no other report has, or two or three that are less rare."""
_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；;])\s*|\n+")
_WORDS = re.compile(r"[^\W\d_\u4e00-\u9fff]{3,}|\d+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_NUMBER = re.compile(r"\d|[一二三四五六七八九十两]+[年月周天岁次]")


@dataclass(frozen=True)
class Reported:
    """What a counselor reported in one turn, without what the prompt adds. `grave`: it speaks of a danger."""

    text: str
    grave: bool = False


@dataclass(frozen=True)
class Correction:
    """A digest as a counselor corrected it: `lines` stand for the first `upto` turns of the case, in prompts of more than `since` turns."""

    upto: int
    since: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence with its terms and the report that it is of; `weight` is how much it tells by itself."""

    text: str
    terms: frozenset[str]
    report: int
    weight: float


class Past:
    """The reports that are left out of a prompt, oldest first."""

    def __init__(self, reports: Sequence[Reported]) -> None:
        self._sentences = [sentence for place, report in enumerate(reports) for sentence in _sentences(report, place)]
        self._reports = len(reports)
        self._holding: defaultdict[str, list[int]] = defaultdict(list)
        for place, sentence in enumerate(self._sentences):
            for term in sentence.terms:
                self._holding[term].append(place)
        self._in_reports = Counter(chain.from_iterable(_terms_by_report(self._sentences)))

    def digest(self, tokens: int, after: int = 0) -> tuple[str, ...]:
        """Sentences of at most `tokens` tokens, in the order in which they were reported: what matters, from all of the time.

        The first `after` reports are left out, because something else stands for them.
        """
        chosen: list[int] = []
        for place in self._by_turns(after):
            if any(_alike(self._sentences[place], self._sentences[other]) for other in chosen):
                continue
            tokens -= line_tokens(self._sentences[place].text)
            if tokens < 0:
                break
            chosen.append(place)
        return tuple(self._sentences[place].text for place in sorted(chosen))

    def recall(self, text: str, tokens: int, without: Iterable[str] = ()) -> tuple[str, ...]:
        """The sentences that `text` touches most, in the order in which they were reported; none that say what `text` says itself."""
        said, known = terms(text), frozenset(without)
        scores: defaultdict[int, float] = defaultdict(float)
        for term in sorted(said):  # in one order, so that sums are the same to the last bit wherever they are made
            if 0 < self._in_reports[term] <= max(self._reports * COMMON, 1):
                rarity = math.log((1 + self._reports) / self._in_reports[term])
                for place in self._holding[term]:
                    scores[place] += rarity
        enough = math.log1p(self._reports) * ENOUGH
        found: list[int] = []
        for place, _ in sorted(
            ((place, score) for place, score in scores.items() if score >= enough), key=lambda each: (-each[1], -each[0])
        ):
            sentence = self._sentences[place]
            cost = line_tokens(sentence.text)
            if sentence.terms - said and cost <= tokens and sentence.text not in known:
                found.append(place)
                tokens -= cost
            if len(found) == RECALLED:
                break
        return tuple(self._sentences[place].text for place in sorted(found))

    def _by_turns(self, after: int) -> Iterator[int]:
        """Places of sentences: the best of each era, the newest era first, then the second best of each, and so on."""
        eras: list[list[int]] = [[] for _ in range(ERAS)]
        again = {term: math.log(reports) for term, reports in self._in_reports.items()}
        for place, sentence in enumerate(self._sentences):
            if sentence.report >= after:
                eras[(sentence.report - after) * ERAS // (self._reports - after)].append(place)
        ranked = [sorted(era, key=lambda place: (-_worth(self._sentences[place], again), -place)) for era in reversed(eras)]
        for round_ in zip_longest(*ranked):
            yield from (place for place in round_ if place is not None)


def _worth(sentence: _Sentence, again: Mapping[str, float]) -> float:
    """What tells by itself, and what is spoken of again and again; rounded once, so that the order of terms in a set does not matter."""
    return sentence.weight + math.fsum(map(again.__getitem__, sentence.terms)) / math.sqrt(len(sentence.terms) + 1)


def terms(text: str) -> frozenset[str]:
    """What a text speaks of: beginnings of words, numbers, pairs of Chinese signs."""
    found = {word[:STEM] for word in _WORDS.findall(text.lower())}
    for run in _HAN.findall(text):
        found.update(map(add, run, run[1:]))
    return frozenset(found)


def line_tokens(text: str) -> int:
    """The most that a line of a list costs."""
    return estimate_tokens(f"- {text}\n")


def fitting(lines: Iterable[str], tokens: int) -> tuple[str, ...]:
    """The first lines that fit."""
    kept = []
    for line in lines:
        tokens -= line_tokens(line)
        if tokens < 0:
            break
        kept.append(line)
    return tuple(kept)


def _sentences(report: Reported, place: int) -> Iterator[_Sentence]:
    for number, part in enumerate(filter(None, map(clean_text, _ENDS.split(report.text)))):
        text = _cut(part)
        weight = 2.0 * report.grave + 1.0 * (number == 0) + 1.0 * bool(_NUMBER.search(text))
        if found := terms(text):
            yield _Sentence(text, found, place, weight)


def _cut(text: str) -> str:
    if len(text) <= SENTENCE_CHARS:
        return text
    end = text.rfind(" ", SENTENCE_CHARS // 2, SENTENCE_CHARS)
    return f"{text[: end if end > 0 else SENTENCE_CHARS]} …"


def _terms_by_report(sentences: Iterable[_Sentence]) -> Iterable[set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    for sentence in sentences:
        found[sentence.report] |= sentence.terms
    return found.values()


def _alike(one: _Sentence, other: _Sentence) -> bool:
    shared = len(one.terms & other.terms)
    return shared > ALIKE * (len(one.terms) + len(other.terms) - shared)
