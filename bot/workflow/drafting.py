"""Answers: from a stored turn of a case to a new revision of its note.

Four kinds of turn owe an answer, and each says how the answer joins what stands:

    description     a full note; asked for once more, the counselor's own items and the kept ones stay
    information     a full note again; the counselor's own items and the kept ones stay, the model's make room
    edited          what is missing is added; everything handed back stays
    summarize       the final note; the counselor's own items are all in it
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.case import Case
from bot.domain.errors import NotAllowed, TooLong
from bot.domain.evidence import Described
from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision, build_on, by_counselor, staying
from bot.workflow.answering import Manner, manner_of
from bot.workflow.entrance import Entrance
from bot.workflow.final_sections import completed
from bot.workflow.generation import Answer, NoAnswer, Request, generate, when_ready
from bot.workflow.grounding import ground
from bot.workflow.incoming import Accept, Felt, Incoming, ItemChanged, Posted, ReasonStated, Separate, Stage, WriteAgain
from bot.workflow.learning import Learning
from bot.workflow.live import LiveNote, live
from bot.workflow.ports import CHANNEL_SIGNS, Channel, Clock, Guard, NoteView, Notice, Sign, Store, StoredTurn, UnitOfWork, Work
from bot.workflow.summarizing import dropped_in_session, session_items
from inference.client import ChatModel
from inference.digest import Correction
from inference.errors import InferenceError, ModelRefused, ModelUnavailable, UnknownModel
from inference.note import Language, NoteItem, NoteLimits, note_schema
from inference.prompt import TEMPLATE_TOKENS, Left, Turn, TurnKind, answered, build_prompt, handed_back, preamble, what_left
from inference.tokens import estimate_tokens

log = logging.getLogger(__name__)

SHRINK = 0.75
"""What is tried with when the server finds a prompt too long in spite of the count."""
USUAL_CONTEXT_TOKENS = 4096
"""Assumed for the length of a post while no server can be asked."""

MOVED = timedelta(minutes=10)
"""By how much the end of a training has to move before people are told again."""
ASK_AGAIN_S = 30.0


@dataclass(frozen=True)
class DraftSettings:
    """How answers are asked for. `context_tokens` 0: ask the server.

    `champion` names the adapter in service, asked anew for each answer; while it names none, `model` is asked.
    """

    model: str
    max_tokens: int
    context_tokens: int
    update_seconds: float
    limits: NoteLimits = field(default_factory=NoteLimits)
    champion: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class History:
    """What a prompt is made of: the turns of a case, and the digests that counselors corrected."""

    turns: Sequence[Turn]
    corrections: Sequence[Correction]


@dataclass(frozen=True)
class Owed:
    """What an answer is made of, as it stood when it was begun. `notes` are the case's, where a final note is owed, else none."""

    case: Case
    note: Note
    stored: Sequence[StoredTurn]
    corrections: Sequence[Correction]
    notes: Sequence[Note]
    slot: str
    described: Sequence[Described]

    @property
    def turns(self) -> Sequence[Turn]:
        """The case's turns, oldest first."""
        return [stored.turn for stored in self.stored]


async def read_owed(uow: UnitOfWork, work: Work) -> Owed | None:
    """What the answer to an accepted act is made of; None where case or note are gone, and nobody is owed anything."""
    case = await uow.case_of(work.act.team_id, work.act.channel_id)
    note = await uow.note(work.note_id or "")
    if case is None or note is None:
        return None
    stored = await uow.stored_turns(case.id)
    notes = await uow.notes(case.id) if stored and stored[-1].turn.kind is TurnKind.SUMMARIZE else ()
    corrections, described = await uow.corrections(case.id), await uow.described(case.id)
    return Owed(case, note, stored, corrections, notes, await slot_of(uow, work, note), described)


class Drafting:
    """Writes the answers that are owed."""

    def __init__(
        self,
        store: Store,
        model: ChatModel,
        channel: Channel,
        guard: Guard,
        clock: Clock,
        settings: DraftSettings,
        learning: Learning | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        """`entrance` is left when the model is asked."""
        self._entrance = entrance or Entrance()
        self._store, self._model, self._channel, self._guard, self._learning = store, model, channel, guard, learning
        self._clock, self._settings = clock, settings
        self._preambles: dict[Language, int] = {}
        self._context_tokens = settings.context_tokens
        self._reading_ahead: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ends what still runs in the background."""
        for task in self._reading_ahead:
            task.cancel()
        await asyncio.gather(*self._reading_ahead, return_exceptions=True)

    async def answer(self, work: Work, owed: Owed) -> Work:
        """Generates the answer owed to `work`, shows it growing, stores it.

        Raises:
            NotAllowed: the channel must not get case text any more.
        """
        case, note, notes, slot = owed.case, owed.note, owed.notes, owed.slot
        turns, corrections = owed.turns, owed.corrections
        # in a thread of its own: a long session takes a second to compare, and other cases must not wait for it
        kept = await asyncio.to_thread(kept_items, turns[-1].kind, note, notes)
        grounding, history = await ground(note, case.language, owed.described, kept), History(turns, corrections)
        manner = manner_of(work.act, note, self._settings.limits)
        try:
            seconds = self._settings.update_seconds
            async with live(LiveNote(self._channel, case, note, slot, kept, seconds, grounding.let_stand)) as progress:
                name, answer = await when_ready(self._model, progress, lambda: self._ask_in_service(work, case, history, progress, manner))
            answer = grounding.only_reported(answer)
        except (NoAnswer, ModelRefused) as error:
            log.warning("no answer to inbox row %d: %s: %s", work.id, type(error).__name__, error)
            return await self._say_no_answer(work, case, note, slot)
        log.info("inbox row %d answered: %s", work.id, answer.usage or "the server counted nothing")
        dropped = [*note.dropped_texts(), *dropped_in_session(notes)]
        items = manner.cut(await asyncio.to_thread(build_on, kept, answer.items, dropped))
        items = await grounding.support(items, notes)
        if note.purpose is Purpose.SUMMARY:
            items = await completed(self._store, note, items)
        answered_work = await self._store_answer(work, name, note, items, answer)
        task = asyncio.create_task(self._read_ahead(case.language, (*turns, _answer_turn(answer)), corrections))
        self._reading_ahead.add(task)
        task.add_done_callback(self._reading_ahead.discard)
        return answered_work

    async def _say_no_answer(self, work: Work, case: Case, note: Note, slot: str) -> Work:
        notice = Notice(Sign.NO_ANSWER, case.language, note_id=note.id, failed_at=str(work.id))
        if note.purpose is Purpose.SUMMARY and note.current:  # the draft that stands keeps its place and its buttons
            await self._channel.show(case, note, slot, NoteView(note, case.language))
            await self._channel.tell(case.channel_id, work.act.user_id, notice, note.thread_ts)
        else:
            await self._channel.show(case, note, slot, notice)
        return await self._done(work)

    async def measure(self, turn: Turn) -> Turn:
        """The turn with its length by the model's own tokenizer; with length 0, to be counted later, while the server is away.

        Raises:
            TooLong: it would take more than half of what a prompt may have.
        """
        try:
            tokens, limit = await self._model.count_tokens(turn.text), await self._budget() // 2
        except (ModelUnavailable, ModelRefused):  # refused: the server is back, and its adapter is not loaded yet
            tokens, limit = 0, (self._context_tokens or USUAL_CONTEXT_TOKENS) // 2
            if min(len(turn.text), estimate_tokens(turn.text)) > limit:  # a tokenizer needs at most about one token a character
                raise TooLong(limit, len(turn.text)) from None
        if tokens > limit:
            raise TooLong(limit * len(turn.text) // tokens, len(turn.text))
        return Turn(turn.kind, turn.text, tokens)

    async def measure_list(self, kind: TurnKind, items: Sequence[Item], language: Language) -> Turn:
        """A turn that lists items, with its length; if they are too long, the last of them, which are the newest.

        What a counselor entered in a section of its own is no item of the model's format, and stays out of prompts.

        Raises:
            TooLong: one item alone is.
        """
        listed = [NoteItem(item.kind, item.text) for item in items if not item.section]
        while True:
            try:
                return await self.measure(handed_back(kind, listed, language))
            except TooLong:
                if len(listed) < 2:
                    raise
                listed = listed[len(listed) // 4 + 1 :]

    async def what_left(self, turns: Sequence[Turn], language: Language, corrections: Sequence[Correction]) -> Left:
        """What a prompt of these turns says of those that no longer fit.

        Raises:
            ModelUnavailable: turns that were stored while the server was away can't be counted yet.
        """
        counted, budget = await self._counted(turns), await self._budget() - await self._preamble(language)
        return await asyncio.to_thread(what_left, counted, language, budget, corrections)

    async def _budget(self) -> int:
        """Tokens that a prompt may have, template included."""
        if not self._context_tokens:
            self._context_tokens = (await self._model.limits(self._settings.champion() or self._settings.model)).context_tokens
        return self._context_tokens - self._settings.max_tokens

    async def _ask_in_service(self, work: Work, case: Case, history: History, progress: LiveNote, manner: Manner) -> tuple[str, Answer]:
        """The name of the model or adapter in service now, and its answer, even if another takes its place meanwhile.

        Raises:
            ModelUnavailable: also while the server doesn't have the adapter in service, as after a restart or in the middle of a switch.
        """
        await self._when_learned(progress)
        champion = self._settings.champion()
        name = champion or self._settings.model
        try:
            return name, await self._generate(work, case, history, progress, name, manner)
        except UnknownModel as error:
            if champion is None:  # a wrong setting, which waiting doesn't mend
                raise
            raise ModelUnavailable(str(error)) from error

    async def _when_learned(self, progress: LiveNote) -> None:
        """Returns when no training has the model's GPUs; says so meanwhile, and again when the end has moved."""
        shown: list[datetime | None] = []
        while self._learning and self._learning.wanted:
            until = self._learning.until
            if not shown or (until and (shown[-1] is None or abs(until - shown[-1]) > MOVED)):
                await progress.learning(until)
                shown.append(until)
            await self._learning.until_unwanted(ASK_AGAIN_S)

    async def _generate(self, work: Work, case: Case, history: History, progress: LiveNote, name: str, manner: Manner) -> Answer:
        await check_channel(self._guard, work)  # hours may have passed since the post was accepted
        may_be_empty = history.turns[-1].kind is TurnKind.EDITED
        budget, refused = await self._budget(), 0
        while True:
            counted, reserved = await self._counted(history.turns), await self._preamble(case.language)
            prompt = build_prompt(counted, case.language, budget, reserved, history.corrections)
            schema = note_schema(0 if may_be_empty else 1, manner.limits)
            request = Request(prompt.messages, name, self._settings.max_tokens, schema, may_be_empty, manner.temperature)
            self._entrance.leave()
            try:
                return await generate(self._model, request, progress)
            except UnknownModel:
                raise
            except ModelRefused:
                if prompt.tokens < budget * SHRINK or prompt.tokens == refused:  # not the length, or nothing left to leave out
                    raise
                budget, refused = int(budget * SHRINK), prompt.tokens

    async def _read_ahead(self, language: Language, turns: Sequence[Turn], corrections: Sequence[Correction]) -> None:
        """After old turns left the prompt, lets the server read what remains, so that the next answer begins as soon as the last one."""
        if self._learning and self._learning.wanted:
            return
        try:
            budget, reserved = await self._budget(), await self._preamble(language)
            *before, _ = counted = await self._counted(turns)
            coming = build_prompt([*counted, Turn(TurnKind.INFORMATION, "…")], language, budget, reserved, corrections)
            if coming.left_out > build_prompt(before, language, budget, reserved, corrections).left_out:
                name = self._settings.champion() or self._settings.model
                async for _ in self._model.stream(coming.messages, model=name, max_tokens=1, schema=None):
                    pass
        except InferenceError as error:
            log.info("reading ahead failed: %s", error)  # the next answer begins later, no more

    async def _counted(self, turns: Sequence[Turn]) -> list[Turn]:
        """Turns that were stored while the server was away get their length now."""
        return [turn if turn.tokens else Turn(turn.kind, turn.text, await self._model.count_tokens(turn.text)) for turn in turns]

    async def _preamble(self, language: Language) -> int:
        if language not in self._preambles:
            self._preambles[language] = await self._model.count_tokens(preamble(language)) + TEMPLATE_TOKENS
        return self._preambles[language]

    async def _store_answer(self, work: Work, name: str, note: Note, items: tuple[Item, ...], answer: Answer) -> Work:
        author = Author(Origin.MODEL, name)
        revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, self._clock())
        async with self._store.begin() as uow:
            await uow.add_revision(note.revise(revision), revision)
            await uow.add_turn(note, _answer_turn(answer), revision.id)
            return await uow.advance(work, Stage.ANSWERED)

    async def _done(self, work: Work) -> Work:
        async with self._store.begin() as uow:
            return await uow.advance(work, Stage.DONE)


def _answer_turn(answer: Answer) -> Turn:
    turn = answered(answer.items)
    return Turn(turn.kind, turn.text, answer.usage.completion_tokens if answer.usage else len(turn.text.encode()))


def kept_items(turn: TurnKind, note: Note, notes: Sequence[Note]) -> tuple[Item, ...]:
    """What stands in the answer to a turn: of the note's newest revision, or, in a summary, of the session's `notes`."""
    match turn:
        case TurnKind.EDITED:
            return note.items
        case TurnKind.DESCRIPTION | TurnKind.INFORMATION:
            return staying(note.items)
        case TurnKind.SUMMARIZE:
            return by_counselor(session_items(notes))
        case TurnKind.ANSWER:
            return ()


async def check_channel(guard: Guard, work: Work) -> None:
    """Asks once more whether the channel may get case text; that the author left since is no reason to keep an answer back.

    Raises:
        NotAllowed: it may not.
    """
    sign = await guard.refusal(work.act.team_id, work.act.channel_id, work.act.user_id)
    if sign in CHANNEL_SIGNS:
        raise NotAllowed(sign)


async def slot_of(uow: UnitOfWork, work: Work, note: Note) -> str:
    """The outbox slot of the answer to an act: a new message below what it answers; a summary, what is accepted or tapped on, and what is
    written anew because its description changed, stay in their place."""
    if isinstance(work.act, Accept):
        return await uow.slot_at(note.id, work.act.message_ts) or f"act-{work.id}"
    tapped = isinstance(work.act, ItemChanged | Felt | ReasonStated)
    stays = tapped or note.purpose is Purpose.SUMMARY or await _is_about_a_change(uow, work.act, note)
    in_place = await uow.latest_slot(note.id) if stays else None
    return in_place or f"act-{work.id}"


async def _is_about_a_change(uow: UnitOfWork, act: Incoming, note: Note) -> bool:
    """Whether an act leads to no further message: a description that was edited, joined or taken apart, or a note asked for anew."""
    if not isinstance(act, Posted):
        return isinstance(act, WriteAgain | Separate)
    if act.edited_ts:
        changes = await uow.changes(note.id)
        return any(change.source_ts == act.ts and change.revisions == len(note.revisions) for change in changes)
    return act.thread_ts in {None, act.ts} and act.ts != note.thread_ts
