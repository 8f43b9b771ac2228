"""Words that speak of danger: when a report holds one, the prompt asks for safety first, whatever the model would notice by itself.

A list of words is no assessment. It finds what is said plainly, and the usual ways of saying it indirectly, also where it is denied ("no
thoughts of suicide"), which costs the counselor a glance; what only the whole story tells is left to the model, and to the counselor.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inference.note import Language

WORDS = Path(__file__).parent / "danger.yaml"
NAME = re.compile(r"<(\w+)>")
AS_WRITTEN = "(?-i:"
"""Marks a line with an abbreviation that is one only in capitals, such as SI."""
START = {Language.ENGLISH: r"(?<![\w-])", Language.CHINESE: ""}
"""What an expression begins after. Chinese has no spaces that a word could begin after."""
QUOTES = str.maketrans("‘’\u00a0\u3000", "''  ")
ENDS = str.maketrans({",": "，", ";": "；"} | dict.fromkeys(".!?！？\n", "。") | dict.fromkeys('"」』', "”"))
"""Chinese punctuation, as the expressions name it."""


class Risk(StrEnum):
    """Dangers whose mention puts a safety item first, the most pressing first."""

    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    ABUSE = "abuse"
    VIOLENCE = "violence"


@dataclass(frozen=True)
class Expressions:
    """What speaks of one danger in one language: words, read in small letters, and abbreviations, read as they were written."""

    words: re.Pattern[str]
    abbreviations: re.Pattern[str]


@dataclass(frozen=True)
class Mention:
    """A place in a text that speaks of a danger: `text[start:end]`, `text` being all of it in small letters, as it was compared."""

    risk: Risk
    text: str
    start: int
    end: int


def mentioned_risk(text: str, language: Language) -> Risk | None:
    """The most pressing danger that `text` mentions, plainly or in a usual indirect way, in the language of the case or in the other."""
    for each in (language, *(other for other in Language if other is not language)):
        as_written, small = _compared(text, each)
        for risk, expressions in _expressions()[each].items():
            if expressions.words.search(small) or expressions.abbreviations.search(as_written):
                return risk
    return None


def mentions(text: str) -> Iterator[Mention]:
    """Every place in `text` that speaks of a danger, in either language; a place may speak of several."""
    for language in Language:
        as_written, small = _compared(text, language)
        for risk, expressions in _expressions()[language].items():
            yield from (Mention(risk, small, *found.span()) for found in expressions.words.finditer(small))
            yield from (Mention(risk, as_written.lower(), *found.span()) for found in expressions.abbreviations.finditer(as_written))


def expression(lines: Iterable[str], words: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    """Any of these regular expressions, written as those of `danger.yaml` are; <name> stands for any of `words` or of its own words."""
    return _compiled(list(lines), "", words={**_listed()["words"], **words})


def _compared(text: str, language: Language) -> tuple[str, str]:
    """A text as the expressions of a language are compared with it: as it was written, and in small letters without what is harmless."""
    written = re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text.translate(QUOTES)))
    as_written = written.translate(_simple() | ENDS) if language is Language.CHINESE else written
    return as_written, _harmless().sub(" ", as_written.lower())


@cache
def _expressions() -> Mapping[Language, Mapping[Risk, Expressions]]:
    """The expressions of each danger, the most pressing first."""
    return {language: {risk: _of(_listed()[language.value][risk.value], START[language]) for risk in Risk} for language in Language}


def _of(lines: list[str], start: str) -> Expressions:
    """Small letters are compared exactly, which is three times as fast as without regard to case."""
    words, abbreviations = ([line for line in lines if (AS_WRITTEN in line) is capitals] for capitals in (False, True))
    return Expressions(_compiled(words, start), _compiled(abbreviations or ["(?!)"], start, re.IGNORECASE))


@cache
def _harmless() -> re.Pattern[str]:
    return _compiled(_listed()["harmless"], "")


def _compiled(lines: list[str], start: str, flags: int = 0, words: Mapping[str, Sequence[str]] | None = None) -> re.Pattern[str]:
    known: Mapping[str, Sequence[str]] = _listed()["words"] if words is None else words

    def any_of(name: re.Match[str]) -> str:
        return f"(?:{'|'.join(NAME.sub(any_of, line) for line in known[name[1]])})"

    expressions = "|".join(NAME.sub(any_of, line) for line in lines).replace(" ", r"\s")
    return re.compile(f"{start}(?:{expressions})", flags)


@cache
def _simple() -> dict[int, str]:
    """For each traditional or Cantonese sign the one the list is written with."""
    return {ord(sign): simple for simple, signs in _listed()["spelling"].items() for sign in signs}


@cache
def _listed() -> Any:
    return yaml.safe_load(WORDS.read_text(encoding="utf-8"))
