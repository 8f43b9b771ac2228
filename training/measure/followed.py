"""How near a model comes to the note that a counselor approved, asked line by line.

A model's own note, as a whole, is a poor measure. Counselors approve edited drafts of the adapter that serves, so those are near to it word
for word whoever writes better; and a note whose first line differs goes on differently to its end, however well. So the approved note is
given up to the end of a line, and the model says what comes next: another line, and which, or the end. Then the same with one line more.
Champion and challenger are given the same lines, so neither pays for an early choice more than once.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from inference.likelihood import Likelihood
from inference.note import NoteItem, parse_additions, parse_partial
from inference.prompt import Message
from training.data.edits import Counts, align
from training.data.examples import Example

SPARE_TOKENS = 8
"""Beyond what the approved line takes: for a longer line, and for a list that ends first."""
LAST_TOKENS = 32
"""Behind the approved note's end: enough to see whether the model has more to say."""

_STRING = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?')
"""A JSON string, and the colon that tells a key from a text."""


@dataclass(frozen=True)
class Followed:
    """`distance`: characters to be changed in the lines that the model proposed, as a share of those there are, 0 to 1. `kept_item_rate`:
    the share of proposed lines that stand there in the approved note, 1 where nothing was proposed."""

    distance: float
    kept_item_rate: float


async def followed(likelihood: Likelihood, model: str, example: Example) -> Followed:
    """Follows an example's approved note. Raises: ModelUnavailable, ModelRefused, UnknownModel."""
    approved = parse_additions(example.completion)
    changed = total = 0
    counts = Counts()
    proposed = await _proposals(likelihood, model, example.messages, beginnings(example.completion))
    for place, item in enumerate(proposed):
        change = align([item] if item else [], approved[place : place + 1])
        changed, total = changed + change.changed, total + change.length
        counts += change.counts
    return Followed(changed / total if total else 0.0, counts.kept_item_rate)


def beginnings(answer: str) -> list[str]:
    """An answer's beginnings: nothing, then up to the end of each line's text, its closing mark not included."""
    texts = (found for found in _STRING.finditer(answer) if found[2] is None and json.loads(found[1]).strip())
    return ["", *(answer[: text.end(1) - 1] for text in texts)]


async def _proposals(likelihood: Likelihood, model: str, messages: Sequence[Message], begun: Sequence[str]) -> list[NoteItem | None]:
    """What the model would write next behind each beginning; None for the end, and for what can't be read."""
    prompt = await likelihood.tokens(model, messages)
    answers = [await likelihood.plain_tokens(model, beginning) if beginning else () for beginning in begun]
    found: list[NoteItem | None] = []
    for place, (beginning, answer) in enumerate(zip(begun, answers, strict=True)):
        wanted = len(answers[place + 1]) - len(answer) + SPARE_TOKENS if place + 1 < len(begun) else LAST_TOKENS
        ids = (*prompt.prompt, *answer)
        room = min(wanted, prompt.context - len(ids))
        written = await likelihood.continued(model, ids, room) if room > 0 else ""
        items = parse_partial(beginning + written)
        found.append(items[place] if len(items) > place else None)
    return found
