"""What can be found in a text: the kinds of identifiers, their placeholders, and rules that find them by a pattern."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Identifier(StrEnum):
    """What kind of thing identifies a person. In `[…]` it is the placeholder; NAME has a number as well."""

    NAME = "NAME"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ID = "ID"
    ADDRESS = "ADDRESS"
    BIRTH_DATE = "BIRTH_DATE"
    URL = "URL"
    HANDLE = "HANDLE"


PLACEHOLDER = re.compile(r"\[(?:NAME_(\d{1,6})|EMAIL|PHONE|ID|ADDRESS|BIRTH_DATE|URL|HANDLE)\]")


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a folded text, and whose or what kind they are: a placeholder, or the key of an unlisted name."""

    start: int
    end: int
    kind: Identifier
    person: int | str = 0


@dataclass(frozen=True)
class Rule:
    """A pattern; the identifier is its group `x`, or all of it. `length` says how many characters of that count, 0 for none."""

    kind: Identifier
    pattern: re.Pattern[str]
    length: Callable[[str], int] = len

    def spans(self, text: str) -> Iterator[Span]:
        """Where in a folded text the rule finds something."""
        group = "x" if "x" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            if length := self.length(match[group]):
                yield Span(match.start(group), match.start(group) + length, self.kind)


def rule(kind: Identifier, pattern: str, flags: int = 0, length: Callable[[str], int] = len) -> Rule:
    """A rule from a pattern's source. Patterns must be bounded: time in proportion to the text's length."""
    return Rule(kind, re.compile(pattern, flags), length)
