"""Practice cases: what a counselor with a steady hand would have made of the demo model's notes.

No real case is in them: descriptions come from the grammar, and the counselor is a few rules. They show that a night learns a team's style
before a team has cases of its own, and they are what the simulation of many nights works with. Their ids begin with `practice-`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

from inference.note import Kind, Language, NoteItem
from inference.prompt import Turn, TurnKind, answered, reported
from training.data.records import AnswerEvent, CaseRecord, Consent, Edit
from training.demo.content import Content
from training.demo.grammar import Description
from training.demo.tasks import Story

Drafter = Callable[[Description, Turn], Sequence[NoteItem]]
"""Who writes the first note to a description."""

BEGAN = datetime(2026, 1, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Counselor:
    """A style: few items of each kind, advice that asks first, and one question which closes every note; where a text is empty, neither."""

    most_per_kind: int
    offer: dict[Language, str]
    closing: dict[Language, str]

    def wishes(self, draft: Sequence[NoteItem], language: Language) -> tuple[NoteItem, ...]:
        """The note as this counselor would have it; a note that is so already stays as it is."""
        wished: list[NoteItem] = []
        for kind in Kind:
            items = [item for item in draft if item.kind is kind and item.text != self.closing[language]][: self.most_per_kind]
            wished += [self._offered(item, language) for item in items] if kind is Kind.ADVICE else items
        return (*wished, NoteItem(Kind.QUESTION, self.closing[language])) if self.closing[language] else tuple(wished)

    def _offered(self, item: NoteItem, language: Language) -> NoteItem:
        offer = self.offer[language]
        if item.text.startswith(offer):
            return item
        first = item.text[:1].lower() if language is Language.ENGLISH else item.text[:1]
        return replace(item, text=offer + first + item.text[1:])


STEADY = Counselor(
    most_per_kind=2,
    offer={Language.ENGLISH: "If the client agrees: ", Language.CHINESE: "征得同意后："},
    closing={Language.ENGLISH: "What matters most to you for our next meeting?", Language.CHINESE: "下次见面，你最想谈什么？"},
)


NO_WORDS = dict.fromkeys(Language, "")
BRIEF = Counselor(most_per_kind=2, offer=NO_WORDS, closing=NO_WORDS)
"""Only fewer items, no words of their own: a style that a model of 8 million parameters can take on from few notes without harm."""


def practice_record(content: Content, rng: Random, name: str, counselor: Counselor, draft_of: Drafter | None = None) -> CaseRecord:
    """One case: a description, a note, and the counselor's version of it. Without `draft_of` the note is the one that the grammar gives."""
    story = Story(content, rng)
    asked = reported(TurnKind.DESCRIPTION, story.description.text, story.language)
    draft = tuple(draft_of(story.description, asked) if draft_of else story.current)
    wished = counselor.wishes(draft, story.language)
    edit = None if wished == draft else Edit(wished, "practice", BEGAN)
    event = AnswerEvent(f"{name}-note", 0, draft, BEGAN, edit=edit)
    return CaseRecord(name, story.language, Consent("practice", BEGAN), (), (asked, answered(draft)), (event,))


def practice_records(content: Content, count: int, seed: int, counselor: Counselor = STEADY) -> list[CaseRecord]:
    """So many practice cases; the same seed gives the same ones."""
    rng = Random(seed)
    return [practice_record(content, rng, f"practice-{seed}-{number:04d}", counselor) for number in range(count)]
