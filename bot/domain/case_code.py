"""Pseudonymous codes of cases: how one is proposed, and what a code that somebody chose must not be.

A proposed code is drawn, so it says nothing about anybody: "C-" and four letters or digits without vowels (no words come about) and without
those that are taken for one another, so that it can be read out on the telephone.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum

LETTERS = "23456789CDFGHJKMNPQRTVWXY"
LENGTH = 4
TRIES = 50
"""Draws of one length before a longer code is drawn: there are 390,625 of the shortest."""
SHORTEST, LONGEST = 2, 20

_ALLOWED = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}-?(?:0\d|1[0-2])-?[0-3]\d(?!\d)|(?<!\d)[0-3]\d-?(?:0\d|1[0-2])-?(?:19|20)\d{2}(?!\d)")
_PARTS = re.compile(r"[^\W_]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")


class CodeProblem(StrEnum):
    """Why a code can't be taken."""

    LENGTH = "length"
    CHARACTERS = "characters"
    NAME = "name"
    """It has no digit, as names have none, or it holds a name of the case's people."""
    DATE = "date"
    """It holds what looks like a date of birth."""


def propose_code(taken: Collection[str], draw: Callable[[str], str] = secrets.choice) -> str:
    """A code that none of the team's cases has; `draw` chooses one of the letters."""
    length = LENGTH
    while True:
        for _ in range(TRIES):
            code = "C-" + "".join(draw(LETTERS) for _ in range(length))
            if code not in taken and any(char.isdigit() for char in code):
                return code
        length += 1


def clean_code(text: str) -> str:
    """A code as it is kept: in capitals, without spaces around it."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def code_problem(code: str, names: Sequence[str]) -> CodeProblem | None:
    """What is wrong with a cleaned code; `names` are those of the case's people."""
    if not SHORTEST <= len(code) <= LONGEST:
        return CodeProblem.LENGTH
    if holds_name(code, names):
        return CodeProblem.NAME
    if not _ALLOWED.fullmatch(code):
        return CodeProblem.CHARACTERS
    if _DATE.search(code):
        return CodeProblem.DATE
    return None if any(char.isdigit() for char in code) else CodeProblem.NAME


def holds_name(text: str, names: Sequence[str]) -> bool:
    """Whether one of the names, or a part of one, stands in a text.

    Parts count as whole words, from three letters on; in Chinese, which has no spaces, wherever they stand, from two characters on.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = set(re.split(r"[\W\d_]+", folded))
    for part in (part for name in names for part in _PARTS.findall(unicodedata.normalize("NFKC", name).casefold())):
        if _HAN.search(part):
            if len(part) > 1 and part in folded:
                return True
        elif len(part) > 2 and part in words:
            return True
    return False
