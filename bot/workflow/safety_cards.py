"""Safety cards: what counselors and the model wrote is screened, and a danger that is current puts a fixed card into the note's thread.

    before an answer    what the counselor has said since the last one; the card stands before the note
    after an answer     the note itself: a danger that nothing which the counselor said speaks of
    "I have seen this"  who, and when; any number of people

Screening asks no model, and the note is written as always, whatever was found. Each act raises one card at most, about dangers that no
card of its note is about yet; the row comes before the message, so that a restart shows what was found and doesn't find it twice.
"""

import asyncio
import uuid
from collections.abc import Iterable, Sequence

from bot.domain.audit import BOT, AuditAction, AuditEntry
from bot.domain.case import Case
from bot.domain.note import Note, Purpose, by_counselor
from bot.domain.safety_card import Contacts, FoundIn, SafetyCard, Seen, contacts_for, new_dangers
from bot.workflow.incoming import CardSeen, Stage
from bot.workflow.ports import CARD_SLOT, Channel, Clock, Notice, SafetyCardView, Sign, Store, StoredTurn, UnitOfWork, Work
from bot.workflow.replies import Replies, case_and_note
from inference.note import Kind
from inference.prompt import DANGER, TurnKind
from inference.screening import Hit, Said, dangers, screen

_SAID = {TurnKind.DESCRIPTION, TurnKind.INFORMATION}


class SafetyCards:
    """Raises cards, shows them, and records who has seen them."""

    def __init__(self, store: Store, channel: Channel, replies: Replies, clock: Clock, contacts: Contacts) -> None:
        self._store, self._channel, self._replies, self._clock, self._contacts = store, channel, replies, clock, contacts

    async def before_answer(self, work: Work, case: Case, note: Note, turns: Sequence[StoredTurn]) -> None:
        """Screens what the counselor has said since the last answer, the case's `turns` being all, and shows the card, if there is one."""
        if note.thread_ts is None:
            return
        asked = _since_answer([turn for turn in turns if turn.note_id == note.id])
        hits = await self._screen([*_said(asked), *(_edited(note) if any(_is_edit(turn) for turn in asked) else ())])
        await self._raise(work, case, note, f"act-{work.id}", FoundIn.REPORT, hits)

    async def after_answer(self, work: Work, case: Case, note: Note) -> None:
        """Screens the note that was just shown, and shows the card about what nobody but the model speaks of."""
        if note.approval:
            return
        hits = await self._screen([item.text for item in note.items if item.kind is not Kind.QUESTION])
        if not dangers(hits, Said.CURRENT):
            return
        async with self._store.begin() as uow:
            shown = await uow.note(note.id)  # a final note has its thread since it was shown
            turns, cards = await uow.stored_turns(case.id), await uow.case_safety_cards(case.id)
        if shown is None or shown.thread_ts is None:
            return
        source = f"answer-{work.id}"
        known = {hit.danger for hit in await self._screen(_said([turn for turn in turns if turn.note_id == note.id]))}
        if note.purpose is Purpose.SUMMARY:
            known |= {danger for card in cards if card.source != source for danger in card.dangers}
        new = frozenset(hit for hit in hits if hit.danger not in known)
        await self._raise(work, case, shown, source, FoundIn.NOTE, new)

    async def seen(self, work: Work, act: CardSeen) -> Work:
        """Somebody has seen a card."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            card = await uow.safety_card(act.card_id)
            if case and card and card.case_id == case.id:
                now = self._clock()
                if card.seen_by(act.user_id, now) != card:
                    await uow.add_seen(card.id, Seen(act.user_id, now))
                    await uow.record(_entry(case, act.user_id, AuditAction.ACKNOWLEDGED, card, self._clock))
                return await uow.advance(work, Stage.ANSWERED, card.note_id)
        return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))

    async def show_seen(self, work: Work, act: CardSeen) -> Work:
        """The card says who has seen it."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, work.note_id or "")
            card = await uow.safety_card(act.card_id)
        if case and note and card:
            await self._show(case, note, card)
        return await self._replies.finish(work, work.note_id, Stage.DONE)

    async def _screen(self, texts: Iterable[str]) -> frozenset[Hit]:
        """What these texts speak of; in a thread of its own, because a very long report takes a second."""
        return await asyncio.to_thread(screen, "\n\n".join(texts), self._clock().date())

    async def _raise(self, work: Work, case: Case, note: Note, source: str, found_in: FoundIn, hits: frozenset[Hit]) -> None:
        """The card of this source, made if there is something new to say, and shown; what was found once is found again after a restart."""
        if not dangers(hits, Said.CURRENT):
            return
        async with self._store.begin() as uow:
            cards = await uow.safety_cards(note.id)
            card = next((each for each in cards if each.source == source), None)
            found = new_dangers(dangers(hits, Said.CURRENT), cards)
            if card is None and found:
                past = tuple(danger for danger in dangers(hits, Said.PAST) if danger not in found)
                card = SafetyCard(uuid.uuid4().hex, case.id, note.id, source, found_in, found, past, self._clock())
                await self._add(uow, case, work, card)
        if card:
            await self._show(case, note, card)

    async def _add(self, uow: UnitOfWork, case: Case, work: Work, card: SafetyCard) -> None:
        await uow.add_safety_card(card)
        who = work.act.user_id if card.found_in is FoundIn.REPORT else BOT
        await uow.record(_entry(case, who, AuditAction.RISK_FOUND, card, self._clock))

    async def _show(self, case: Case, note: Note, card: SafetyCard) -> None:
        view = SafetyCardView(card, contacts_for(self._contacts, case.language), case.language)
        await self._channel.show(case, note, f"{CARD_SLOT}{card.id}", view)


def _entry(case: Case, user_id: str, action: AuditAction, card: SafetyCard, clock: Clock) -> AuditEntry:
    return AuditEntry(clock(), case.team_id, case.id, user_id, action, card.id, "+".join(card.dangers))


def _since_answer(turns: Sequence[StoredTurn]) -> Sequence[StoredTurn]:
    """The turns of a note after its last answer."""
    last = max((index for index, each in enumerate(turns) if each.turn.kind is TurnKind.ANSWER), default=-1)
    return turns[last + 1 :]


def _is_edit(turn: StoredTurn) -> bool:
    return turn.turn.kind is TurnKind.EDITED


def _said(turns: Sequence[StoredTurn]) -> list[str]:
    """What counselors reported in these turns, without what the prompt adds of its own."""
    marks = [mark for of_language in DANGER.values() for mark in of_language.values()]
    texts = []
    for each in turns:
        if each.turn.kind in _SAID:
            text = each.turn.text
            for mark in marks:
                text = text.replace(mark, "")
            texts.append(text)
    return texts


def _edited(note: Note) -> list[str]:
    """A counselor's own lines of a note; a question asks, and says nothing."""
    return [item.text for item in by_counselor(note.items) if item.kind is not Kind.QUESTION]
