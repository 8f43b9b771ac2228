"""The tables. Columns named `sealed_…` hold AES-GCM ciphertext; nothing a counselor or the model wrote stands anywhere else."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Index, Integer, LargeBinary, TypeDecorator, UniqueConstraint, true
from sqlmodel import Field, SQLModel

from bot.domain.formats import ITEMIZED


class UtcDateTime(TypeDecorator[datetime]):
    """Datetimes that come back in UTC with their zone, on SQLite too, which forgets it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """To the database: in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """From the database: with the zone."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def _when() -> Any:
    return Field(sa_type=UtcDateTime)


def _sealed(nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(LargeBinary, nullable=nullable))


def _serial() -> Any:
    # SQLite only counts up by itself on INTEGER primary keys
    return Field(default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True))


class KeyRow(SQLModel, table=True):
    """A data key, wrapped by the master key; `id` is a case id, or "inbox" for acts whose case is not known yet."""

    __tablename__ = "data_key"
    id: str = Field(primary_key=True)
    sealed_key: bytes = _sealed()


class CaseRow(SQLModel, table=True):
    """One patient case, bound to one channel. `state` follows from `closed_at` and `suspended_for`."""

    __tablename__ = "case"
    __table_args__ = (UniqueConstraint("team_id", "channel_id"), Index("case_code", "team_id", "code", unique=True))
    id: str = Field(primary_key=True)
    team_id: str
    channel_id: str
    code: str
    language: str
    state: str
    opened_at: datetime = _when()
    opened_by: str | None = None
    note_format: str = Field(sa_column_kwargs={"server_default": ITEMIZED})
    language_settled: bool = Field(sa_column_kwargs={"server_default": true()})
    welcomed: bool = Field(sa_column_kwargs={"server_default": true()})
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    suspended_for: str | None = None
    suspended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MovedChannelRow(SQLModel, table=True):
    """A channel to which Slack gave another id: late events under the old one belong to the new one."""

    __tablename__ = "moved_channel"
    old_channel_id: str = Field(primary_key=True)
    new_channel_id: str = Field(index=True)


class ConsentRow(SQLModel, table=True):
    """One step of a case's consent for training: given, or, where nothing was given, withdrawn. Append-only."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("case_id", "position"),)
    serial: int | None = _serial()
    case_id: str = Field(foreign_key="case.id", index=True)
    position: int
    sealed_given_by: bytes | None = _sealed(nullable=True)
    given_on: date | None = None
    recorded_by: str
    recorded_at: datetime = _when()


class RosterRow(SQLModel, table=True):
    """The names of a case's people; `version` counts the changes."""

    __tablename__ = "roster"
    case_id: str = Field(primary_key=True, foreign_key="case.id")
    version: int
    sealed_names: bytes = _sealed()
    changed_by: str
    changed_at: datetime = _when()


class DeletedCaseRow(SQLModel, table=True):
    """All that is left of a deleted case, so that datasets can forget it too."""

    __tablename__ = "deleted_case"
    id: str = Field(primary_key=True)
    deleted_at: datetime = _when()


class DeletionRow(SQLModel, table=True):
    """How a case was deleted, and what came of it: its certificate, in ids and numbers. `found` is JSON of `bot.domain.deletion.Found`."""

    __tablename__ = "deletion"
    case_id: str = Field(primary_key=True)
    code: str
    team_id: str
    channel_id: str
    language: str
    by: str
    at: datetime = _when()
    notes: int
    descriptions: int
    audit_number: int = 0
    audit_hash: str = ""
    stage: str
    found: str


class AnnouncementRow(SQLModel, table=True):
    """It was said that a closed case will be deleted; `closed_at` tells for which closing."""

    __tablename__ = "announcement"
    case_id: str = Field(primary_key=True, foreign_key="case.id")
    closed_at: datetime = _when()
    at: datetime = _when()


class NoteRow(SQLModel, table=True):
    """An answer or a summary, and the thread it lives in; a summary has none until Slack shows it."""

    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("case_id", "thread_ts"), UniqueConstraint("case_id", "position"))
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case.id", index=True)
    position: int
    purpose: str
    thread_ts: str | None = None


class RevisionRow(SQLModel, table=True):
    """One immutable version of a note."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("note_id", "number"),)
    id: str = Field(primary_key=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    number: int
    author_origin: str
    author: str
    sealed_items: bytes = _sealed()
    content_hash: str
    created_at: datetime = _when()


class ApprovalRow(SQLModel, table=True):
    """Who approved which revision, and when; since migration 0013 also as what, under which name, and which adapter's words they were."""

    __tablename__ = "approval"
    note_id: str = Field(primary_key=True, foreign_key="note.id")
    revision_id: str = Field(foreign_key="revision.id")
    content_hash: str
    user_id: str
    at: datetime = _when()
    role: str | None = None
    sealed_name: bytes | None = _sealed(nullable=True)
    adapter: str | None = None


class NoteFormatRow(SQLModel, table=True):
    """How a final note is arranged: its format in JSON, as it was when the note was drafted. An itemized note has none."""

    __tablename__ = "note_format"
    note_id: str = Field(primary_key=True, foreign_key="note.id")
    format: str


class AddendumRow(SQLModel, table=True):
    """What somebody added below an approved note."""

    __tablename__ = "addendum"
    __table_args__ = (UniqueConstraint("note_id", "number"),)
    id: str = Field(primary_key=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    number: int
    user_id: str
    role: str
    sealed_name: bytes = _sealed()
    sealed_text: bytes = _sealed()
    content_hash: str
    at: datetime = _when()


class CosignatureRow(SQLModel, table=True):
    """The supervisor who signed an approved note along."""

    __tablename__ = "cosignature"
    note_id: str = Field(primary_key=True, foreign_key="note.id")
    user_id: str
    sealed_name: bytes = _sealed()
    content_hash: str
    at: datetime = _when()


class AcceptanceRow(SQLModel, table=True):
    """Who took over which revision of an answer as it stood, and when."""

    __tablename__ = "acceptance"
    __table_args__ = (UniqueConstraint("note_id", "revision_id"),)
    serial: int | None = _serial()
    note_id: str = Field(foreign_key="note.id", index=True)
    revision_id: str = Field(foreign_key="revision.id")
    content_hash: str
    user_id: str
    at: datetime = _when()


class ItemChangeRow(SQLModel, table=True):
    """What a tap on one line of a note did; the revision that it made is a counselor's like others."""

    __tablename__ = "item_change"
    revision_id: str = Field(primary_key=True, foreign_key="revision.id")
    note_id: str = Field(foreign_key="note.id", index=True)
    place: int
    change: str


class EditReasonRow(SQLModel, table=True):
    """Why somebody changed a note, or, of a revision by the model, what is wrong with it. Append-only; the newest counts."""

    __tablename__ = "edit_reason"
    serial: int | None = _serial()
    note_id: str = Field(foreign_key="note.id", index=True)
    revision_id: str = Field(foreign_key="revision.id")
    place: int | None = None
    reason: str
    user_id: str
    at: datetime = _when()


class FeedbackRow(SQLModel, table=True):
    """Whether somebody finds a revision good or bad."""

    __tablename__ = "feedback"
    revision_id: str = Field(primary_key=True, foreign_key="revision.id")
    user_id: str = Field(primary_key=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    good: bool
    at: datetime = _when()


class EditDraftRow(SQLModel, table=True):
    """What somebody has typed on the pages of an open form, by field; gone once it is submitted or closed."""

    __tablename__ = "edit_draft"
    id: str = Field(primary_key=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    sealed_fields: bytes = _sealed()
    at: datetime = _when()


class ReportRow(SQLModel, table=True):
    """What a counselor wrote in one message; each edit of it is one more row."""

    __tablename__ = "description"
    __table_args__ = (Index("description_source", "case_id", "source_ts"),)
    serial: int | None = _serial()
    case_id: str = Field(foreign_key="case.id", index=True)
    note_id: str = Field(foreign_key="note.id")
    source_ts: str
    version: str
    author_id: str
    reading: str
    sealed_text: bytes = _sealed()


class TurnRow(SQLModel, table=True):
    """One turn of the prompt, as the model sees it. Turns are added at the end; one is changed or removed only because the message that it
    was read from was edited, deleted or joined with another.

    `revision_id` is the revision that the turn made: an answer's, or that of a note handed back. `source` names message and version that
    it was read from.
    """

    __tablename__ = "turn"
    __table_args__ = (UniqueConstraint("case_id", "position"),)
    serial: int | None = _serial()
    case_id: str = Field(foreign_key="case.id", index=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    position: int
    kind: str
    tokens: int
    sealed_text: bytes = _sealed()
    revision_id: str | None = None
    source: str | None = None


class NoteChangeRow(SQLModel, table=True):
    """A message that a note rests on was edited or deleted, when the note had that many revisions."""

    __tablename__ = "note_change"
    serial: int | None = _serial()
    case_id: str = Field(foreign_key="case.id", index=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    source_ts: str
    kind: str
    reading: str
    revisions: int
    at: datetime = _when()


class QuestionRow(SQLModel, table=True):
    """A question that an answer asks, or asked before a later revision left it out (`stands`); its text is one of that revision's items.

    `name` is a keyed hash, the same for a question that is asked again. No foreign keys to note and revision: one that is gone takes its
    questions off every list by itself.
    """

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("note_id", "name"), Index("question_name", "case_id", "name"))
    serial: int | None = _serial()
    case_id: str = Field(foreign_key="case.id")
    note_id: str
    name: str
    revision_id: str
    place: int
    stands: bool


class TickedRow(SQLModel, table=True):
    """A question that was ticked off: answered, or not needed. Opened again, its row is gone."""

    __tablename__ = "ticked_question"
    case_id: str = Field(primary_key=True, foreign_key="case.id")
    name: str = Field(primary_key=True)
    outcome: str
    user_id: str
    at: datetime = _when()


class CorrectionRow(SQLModel, table=True):
    """A digest of a long case as a counselor corrected it: it stands for the turns up to position `upto`, for prompts after `since`."""

    __tablename__ = "correction"
    case_id: str = Field(primary_key=True, foreign_key="case.id")
    number: int = Field(primary_key=True)
    upto: int
    since: int
    sealed_lines: bytes = _sealed()
    corrected_by: str
    corrected_at: datetime = _when()


class InboxRow(SQLModel, table=True):
    """Something a person did; committed before Slack gets its acknowledgement, wiped once its answer is shown."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("inbox_waiting", "channel_id", "stage"),
        {"sqlite_autoincrement": True},  # outbox slots are named after ids, and answered rows are removed: no id may come twice
    )
    id: int | None = _serial()
    key: str
    team_id: str
    channel_id: str
    at: str
    stage: str
    attempts: int = 0
    note_id: str | None = None
    sealed_act: bytes | None = _sealed(nullable=True)
    received_at: datetime = _when()


class MessageRow(SQLModel, table=True):
    """The outbox: one Slack message, a page of what answers an act. Its content is derived from the note when it is sent.

    The row is committed before a post is tried, so that a restart looks in Slack for a message with this `id` before it posts again;
    `ts` is committed after it.
    """

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("slot", "page"),)
    serial: int | None = _serial()
    id: str = Field(unique=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    slot: str
    page: int
    ts: str | None = None


class LeaseRow(SQLModel, table=True):
    """Which bot instance works on a channel, and until when that holds unless renewed."""

    __tablename__ = "lease"
    channel_id: str = Field(primary_key=True)
    owner: str
    until: datetime = _when()


class NightRunRow(SQLModel, table=True):
    """One night: who asked for it (None: the clock), how often it was begun, the message that tells of it, how it ended, and what an admin
    did about it."""

    __tablename__ = "night_run"
    name: str = Field(primary_key=True)
    requested_by: str | None = None
    started_at: datetime = _when()
    begun: int = 0
    message_ts: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end: str | None = None
    reason: str = ""
    remark: str | None = None


class NightSampleRow(SQLModel, table=True):
    """One of a night's notes before and after, with what was asked: text of the case."""

    __tablename__ = "night_sample"
    night: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    case_id: str = Field(foreign_key="case.id", index=True)
    sealed_sample: bytes = _sealed()


class NightJudgementRow(SQLModel, table=True):
    """Which of a sample's notes an admin would rather have; no choice: they were shown which is which without having said anything."""

    __tablename__ = "night_judgement"
    night: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    choice: str | None = None
    at: datetime = _when()


class ToldAdapterRow(SQLModel, table=True):
    """The admins were told that an adapter learned from a case which may not be trained on any more."""

    __tablename__ = "told_adapter"
    adapter: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)


class SafetyCardRow(SQLModel, table=True):
    """What screening noticed in a case, as categories; `source` names what was screened."""

    __tablename__ = "safety_card"
    __table_args__ = (UniqueConstraint("note_id", "source"),)
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case.id", index=True)
    note_id: str = Field(foreign_key="note.id", index=True)
    source: str
    found_in: str
    dangers: str
    past: str
    raised_at: datetime = _when()


class SafetyCardSeenRow(SQLModel, table=True):
    """Somebody has seen a safety card."""

    __tablename__ = "safety_card_seen"
    card_id: str = Field(primary_key=True, foreign_key="safety_card.id")
    user_id: str = Field(primary_key=True)
    at: datetime = _when()


class AuditRow(SQLModel, table=True):
    """One row of the audit: who did what, in ids. Rows are chained by their hashes and stay when their case is deleted.

    `at` is text, as it is hashed: UTC in ISO 8601 with microseconds.
    """

    __tablename__ = "audit"
    number: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False))
    at: str
    team_id: str
    case_id: str | None = Field(default=None, index=True)
    user_id: str
    action: str
    subject: str
    detail: str
    hash: str
