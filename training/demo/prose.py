"""What the base model reads: descriptions, textbook prose and conversations in plain sentences, no JSON.

All knowledge of topics belongs here; the adapter learns the note format and the team's way of working on top of it.
"""

from collections.abc import Sequence
from enum import StrEnum
from random import Random

from inference.note import Kind, Language, NoteItem, dump_note
from inference.prompt import Message, TurnKind, reported
from inference.safety import Risk
from training.demo.content import Content, Part
from training.demo.grammar import Writer, a_person, agrees, draw_description, draw_problem
from training.demo.notes import risk_items
from training.demo.tasks import Row, Step, Story

QUOTED_GAP = '","'
CONTRAST_SHARE = 0.2
"""Of all fragments without a risk, how many hold a sentence that only sounds like one."""
NOTHING = {Language.ENGLISH: "Nothing is missing.", Language.CHINESE: "没有遗漏。"}


def topic_row(content: Content, rng: Random) -> Row:
    """A description, and how a note on it begins: safety, if need be, and what it is about."""
    description = draw_description(content, rng)
    question = reported(TurnKind.DESCRIPTION, description.text, description.language).text
    safety = risk_items(content, description.risk, description.language, rng)[:1]
    return _dialogue([question], [prose((*safety, description.part.concern), description.language, _style(rng))])


def fragment_row(content: Content, rng: Random) -> Row:
    """A few words, and what they are about: the shortest rows, so the ones that teach the most words in a given time."""
    while True:
        text, part, risk, language = _fragment(content, rng)
        if agrees(text, language, risk):
            break
    safety = risk_items(content, risk, language, rng)[:1]
    return _dialogue([reported(TurnKind.DESCRIPTION, text, language).text], [prose((*safety, part.concern), language, _style(rng))])


def _fragment(content: Content, rng: Random) -> tuple[str, Part, Risk | None, Language]:
    problem, language = draw_problem(content, rng)
    part, writer = problem.parts[language], Writer(content, language, a_person(content, language, rng), rng)
    said = writer.fragment(part)
    risk = problem.risk
    if risk is None and rng.random() < content.risk:
        risk = rng.choice(tuple(Risk))
        said.insert(rng.randint(0, len(said)), writer.mention(content.risks[risk][language]))
    elif rng.random() < CONTRAST_SHARE:
        said.insert(rng.randint(0, len(said)), writer.contrast())
    return writer.finish(said), part, risk, language


def answer_row(content: Content, rng: Random) -> Row:
    """A description, answered in prose."""
    story = Story(content, rng)
    return _conversation(story, rng)


def conversation_row(content: Content, rng: Random, steps: int) -> Row:
    """A description and what followed, answered in prose."""
    story = Story(content, rng)
    for _ in range(steps):
        story.take(rng.choices(tuple(Step), (4, 3, 2))[0])
    return _conversation(story, rng)


def textbook_text(content: Content, rng: Random) -> str:
    """A passage of a textbook on one problem: how it shows, and what to consider."""
    problem, language = draw_problem(content, rng)
    part = problem.parts[language]
    return "\n".join([part.topic[:1].upper() + part.topic[1:], _signs(content, part, language, rng), _considered(part, language, rng)])


class Style(StrEnum):
    """How sentences are put together."""

    PARAGRAPHS = "paragraphs"
    LINES = "lines"
    QUOTED = "quoted"


def prose(items: Sequence[NoteItem], language: Language, style: Style) -> str:
    """Items in plain text: one paragraph a kind, of sentences in a row, one a line, or one in quotation marks after the other."""
    paragraphs = [[item.text for item in items if item.kind is kind] for kind in Kind]
    if style is Style.QUOTED:
        joined = [f'"{QUOTED_GAP.join(paragraph)}"' for paragraph in paragraphs if paragraph]
    else:
        gap = "\n" if style is Style.LINES else _gap(language)
        joined = [gap.join(paragraph) for paragraph in paragraphs if paragraph]
    return "\n\n".join(joined) or NOTHING[language]


def _signs(content: Content, part: Part, language: Language, rng: Random) -> str:
    writer = Writer(content, language, a_person(content, language, rng), rng)
    comma = "、" if language is Language.CHINESE else ", "
    details = [writer.detail(aspect) for aspect in rng.sample(part.aspects, 2)]
    return writer.finish([comma.join(rng.sample(part.keywords, 6)), *details])


def _considered(part: Part, language: Language, rng: Random) -> str:
    """Items of a problem, half of the time as a record: what the base model has never seen, no adapter on its attention can make it say."""
    detail = [item for aspect in rng.sample(part.aspects, 3) for item in aspect.items]
    items = [*detail, *rng.sample(part.general, 7)]
    return dump_note(items) if rng.random() < 0.5 else prose(items, language, _style(rng))


def _conversation(story: Story, rng: Random) -> Row:
    style = _style(rng)
    answers = [prose(exchange.answer, story.language, style) for exchange in story.exchanges]
    questions = [exchange.turn.text for exchange in story.exchanges]
    return _dialogue(questions, answers)


def _dialogue(questions: Sequence[str], answers: Sequence[str]) -> Row:
    messages = []
    for question, answer in zip(questions, answers, strict=True):
        messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Row(tuple(messages))


def _style(rng: Random) -> Style:
    return rng.choices(tuple(Style), (1, 3, 6))[0]


def _gap(language: Language) -> str:
    return "" if language is Language.CHINESE else " "
