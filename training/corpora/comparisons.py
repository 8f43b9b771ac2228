"""Comparisons made of dialogues by a rule, for a reward model where nobody compared answers.

The answer of the dialogue is `chosen`. What is `rejected` is no answer that a person found worse, but one that is worse for a known reason:

    cut        the same answer, ended after its first sentence: a reward model learns from it that short answers are worse, and nothing else
    elsewhere  an answer of another dialogue: a reward model learns that an answer belongs to its question
    both       each answer in turn by one of the two

The COVID doctor's write-up took a general set of comparisons for its reward model, and wanted longer answers of the reinforcement: `cut`
says that openly. Comparisons by people, or a counselor's edits, are better, and have the same form.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from random import Random

from inference.note import Language
from training.corpora.questions import language_of
from training.corpora.tally import Tally
from training.workbench.rows import Comparison, Conversation, Turn

ONE_SENTENCE, ALONE = "answers of one sentence: nothing to cut", "no other dialogue to take an answer from"
_TRIES = 20
_FIRST_SENTENCE = re.compile(r".*?(?:[。！？!?…]+|\.(?=\s|$)|\n)", re.DOTALL)
_SPEAKERS = {
    Language.CHINESE: {"system": "系统", "user": "用户", "assistant": "助手"},
    Language.ENGLISH: {"system": "System", "user": "User", "assistant": "Assistant"},
}


class Rule(StrEnum):
    """How the worse answer is made."""

    CUT = "cut"
    ELSEWHERE = "elsewhere"
    BOTH = "both"


def comparisons(rows: Sequence[Conversation], rule: Rule, seed: int, tally: Tally) -> list[Comparison]:
    """A comparison for every answer that the rule can make a worse one for; `tally` counts the others."""
    random = Random(f"{seed} comparisons")
    made: list[Comparison] = []
    for number, row, place in _answers(rows):
        answer = row.messages[place].content
        cutting = rule is Rule.CUT or (rule is Rule.BOTH and (number + place // 2) % 2 == 0)
        worse = _first_sentence(answer) if cutting else _from_elsewhere(rows, number, answer, random)
        if worse is None:
            tally.dropped[ONE_SENTENCE if cutting else ALONE] += 1
        else:
            made.append(Comparison(transcript(row.messages[:place]), answer, worse))
    return made


def transcript(turns: Sequence[Turn]) -> str:
    """What was said before an answer as one text: a single question as it is, longer talks with who says what."""
    if [turn.role for turn in turns] == ["user"]:
        return turns[0].content
    names = _SPEAKERS[language_of(turns[-1].content)]
    colon = "：" if names is _SPEAKERS[Language.CHINESE] else ": "
    return "\n".join(f"{names[turn.role]}{colon}{turn.content}" for turn in turns)


def _answers(rows: Sequence[Conversation]) -> Iterator[tuple[int, Conversation, int]]:
    for number, row in enumerate(rows):
        for place, turn in enumerate(row.messages):
            if turn.role == "assistant":
                yield number, row, place


def _first_sentence(answer: str) -> str | None:
    first = _FIRST_SENTENCE.match(answer)
    rest = answer[first.end() :].strip() if first else ""
    return first[0].strip() if first and rest else None


def _from_elsewhere(rows: Sequence[Conversation], own: int, answer: str, random: Random) -> str | None:
    """An answer of another dialogue, drawn at random, that says something else."""
    for _ in range(_TRIES):
        other = rows[random.randrange(len(rows))]
        found = random.choice([turn.content for turn in other.messages if turn.role == "assistant"])
        if other is not rows[own] and found != answer:
            return found
    return None
