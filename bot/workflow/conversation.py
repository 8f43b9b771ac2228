"""One message, from the inbox to the thread: the story that everything else in this package is a detail of.

    pending    → guard → understood, stored as a turn of the case           → accepted
    accepted   → prompt → model, note grows live → new revision stored      → answered
    answered   → the final note shown with its buttons                      → done

Each arrow ends in one committed transaction, so a bot killed anywhere begins again at the last one.
"""

import logging
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any

from bot.domain.case import CaseState
from bot.domain.editing import Edits, made_last
from bot.domain.errors import (
    CaseOutOfDate,
    CodeTaken,
    DigestOutOfDate,
    DomainError,
    FileRefused,
    NotAllowed,
    NoteLocked,
    NothingToRead,
    NothingToShorten,
    NothingToSummarize,
    OutOfDate,
    TooLong,
)
from bot.domain.note import Note, Purpose
from bot.domain.safety_card import Contacts
from bot.workflow.attachments import Attachments
from bot.workflow.case_changes import what_holds
from bot.workflow.channels import CHANNEL_ACTS, Channels
from bot.workflow.decisions import Decisions
from bot.workflow.deleting import Deletions
from bot.workflow.descriptions import Descriptions, with_changes
from bot.workflow.digest import Digests
from bot.workflow.drafting import Drafting, check_channel, read_owed, slot_of
from bot.workflow.editing import Editing
from bot.workflow.exporting import Exports
from bot.workflow.final_notes import FinalNotes
from bot.workflow.final_parts import FinalParts
from bot.workflow.gate import Gate
from bot.workflow.incoming import (
    Accept,
    AddAddendum,
    Approve,
    AskedAnew,
    CardSeen,
    CaseChanged,
    CaseSwitched,
    Cosign,
    DeleteCase,
    Deleted,
    DigestCorrected,
    ExportNotes,
    Felt,
    HandedBack,
    Incoming,
    ItemChanged,
    Posted,
    QuestionsTicked,
    ReasonStated,
    RemoveNote,
    Reread,
    SectionsCorrected,
    Separate,
    Stage,
    Summarize,
    TryAgain,
    WriteAgain,
)
from bot.workflow.ports import Channel, Clock, Guard, NoteView, Notice, Roles, Sign, Store, UnitOfWork, Work
from bot.workflow.posts import Posts
from bot.workflow.questions import Questions
from bot.workflow.replies import Replies, case_and_note
from bot.workflow.safety_cards import SafetyCards
from inference.note import Language
from inference.prompt import TurnKind

log = logging.getLogger(__name__)

CARD_TRIES = 2
"""How often an act may fail for its safety card before it goes on without."""
_SIGNS: dict[type[DomainError], Sign] = {
    NothingToRead: Sign.EMPTY,
    NotAllowed: Sign.GONE,
    NoteLocked: Sign.LOCKED,
    OutOfDate: Sign.OUT_OF_DATE,
    DigestOutOfDate: Sign.DIGEST_OUT_OF_DATE,
    CaseOutOfDate: Sign.CASE_OUT_OF_DATE,
    CodeTaken: Sign.CODE_TAKEN,
    NothingToSummarize: Sign.NOTHING_TO_SUMMARIZE,
    NothingToShorten: Sign.NOTHING_TO_SHORTEN,
}


class Conversation:
    """Handles what people do in case channels, one act at a time a channel."""

    def __init__(
        self,
        store: Store,
        channel: Channel,
        guard: Guard,
        roles: Roles,
        drafting: Drafting,
        clock: Clock,
        default_language: Language,
        *,
        deletions: Deletions | None = None,
        contacts: Contacts = MappingProxyType({}),
        attachments: Attachments | None = None,
        join_seconds: float = 0.0,
        final: FinalParts,
    ) -> None:
        self._deletions = deletions
        self._store, self._channel, self._guard, self._drafting = store, channel, guard, drafting
        self._replies = Replies(store, channel, default_language)
        self._gate = Gate(store, guard, self._replies)
        self._channels = Channels(store, channel, guard, self._replies, clock, default_language)
        self._descriptions = Descriptions(store, channel, guard, drafting, self._replies, clock, join_seconds)
        posts = Posts(store, drafting, self._replies, clock, default_language, self._descriptions, attachments)
        decisions = Decisions(store, roles, drafting, self._replies, clock, final.formats)
        finals = FinalNotes(store, drafting, self._replies, roles, final.people, clock)
        self._exports = Exports(store, final.files, final.write, self._replies, clock)
        self._cosigning = final.cosigning
        self._questions = Questions(store, self._replies, clock)
        digests = Digests(store, drafting, clock)
        self._cards = SafetyCards(store, channel, self._replies, clock, contacts)
        editing = Editing(store, self._replies, clock)
        self._takes: dict[type[object], Callable[[Work, Any], Awaitable[Work]]] = {
            Posted: posts.posted,
            Deleted: self._descriptions.deleted,
            WriteAgain: self._descriptions.write_again,
            RemoveNote: self._descriptions.remove_note,
            Separate: self._descriptions.separate,
            HandedBack: posts.handed_back,
            Reread: posts.reread,
            ItemChanged: editing.change_item,
            AskedAnew: editing.ask_anew,
            Felt: editing.feel,
            ReasonStated: editing.state_reason,
            TryAgain: decisions.try_again,
            Summarize: decisions.summarize,
            SectionsCorrected: finals.correct,
            Approve: finals.approve,
            AddAddendum: finals.add,
            Cosign: finals.cosign,
            ExportNotes: self._exports.take,
            Accept: decisions.accept,
            CardSeen: self._cards.seen,
            CaseChanged: decisions.change_case,
            DeleteCase: self._delete,
            CaseSwitched: decisions.switch_case,
            DigestCorrected: digests.correct,
            QuestionsTicked: self._questions.tick,
        }
        self._shows: dict[type[object], Callable[[Work, Any], Awaitable[Work]]] = {
            Deleted: self._descriptions.show,
            RemoveNote: self._descriptions.show,
            DigestCorrected: self._say_corrected,
            CaseChanged: self._say_what_holds,
            CaseSwitched: self._say_switched,
            CardSeen: self._cards.show_seen,
            QuestionsTicked: self._questions.say_left,
            ExportNotes: self._exports.share,
        }

    async def handle(self, work: Work) -> Work:
        """Takes one act one stage further, and says how far it is now."""
        if isinstance(work.act, CHANNEL_ACTS):  # what happens to a channel is looked at where the channel may not be used, too
            return await self._channels.handle(work)
        match work.stage:
            case Stage.PENDING:
                return await self._accept(work)
            case Stage.ACCEPTED:
                return await self._unless_refused(work, self._answer)
            case Stage.ANSWERED:
                return await self._unless_refused(work, self._show)
            case Stage.DONE | Stage.FAILED:
                return work

    async def give_up(self, work: Work) -> None:
        """Tells whoever posted that their act could not be handled; nobody waits for what happened to a channel."""
        if isinstance(work.act, CHANNEL_ACTS):
            return
        await self._replies.tell(work, Notice(Sign.NO_ANSWER, await self._replies.language(work)))

    async def _unless_refused(self, work: Work, step: Callable[[Work], Awaitable[Work]]) -> Work:
        try:
            return await step(work)
        except NotAllowed as error:
            return await self._replies.refuse(work, Notice(Sign(error.reason), await self._replies.language(work)))

    async def _accept(self, work: Work) -> Work:
        refusal = await self._gate.refusal(work)
        if refusal:
            return await self._replies.refuse(work, refusal)
        try:
            return await self._takes[type(work.act)](work, work.act)
        except DomainError as error:
            language = await self._replies.language(work)
            match error:
                case TooLong():
                    notice = Notice(Sign.TOO_LONG, language, error.limit, length=error.length)
                case FileRefused():
                    notice = Notice(Sign(error.reason), language, error.limit, name=error.name)
                case _:
                    notice = Notice(_SIGNS[type(error)], language)
            return await self._replies.refuse(work, notice)

    async def _delete(self, work: Work, act: DeleteCase) -> Work:
        if self._deletions is None:
            return await self._replies.refuse(work, Notice(Sign.CASE_GONE, act.language))
        return await self._deletions.asked(work, act, self._channel)

    async def _answer(self, work: Work) -> Work:
        """The card of a new case comes first; a safety card, if one is called for, stands before the note."""
        await check_channel(self._guard, work)
        async with self._store.begin() as uow:
            owed = await read_owed(uow, work)
        if owed is None:
            return await self._replies.finish(work, work.note_id, Stage.DONE)
        await self._channels.welcome(owed.case)
        await self._carded(work, self._cards.before_answer(work, owed.case, owed.note, owed.stored))
        return await self._drafting.answer(work, owed)

    async def _carded(self, work: Work, step: Awaitable[None]) -> None:
        """A safety card never keeps a note back: one that fails again and again is left out, and the log says so."""
        try:
            await step
        except Exception:
            if work.attempts < CARD_TRIES:
                raise
            log.exception("inbox row %d: the safety card is left out", work.id)

    async def _show(self, work: Work) -> Work:
        act = work.act
        if not isinstance(act, Deleted | RemoveNote):  # what is gone must go; that asks for itself what may still be shown
            await check_channel(self._guard, work)
        return await self._shows.get(type(act), self._show_note)(work, act)

    async def _show_note(self, work: Work, act: Incoming) -> Work:
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, work.note_id or "")
            edits = await uow.edits(note.id) if note else Edits()
            source_ts = (
                act.ts if isinstance(act, Posted) else act.source_ts if isinstance(act, Reread) else await _read_from(uow, note, edits)
            )
            report = await uow.report(case.id, source_ts) if case and source_ts else None
            slot = await slot_of(uow, work, note) if note else ""
            reading, reply_ts = (report.reading, report.source_ts) if report else (None, None)
            view = NoteView(note, case.language, reading, reply_ts, cosigning=self._cosigning) if case and note else None
            view = await with_changes(uow, view, edits) if view else None
        if case and note and view:
            await self._channel.show(case, note, slot, view)
            if not isinstance(act, Accept | Approve):  # they change no word of it
                await self._carded(work, self._cards.after_answer(work, case, note))
        return await self._replies.finish(work, work.note_id, Stage.DONE)

    async def _say_corrected(self, work: Work, act: DigestCorrected) -> Work:
        await self._replies.tell(work, Notice(Sign.DIGEST_CORRECTED, await self._replies.language(work)))
        return await self._replies.finish(work, None, Stage.DONE)

    async def _say_switched(self, work: Work, act: CaseSwitched) -> Work:
        await self._say_state(work)
        return await self._replies.finish(work, None, Stage.DONE)

    async def _say_what_holds(self, work: Work, act: CaseChanged) -> Work:
        async with self._store.begin() as uow:
            file = await uow.case_file(act.case_id)
        if act.closed is not None:
            await self._say_state(work)
        await self._replies.tell(work, what_holds(file) if file else Notice(Sign.CASE_GONE, await self._replies.language(work)))
        return await self._replies.finish(work, None, Stage.DONE)

    async def _say_state(self, work: Work) -> None:
        """Tells everybody that somebody closed the case, or opened it again."""
        async with self._store.begin() as uow:
            case = await uow.case_of(work.act.team_id, work.act.channel_id)
        if case:
            sign = Sign.CASE_NOW_CLOSED if case.state is CaseState.CLOSED else Sign.CASE_NOW_OPEN
            notice = Notice(sign, case.language, case=case, who=work.act.user_id)
            await self._channel.greet(case.channel_id, f"switched-{work.id}", notice)


async def _read_from(uow: UnitOfWork, note: Note | None, edits: Edits) -> str | None:
    """The message that led to a note's newest revision, taps aside, as a reply or as an edit; None where none did, as with the modal."""
    newest = made_last(note, edits) if note else None
    if note is None or newest is None or note.purpose is Purpose.SUMMARY:
        return None
    turns = await uow.stored_turns(note.case_id)
    index = max((index for index, stored in enumerate(turns) if stored.revision_id == newest.id), default=-1)
    if index < 0:  # a revision from before turns knew what they made
        return None
    return turns[index - 1 if turns[index].turn.kind is TurnKind.ANSWER else index].source_ts
