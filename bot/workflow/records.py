"""The bot's side of a night: every case that has consent now, as the training package takes it over.

What a record says of an answer follows from what was stored with it:

    asked      the turn right before the answer's own: a channel's acts are worked off one at a time
    kept       after an edited note, all that was handed back; else the counselors' and the kept items among the answer's revision
    draft      the rest of that revision: what people saw of the model's words
    edit       the newest note handed back, or left by taps on its lines, before the model answered again
    reason     the newest that was stated of such an edit, else of the draft; none where no word was changed
    verdict    approved or accepted, exactly that revision, or the edit that followed it

A message that was edited, deleted or joined with another stands in the turns as it is now, and answers to what it was are gone from
them with their events. `CaseRecord.rewritten` says so, for the datasets of earlier nights.

A reply that was read one way and then another counts as it was read last. The answer to the wrong reading is left out, and what came
after it is not taken for an edit of what came before. Answers from before turns knew their revisions are left out where it can't be told.

A case that can't be decrypted is left out and counted. Whether it has consent is sealed too, so it counts as a case without.
"""

import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.case import CaseFile, consent_now
from bot.domain.editing import Edits
from bot.domain.note import Item, Note, Revision, staying
from bot.workflow.ports import StaysSealed, Store, StoredTurn
from inference.digest import Correction
from inference.note import NoteItem
from inference.prompt import TurnKind
from training.data.records import AnswerEvent, CaseRecord, Consent, Edit, Reason, SealedCase, Verdict

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NightCases:
    """The ids of cases that may be trained on now, and of those that datasets have to forget: deleted, or without consent.

    A case that can't be decrypted is neither: no night gets it, but nobody may say of it that consent was withdrawn.
    """

    consenting: frozenset[str]
    to_forget: frozenset[str]


async def night_cases(store: Store) -> NightCases:
    """Which cases a night may use, and which it must not hold any more."""
    allowed: dict[str, bool] = {}
    async with store.begin() as uow:
        deleted = await uow.deleted_cases()
        for case in await uow.cases():
            with contextlib.suppress(StaysSealed):
                file = await uow.case_file(case.id)
                allowed |= {case.id: consent_now(file.consents) is not None} if file else {}
    consenting = frozenset(case_id for case_id, allows in allowed.items() if allows)
    return NightCases(consenting, frozenset({*allowed, *deleted}) - consenting)


async def case_records(store: Store) -> AsyncIterator[CaseRecord | SealedCase]:
    """One record for each case that has consent or can't be decrypted, one case in memory at a time."""
    async with store.begin() as uow:
        cases = await uow.cases()
    for case in cases:
        record: CaseRecord | SealedCase | None
        try:
            record = await _record(store, case.id)
        except StaysSealed as error:
            log.error("case %s is left out of the night: %s", case.id, error)
            record = SealedCase(case.id)
        if record:
            yield record


async def _record(store: Store, case_id: str) -> CaseRecord | None:
    """The record of a case; None without consent, which is asked for in the transaction that reads. Raises: StaysSealed."""
    async with store.begin() as uow:
        file = await uow.case_file(case_id)
        if file is None or consent_now(file.consents) is None:
            return None
        turns, notes = await uow.stored_turns(case_id), await uow.notes(case_id)
        corrections, rewritten = await uow.corrections(case_id), await uow.was_rewritten(case_id)
        edits = {note.id: await uow.edits(note.id) for note in notes}
    return record_of(file, turns, notes, edits, corrections, rewritten=rewritten)


def record_of(
    file: CaseFile,
    turns: Sequence[StoredTurn],
    notes: Sequence[Note],
    edits: Mapping[str, Edits],
    corrections: Sequence[Correction] = (),
    *,
    rewritten: bool = False,
) -> CaseRecord:
    """The record of one case; `turns` and `notes` are all of them, oldest first, `edits` what is recorded beside each note.

    `rewritten`: texts of the case were changed or deleted.
    """
    consent = consent_now(file.consents)
    return CaseRecord(
        file.case.id,
        file.case.language,
        Consent(consent.recorded_by, consent.recorded_at) if consent else None,
        file.roster.names,
        tuple(stored.turn for stored in turns),
        tuple(_events(turns, {note.id: note for note in notes}, edits)),
        tuple(corrections),
        rewritten,
    )


def _events(turns: Sequence[StoredTurn], notes: Mapping[str, Note], edits: Mapping[str, Edits]) -> Iterator[AnswerEvent]:
    misread = _misread(turns)
    made_by = {stored.revision_id: index for index, stored in enumerate(turns) if stored.revision_id}
    for index, (asked, stored) in enumerate(itertools.pairwise(turns)):
        answers_it = stored.turn.kind is TurnKind.ANSWER and asked.turn.kind is not TurnKind.ANSWER and asked.note_id == stored.note_id
        if answers_it and index not in misread:
            note, said = notes[stored.note_id], edits.get(stored.note_id, Edits())
            place = next((place for place, each in enumerate(note.revisions) if each.id == stored.revision_id), None)
            if place is not None:
                later = note.revisions[place + 1 :]
                are_edits = (each.id in said.changes or _is_edit(made_by.get(each.id), turns, misread) for each in later)
                yield _event(asked, index, note, place, sum(itertools.takewhile(bool, are_edits)), said)


def _misread(turns: Sequence[StoredTurn]) -> frozenset[int]:
    """The turns that were read from a message which was read another way later."""
    newest = {stored.source: stored.turn.kind for stored in turns if stored.source}
    return frozenset(index for index, stored in enumerate(turns) if stored.source and stored.turn.kind is not newest[stored.source])


def _is_edit(made_by: int | None, turns: Sequence[StoredTurn], misread: frozenset[int]) -> bool:
    """Whether a revision that this turn made is an edit, and was meant as one; the model's aren't, nor is what takes something back."""
    return made_by is not None and made_by not in misread and turns[made_by].turn.kind is TurnKind.EDITED


def _event(asked: StoredTurn, index: int, note: Note, place: int, edits: int, said: Edits) -> AnswerEvent:
    """`edits` counts the revisions right after the answer that are edits of it."""
    shown, before = note.revisions[place], note.revisions[place - 1].items if place else ()
    standing = before if asked.turn.kind is TurnKind.EDITED else staying(shown.items)
    left = note.revisions[place + edits]
    return AnswerEvent(
        note.id,
        index,
        _plain(item for item in shown.items if item not in standing),
        shown.created_at,
        _plain(standing),
        _edit(note.revisions[place : place + edits + 1], said),
        _verdict(note, left),
    )


def _edit(revisions: Sequence[Revision], said: Edits) -> Edit | None:
    """What became of the first of these revisions; None where taps changed no word, as where lines were only kept, or put back."""
    shown, left = revisions[0], revisions[-1]
    if all(each.id in said.changes for each in revisions[1:]) and _plain(shown.items) == _plain(left.items):
        return None
    reasons = [said.reasons[each.id] for each in (shown, *revisions[1:]) if each.id in said.reasons]
    return Edit(_plain(left.items), left.author.name, left.created_at, Reason(reasons[-1]) if reasons else None)


def _verdict(note: Note, left: Revision) -> Verdict:
    """How far somebody stands behind the note as it was left."""
    if note.approval and note.approval.revision_id == left.id:
        return Verdict.APPROVED
    return Verdict.ACCEPTED if any(each.revision_id == left.id for each in note.acceptances) else Verdict.OPEN


def _plain(items: Sequence[Item] | Iterator[Item]) -> tuple[NoteItem, ...]:
    """As the model writes a note: lines that were entered in sections of a final note's format are none of its items."""
    return tuple(NoteItem(item.kind, item.text) for item in items if not item.section)
