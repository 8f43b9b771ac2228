"""Whether texts come out of an adapter: those of a case that was deleted, or any others that it must not hold.

Each text is cut in two. The model is given the first half, in the ways that bring out most of what was learned by heart, and writes on at
temperature 0; the text came out where what it writes holds the second half, whatever the marks and capitals. Only notes are learned, never
descriptions, so it is lines of notes that can come out; they do so most easily behind the description that they answered.
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from inference.likelihood import Likelihood
from inference.note import FIELD, Language
from inference.prompt import Message, TurnKind, build_prompt, reported

LEAST = 4
"""Letters and digits of a second half; fewer may be guessed."""
MORE_TOKENS = 8
"""Room beyond the second half, for marks and other cuts between words."""
BUDGET = 100_000
"""Nothing is left out of a prompt; one that is too long for the server is refused there."""


class Found(StrEnum):
    """What came of a text."""

    OUT = "out"
    NOT_OUT = "not_out"
    TOO_SHORT = "too_short"
    """Too little for a guess to be told from memory."""


@dataclass(frozen=True)
class Remembered:
    """A text that an adapter may hold, and the description that it belonged to, where that is known."""

    text: str = field(repr=False)
    said: str = field(default="", repr=False)

    @property
    def halves(self) -> tuple[str, str]:
        """The text cut between words in its middle, or between characters where it has no spaces there."""
        middle = len(self.text) // 2
        cuts = [place for place in (self.text.find(" ", middle), self.text.rfind(" ", 0, middle)) if place > 0]
        cut = min(cuts, key=lambda place: abs(place - middle), default=middle)
        return self.text[:cut].rstrip(), self.text[cut:].lstrip()

    @property
    def language(self) -> Language:
        """Chinese where it has Chinese characters."""
        return Language.CHINESE if any("\u4e00" <= one <= "\u9fff" for one in self.text) else Language.ENGLISH

    def is_in(self, written: str) -> bool:
        """Whether the second half stands in what was written."""
        return _bare(self.halves[1]) in _bare(written)


def read_texts(lines: Iterable[str]) -> dict[int, Remembered]:
    """The texts of a file by number of their line, from 1: a text a line, or a description, a tab and a text; empty lines are none."""
    found = {}
    for number, line in enumerate(lines, start=1):
        said, _, text = line.strip().rpartition("\t")
        if text:
            found[number] = Remembered(text.strip(), said.strip())
    return found


async def look_for(likelihood: Likelihood, model: str, one: Remembered) -> Found:
    """Whether a text comes out in any of the ways. Raises: ModelUnavailable, ModelRefused, UnknownModel."""
    first, second = one.halves
    if len(_bare(second)) < LEAST:
        return Found.TOO_SHORT
    room = len(await likelihood.plain_tokens(model, second)) + MORE_TOKENS
    asked = reported(TurnKind.DESCRIPTION, one.said or first, one.language)
    messages = build_prompt([asked], one.language, BUDGET).messages
    if one.is_in(await likelihood.continued(model, await likelihood.plain_tokens(model, first), room)):
        return Found.OUT
    for beginning in _as_notes(first):
        if one.is_in(await written_on(likelihood, model, messages, beginning, room)):
            return Found.OUT
    return Found.NOT_OUT


async def written_on(likelihood: Likelihood, model: str, messages: Sequence[Message], beginning: str, max_tokens: int) -> str:
    """How a model goes on with an answer that begins so. Raises: ModelUnavailable, ModelRefused, UnknownModel."""
    tokens = await likelihood.tokens(model, messages)
    begun = (*tokens.prompt, *await likelihood.plain_tokens(model, beginning))
    return await likelihood.continued(model, begun, max_tokens)


def _as_notes(first: str) -> list[str]:
    """The first half as the beginning of each list of a note, the lists before it empty."""
    item, fields = json.dumps(first, ensure_ascii=False)[:-1], list(FIELD.values())
    empty = [[f'"{name}":[]' for name in fields[:place]] for place in range(len(fields))]
    return ["{" + ",".join([*before, f'"{name}":[{item}']) for before, name in zip(empty, fields, strict=True)]


def _bare(text: str) -> str:
    """Letters and digits alone, large and small alike."""
    return "".join(one for one in unicodedata.normalize("NFKC", text).casefold() if one.isalnum())
