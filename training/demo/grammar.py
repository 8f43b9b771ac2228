"""The grammar: how counselors describe a problem, in many styles, from the content files.

Everything is drawn from one `random.Random`, so that a seed fixes every word.
"""

import re
from dataclasses import dataclass, field
from random import Random

from inference.note import Language
from inference.safety import Risk, mentioned_risk
from training.demo.content import Aspect, Content, Part, Problem, RiskPart
from training.demo.noise import noisy, spliced, without_marks

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
DECADES = ("twenties", "thirties", "forties", "fifties", "sixties")


@dataclass(frozen=True)
class Person:
    """Whom a description is about: the words that refer to this person."""

    words: dict[str, str]

    def fill(self, template: str, **more: str) -> str:
        """`template` with its placeholders replaced; an unknown placeholder raises KeyError."""
        return template.format(**self.words, **more)


@dataclass(frozen=True)
class Description:
    """A description and what it is about, which is all that the note needs."""

    problem: Problem
    language: Language
    person: Person
    text: str = field(repr=False)
    aspects: tuple[Aspect, ...] = ()
    risk: Risk | None = None

    @property
    def part(self) -> Part:
        """The problem in the language of the description."""
        return self.problem.parts[self.language]


def a_person(content: Content, language: Language, rng: Random) -> Person:
    """Somebody of random age, sex and occupation."""
    female, phrases = rng.random() < 0.55, content.phrases[language]
    english = ("she", "her", "her", "herself") if female else ("he", "his", "him", "himself")
    he, his, him, himself = english if language is Language.ENGLISH else (("她",) * 4 if female else ("他",) * 4)
    sex = ("F" if female else "M") if language is Language.ENGLISH else ("女" if female else "男")
    age = str(rng.randint(16, 78))
    words = {"he": he, "his": his, "him": him, "himself": himself, "He": he.capitalize(), "His": his.capitalize(), "sex": sex, "age": age}
    return Person({**words, "job": rng.choice(phrases["jobs"]), "n": str(rng.randint(2, 9)), "decade": rng.choice(DECADES)})


def describe(content: Content, problem: Problem, language: Language, rng: Random) -> Description:
    """A description of `problem` in a random style; about one in four mentions a risk."""
    person = a_person(content, language, rng)
    part, writer = problem.parts[language], Writer(content, language, person, rng)
    aspects = tuple(rng.sample(part.aspects, rng.choice((0, 0, 0, 1, 1, 2))))
    styles = (writer.plain, writer.telegraphic, writer.long, writer.framed, writer.terse, writer.mosaic, writer.free)
    style = rng.choices(styles, (4, 4, 2, 3, 2, 3, 7))[0]
    sentences, aspects = style(part, aspects)
    risk = problem.risk
    if risk is None and rng.random() < content.risk:
        risk = rng.choice(tuple(Risk))
        sentences.insert(rng.randint(0, len(sentences)), writer.mention(content.risks[risk][language]))
    return Description(problem, language, person, writer.finish(sentences), aspects, risk)


class Writer:
    """Sentences about one person in one language."""

    def __init__(self, content: Content, language: Language, person: Person, rng: Random) -> None:
        self.phrases, self.language, self.person, self.rng = content.phrases[language], language, person, rng

    def plain(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """One or two complaints, the details, a few other facts."""
        told = self._complaints(part, self.rng.randint(1, 2)) + self._details(aspects)
        return told + self.facts(self.rng.randint(0, 3)), aspects

    def long(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """An account of ten or more sentences."""
        told = self._complaints(part, self.rng.randint(2, 4)) + self._details(aspects) + self.facts(self.rng.randint(3, 6))
        opening, rest = told[:1], told[1:]
        self.rng.shuffle(rest)
        return [self._filled("openings"), *opening, *rest, self._filled("asks")], aspects

    def terse(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """A single complaint, perhaps with one detail."""
        return self._complaints(part, 1) + self._details(aspects[:1]), aspects[:1]

    def telegraphic(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """Notes in fragments."""
        words = self.rng.sample(part.keywords, self.rng.randint(2, 7))
        if self.rng.random() < 0.2:
            words.insert(0, part.topic)
        comma = "，" if self.language is Language.CHINESE else self.rng.choice((", ", ", ", "; ", " / ", ". "))
        subject = self._filled("notes_subjects")
        lead = subject + self.rng.choice(("：", "，", "。") if self.language is Language.CHINESE else (": ", ", ", ". ", " - "))
        return [lead + comma.join(words) + self._stop(), *self._details(aspects), *self.facts(self.rng.randint(0, 2))], aspects

    def framed(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """Keywords within a sentence, with or without a complaint."""
        k1, k2, k3 = self.rng.sample(part.keywords, 3)
        frame = self.person.fill(self._phrase("frames"), who=self._subject(), topic=part.topic, k1=k1, k2=k2, k3=k3)
        told = [frame, *self._complaints(part, self.rng.randint(0, 1)), *self._details(aspects)]
        return told + self.facts(self.rng.randint(0, 3)), aspects

    def mosaic(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """Halves of complaints and loose keywords: no sentence that was seen before."""
        first, second, third = self._complaints(part, 3)
        told = [spliced(first, second, self.language, self.rng), *self._details(aspects)]
        told += [spliced(third, self.rng.choice(part.keywords) + self._stop(), self.language, self.rng)] * self.rng.randint(0, 1)
        return told + self.facts(self.rng.randint(0, 2)), aspects

    def free(self, part: Part, aspects: tuple[Aspect, ...]) -> tuple[list[str], tuple[Aspect, ...]]:
        """Sentences of one or two accounts, more often than not all of one, perhaps with a detail and other facts."""
        told = sentences_of(self.rng.choice(part.accounts))
        roll = self.rng.random()
        if roll < 0.25:
            told += self.rng.sample(other := sentences_of(self.rng.choice(part.accounts)), self.rng.randint(1, len(other)))
        elif roll < 0.5:
            told = [told[place] for place in sorted(self.rng.sample(range(len(told)), (len(told) + 1) // 2))]
        return told + self._details(aspects[:1]) + self.facts(self.rng.choice((0, 0, 1, 2))), aspects[:1]

    def fragment(self, part: Part) -> list[str]:
        """A complaint, or a few keywords, or a sentence or two of an account, or a detail or two, and nothing else."""
        comma = "，" if self.language is Language.CHINESE else ", "
        roll = self.rng.random()
        if roll < 0.3:
            return self._complaints(part, 1)
        if roll < 0.55:
            return [comma.join(self.rng.sample(part.keywords, self.rng.randint(1, 4)))]
        if roll < 0.85:
            return sentences_of(self.rng.choice(part.accounts))[-2:]
        return self._details(tuple(self.rng.sample(part.aspects, 2)))

    def mention(self, risk: RiskPart) -> str:
        """One sentence or fragment that mentions a risk."""
        if self.rng.random() < 0.25:
            return self._sentence(self.person.fill(self.rng.choice(risk.keywords)))
        return self.person.fill(self.rng.choice(risk.mention))

    def contrast(self) -> str:
        """One sentence whose words stand near danger, without any."""
        return self._filled("contrast")

    def detail(self, aspect: Aspect) -> str:
        """One way to say this detail, now and then introduced by a few words."""
        said = self.person.fill(self.rng.choice(aspect.say), who=self.person.words["He"])
        if self.rng.random() < 0.15:
            link = self._filled("links")
            said = link + (said[0].lower() + said[1:] if said.startswith(("He ", "She ", "His ", "Her ")) else said)
        return said

    def finish(self, sentences: list[str]) -> str:
        """Sentences as one text, in half of the cases with the slips of real typing."""
        gap = "" if self.language is Language.CHINESE else " "
        text = gap.join(self._sentence(one) for one in sentences if one)
        roll = self.rng.random()
        if roll < 0.55:
            text = noisy(text, self.language, self.rng, self.rng.choice((0.03, 0.06, 0.1, 0.2)))
        if self.rng.random() < 0.1:
            text = without_marks(text, self.language, self.rng)
        return text

    def _complaints(self, part: Part, count: int) -> list[str]:
        chosen = self.rng.sample(part.complaint, count)
        subjects = [self._subject(), *[self.person.words["He"]] * (count - 1)]
        return [self._complaint(one, who) for one, who in zip(chosen, subjects, strict=False)]

    def _complaint(self, template: str, who: str) -> str:
        if self.language is Language.ENGLISH and not template.startswith("{who}"):
            who = "the client" if who == self.person.words["He"] else who[:1].lower() + who[1:].rstrip(",")
        return self.person.fill(template, who=who)

    def _details(self, aspects: tuple[Aspect, ...]) -> list[str]:
        return [self.detail(aspect) for aspect in aspects]

    def facts(self, count: int) -> list[str]:
        """Neutral facts: since when, how bad, what else is going on."""
        kinds = ("onset", "onset", "severity", "context", "context", "history", "strengths", "cautions", "contrast", "contrast")
        return [self._filled(kind) for kind in self.rng.sample(kinds, count)]

    def _subject(self) -> str:
        return self._filled("subjects")

    def _filled(self, kind: str) -> str:
        return self.person.fill(self._phrase(kind))

    def _phrase(self, kind: str) -> str:
        return self.rng.choice(self.phrases[kind])

    def _sentence(self, text: str) -> str:
        text = text.strip()
        stops = ("。", "！", "？", "”", "」") if self.language is Language.CHINESE else (".", "!", "?", "'", '"')
        return text[:1].upper() + text[1:] + ("" if text.endswith(stops) else self._stop())

    def _stop(self) -> str:
        return "。" if self.language is Language.CHINESE else "."


def sentences_of(text: str) -> list[str]:
    """A text cut after the marks that end a sentence."""
    return [one.strip() for one in SENTENCE_END.split(text) if one.strip()]


def draw_problem(content: Content, rng: Random) -> tuple[Problem, Language]:
    """A random problem and language."""
    return rng.choice(content.problems), Language.ENGLISH if rng.random() < content.english else Language.CHINESE


def draw_description(content: Content, rng: Random) -> Description:
    """A random description of a random problem."""
    while True:
        problem, language = draw_problem(content, rng)
        description = describe(content, problem, language, rng)
        if agrees(description.text, language, description.risk):
            return description


def agrees(text: str, language: Language, risk: Risk | None) -> bool:
    """Whether the prompt would point out no danger where none is meant: the model must be able to trust it."""
    return risk is not None or mentioned_risk(text, language) is None
