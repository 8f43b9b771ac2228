"""Words that speak of danger: when a report holds one, the prompt asks for safety first, whatever the model would notice by itself.

A list of words is no assessment. It finds what is said plainly, also where it is denied ("no thoughts of suicide"), which costs the
counselor a glance; what is only hinted at is left to the model, and to the counselor.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inference.note import Language

WORDS = Path(__file__).parent / "danger.yaml"
NAME = re.compile(r"<(\w+)>")


class Risk(StrEnum):
    """Dangers whose mention puts a safety item first, the most pressing first."""

    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    ABUSE = "abuse"
    VIOLENCE = "violence"


def mentioned_risk(text: str, language: Language) -> Risk | None:
    """The most pressing danger that `text` names, in so many words, in the language of the case or in the other one."""
    plain = _harmless().sub(" ", text.replace("’", "'"))
    for each in (language, *(other for other in Language if other is not language)):
        for risk, pattern in _patterns()[each].items():
            if pattern.search(plain):
                return risk
    return None


@cache
def _patterns() -> Mapping[Language, Mapping[Risk, re.Pattern[str]]]:
    """One pattern a danger, the most pressing first. Chinese has no spaces that a word could begin after."""
    listed, start = _listed(), {Language.ENGLISH: r"(?<![\w-])", Language.CHINESE: ""}
    return {
        language: {risk: _compiled(listed[language.value][risk.value], listed["words"], start[language]) for risk in Risk}
        for language in Language
    }


@cache
def _harmless() -> re.Pattern[str]:
    listed = _listed()
    return _compiled(listed["harmless"], listed["words"], "")


def _compiled(lines: list[str], words: Mapping[str, list[str]], start: str) -> re.Pattern[str]:
    def any_of(name: re.Match[str]) -> str:
        return f"(?:{'|'.join(words[name[1]])})"

    expressions = "|".join(NAME.sub(any_of, line) for line in lines)
    return re.compile(f"{start}(?:{expressions})", re.IGNORECASE)


@cache
def _listed() -> Any:
    return yaml.safe_load(WORDS.read_text(encoding="utf-8"))
