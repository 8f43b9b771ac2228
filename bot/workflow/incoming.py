"""What people do, as typed values: an inbox row holds exactly one of these.

`key` names the act itself, not its delivery: two deliveries of one act have the same key, however Slack numbers them.
"""

from abc import ABC, abstractmethod
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.domain.formats import Takes
from bot.domain.reading import Reading
from bot.domain.shared_file import FileType
from inference.note import NoteItem


class _Act(BaseModel, ABC):
    model_config = ConfigDict(frozen=True)

    team_id: str
    channel_id: str
    user_id: str
    at: str
    """Slack timestamp that orders acts within a channel: of the message, or of the moment for clicks and commands."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The name of the act itself, the same for each of its deliveries."""


def post_key(team_id: str, channel_id: str, ts: str, edited_ts: str | None = None) -> str:
    """The name of a message, or of a version of it."""
    return f"post:{team_id}:{channel_id}:{ts}:{edited_ts or ''}"


class Posted(_Act):
    """A counselor's message; an edit of it arrives as the same message with `edited_ts`."""

    type: Literal["posted"] = "posted"
    ts: str
    thread_ts: str | None = None
    edited_ts: str | None = None
    text: str
    has_files: bool = False

    @property
    def key(self) -> str:
        """Message and version."""
        return post_key(self.team_id, self.channel_id, self.ts, self.edited_ts)


class HandedBack(_Act):
    """An edited answer that says of itself that it is one: from the Edit modal or the message shortcut."""

    type: Literal["handed_back"] = "handed_back"
    note_id: str
    base_revision_id: str | None
    """The revision which the person had before their eyes; None for the newest."""
    items: tuple[NoteItem, ...]
    source: str
    """Modal view id, or timestamp of the message that the shortcut was used on."""

    @property
    def key(self) -> str:
        """The modal or the message."""
        return f"edit:{self.note_id}:{self.source}"


class Reread(_Act):
    """A click that says: you read my reply the wrong way."""

    type: Literal["reread"] = "reread"
    note_id: str
    source_ts: str
    reading: Reading
    revision_id: str
    """What the person saw: the same click under a later answer is another act."""

    @property
    def key(self) -> str:
        """The reply, the reading asked for, and what it was asked of."""
        return f"reread:{self.source_ts}:{self.reading}:{self.revision_id}"


class TryAgain(_Act):
    """A click on the retry button of an answer that failed."""

    type: Literal["try_again"] = "try_again"
    note_id: str
    failed_at: str

    @property
    def key(self) -> str:
        """The failure that is retried."""
        return f"again:{self.note_id}:{self.failed_at}"


class Summarize(_Act):
    """`/phyassist summarize`."""

    type: Literal["summarize"] = "summarize"
    trigger: str
    format: str = ""
    """The name of a note format; empty takes the itemized one."""

    @property
    def key(self) -> str:
        """The command's trigger id."""
        return f"summarize:{self.channel_id}:{self.trigger}"


class Approve(_Act):
    """A click on Approve, which names the revision that the person saw."""

    type: Literal["approve"] = "approve"
    note_id: str
    revision_id: str

    @property
    def key(self) -> str:
        """The revision and the person: a second person's click is another act."""
        return f"approve:{self.note_id}:{self.revision_id}:{self.user_id}"


class EnteredLine(BaseModel):
    """A line of a final note in sections, as a counselor left or wrote it."""

    model_config = ConfigDict(frozen=True)

    section: str
    takes: Takes
    text: str


class SectionsCorrected(_Act):
    """A final note in sections, corrected in its modal."""

    type: Literal["sections_corrected"] = "sections_corrected"
    note_id: str
    base_revision_id: str
    """The revision which the person had before their eyes."""
    lines: tuple[EnteredLine, ...]
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"sections:{self.note_id}:{self.source}"


class AddAddendum(_Act):
    """An addendum to an approved note, from its modal."""

    type: Literal["add_addendum"] = "add_addendum"
    note_id: str
    text: str
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"addendum:{self.note_id}:{self.source}"


class Cosign(_Act):
    """A click on Co-sign, which names what was approved."""

    type: Literal["cosign"] = "cosign"
    note_id: str
    content_hash: str

    @property
    def key(self) -> str:
        """The content, the person and the moment: who was refused may be a supervisor by the next click."""
        return f"cosign:{self.note_id}:{self.content_hash}:{self.user_id}:{self.at}"


class ExportNotes(_Act):
    """Final notes, to be shared as files in their threads."""

    type: Literal["export_notes"] = "export_notes"
    note_ids: tuple[str, ...]
    file_types: tuple[FileType, ...]
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"export:{self.channel_id}:{self.source}"


class Accept(_Act):
    """A click on Accept, which names the revision that the person saw."""

    type: Literal["accept"] = "accept"
    note_id: str
    revision_id: str
    message_ts: str
    """The message with the button: it says so from then on."""

    @property
    def key(self) -> str:
        """The revision and the person, as with an approval."""
        return f"accept:{self.note_id}:{self.revision_id}:{self.user_id}"


class SaidConsent(BaseModel):
    """What the form of a case says about its consent."""

    model_config = ConfigDict(frozen=True)

    given_by: str
    given_on: date


class CaseChanged(_Act):
    """The form of a case, submitted: all that it says, and what its reader had before their eyes."""

    type: Literal["case_changed"] = "case_changed"
    case_id: str
    consent: SaidConsent | None
    """None: off."""
    names: tuple[str, ...]
    consents_seen: int
    """How many steps the history of consent had when the form was opened."""
    roster_seen: int
    """The version of the names when the form was opened."""
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"case:{self.case_id}:{self.source}"


class DigestCorrected(_Act):
    """The digest of a long case, as somebody corrected it."""

    type: Literal["digest_corrected"] = "digest_corrected"
    case_id: str
    upto: int
    """How many turns of the case the lines stand for, as the form said."""
    lines: tuple[str, ...]
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"digest:{self.case_id}:{self.source}"


class Joined(_Act):
    """The bot was invited to a channel."""

    type: Literal["joined"] = "joined"

    @property
    def key(self) -> str:
        """The channel and the moment."""
        return f"joined:{self.channel_id}:{self.at}"


Incoming = Annotated[
    Posted
    | HandedBack
    | Reread
    | TryAgain
    | Summarize
    | Approve
    | SectionsCorrected
    | AddAddendum
    | Cosign
    | ExportNotes
    | Accept
    | CaseChanged
    | DigestCorrected
    | Joined,
    Field(discriminator="type"),
]
incoming_adapter: TypeAdapter[Incoming] = TypeAdapter(Incoming)


class Stage(StrEnum):
    """How far the work on an inbox row has come; each stage is committed before the next begins."""

    PENDING = "pending"
    """Committed and acknowledged, nothing done yet."""
    ACCEPTED = "accepted"
    """Understood and stored as a turn of the case; an answer is owed."""
    ANSWERED = "answered"
    """The answer is stored; Slack may not show it yet."""
    DONE = "done"
    """Slack shows it; the row's text is wiped, its key stays."""
    FAILED = "failed"
    """Given up after several tries; the row keeps its text for whoever looks into it."""

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to do."""
        return self in {Stage.DONE, Stage.FAILED}
