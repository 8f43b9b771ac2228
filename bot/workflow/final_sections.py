"""What a session's final note holds beside the items that the model wrote and the counselors' own.

The plan is carried forward: advice of the last approved final note that nothing in the new one replaces, word for word and marked. And a
format with a section for it gets what the session's descriptions said, in their own words.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.note import Item, Note, Origin, Purpose, same_text
from bot.domain.reading import Reading
from bot.workflow.ports import Store, UnitOfWork
from inference.note import Kind, clean_text
from inference.prompt import TurnKind

LINE_CHARS = 1000
"""A line of a message that is longer is broken: a field of a modal holds 3,000 characters, and nobody corrects a page in one line."""
_SENTENCE = re.compile(r".+?(?:[。！？]+[”’」』）]*|[.!?]+[\"”’)]*(?=\s)|$)\s*")


async def completed(store: Store, note: Note, items: Sequence[Item]) -> tuple[Item, ...]:
    """The items of a final note that is drafted, or written again, with what belongs in it besides."""
    async with store.begin() as uow:
        notes = await uow.notes(note.case_id)
        reported = await session_lines(uow, note.case_id, notes) if note.format and note.format.reported else ()
    whole = [*items, *await asyncio.to_thread(carried_forward, note, notes, items)]
    order = list(Kind)
    whole.sort(key=lambda item: order.index(item.kind))
    if note.format is None or note.format.reported is None:
        return tuple(whole)
    key = note.format.reported
    known = {*note.dropped_texts(), *(item.text for item in whole if item.section == key)}
    lines = [Item(Kind.ANALYSIS, text, Origin.COUNSELOR, section=key) for text in dict.fromkeys(reported) if text not in known]
    return (*whole, *lines)


def carried_forward(note: Note, notes: Sequence[Note], items: Sequence[Item]) -> tuple[Item, ...]:
    """What goes on from the last approved final note into this one, which has these items so far.

    That is its advice, and counselors' own lines in sections that are carried, where both notes have such a section. What says the same as
    an item of the new note is replaced by it; what somebody took out of the new note, or of another draft since, does not come back.
    """
    approved = [index for index, each in enumerate(notes) if each.purpose is Purpose.SUMMARY and each.approval]
    if not approved:
        return ()
    last, since = notes[approved[-1]], notes[approved[-1] + 1 :]
    dropped = {text for each in (*since, note) if each.purpose is Purpose.SUMMARY for text in each.dropped_texts()}
    keys = {section.key for section in note.format.sections if section.carried} if note.format else set()
    goes_on = [item for item in last.items if (item.section in keys if item.section else item.kind is Kind.ADVICE)]
    return tuple(
        replace(item, carried=True)
        for item in goes_on
        if item.text not in dropped and not any(same_text(item.text, other.text) for other in items)
    )


async def session_lines(uow: UnitOfWork, case_id: str, notes: Sequence[Note]) -> tuple[str, ...]:
    """What counselors reported since the last approved final note was asked for, line by line, each message in its newest version."""
    turns = await uow.stored_turns(case_id)
    approved = {each.id for each in notes if each.purpose is Purpose.SUMMARY and each.approval}
    asked = [index for index, stored in enumerate(turns) if stored.note_id in approved and stored.turn.kind is TurnKind.SUMMARIZE]
    begin = asked[-1] + 1 if asked else 0
    told = [stored.source_ts for stored in turns[begin:] if stored.turn.kind in {TurnKind.DESCRIPTION, TurnKind.INFORMATION}]
    lines: list[str] = []
    for source_ts in dict.fromkeys(ts for ts in told if ts):
        report = await uow.report(case_id, source_ts)
        if report and report.reading is not Reading.EDITED:
            lines += lines_of(report.text)
    return tuple(lines)


def lines_of(text: str) -> list[str]:
    """A message as the lines that stand in a final note."""
    return [line for raw in text.splitlines() if (cleaned := clean_text(raw)) for line in broken(cleaned)]


def broken(text: str, limit: int = LINE_CHARS) -> list[str]:
    """A long paragraph as lines of at most `limit` characters, each of whole sentences; one sentence above that stays whole."""
    lines = [""]
    for sentence in _SENTENCE.findall(text):
        if lines[-1] and len(lines[-1]) + len(sentence.rstrip()) > limit:
            lines.append("")
        lines[-1] += sentence
    return [line.strip() for line in lines]
