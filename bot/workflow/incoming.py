"""What people do, as typed values: an inbox row holds exactly one of these.

`key` names the act itself, not its delivery: two deliveries of one act have the same key, however Slack numbers them.
"""

from abc import ABC, abstractmethod
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.domain.editing import ItemChange
from bot.domain.formats import Takes
from bot.domain.questions import Outcome
from bot.domain.reading import Reading
from bot.domain.shared_file import FileType
from inference.note import Language, NoteItem
from training.data.records import Reason


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


def deleted_key(team_id: str, channel_id: str, ts: str) -> str:
    """The name of a message's deletion."""
    return f"deleted:{team_id}:{channel_id}:{ts}"


class FileRef(BaseModel):
    """A file that came with a message, as Slack describes it; its name is case text. `size` is in bytes."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str = Field("", repr=False)
    mimetype: str = ""
    size: int = 0
    url: str = Field("", repr=False)
    """Where its bytes are; empty where Slack names no place: elsewhere on the web, deleted, or hidden by the plan's limit."""


class Posted(_Act):
    """A counselor's message; an edit of it arrives as the same message with `edited_ts`."""

    type: Literal["posted"] = "posted"
    ts: str
    thread_ts: str | None = None
    edited_ts: str | None = None
    text: str
    has_files: bool = False
    files: tuple[FileRef, ...] = ()
    alone: bool = False
    """Not to be joined with the message before it: somebody said so."""

    @property
    def key(self) -> str:
        """Message and version; read once more by itself, it is another act."""
        return post_key(self.team_id, self.channel_id, self.ts, self.edited_ts) + (":alone" if self.alone else "")


class Deleted(_Act):
    """A message of a person that is gone; `user_id` is its author."""

    type: Literal["deleted"] = "deleted"
    ts: str

    @property
    def key(self) -> str:
        """The message."""
        return deleted_key(self.team_id, self.channel_id, self.ts)


class WriteAgain(_Act):
    """A click that asks for a note anew, because a message that it rests on was edited or deleted."""

    type: Literal["write_again"] = "write_again"
    note_id: str
    seen: str
    """What the person saw: the revision, and the change since."""

    @property
    def key(self) -> str:
        """The note as that person saw it."""
        return f"write_again:{self.note_id}:{self.seen}"


class RemoveNote(_Act):
    """A click that removes a note whose description was deleted."""

    type: Literal["remove_note"] = "remove_note"
    note_id: str
    revision_id: str

    @property
    def key(self) -> str:
        """The note as that person saw it."""
        return f"remove_note:{self.note_id}:{self.revision_id}"


class Separate(_Act):
    """A click that says: those messages in a row were descriptions of their own."""

    type: Literal["separate"] = "separate"
    note_id: str
    revision_id: str

    @property
    def key(self) -> str:
        """The note as that person saw it."""
        return f"separate:{self.note_id}:{self.revision_id}"


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
    base_hash: str = ""
    """The content of that revision then; empty from forms that did not say. It is another one where something had to be forgotten."""
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


class CardSeen(_Act):
    """A click on a safety card: I have seen this."""

    type: Literal["card_seen"] = "card_seen"
    card_id: str

    @property
    def key(self) -> str:
        """The card and the person."""
        return f"card_seen:{self.card_id}:{self.user_id}"


class ItemChanged(_Act):
    """A tap on one line of a note, which names it by its place in the revision that the person saw."""

    type: Literal["item_changed"] = "item_changed"
    note_id: str
    revision_id: str
    place: int
    change: ItemChange
    lines: tuple[str, ...] = ()
    """The words that take the place of a rewritten line."""
    source: str = ""
    """Id of the modal in which a line was rewritten."""

    @property
    def key(self) -> str:
        """The line and what is done to it: two people who drop the same line drop it once."""
        return f"item:{self.revision_id}:{self.place}:{self.change}:{self.source}"


class Wish(StrEnum):
    """What is asked of the model with a button."""

    ANEW = "anew"
    SHORTER = "shorter"


class AskedAnew(_Act):
    """A click on New answer or Shorter, which names the revision that the person saw."""

    type: Literal["asked_anew"] = "asked_anew"
    note_id: str
    revision_id: str
    wish: Wish

    @property
    def key(self) -> str:
        """The click: the same wish may be had again, as after an answer that failed."""
        return f"anew:{self.revision_id}:{self.wish}:{self.user_id}:{self.at}"


class Felt(_Act):
    """Thumbs up or down under a revision; the newest of a person counts."""

    type: Literal["felt"] = "felt"
    note_id: str
    revision_id: str
    good: bool

    @property
    def key(self) -> str:
        """The click: people change their minds, and change them back."""
        return f"felt:{self.revision_id}:{self.user_id}:{self.at}"


class ReasonStated(_Act):
    """Why somebody changed a note, or finds it bad, said with one tap."""

    type: Literal["reason_stated"] = "reason_stated"
    note_id: str
    revision_id: str
    """The counselor's revision that it explains, or the model's that it is about."""
    reason: Reason

    @property
    def key(self) -> str:
        """The revision, the person and the reason."""
        return f"reason:{self.revision_id}:{self.user_id}:{self.reason}"


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
    code: str | None = None
    """Another code; None, here and below: left as it was."""
    language: Language | None = None
    note_format: str | None = None
    closed: bool | None = None

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


class CaseSwitched(_Act):
    """A case is closed, or opened again, by command or button."""

    type: Literal["case_switched"] = "case_switched"
    closed: bool
    source: str
    """The trigger id of the command or click."""

    @property
    def key(self) -> str:
        """The command or click."""
        return f"switch:{self.channel_id}:{self.source}"


class Tick(BaseModel):
    """What became of a question: its name, and how it was ticked off; None opens it again."""

    model_config = ConfigDict(frozen=True)

    name: str
    outcome: Outcome | None


class QuestionsTicked(_Act):
    """The list of open questions, submitted: those that somebody changed."""

    type: Literal["questions_ticked"] = "questions_ticked"
    case_id: str
    ticks: tuple[Tick, ...]
    source: str
    """Modal view id."""

    @property
    def key(self) -> str:
        """The modal."""
        return f"questions:{self.case_id}:{self.source}"


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
        return f"{joined_prefix(self.channel_id)}{self.at}"


class ChannelChanged(_Act):
    """Something happened to a channel or its members. What follows depends on how the channel is when it is looked at."""

    type: Literal["channel_changed"] = "channel_changed"
    deleted: bool = False
    """Slack said that the channel was deleted."""
    source: str
    """What happened, with Slack's time of it."""

    @property
    def key(self) -> str:
        """The channel and what happened."""
        return f"changed:{self.channel_id}:{self.source}"


class ChannelMoved(_Act):
    """Slack gave a channel another id. It stands in the old channel's queue; that of the new one waits for it."""

    type: Literal["channel_moved"] = "channel_moved"
    new_channel_id: str

    @property
    def key(self) -> str:
        """The new id: a channel gets it once."""
        return moved_key(self.new_channel_id)


class ChannelRenamed(_Act):
    """A channel has another name, which is kept nowhere but here, for as long as it takes to compare it with the names of the case."""

    type: Literal["channel_renamed"] = "channel_renamed"
    name: str

    @property
    def key(self) -> str:
        """The channel and the moment."""
        return f"renamed:{self.channel_id}:{self.at}"


def moved_key(new_channel_id: str) -> str:
    """The name of the act that gives a channel this id."""
    return f"moved:{new_channel_id}"


def joined_prefix(channel_id: str) -> str:
    """How the names of all invitations to a channel begin."""
    return f"joined:{channel_id}:"


Tap = ItemChanged | AskedAnew | Felt | ReasonStated
"""Taps under a note."""

Incoming = Annotated[
    Posted
    | Deleted
    | WriteAgain
    | RemoveNote
    | Separate
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
    | CardSeen
    | CaseChanged
    | CaseSwitched
    | DeleteCase
    | DigestCorrected
    | QuestionsTicked
    | Joined
    | ChannelChanged
    | ChannelMoved
    | ChannelRenamed
    | Tap,
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
