"""Screening of what was written, independent of any model: which danger it speaks of, and whether that is said of the client and of now.

`safety.py` finds that a danger is mentioned. Here each mention is read in its clause, in this order:

    asked         a question, a task or a general statement
    negated       somebody says that it is not so
    third party   it is about somebody else, or was read or seen
    past          it is long over
    current       everything else: when in doubt, it is now

Violence is told of somebody else, too, where nothing gives the client as the one who does, wants or threatens it. A minor in danger counts
whoever puts it there. Rules of words tell these apart for most sentences and not for all, and they know nothing of what stands two
sentences away; the figures are in this package's README. They raise a card for people to think about, no more.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inference.safety import Mention, Risk, expression, mentions

RULES = Path(__file__).parent / "screening.yaml"
RECENT_YEARS = 1
"""A year that is named counts as past when it lies further back than this."""
WINDOW_CHARS = 400
"""How much of an endless sentence is read on either side of a mention."""
SENTENCE = re.compile(r"(?<=[.!?])(?=\s|$|[\"'”’»)])|(?<=[。！？])|\n(?=\s*(?:[-*•·\d]|[A-Z\u4e00-\u9fff]|\n))")
OTHER = "※"
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


class Danger(StrEnum):
    """What a safety card can be about, the most pressing first."""

    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    ABUSE_OF_A_MINOR = "abuse_of_a_minor"


class Said(StrEnum):
    """How a danger is spoken of."""

    CURRENT = "current"
    PAST = "past"
    NEGATED = "negated"
    THIRD_PARTY = "third_party"
    ASKED = "asked"


@dataclass(frozen=True)
class Hit:
    """A danger that a text speaks of, and how."""

    danger: Danger
    said: Said


@dataclass(frozen=True)
class Place:
    """Where a mention stands: its clause and its sentence, the mention between ⟦ and ⟧, other mentions in the clause as ※."""

    clause: str
    sentence: str


def screen(text: str, today: date) -> frozenset[Hit]:
    """Everything that a text in English, Chinese or both says about these dangers; `today` tells which years are past."""
    minor_client = bool(_rule("minor_client").search(text.lower()))
    return frozenset(hit for sentence in sentences(text) for hit in _screened(sentence, minor_client, today))


def dangers(hits: Iterable[Hit], said: Said) -> tuple[Danger, ...]:
    """The dangers that are spoken of in that way, the most pressing first."""
    found = {hit.danger for hit in hits if hit.said is said}
    return tuple(danger for danger in Danger if danger in found)


def sentences(text: str) -> Iterator[str]:
    """A text's sentences, each with its end; lines of a list stand alone."""
    yield from (part for part in SENTENCE.split(text) if part.strip())


def _screened(sentence: str, minor_client: bool, today: date) -> Iterator[Hit]:
    found = list(mentions(sentence))
    question = sentence.rstrip().endswith(("?", "？")) and not _says("quoted", sentence.lower())
    for mention in found:
        place = _place(mention, found)
        danger = _danger(mention.risk, place, minor_client)
        yield Hit(danger, _said(danger, place, question, today))


def _place(mention: Mention, found: Sequence[Mention]) -> Place:
    """Where it stands, with every other mention of the same text that does not overlap it as one sign."""
    low, high = max(0, mention.start - WINDOW_CHARS), mention.end + WINDOW_CHARS
    near = [(each.start, each.end) for each in found if each.text == mention.text and low <= each.start and each.end <= high]
    before = _hidden(mention.text[low : mention.start], [(start - low, end - low) for start, end in near if end <= mention.start])
    after = _hidden(
        mention.text[mention.end : high], [(start - mention.end, end - mention.end) for start, end in near if start >= mention.end]
    )
    said = f"⟦{mention.text[mention.start : mention.end]}⟧"
    ends = [match.end() for match in _rule("clause").finditer(before)]
    following = _rule("clause").search(after)
    clause = before[ends[-1] if ends else 0 :] + said + after[: following.start() if following else None]
    return Place(clause, before + said + after)


def _hidden(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with each of these places as one sign; of two that overlap, the later one."""
    left = len(text)
    for start, end in sorted(set(spans), reverse=True):
        if end <= left:
            text, left = text[:start] + OTHER + text[end:], start
    return text


def _danger(risk: Risk, place: Place, minor_client: bool) -> Danger:
    """Violence and abuse are told apart by who is hurt."""
    match risk:
        case Risk.SUICIDE:
            return Danger.SUICIDE
        case Risk.SELF_HARM:
            return Danger.SELF_HARM
        case Risk.ABUSE | Risk.VIOLENCE:
            hurt = _says("minor_hurt", place.clause) or (risk is Risk.ABUSE and _says("minor_abused", place.clause))
            client = minor_client and _says("suffered", place.clause)
            return Danger.ABUSE_OF_A_MINOR if hurt or client else Danger.HARM_TO_OTHERS


def _said(danger: Danger, place: Place, question: bool, today: date) -> Said:
    if (question or _says("asked", place.sentence)) and not _says("answered_yes", place.sentence):
        return Said.NEGATED if _says("answered_no", place.sentence) else Said.ASKED
    if _is_negated(place):
        return Said.NEGATED
    if _is_of_another(danger, place):
        return Said.THIRD_PARTY
    if danger is Danger.ABUSE_OF_A_MINOR and _says("childhood", place.sentence) and not _says("still_done", place.clause):
        return Said.PAST
    return Said.PAST if _is_past(place.clause, today) else Said.CURRENT


def _is_negated(place: Place) -> bool:
    if _says("answered_no", place.sentence):
        return True
    return _says("negated", place.clause) and not _says("not_negated", place.clause)


def _is_of_another(danger: Danger, place: Place) -> bool:
    """A minor counts whoever it is, unless it was only read or seen."""
    if _says("told", place.sentence):
        return True
    if danger is Danger.ABUSE_OF_A_MINOR:
        return False
    if danger is Danger.HARM_TO_OTHERS and (_says("suffered", place.clause) or not _says("own_deed", place.clause)):
        return True
    return _says("third_party", place.clause) or _chinese_other(place.clause)


def _is_past(clause: str, today: date) -> bool:
    """Something says that it was long ago, and nothing that it goes on; what says that it ended speaks of the past as well."""
    without_end = _rule("resolved").sub(" ", clause)
    part = next(part for part in without_end.split("，") if "⟧" in part) if "⟧" in without_end else without_end
    years = [int(year) for year in YEAR.findall(part)]
    old = years and max(years) < today.year - RECENT_YEARS
    return bool(old or without_end != clause or _says("past", clause)) and not _says("present", without_end)


def _chinese_other(clause: str) -> bool:
    """Whether a Chinese clause, which may have named its subject some commas before, speaks of somebody else than the client."""
    told = clause[: clause.index("⟧")].replace("⟦", "")
    for part in reversed(told.split("，")):
        subject = _rule("chinese_object").sub(" ", part)
        other = max((match.end() for match in _rule("chinese_other").finditer(subject)), default=-1)
        client = max((match.end() for match in _rule("chinese_client").finditer(subject)), default=-1)
        if other != client:
            return other > client
        if not _says("chinese_goes_on", subject):
            return False
    return False


def _says(rule: str, text: str) -> bool:
    return _rule(rule).search(text) is not None


@cache
def _rule(name: str) -> re.Pattern[str]:
    listed: Any = _listed()
    return expression(listed[name], listed["words"])


@cache
def _listed() -> Any:
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))
