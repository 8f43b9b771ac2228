"""What a note may say: items get their evidence, and negative findings that nobody reported are left out.

Evidence is found once, when a revision is made, and stored with it. What a counselor wrote counts as reported, and is never left out.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.domain.evidence import Described, Grounds
from bot.domain.findings import Denials
from bot.domain.note import Item, Note, by_counselor
from bot.workflow.generation import Answer, NoAnswer
from inference.note import Language, NoteItem

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Grounding:
    """The descriptions of a case, as the items of one note are held against them."""

    note: Note
    language: Language
    described: Sequence[Described]
    kept: Sequence[Item]
    denials: Denials = field(repr=False)

    def let_stand(self, item: NoteItem) -> bool:
        """Whether an item of the model's may be shown, also while it is still being written."""
        return self.denials.let_stand(item)

    def only_reported(self, answer: Answer) -> Answer:
        """The answer without negative findings that nobody reported.

        Raises:
            NoAnswer: that leaves nothing of the whole note.
        """
        items = tuple(item for item in answer.items if self.let_stand(item))
        if len(items) < len(answer.items):
            log.info("note %s: left out %d, as nobody reported what is denied there", self.note.id, len(answer.items) - len(items))
            if not items and not self.kept:
                raise NoAnswer
        return replace(answer, items=items)

    async def support(self, items: Sequence[Item], notes: Sequence[Note] = ()) -> tuple[Item, ...]:
        """The items with their evidence: what they have, what they have in `notes`, or what is found now."""
        known = {item.text: item.evidence for note in notes for item in note.items if item.evidence}
        carried = [item if item.evidence else replace(item, evidence=known.get(item.text, ())) for item in items]
        return await supported(self.note, self.language, self.described, carried)


async def ground(note: Note, language: Language, described: Sequence[Described], kept: Sequence[Item] = ()) -> Grounding:
    """The grounding of a note in a case's descriptions; of the `kept` items, those that counselors wrote count as reported, too."""
    said = [*(each.text for each in described), *(item.text for item in by_counselor(kept))]
    return Grounding(note, language, described, kept, await asyncio.to_thread(Denials, said))


async def supported(note: Note, language: Language, described: Sequence[Described], items: Sequence[Item]) -> tuple[Item, ...]:
    """The items of a note with their evidence; what they have already stays."""
    return await asyncio.to_thread(lambda: Grounds(described, note.id, language).support(items))
