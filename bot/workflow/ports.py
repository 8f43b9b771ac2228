"""What the workflows need from the outside. Real parts: `bot.store.repository` and `bot.slack.messenger`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.audit import AuditEntry, AuditRecord, Head
from bot.domain.case import Case, CaseFile, Consent, Roster, Suspension, Withdrawal
from bot.domain.change import NoteChange
from bot.domain.editing import Edits, ItemChange
from bot.domain.evidence import Described, Source
from bot.domain.note import Note, Revision
from bot.domain.questions import Question, Ticked
from bot.domain.reading import Reading
from bot.domain.safety_card import CrisisContact, SafetyCard, Seen
from bot.domain.shared_file import FileType, SharedFile
from bot.workflow.incoming import Incoming, Stage
from bot.workflow.overview import CaseOverview, Draft
from inference.digest import Correction
from inference.note import Language, NoteItem
from inference.prompt import Turn
from training.data.records import Reason

Clock = Callable[[], datetime]
"""The time now, with its zone."""


class StaysSealed(Exception):
    """What is stored of a case can't be decrypted: its data key is gone, or key or text are damaged. The store raises it."""


@dataclass(frozen=True)
class Work:
    """An inbox row: what somebody did, how far it has come, and the note it is about once that is known."""

    id: int
    act: Incoming
    stage: Stage
    note_id: str | None
    attempts: int


@dataclass(frozen=True)
class Report:
    """What a counselor wrote in one message, and what it was read as; a later edit is a new version."""

    case_id: str
    note_id: str
    source_ts: str
    version: str
    author_id: str
    reading: Reading
    text: str

    @property
    def source(self) -> str:
        """Message and version: what a turn was read from. Read another way later, it keeps its source."""
        return f"{self.source_ts}:{self.version}"


@dataclass(frozen=True)
class StoredTurn:
    """A turn with where it belongs: its note, the revision that it made if any, and the message and version it was read from if any."""

    turn: Turn
    note_id: str
    revision_id: str | None = None
    source: str | None = None
    position: int = 0
    """Where it stands in the case; counted from 1, with gaps where turns were removed."""

    @property
    def source_ts(self) -> str | None:
        """The message that it was read from, if any."""
        return self.source.rpartition(":")[0] if self.source else None


class Step(StrEnum):
    """Where to go in a case's history, seen from a note's position."""

    HERE = "here"
    OLDER = "older"
    NEWER = "newer"
    NEWEST = "newest"


@dataclass(frozen=True)
class PastNote:
    """One note of a case and what was reported to it. `number` counts from 1, the oldest, `of` is how many there are; `position` stays
    the same when others come or go."""

    note: Note
    reports: tuple[Report, ...]
    position: int
    number: int
    of: int


class Sign(StrEnum):
    """A sentence of the bot's own that a message can carry in place of a note."""

    WAITING = "waiting"
    """The model server can't be reached; the post is queued."""
    LEARNING = "learning"
    """A training has the model's GPUs; the post is queued, and there is a button for those who can't wait."""
    STEPPING_ASIDE = "stepping_aside"
    """The training was asked to make room."""
    INTERRUPTED = "interrupted"
    """The answer broke off and is written again."""
    NO_ANSWER = "no_answer"
    """The model gave no readable note twice; there is a button to try again."""
    TOO_LONG = "too_long"
    EMPTY = "empty"
    FILES_ONLY = "files_only"
    NOTHING_LEFT = "nothing_left"
    """A note that is to be written again, when all that it was made from was deleted."""
    NOTE_REMOVED = "note_removed"
    NOT_TAKEN = "not_taken"
    """A reply to a description that was refused."""
    NOTHING_TO_SUMMARIZE = "nothing_to_summarize"
    NOTHING_TO_SHORTEN = "nothing_to_shorten"
    LOCKED = "locked"
    OUT_OF_DATE = "out_of_date"
    GONE = "gone"
    PRESS_AGAIN = "press_again"
    """Slack did not take the modal in time."""
    WELCOME = "welcome"
    NOT_PRIVATE = "not_private"
    NOT_INVITED = "not_invited"
    """The bot is no member of the channel, so it can't even see whether it is private."""
    SHARED = "shared"
    GUEST_MEMBER = "guest_member"
    GUEST_AUTHOR = "guest_author"
    WRONG_TEAM = "wrong_team"
    NOT_MEMBER = "not_member"
    ARCHIVED = "archived"
    """The channel is in the archive; a form may still be open."""
    SECTIONS_MISSING = "sections_missing"
    """The final note can't be approved: `named` are the sections that its format requires and that are empty."""
    NOT_APPROVED = "not_approved"
    """Only what is approved takes addenda and co-signatures."""
    NO_COSIGNER = "no_cosigner"
    OWN_APPROVAL = "own_approval"
    NO_SUCH_FORMAT = "no_such_format"
    """`named` are the formats that there are."""
    NOTHING_TO_EXPORT = "nothing_to_export"
    EXPORTED = "exported"
    """Stands with the files of an approved note; `named` is who asked for them."""
    DRAFT_EXPORTED = "draft_exported"
    NOT_EXPORTED = "not_exported"
    """Slack refuses the files for good."""
    CASE_GONE = "case_gone"
    CASE_CLOSED = "case_closed"
    """The case takes nothing any more; there is a button to open it again."""
    CASE_OPEN = "case_open"
    """It was not closed, so there is nothing to open again."""
    CASE_NOW_CLOSED = "case_now_closed"
    """To everybody: somebody closed the case."""
    CASE_NOW_OPEN = "case_now_open"
    SUSPENDED_SHARED = "suspended_shared"
    SUSPENDED_GUEST = "suspended_guest"
    SUSPENDED_PUBLIC = "suspended_public"
    """To whoever opened the case and to the admins, never into the channel."""
    RESUMED = "resumed"
    NAME_IN_CHANNEL_NAME = "name_in_channel_name"
    CODE_TAKEN = "code_taken"
    CASE_OUT_OF_DATE = "case_out_of_date"
    NOT_SUPERVISOR = "not_supervisor"
    CASE_DELETED = "case_deleted"
    """The case is deleted; its certificate follows."""
    DIGEST_CORRECTED = "digest_corrected"
    DIGEST_OUT_OF_DATE = "digest_out_of_date"
    CONSENT_HOLDS = "consent_holds"
    """What holds for the case now: consent, and `number` names."""
    CONSENT_OFF = "consent_off"
    """The same, where nobody ever recorded consent."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """The same, where consent was withdrawn."""
    QUESTIONS_LEFT = "questions_left"
    """What was ticked off is saved, and `number` questions are open now."""
    QUESTIONS_DONE = "questions_done"
    """The same, where none is open any more."""

    FILE_KIND = "file_kind"
    FILE_TOO_LARGE = "file_too_large"
    FILE_TOO_MANY = "file_too_many"
    FILE_LOCKED = "file_locked"
    FILE_NO_TEXT = "file_no_text"
    FILE_BROKEN = "file_broken"
    FILE_TOO_MUCH = "file_too_much"
    """Too many pages, or too long to read."""
    FILE_ELSEWHERE = "file_elsewhere"
    FILE_GONE = "file_gone"
    FILE_NOT_GIVEN = "file_not_given"
    """Slack gives nothing, or a page to sign in: mostly the bot lacks a permission."""


CHANNEL_SIGNS = {Sign.NOT_PRIVATE, Sign.NOT_INVITED, Sign.SHARED, Sign.GUEST_MEMBER, Sign.WRONG_TEAM, Sign.ARCHIVED}
"""Refusals that are about the channel, not about the person."""


@dataclass(frozen=True)
class NoteView:
    """Everything a message shows of a note."""

    note: Note
    language: Language
    reading: Reading | None = None
    """How the reply that led to the newest revision was read; None for a first answer."""
    reply_ts: str | None = None
    change: NoteChange | None = None
    """What became of a message that the note rests on, since the model wrote in it last."""
    may_rewrite: bool = True
    """Whether anything is left to write the note from."""
    messages: int = 1
    """How many messages were taken as its description."""
    why: "Why | None" = None
    """Of what a reason may be stated now, or was."""
    cosigning: bool = True
    """Whether an approved final note offers a co-signature."""


@dataclass(frozen=True)
class Why:
    """A revision that somebody made, or finds bad, and the reason for it once one is stated."""

    revision_id: str
    edited: bool
    """A counselor's revision; otherwise the model's, which somebody finds bad."""
    reason: Reason | None
    undo: bool = False
    """A tap made it, and nothing came since."""


@dataclass(frozen=True)
class PartialNote:
    """A note that is still being written: what stands already, and what has come so far."""

    kept: tuple[NoteItem, ...]
    coming: tuple[NoteItem, ...]
    language: Language


@dataclass(frozen=True)
class Notice:
    """A sentence in place of a note."""

    sign: Sign
    language: Language
    number: int = 0
    note_id: str = ""
    failed_at: str = ""
    on: date | None = None
    until: datetime | None = None
    case: Case | None = None
    """The case that the sentence is about, where it names it."""
    who: str = ""
    """Whoever did what the sentence says."""
    length: int = 0
    """How many characters a text has that is too long; `number` fit."""
    name: str = field(default="", repr=False)
    """Of a file, which is case text."""
    named: str = ""
    """Words of our own, or of the team's settings; never of a case."""


@dataclass(frozen=True)
class SafetyCardView:
    """A safety card as a message: with whom to turn to, and in the language of its case."""

    card: SafetyCard
    contacts: tuple[CrisisContact, ...]
    language: Language


CARD_SLOT = "card-"
"""How the outbox slots of safety cards begin."""

Content = NoteView | PartialNote | Notice | SafetyCardView


@dataclass(frozen=True)
class Slot:
    """One Slack message of the outbox: `ts` is None until it is known to be posted. `fresh`: nobody can have tried that yet."""

    id: str
    note_id: str
    page: int
    ts: str | None
    fresh: bool = False


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without an error commits it."""

    async def case_of(self, team_id: str, channel_id: str) -> Case | None: ...
    async def open_case(self, team_id: str, channel_id: str, language: Language, at: datetime, *, opened_by: str | None = None) -> Case: ...
    async def save_case(self, case: Case) -> None: ...
    async def codes(self, team_id: str) -> Mapping[str, str]: ...
    async def was_invited(self, channel_id: str) -> bool: ...
    async def move_channel(self, team_id: str, old_channel_id: str, new_channel_id: str) -> None: ...
    async def turns(self, case_id: str) -> Sequence[Turn]: ...
    async def stored_turns(self, case_id: str) -> Sequence[StoredTurn]: ...
    async def corrections(self, case_id: str) -> Sequence[Correction]: ...
    async def add_correction(self, case_id: str, upto: int, lines: Sequence[str], by: str, at: datetime) -> None: ...
    async def turn_of(self, note_id: str) -> StoredTurn | None: ...
    async def add_turn(self, note: Note, turn: Turn, revision_id: str | None = None, source: str | None = None) -> None: ...
    async def note(self, note_id: str) -> Note | None: ...
    async def note_in_thread(self, case_id: str, thread_ts: str) -> Note | None: ...
    async def notes(self, case_id: str) -> Sequence[Note]: ...
    async def add_note(self, note: Note) -> None: ...
    async def add_revision(self, note: Note, revision: Revision) -> None: ...
    async def rewrite_revision(self, note: Note, revision: Revision) -> None: ...
    async def add_approval(self, note: Note) -> None: ...
    async def add_acceptance(self, note: Note) -> None: ...
    async def add_item_change(self, note: Note, revision: Revision, place: int, change: ItemChange) -> None: ...
    async def add_reason(self, note: Note, revision_id: str, reason: Reason, user_id: str, at: datetime) -> None: ...
    async def set_feedback(self, note: Note, revision_id: str, user_id: str, good: bool, at: datetime) -> None: ...
    async def edits(self, note_id: str) -> Edits: ...
    async def keep_draft(self, note: Note, draft_id: str, fields: Mapping[str, str], at: datetime) -> None: ...
    async def draft(self, note: Note, draft_id: str) -> Mapping[str, str]: ...
    async def remove_draft(self, draft_id: str) -> None: ...
    async def remove_drafts_of(self, note_id: str) -> None: ...
    async def add_addendum(self, note: Note) -> None: ...
    async def add_cosignature(self, note: Note) -> None: ...
    async def add_report(self, report: Report) -> None: ...
    async def report(self, case_id: str, source_ts: str) -> Report | None: ...
    async def described(self, case_id: str) -> Sequence[Described]: ...
    async def advance(self, work: Work, stage: Stage, note_id: str | None = None) -> Work: ...
    async def refuse(self, work: Work, sign: Sign) -> Work: ...
    async def was_posted(self, team_id: str, channel_id: str, ts: str) -> bool: ...
    async def was_deleted(self, team_id: str, channel_id: str, ts: str) -> bool: ...
    async def newest_answer(self, case_id: str) -> Note | None: ...
    async def reports_of(self, note_id: str) -> Sequence[Report]: ...
    async def versions(self, case_id: str, source_ts: str) -> Sequence[str]: ...
    async def forget_message(self, case_id: str, source_ts: str) -> None: ...
    async def forget_posts(self, team_id: str, channel_id: str, ts: str) -> None: ...
    async def was_rewritten(self, case_id: str) -> bool: ...
    async def rewrite_turn(self, case_id: str, stored: StoredTurn) -> None: ...
    async def remove_turns(self, case_id: str, turns: Sequence[StoredTurn]) -> None: ...
    async def add_change(self, case_id: str, change: NoteChange) -> None: ...
    async def changes(self, note_id: str) -> Sequence[NoteChange]: ...
    async def empty_note(self, note: Note) -> None: ...
    async def slots_of(self, note_id: str) -> Sequence[str]: ...
    async def put_back(self, act: Incoming) -> None: ...
    async def latest_slot(self, note_id: str) -> str | None: ...
    async def slot_at(self, note_id: str, ts: str) -> str | None: ...
    async def cases(self) -> Sequence[Case]: ...
    async def deleted_cases(self) -> Mapping[str, datetime]: ...
    async def case_file(self, case_id: str) -> CaseFile | None: ...
    async def add_consent(self, case_id: str, step: Consent | Withdrawal) -> None: ...
    async def set_roster(self, case_id: str, roster: Roster, by: str, at: datetime) -> None: ...
    async def open_questions(self, case_id: str) -> Sequence[Question]: ...
    async def ticked_questions(self, case_id: str, most: int) -> Sequence[Question]: ...
    async def tick_question(self, case_id: str, name: str, ticked: Ticked | None) -> None: ...
    async def past_note(self, case_id: str, step: Step, position: int = 0) -> PastNote | None: ...
    async def position_since(self, case_id: str, ts: str) -> int | None: ...
    async def overviews(self, team_id: str, channel_ids: Collection[str]) -> Sequence[CaseOverview]: ...
    async def drafts(self, case_id: str) -> Sequence[Draft]: ...
    async def count_unaccepted(self, case_id: str) -> int: ...
    async def record(self, entry: AuditEntry) -> None: ...
    async def add_safety_card(self, card: SafetyCard) -> None: ...
    async def add_seen(self, card_id: str, seen: Seen) -> None: ...
    async def safety_card(self, card_id: str) -> SafetyCard | None: ...
    async def safety_cards(self, note_id: str) -> Sequence[SafetyCard]: ...
    async def case_safety_cards(self, case_id: str) -> Sequence[SafetyCard]: ...
    async def open_safety_cards(self, case_id: str) -> Sequence[SafetyCard]: ...


class Store(Protocol):
    """The database."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]: ...
    async def receive(self, act: Incoming) -> bool: ...
    async def take(self, channel_id: str) -> Work | None: ...
    async def waiting(self) -> Sequence[str]: ...
    async def count_waiting(self, channel_id: str) -> int: ...
    async def failed(self, work: Work, give_up: bool) -> None: ...
    async def claim(self, channel_id: str) -> bool: ...
    async def release(self, channel_id: str) -> None: ...
    async def scrub(self) -> None: ...
    async def audit_head(self) -> Head: ...
    async def audit(self, after: int, most: int) -> Sequence[AuditRecord]: ...


class Outbox(Protocol):
    """Which Slack message shows what, and which ones notes refer to; every call is a transaction of its own."""

    async def slot(self, note_id: str, slot: str, page: int) -> Slot: ...
    async def posted(self, slot: Slot, ts: str, opens_thread: bool) -> None: ...
    async def slots(self, note_id: str, slot: str, pages: int) -> tuple[Sequence[Slot], Sequence[Slot]]: ...
    async def removed(self, slot: Slot) -> None: ...
    async def sources(self, case_id: str) -> Sequence[Source]: ...


class Channel(Protocol):
    """Slack, as the workflows see it. Every call retries by itself what is worth retrying."""

    async def show(self, case: Case, note: Note, slot: str, content: Content) -> None: ...
    async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None: ...
    async def tell(self, channel_id: str, user_id: str, notice: Notice, thread_ts: str | None = None) -> None: ...
    async def greet(self, channel_id: str, greeting_id: str, notice: Notice) -> None: ...
    async def working(self, channel_id: str, thread_ts: str | None, language: Language) -> None: ...
    async def warn(self, user_id: str | None, notice: Notice) -> None: ...
    async def language_of(self, user_id: str) -> Language | None: ...


class People(Protocol):
    """What Slack says about people."""

    async def name(self, user_id: str) -> str: ...


class FileWriter(Protocol):
    """A final note as a file of one type. It computes: not for the event loop."""

    def __call__(self, case: Case, note: Note, file_type: FileType) -> bytes: ...


class Files(Protocol):
    """Files shared in the thread of a note, in one message, once, however often that is begun under the same names.

    False: Slack refuses them for good.
    """

    async def share(self, case: Case, note: Note, files: Sequence[SharedFile], comment: Notice) -> bool: ...


class Roles(Protocol):
    """Who may do more than a counselor, asked of Slack (with a short memory); where Slack doesn't say, nobody."""

    async def is_admin(self, user_id: str) -> bool: ...
    async def is_supervisor(self, user_id: str) -> bool: ...


class Guard(Protocol):
    """Whether a channel and a person may use PhyAssist, asked of Slack (with a short memory)."""

    async def refusal(self, team_id: str, channel_id: str, user_id: str) -> Sign | None: ...
    async def standing(self, channel_id: str) -> Suspension | None: ...
