"""What people do, as typed values: an inbox row holds exactly one of these.

`key` names the act itself, not its delivery: two deliveries of one act have the same key, however Slack numbers them.
"""

from abc import ABC, abstractmethod
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.domain.reading import Reading
from inference.note import Language, NoteItem


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


class DeleteCase(_Act):
    """The form that deletes a case, submitted with the case's code. Its `channel_id` is that of no channel but a queue of its own: in the
    case's queue it would wait for answers that are owed, for as long as the model is away."""

    type: Literal["delete_case"] = "delete_case"
    case_id: str
    entered_in: str
    """The channel in which the person is told."""
    language: Language
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"delete:{self.case_id}:{self.source}"


def deletion_queue(case_id: str) -> str:
    """The queue of the acts that delete a case."""
    return f"deletion-{case_id}"


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
    Posted | HandedBack | Reread | TryAgain | Summarize | Approve | Accept | CaseChanged | DeleteCase | DigestCorrected | Joined,
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
