"""Cases as training rows: a description and its note, edited notes, added information, summaries.

A case is a list of turns; the prompt of each answer is made by `inference.prompt`, the same code that serves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from inference.note import Language, NoteItem
from inference.prompt import Message, Turn, TurnKind, answered, build_prompt, handed_back, reported
from inference.safety import Risk
from training.demo.content import Content
from training.demo.grammar import Description, Writer, agrees, draw_description
from training.demo.notes import edited, final_note, fitting, full_note, missing_items, unique, with_more

NO_LIMIT = 10**9


class Step(StrEnum):
    """What happens next in a case."""

    EDIT = "edit"
    INFORM = "inform"
    SUMMARIZE = "summarize"


@dataclass(frozen=True)
class Exchange:
    """One turn of the counselor and the items that answer it."""

    turn: Turn
    answer: tuple[NoteItem, ...]


@dataclass(frozen=True)
class Row:
    """One training row: alternating messages, the last one the model's. `learn_all`: learn every answer, not the last alone."""

    messages: tuple[Message, ...]
    learn_all: bool = True


class Story:
    """A case in the making."""

    def __init__(self, content: Content, rng: Random, description: Description | None = None) -> None:
        self.content, self.rng = content, rng
        self.description = self.opening = description or draw_description(content, rng)
        self.known = fitting(content, self.description, rng)
        self.current: tuple[NoteItem, ...] = full_note(self.known, rng)
        self.shown = list(self.current)
        opening = reported(TurnKind.DESCRIPTION, self.description.text, self.language)
        self.exchanges = [Exchange(opening, self.current)]

    @property
    def language(self) -> Language:
        """The language of the case."""
        return self.description.language

    def take(self, step: Step) -> None:
        """Let one more thing happen."""
        steps: dict[Step, Callable[[], Exchange]] = {Step.EDIT: self._edit, Step.INFORM: self._inform, Step.SUMMARIZE: self._summarize}
        exchange = steps[step]()
        self.exchanges.append(exchange)
        self.shown = unique([*self.shown, *self.current])

    def turns(self) -> list[Turn]:
        """The case as turns, answers included."""
        return [turn for exchange in self.exchanges for turn in (exchange.turn, answered(exchange.answer))]

    def _edit(self) -> Exchange:
        listed = edited(self.current, self.description, self.content, self.rng)
        answer = missing_items(self.known, self.shown, listed)
        self.current = (*listed, *answer)
        return Exchange(handed_back(TurnKind.EDITED, listed, self.language), answer)

    def _inform(self) -> Exchange:
        writer = Writer(self.content, self.language, self.description.person, self.rng)
        told, risk = self._news(writer)
        text = self.rng.choice(self.content.phrases[self.language]["added"]).format(text=writer.finish(told))
        while not agrees(text, self.language, self.description.risk):
            text = writer.finish(writer.facts(2))
        self.known = replace(self.known, risk=self._risk(risk))
        answer = full_note(self.known, self.rng, standing=self.current)
        self.current = answer
        return Exchange(reported(TurnKind.INFORMATION, text, self.language), answer)

    def _news(self, writer: Writer) -> tuple[list[str], Risk | None]:
        """Sentences to add; the story then knows of the details that they tell."""
        unused = [aspect for aspect in self.description.part.aspects if aspect not in self.description.aspects]
        aspects = self.rng.sample(unused, min(len(unused), self.rng.choice((1, 1, 2))))
        told = [writer.detail(aspect) for aspect in aspects] or writer.facts(2)
        risk = None
        if self.description.risk is None and self.rng.random() < 0.15:
            risk = self.rng.choice(tuple(Risk))
            told.insert(self.rng.randint(0, len(told)), writer.mention(self.content.risks[risk][self.language]))
        self.description = with_more(self.description, aspects, risk)
        detail = tuple(item for aspect in aspects for item in aspect.items)
        self.known = replace(self.known, detail=(*detail, *self.known.detail))
        return told, risk

    def _risk(self, new: Risk | None) -> tuple[NoteItem, ...]:
        return fitting(self.content, self.description, self.rng).risk if new else self.known.risk

    def _summarize(self) -> Exchange:
        listed = tuple(unique([*self.current, *(item for item in self.shown if self.rng.random() < 0.5)]))
        answer = final_note(self.known, listed)
        return Exchange(handed_back(TurnKind.SUMMARIZE, listed, self.language), answer)


def note_row(content: Content, rng: Random) -> Row:
    """A description and its note."""
    return case_row(Story(content, rng))


def short_case_row(content: Content, rng: Random) -> Row:
    """A description, its note, and one thing that follows."""
    story = Story(content, rng)
    story.take(rng.choices((Step.EDIT, Step.INFORM, Step.SUMMARIZE), (4, 3, 5))[0])
    return case_row(story)


def long_case_row(content: Content, rng: Random, steps: int) -> Row:
    """A case of many turns, with a summary at its end more often than not."""
    story = Story(content, rng)
    for _ in range(steps):
        story.take(rng.choices((Step.EDIT, Step.INFORM), (3, 2))[0])
    if rng.random() < 0.6:
        story.take(Step.SUMMARIZE)
    return case_row(story)


def case_row(story: Story) -> Row:
    """The whole case as one row, every answer to be learned."""
    turns = story.turns()
    prompt = build_prompt(turns[:-1], story.language, NO_LIMIT)
    return Row((*prompt.messages, Message(role="assistant", content=turns[-1].text)))


def windowed_row(content: Content, rng: Random, count: Callable[[str], int], budget: int) -> Row:
    """A long case of which early turns no longer fit into `budget` tokens: only the last answer is learned."""
    story = Story(content, rng)
    for _ in range(rng.randint(5, 8)):
        story.take(rng.choices((Step.EDIT, Step.INFORM, Step.SUMMARIZE), (4, 3, 1))[0])
    turns = [Turn(turn.kind, turn.text, count(turn.text)) for turn in story.turns()]
    prompt = build_prompt(turns[:-1], story.language, budget)
    return Row((*prompt.messages, Message(role="assistant", content=turns[-1].text)), learn_all=False)
