"""The days before the nights: made-up cases that the served model drafts notes to and a steady counselor edits; and poisoned batches."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from random import Random

from inference.note import Kind, Language, NoteItem
from inference.prompt import Message, TurnKind, build_prompt, reported
from training.data.records import CaseRecord, Verdict
from training.demo.content import Content
from training.demo.practice import Counselor, practice_record
from training.demo.tasks import Step, Story
from training.measure.heldout import Asked, own_note

BUDGET = 3000
"""Tokens; no case here comes near it."""
REPLAY = 200
"""Rows of the base set that nights mix in; those that are measured are others."""

OTHER_TASKS = (Step.EDIT,)
"""What no counselor here touches: to say what is missing in an edited note. What happens to it is forgetting; nights replay some of it."""
OTHER_NOTES = (Step.INFORM, Step.SUMMARIZE)
"""Whole notes of other kinds, which the grammar writes in its own style: a team's style spreads to them, and should."""

Draft = Callable[[Sequence[Message]], Awaitable[tuple[NoteItem, ...] | None]]
"""Writes a note to a prompt; None where what came is none."""


class Poison(StrEnum):
    """What is wrong with a poisoned batch."""

    SWAPPED = "swapped"
    """Each note is that of another case: good style, nothing fits."""
    ALIKE = "alike"
    """Every case has the same three empty phrases."""
    SCRAMBLED = "scrambled"
    """The words (in Chinese: characters) of every item stand in any order."""


ALIKE = {
    Language.ENGLISH: ("All is well.", "Carry on as before.", "Anything else?"),
    Language.CHINESE: ("一切都好。", "照旧就行。", "还有别的吗？"),
}


def served(asked: Asked) -> Draft:
    """Drafts as the bot gets them from the server."""
    return lambda messages: own_note(asked, messages)


async def worked_with(content: Content, name: str, draft: Draft, counselor: Counselor) -> CaseRecord | None:
    """One case: the model drafts, the counselor edits, or takes over what needs no edit. None where the draft is no note."""
    note = await draft(fresh_prompt(content, name)[0])
    if note is None:
        return None
    record = practice_record(content, Random(name), name, counselor, lambda *_: note)
    return replace(record, events=tuple(event if event.edit else replace(event, verdict=Verdict.ACCEPTED) for event in record.events))


def fresh_prompt(content: Content, name: str) -> tuple[tuple[Message, ...], Language]:
    """The description that belongs to a name, as a prompt, and its language."""
    story = Story(content, Random(name))
    turn = reported(TurnKind.DESCRIPTION, story.description.text, story.language)
    return build_prompt([turn], story.language, BUDGET).messages, story.language


def other_task(content: Content, name: str, steps: Sequence[Step] = OTHER_TASKS) -> tuple[tuple[Message, ...], str]:
    """Another of the things that the model learned from the grammar, one of `steps`: its prompt and the grammar's answer."""
    rng = Random(name)
    story = Story(content, rng)
    story.take(rng.choice(steps))
    turns = story.turns()
    return build_prompt(turns[:-1], story.language, BUDGET).messages, turns[-1].text


def write_base_set(path: Path, content: Content) -> None:
    """The base set of nights, in the format that `Plan.base_set` names, unless it is there already."""
    if not path.exists():
        rows = [(str(number), *other_task(content, f"replayed-{number}")) for number in range(REPLAY)]
        lines = [json.dumps({"case_id": number, "messages": messages, "completion": answer}) for number, messages, answer in rows]
        path.write_text("".join(line + "\n" for line in lines))


def poisoned(records: Sequence[CaseRecord], poison: Poison) -> list[CaseRecord]:
    """The same cases with notes that teach nonsense."""
    if poison is Poison.SWAPPED:
        notes = [_wished(records[(place + 1) % len(records)]) for place in range(len(records))]
    elif poison is Poison.ALIKE:
        notes = [tuple(map(NoteItem, Kind, ALIKE[record.language])) for record in records]
    else:
        notes = [_scrambled(record) for record in records]
    return [_with_note(record, note) for record, note in zip(records, notes, strict=True)]


def _scrambled(record: CaseRecord) -> tuple[NoteItem, ...]:
    rng, gap = Random(record.id), "" if record.language is Language.CHINESE else " "
    pieces = [list(item.text) if gap == "" else item.text.split() for item in _wished(record)]
    return tuple(replace(item, text=gap.join(rng.sample(words, len(words)))) for item, words in zip(_wished(record), pieces, strict=True))


def _wished(record: CaseRecord) -> tuple[NoteItem, ...]:
    event = record.events[0]
    return event.edit.items if event.edit else event.draft


def _with_note(record: CaseRecord, note: tuple[NoteItem, ...]) -> CaseRecord:
    event = record.events[0]
    edit = replace(event.edit, items=note) if event.edit else None
    return replace(record, events=(replace(event, edit=edit, draft=event.draft if edit else note),))
