"""What the demo corpus is written from: presenting problems, risk mentions and neutral phrases, read from YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inference.note import Kind, Language, NoteItem
from inference.safety import Risk

HERE = Path(__file__).parent
CONCERN = {Language.ENGLISH: "Main concern: {topic}.", Language.CHINESE: "主要困扰：{topic}。"}
"""How a note begins, unless with safety: what the description is about, as the model understood it."""
Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Aspect:
    """A typical detail of a problem: ways to say it, and the items that it calls for."""

    say: tuple[str, ...]
    items: tuple[NoteItem, ...]


@dataclass(frozen=True)
class Part:
    """One problem in one language."""

    topic: str
    complaint: tuple[str, ...]
    keywords: tuple[str, ...]
    accounts: tuple[str, ...]
    """Whole descriptions, written freely."""
    aspects: tuple[Aspect, ...]
    general: tuple[NoteItem, ...]
    concern: NoteItem
    """The item that says what the description is about."""

    @property
    def said(self) -> tuple[str, ...]:
        """Everything that counselors say about this problem."""
        return (self.topic, *self.complaint, *self.keywords, *self.accounts, *(say for aspect in self.aspects for say in aspect.say))

    @property
    def items(self) -> tuple[NoteItem, ...]:
        """Every item that fits this problem, the general ones first."""
        return (self.concern, *self.general, *(item for aspect in self.aspects for item in aspect.items))


@dataclass(frozen=True)
class Problem:
    """A presenting problem, in both languages. `risk` is set where the problem is itself about a danger."""

    id: str
    parts: Mapping[Language, Part]
    risk: Risk | None = None


@dataclass(frozen=True)
class RiskPart:
    """One risk category in one language. `safety` holds alternatives, one of which opens the note."""

    mention: tuple[str, ...]
    keywords: tuple[str, ...]
    safety: tuple[NoteItem, ...]
    follow_up: tuple[NoteItem, ...]

    @property
    def items(self) -> tuple[NoteItem, ...]:
        """Every item that fits a mention of this risk."""
        return (*self.safety, *self.follow_up)


@dataclass(frozen=True)
class Content:
    """Everything that the grammar draws on, problems in the order of their ids."""

    problems: tuple[Problem, ...]
    risks: Mapping[Risk, Mapping[Language, RiskPart]]
    phrases: Mapping[Language, Mapping[str, tuple[str, ...]]]
    english: float = 0.6
    """Of all that is drawn, how much is English; the rest is Chinese."""
    risk: float = 0.35
    """Of all descriptions, how many mention a risk: more than in life, since a missed one is worse than one too many."""

    def problem(self, identifier: str) -> Problem:
        """The problem with this id; KeyError when there is none."""
        found = {problem.id: problem for problem in self.problems}
        return found[identifier]


@cache
def load_content(folder: Path = HERE) -> Content:
    """Read `problems/*.yaml`, `risks.yaml` and `phrases.yaml`."""
    problems = tuple(_problem(_read(path)) for path in sorted((folder / "problems").glob("*.yaml")))
    risks = {
        Risk(name): {language: _risk(raw[language.value]) for language in Language} for name, raw in _read(folder / "risks.yaml").items()
    }
    phrases = {
        language: {name: tuple(lines) for name, lines in _read(folder / "phrases.yaml")[language.value].items()} for language in Language
    }
    return Content(problems, risks, phrases)


def _read(path: Path) -> Raw:
    value: Raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def _problem(raw: Raw) -> Problem:
    risk = Risk(raw["risk"]) if raw.get("risk") else None
    return Problem(raw["id"], {language: _part(raw[language.value], language) for language in Language}, risk)


def _part(raw: Raw, language: Language) -> Part:
    aspects = tuple(Aspect(tuple(one["say"]), tuple(_item(item) for item in one["items"])) for one in raw["aspects"])
    general = (*_items(Kind.ANALYSIS, raw["analysis"]), *_items(Kind.ADVICE, raw["advice"]), *_items(Kind.QUESTION, raw["questions"]))
    concern = NoteItem(Kind.ANALYSIS, CONCERN[language].format(topic=raw["topic"]))
    return Part(raw["topic"], tuple(raw["complaint"]), tuple(raw["keywords"]), tuple(raw["accounts"]), aspects, general, concern)


def _risk(raw: Raw) -> RiskPart:
    follow_up = (*_items(Kind.ADVICE, raw["advice"]), *_items(Kind.QUESTION, raw["questions"]))
    return RiskPart(tuple(raw["mention"]), tuple(raw["keywords"]), tuple(_item(item) for item in raw["safety"]), follow_up)


def _item(raw: Raw) -> NoteItem:
    return NoteItem(Kind(raw["kind"]), raw["text"])


def _items(kind: Kind, texts: list[str]) -> tuple[NoteItem, ...]:
    return tuple(NoteItem(kind, text) for text in texts)
