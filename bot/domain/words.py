"""What a text speaks of, as a set of comparable features: stems of words, pairs of Chinese signs, and the families of both.

Two texts rest on one another as far as their features agree. This is plain comparison of words: quick, the same each time, and explainable;
it knows no grammar, and `findings.py` looks at negation by itself.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

LISTS = Path(__file__).parent / "words.yaml"
FAMILY = "#"
"""What the feature of a family begins with."""
_ENDINGS = frozenset({"", "s", "es", "d", "ed", "ing", "er", "ers", "ly", "'s"})
_WORD = re.compile(r"[a-z][a-z'’-]*[a-z]|[a-z]|\d+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_SUFFIXES = ("ingly", "edly", "ness", "ing", "ies", "ied", "ely", "ed", "es", "ly", "'s", "s", "e", "y")


def features(text: str) -> frozenset[str]:
    """The features of a text in either language, or in both at once."""
    small = text.lower().replace("’", "'")
    words, runs, common = _WORD.findall(small), _HAN.findall(small), _common()
    found = {f"{FAMILY}{name}" for name in _families(words, runs)}
    found.update(stem(word) for word in set(words) - common.words if len(word) > 2 or word.isdigit())
    for run in runs:
        telling = "".join(" " if sign in common.signs else sign for sign in run)
        found.update(pair for part in telling.split() for pair in map("".join, itertools.pairwise(part)))
    return frozenset(found - common.pairs)


def families(text: str) -> set[str]:
    """The names of the families that a text in small letters speaks of."""
    return _families(_WORD.findall(text), _HAN.findall(text))


def _families(words: Sequence[str], runs: Sequence[str]) -> set[str]:
    """The families of English words in their order and of runs of Chinese signs."""
    lists = _lists()
    found = {name for word in set(words) for name in _of_word(word)}
    for place, word in enumerate(words):
        for rest, ending, names in lists.phrases.get(word, ()):
            following = words[place + 1 : place + 1 + len(rest)]
            if following[:-1] == rest[:-1] and len(following) == len(rest) and _ends_as(following[-1], rest[-1], ending):
                found.update(names)
    for run in runs:
        for place, sign in enumerate(run):
            for length in lists.lengths.get(sign, ()):
                found.update(lists.chinese.get(run[place : place + length], ()))
    return found


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its usual English ending: "worries", "worried" and "worry" are one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


@dataclass(frozen=True)
class _Common:
    """What every description, or every note, may hold: it joins nothing to anything."""

    words: frozenset[str]
    signs: frozenset[str]
    pairs: frozenset[str]


@cache
def _common() -> _Common:
    listed = _listed()["common"]
    return _Common(*(frozenset(each) for each in (listed["words"].split(), listed["signs"], listed["pairs"].split())))


@cache
def _listed() -> Any:
    return yaml.safe_load(LISTS.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Lists:
    """The families by how they are found: whole words, beginnings of words, phrases by their first word, Chinese by length."""

    words: Mapping[str, frozenset[str]]
    beginnings: Mapping[str, frozenset[str]]
    phrases: Mapping[str, Sequence[tuple[list[str], bool, frozenset[str]]]]
    chinese: Mapping[str, frozenset[str]]
    lengths: Mapping[str, frozenset[int]]


@cache
def _lists() -> _Lists:
    words, beginnings, chinese = (defaultdict[str, set[str]](set) for _ in range(3))
    phrases = defaultdict[str, list[tuple[list[str], bool, frozenset[str]]]](list)
    for name, family in _listed()["families"].items():
        for entry in family["en"]:
            first, *rest = str(entry).removesuffix("*").split()
            if rest:
                phrases[first].append((rest, str(entry).endswith("*"), frozenset({name})))
            elif str(entry).endswith("*"):
                beginnings[first].add(name)
            else:
                words[first].add(name)
        for entry in family["zh"]:
            chinese[str(entry)].add(name)
    lengths = defaultdict[str, set[int]](set)
    for entry in chinese:
        lengths[entry[0]].add(len(entry))
    frozen = [{word: frozenset(names) for word, names in each.items()} for each in (words, beginnings, chinese)]
    return _Lists(frozen[0], frozen[1], dict(phrases), frozen[2], {sign: frozenset(each) for sign, each in lengths.items()})


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> frozenset[str]:
    """The families of one English word, whatever its ending."""
    lists = _lists()
    found = {name for size in range(2, len(word) + 1) for name in lists.beginnings.get(word[:size], ())}
    for ending in _ENDINGS:
        if word.endswith(ending):
            found |= lists.words.get(word.removesuffix(ending), frozenset())
    return frozenset(found)


def _ends_as(word: str, wanted: str, any_ending: bool) -> bool:
    return word.startswith(wanted) and (any_ending or word[len(wanted) :] in _ENDINGS)
