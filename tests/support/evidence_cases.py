"""Labelled cases for `bot.domain.evidence`: descriptions and items by the demo's grammar, which knows what each item rests on."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bot.domain.evidence import Described, Grounds, Source
from inference.note import Kind, Language, NoteItem
from training.demo.content import Content, Problem, load_content
from training.demo.grammar import describe
from training.demo.notes import fitting, full_note

STRANGERS = 3
"""Items of a problem that the case does not have, for each note."""


@dataclass(frozen=True)
class Labelled:
    """An item of the note that answers the description `answered`, and the description it rests on; None: on none."""

    item: NoteItem
    answered: str
    rests_on: str | None


@dataclass(frozen=True)
class LabelledCase:
    """Descriptions of as many problems, and items to judge."""

    described: tuple[Described, ...]
    items: tuple[Labelled, ...]


@dataclass(frozen=True)
class Figures:
    """How well links were found. Of links: how many are right; of supported items: how many have theirs; of others: how many have none."""

    links: int
    right_links: int
    supported: int
    found: int
    unsupported: int
    left_alone: int

    def __str__(self) -> str:
        precision, recall, alone = (
            100 * part / max(whole, 1)
            for part, whole in ((self.right_links, self.links), (self.found, self.supported), (self.left_alone, self.unsupported))
        )
        told = f"links right {precision:.0f} %, supported items linked {recall:.0f} % of {self.supported}"
        return f"{told}, others marked general {alone:.0f} % of {self.unsupported}"


def halves(content: Content) -> tuple[list[Problem], list[Problem]]:
    """The problems to tune on, and those to measure with."""
    problems = sorted(content.problems, key=lambda problem: problem.id)
    Random(7).shuffle(problems)
    return problems[: len(problems) // 2], problems[len(problems) // 2 :]


def labelled_cases(problems: list[Problem], language: Language, count: int, seed: int) -> Iterator[LabelledCase]:
    """Cases of one to eight descriptions, each of another problem."""
    content, rng = load_content(), Random(seed)
    for _ in range(count):
        chosen = rng.sample(problems, rng.choice((1, 2, 3, 4, 6, 8)))
        descriptions = [describe(content, problem, language, rng) for problem in chosen]
        described = [Described(Source(f"{place}.0", f"note-{place}"), description.text) for place, description in enumerate(descriptions)]
        items: list[Labelled] = []
        for each, description in zip(described, descriptions, strict=True):
            items += [Labelled(item, each.source.id, each.source.id) for item in full_note(fitting(content, description, rng), rng)]
            stranger = rng.choice([problem for problem in problems if problem not in chosen])
            items += [Labelled(item, each.source.id, None) for item in rng.sample(stranger.parts[language].items, STRANGERS)]
            items.append(Labelled(NoteItem(Kind.ADVICE, rng.choice(content.phrases[language]["counselor"])), each.source.id, None))
        yield LabelledCase(tuple(described), tuple(items))


def measured(cases: Iterator[LabelledCase], language: Language) -> Figures:
    """What `Grounds` makes of labelled cases."""
    links = right = supported = found = unsupported = alone = 0
    for case in cases:
        grounds = {each.source.id: Grounds(case.described, each.source.note_id, language) for each in case.described}
        for labelled in case.items:
            named = grounds[labelled.answered].evidence(labelled.item.text)
            links, right = links + len(named), right + (labelled.rests_on in named)
            if labelled.rests_on is None:
                unsupported, alone = unsupported + 1, alone + (not named)
            else:
                supported, found = supported + 1, found + (labelled.rests_on in named)
    return Figures(links, right, supported, found, unsupported, alone)
