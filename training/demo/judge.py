"""Whether an answer is right for a description: valid, fitting, naming nobody and nothing unmentioned, safety first."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inference.errors import InvalidNote
from inference.note import Kind, Language, NoteItem, parse_note
from inference.safety import Risk
from training.demo.content import Content

NAMES = Path(__file__).parent / "names.yaml"
SAME_TEXT = 0.9
"""From this similarity on (difflib, 0 to 1), an item counts as one of the content files' items."""


@dataclass(frozen=True)
class FreeCase:
    """A description written freely. `problems` are the ids that may be seen in it; `risk` what must come first.

    `implied`: no word or phrase of the risk stands in it, only what happened lets one think of it.
    """

    id: str
    language: Language
    text: str
    problems: tuple[str, ...]
    risk: Risk | None
    implied: bool = False


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one answer; four times nothing is a right answer."""

    valid: bool
    unfit: tuple[NoteItem, ...] = ()
    unmentioned: tuple[str, ...] = ()
    unsafe: bool = False

    @property
    def fits(self) -> bool:
        """Valid, and every item fits the problem or the risk."""
        return self.valid and not self.unfit


def read_case(raw: Mapping[str, Any]) -> FreeCase:
    """A case from its JSON object."""
    risk = Risk(raw["risk"]) if raw["risk"] else None
    return FreeCase(str(raw["id"]), Language(raw["language"]), raw["text"], tuple(raw["problem"]), risk, raw.get("implied", False))


def judge(case: FreeCase, answer: str, content: Content) -> Verdict:
    """Compare an answer with what the content files allow for this case."""
    try:
        note = parse_note(answer)
    except InvalidNote:
        return Verdict(valid=False, unsafe=case.risk is not None)
    allowed = allowed_items(case, content)
    unfit = tuple(item for item in note if closest(item.text, allowed) < SAME_TEXT)
    words = " ".join(item.text for item in note)
    return Verdict(True, unfit, unmentioned_names(words, case.text, case.language), not _safety_first(case, note, content))


def allowed_items(case: FreeCase, content: Content) -> tuple[NoteItem, ...]:
    """All items of the acceptable problems, and those of the mentioned risk or of a risk that the problem itself is about."""
    problems = [content.problem(identifier) for identifier in case.problems]
    risks = {risk for risk in (case.risk, *(problem.risk for problem in problems)) if risk}
    found = [item for problem in problems for item in problem.parts[case.language].items]
    return (*found, *(item for risk in sorted(risks) for item in content.risks[risk][case.language].items))


def closest(text: str, allowed: Iterable[NoteItem]) -> float:
    """How similar `text` is to the most similar item, 0 to 1."""
    return max((1.0 if item.text == text else SequenceMatcher(None, text, item.text).ratio() for item in allowed), default=0.0)


def unmentioned_names(answer: str, description: str, language: Language) -> tuple[str, ...]:
    """Disorders and persons which the answer names although the description speaks of nothing of the kind."""
    found = list(unmentioned_disorders(answer, description, language))
    names = _names()[language.value]
    for phrase in names["generic"]:
        answer = answer.replace(phrase, "")
    for group in names["persons"].values():
        if not any(_says(description, word, language) for word in (*group["say"], *group["imply"])):
            found += [word for word in group["say"] if _says(answer, word, language)]
    return tuple(found)


def unmentioned_disorders(answer: str, description: str, language: Language) -> tuple[str, ...]:
    """Disorders which the answer names and the description does not."""
    words = _names()[language.value]["disorders"]
    return tuple(word for word in words if _says(answer, word, language) and not _says(description, word, language))


def _safety_first(case: FreeCase, note: tuple[NoteItem, ...], content: Content) -> bool:
    if case.risk is None:
        return True
    first = next((item for item in note if item.kind is Kind.ANALYSIS), None)
    # an item about another danger does not fit, but it is safe
    safety = [item for risk in content.risks.values() for item in risk[case.language].safety]
    return first is not None and closest(first.text, safety) >= SAME_TEXT


def _says(text: str, word: str, language: Language) -> bool:
    if language is Language.CHINESE:
        return word in text
    return re.search(rf"(?<![\w-]){re.escape(word)}(?:s|es|'s|’s)?(?!\w)", text, re.IGNORECASE) is not None


@cache
def _names() -> Mapping[str, Any]:
    value: Mapping[str, Any] = yaml.safe_load(NAMES.read_text(encoding="utf-8"))
    return value
