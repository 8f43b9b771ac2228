"""What the workflows need from the outside. Real parts: `bot.store.repository` and `bot.slack.messenger`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.audit import AuditEntry, AuditRecord, Head
from bot.domain.case import Case, CaseFile, Consent, Roster, Withdrawal
from bot.domain.note import Note, Revision
from bot.domain.reading import Reading
from bot.domain.shared_file import FileType, SharedFile
from bot.workflow.incoming import Incoming, Stage
from inference.digest import Correction
from inference.note import Language, NoteItem
from inference.prompt import Turn

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

    @property
    def source_ts(self) -> str | None:
        """The message that it was read from, if any."""
        return self.source.rpartition(":")[0] if self.source else None


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
    NOT_TAKEN = "not_taken"
    """A reply to a description that was refused."""
    NOTHING_TO_SUMMARIZE = "nothing_to_summarize"
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
    SECTIONS_MISSING = "sections_missing"
    """The final note can't be approved: `named` are the sections that its format requires and that are empty."""
    NOT_APPROVED = "not_approved"
    """Only what is approved takes addenda and co-signatures."""
    NOT_SUPERVISOR = "not_supervisor"
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
    CASE_OUT_OF_DATE = "case_out_of_date"
    DIGEST_CORRECTED = "digest_corrected"
    DIGEST_OUT_OF_DATE = "digest_out_of_date"
    CONSENT_HOLDS = "consent_holds"
    """What holds for the case now: consent, and `number` names."""
    CONSENT_OFF = "consent_off"
    """The same, where nobody ever recorded consent."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """The same, where consent was withdrawn."""


CHANNEL_SIGNS = {Sign.NOT_PRIVATE, Sign.NOT_INVITED, Sign.SHARED, Sign.GUEST_MEMBER, Sign.WRONG_TEAM}
"""Refusals that are about the channel, not about the person."""


@dataclass(frozen=True)
class NoteView:
    """Everything a message shows of a note."""

    note: Note
    language: Language
    reading: Reading | None = None
    """How the reply that led to the newest revision was read; None for a first answer."""
    reply_ts: str | None = None
    new_texts: tuple[str, ...] = ()
    """Texts of items which the newest answer added."""
    cosigning: bool = True
    """Whether an approved final note offers a co-signature."""


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
    named: str = ""
    """Words of our own, or of the team's settings; never of a case."""


Content = NoteView | PartialNote | Notice


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
    async def open_case(self, team_id: str, channel_id: str, language: Language, at: datetime) -> Case: ...
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
    async def add_approval(self, note: Note) -> None: ...
    async def add_acceptance(self, note: Note) -> None: ...
    async def add_addendum(self, note: Note) -> None: ...
    async def add_cosignature(self, note: Note) -> None: ...
    async def add_report(self, report: Report) -> None: ...
    async def report(self, case_id: str, source_ts: str) -> Report | None: ...
    async def advance(self, work: Work, stage: Stage, note_id: str | None = None) -> Work: ...
    async def was_posted(self, team_id: str, channel_id: str, ts: str) -> bool: ...
    async def latest_slot(self, note_id: str) -> str | None: ...
    async def slot_at(self, note_id: str, ts: str) -> str | None: ...
    async def cases(self) -> Sequence[Case]: ...
    async def deleted_cases(self) -> Mapping[str, datetime]: ...
    async def case_file(self, case_id: str) -> CaseFile | None: ...
    async def add_consent(self, case_id: str, step: Consent | Withdrawal) -> None: ...
    async def set_roster(self, case_id: str, roster: Roster, by: str, at: datetime) -> None: ...
    async def record(self, entry: AuditEntry) -> None: ...


class Store(Protocol):
    """The database."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]: ...
    async def receive(self, act: Incoming) -> bool: ...
    async def next_work(self, channel_id: str) -> Work | None: ...
    async def waiting(self) -> Sequence[str]: ...
    async def count_waiting(self, channel_id: str) -> int: ...
    async def failed(self, work: Work, give_up: bool) -> None: ...
    async def claim(self, channel_id: str) -> bool: ...
    async def release(self, channel_id: str) -> None: ...
    async def audit_head(self) -> Head: ...
    async def audit(self, after: int, most: int) -> Sequence[AuditRecord]: ...


class Outbox(Protocol):
    """Which Slack message shows what; every call is a transaction of its own."""

    async def slot(self, note_id: str, slot: str, page: int) -> Slot: ...
    async def posted(self, slot: Slot, ts: str, opens_thread: bool) -> None: ...
    async def beyond(self, slot: str, pages: int) -> Sequence[Slot]: ...
    async def removed(self, slot: Slot) -> None: ...


class Channel(Protocol):
    """Slack, as the workflows see it. Every call retries by itself what is worth retrying."""

    async def show(self, case: Case, note: Note, slot: str, content: Content) -> None: ...
    async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None: ...
    async def tell(self, channel_id: str, user_id: str, notice: Notice, thread_ts: str | None = None) -> None: ...
    async def greet(self, channel_id: str, greeting_id: str, notice: Notice) -> None: ...
    async def working(self, channel_id: str, thread_ts: str | None, language: Language) -> None: ...


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
