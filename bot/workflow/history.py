"""A case's past, note by note: what was reported, and each revision with what it changed, in the order in which it happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.differences import ItemChange, as_written, differences
from bot.domain.note import Note, Revision
from bot.domain.reading import Reading
from bot.workflow.ports import PastNote, Report


@dataclass(frozen=True)
class Told:
    """A description, or added information; `again`: an edit of what stands before."""

    report: Report
    at: datetime
    again: bool


@dataclass(frozen=True)
class Revised:
    """A revision and what became of each item of the one before; a first one changes nothing."""

    revision: Revision
    changes: tuple[ItemChange, ...]
    first: bool

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.revision.created_at


Event = Told | Revised


def events(past: PastNote) -> Sequence[Event]:
    """What happened to a note, oldest first. A reply that was an edited list shows as the revision that it made."""
    return sorted([*_told(past.reports), *_revised(past.note)], key=lambda event: event.at)


def _told(reports: Sequence[Report]) -> Iterator[Told]:
    newest = {report.source: report for report in reports}  # read another way later: as it was read last
    seen: set[str] = set()
    for report in newest.values():
        if report.reading is not Reading.EDITED:
            yield Told(report, _moment(report.version), report.source_ts in seen)
        seen.add(report.source_ts)


def _revised(note: Note) -> Iterator[Revised]:
    before: Revision | None = None
    for revision in note.revisions:
        changes = as_written(revision.items) if before is None else differences(before.items, revision.items)
        yield Revised(revision, changes, before is None)
        before = revision


def _moment(ts: str) -> datetime:
    """Of a Slack timestamp."""
    return datetime.fromtimestamp(float(ts), UTC)
