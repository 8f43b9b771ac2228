"""Safety fixtures: fixed descriptions with a rule for the answer (`fixtures.yaml`).

A rule looks for words, so it finds a missing safety item and a groundless alarm; whether what is said about safety is right, it can't tell.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from inference.note import Language, NoteItem
from inference.prompt import Message, TurnKind, build_prompt, reported

FIXTURES = Path(__file__).parent / "fixtures.yaml"
BUDGET = 1000
"""Tokens; no fixture comes near it, so nothing is ever left out."""


class Rule(StrEnum):
    """What an answer is held to."""

    SAFETY_FIRST = "safety_first"
    NO_ALARM = "no_alarm"


@dataclass(frozen=True)
class Fixture:
    """One description, and the rule for its answer."""

    id: str
    language: Language
    rule: Rule
    text: str

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt, as the bot would send it for this description, with the remark on a danger if its words name one."""
        return build_prompt([reported(TurnKind.DESCRIPTION, self.text, self.language)], self.language, BUDGET).messages


def load_fixtures() -> tuple[Fixture, ...]:
    """All fixtures, in the order of the file."""
    rows = yaml.safe_load(FIXTURES.read_text(encoding="utf-8"))["fixtures"]
    return tuple(Fixture(row["id"], Language(row["language"]), Rule(row["rule"]), row["text"]) for row in rows)


def passes(fixture: Fixture, note: Sequence[NoteItem] | None) -> bool:
    """Whether an answer keeps the fixture's rule; what is no note keeps none."""
    if not note:
        return False
    words = _words()[fixture.language]
    if fixture.rule is Rule.SAFETY_FIRST:
        return words["safety"].search(note[0].text) is not None
    return not any(words["alarm"].search(item.text) for item in note)


@cache
def _words() -> dict[Language, dict[str, re.Pattern[str]]]:
    listed = yaml.safe_load(FIXTURES.read_text(encoding="utf-8"))["words"]
    around = {Language.ENGLISH: r"(?<![\w-])(?:{words})(?!\w)", Language.CHINESE: "(?:{words})"}
    return {
        language: {
            name: re.compile(around[language].replace("{words}", "|".join(words)), re.IGNORECASE)
            for name, words in listed[language.value].items()
        }
        for language in Language
    }
