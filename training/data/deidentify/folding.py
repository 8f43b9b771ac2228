"""A text as patterns read it, and the way back: full-width, accented and plain letters are found alike and replaced where they stand."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from training.data.deidentify.identifiers import PLACEHOLDER, Span

SEALED = "\ue000"
"""Stands for a placeholder in a folded text: a character for private use, which no pattern takes."""

CJK = r"\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
LETTER = rf"[^\W\d_{CJK}]"
LATIN = rf"[^\W{CJK}]"
"""A letter, figure or underscore that isn't CJK. A plain word border won't do: Chinese characters are word characters too."""
HAN = r"[\u3400-\u9fff]"


@dataclass(frozen=True)
class Folded:
    """A text as patterns read it: compatibility forms, accents and invisible characters undone. `origin[i]` is where character i was."""

    text: str
    origin: Sequence[int]
    size: int

    def original(self, span: Span) -> tuple[int, int]:
        """Where a span lies in the original text."""
        last = self.origin[span.end - 1]
        after = self.origin[span.end] if span.end < len(self.origin) else self.size
        return self.origin[span.start], max(after, last + 1)


def fold(text: str) -> Folded:
    """The text as patterns read it, with placeholders sealed."""
    if text.isascii() and "[" not in text:
        return Folded(text, range(len(text)), len(text))
    chars: list[str] = []
    origin: list[int] = []
    at = 0
    for match in (*PLACEHOLDER.finditer(text), None):
        for index in range(at, match.start() if match else len(text)):
            for char in _fold_char(text[index]):
                chars.append(char)
                origin.append(index)
        if match:
            chars.append(SEALED)
            origin.append(match.start())
            at = match.end()
    return Folded("".join(chars), origin, len(text))


@lru_cache(maxsize=8192)
def _fold_char(char: str) -> str:
    if char in "‘’ʼ`´":
        return "'"
    if unicodedata.category(char) == "Pd" or char == "−":
        return "-"
    if unicodedata.category(char) in {"Cf", "Mn"}:  # zero-width characters, and accents that stand alone
        return ""
    decomposed = (unicodedata.normalize("NFD", part) for part in unicodedata.normalize("NFKC", char))
    return "".join(part[0] if unicodedata.category(part[0]) in {"Lu", "Ll"} else unicodedata.normalize("NFC", part) for part in decomposed)
