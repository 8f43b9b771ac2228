"""The end of a case: what was destroyed, what was found out afterwards, and how far that has come. Ids, names and numbers; no text."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.audit import Head
from inference.note import Language


class DeletionStage(StrEnum):
    """How far a deletion has come; each stage is committed before the next begins."""

    REMOVED = "removed"
    """The data key is destroyed and the rows are gone; copies in the database's log, in Slack and in datasets may be left."""
    SWEPT = "swept"
    """The bot's own messages are gone from Slack, as far as Slack allows."""
    FORGOTTEN = "forgotten"
    """The datasets are written anew without the case, and the adapters that learned from it are named and retired."""
    DONE = "done"
    """The certificate is issued."""


@dataclass(frozen=True)
class Found:
    """What was found out while copies were removed.

    `messages` are the bot's own that were deleted in Slack, `messages_left` those that Slack did not let go. `channel_seen` False: the bot
    could not look, as it is no member any more or the channel is archived. `datasets` and `adapters` are names of nights; `in_service` is
    the one of the adapters that still answers. `unclear`: datasets and adapters of which nobody can tell.
    """

    messages: int = 0
    messages_left: int = 0
    channel_seen: bool = True
    datasets: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    in_service: str | None = None
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deletion:
    """A case that was deleted: the certificate, once its stage is done. `audit` is the row of the audit that records it."""

    case_id: str
    code: str
    team_id: str
    channel_id: str
    language: Language
    by: str
    at: datetime
    notes: int
    descriptions: int
    audit: Head
    stage: DeletionStage = DeletionStage.REMOVED
    found: Found = Found()


@dataclass(frozen=True)
class Announcement:
    """When it was said that a case will be deleted, and for which closing of it: one that is opened and closed again is announced anew."""

    closed_at: datetime
    at: datetime
