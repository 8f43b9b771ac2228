"""The audit: who did what, when, to which case. Ids and words of our own; never a word of a case.

Rows are chained: each carries the hash of the row before it and of its own contents. Whoever changes, removes, inserts or swaps a row
breaks the chain there. Whoever cuts off its end, or writes it anew from some row on, leaves a chain that is whole in itself: that shows
only beside a `Head` that was kept elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

BOT = "phyassist"
"""The user of what nobody asked for at that moment, such as a deletion by retention."""
ID_CHARS = 200
_OPAQUE = re.compile(rf"[A-Za-z0-9_.:+-]{{0,{ID_CHARS}}}")


class AuditAction(StrEnum):
    """What somebody did."""

    OPENED = "opened"
    """A case was opened."""
    VIEWED = "viewed"
    """Something of a case was shown to somebody who asked for it; `detail` says what."""
    CHANGED = "changed"
    """The settings of a case: code, language, names, note format."""
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CLOSED = "closed"
    REOPENED = "reopened"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DESCRIBED = "described"
    """A description, or information added to one; also a new version of either."""
    DESCRIPTION_DELETED = "description_deleted"
    EDITED = "edited"
    """A counselor's version of a note."""
    REREAD = "reread"
    """A reply was meant the other way."""
    RETRIED = "retried"
    ANSWERED = "answered"
    """The model's revision of a note was stored."""
    DISMISSED = "dismissed"
    """A question to ask was set aside, or one that was is open again."""
    CORRECTED = "corrected"
    """The digest of a long case."""
    RATED = "rated"
    ACCEPTED = "accepted"
    SUMMARIZED = "summarized"
    APPROVED = "approved"
    COSIGNED = "cosigned"
    ADDED = "added"
    """An addendum to an approved note."""
    EXPORTED = "exported"
    RISK_FOUND = "risk_found"
    ACKNOWLEDGED = "acknowledged"
    """A safety card."""
    DELETION_ASKED = "deletion_asked"
    DELETED = "deleted"
    ANNOUNCED = "announced"
    """That a closed case will be deleted."""
    RETRAINED = "retrained"
    """A night was begun."""
    NIGHT_ENDED = "night_ended"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    COMPARED = "compared"
    """An admin looked at notes before and after."""
    AUDIT_EXPORTED = "audit_exported"
    REFUSED = "refused"
    """`detail` says what was wanted, and the sign that it was refused with."""


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did.

    `case_id` None: it was about no case, or about none that there is. `subject` is the opaque id of what it was about (note, revision,
    adapter, night, channel), `detail` a word of our own (a sign, a file format); neither has room for a sentence.
    """

    at: datetime
    team_id: str
    case_id: str | None
    user_id: str
    action: AuditAction
    subject: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        for name in ("team_id", "user_id", "subject", "detail"):
            if not _OPAQUE.fullmatch(getattr(self, name)):
                raise ValueError(f"the {name} of an audit entry is no id")  # and is not shown either


@dataclass(frozen=True)
class Head:
    """The newest row of a chain at some time, and its hash (64 hexadecimal digits). Number 0: no row yet."""

    number: int = 0
    hash: str = "0" * 64


@dataclass(frozen=True)
class AuditRecord:
    """A row of the audit as it stands: its place in the chain, counted from 1, what an entry said, and its hash.

    Plain text throughout, `at` being UTC in ISO 8601 with microseconds: a row that was tampered with must still be readable.
    """

    number: int
    at: str
    team_id: str
    case_id: str | None
    user_id: str
    action: str
    subject: str
    detail: str
    hash: str

    @property
    def head(self) -> Head:
        """The head of the chain that ends with this row."""
        return Head(self.number, self.hash)

    def follows(self, before: Head) -> bool:
        """Whether its hash is that of its contents after that head."""
        return self.hash == _digest(before, self)


class Fault(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "changed"
    """The row at this number does not match its hash, or the row before it was put in its place."""
    MISSING = "missing"
    """There is no row of this number, but a later one."""
    CUT = "cut"
    """A head that was kept elsewhere names this number, and the chain ends before it."""
    REWRITTEN = "rewritten"
    """A head that was kept elsewhere has another hash for this number: the chain was written anew."""


@dataclass(frozen=True)
class Break:
    """Where a chain breaks."""

    number: int
    fault: Fault


def chained(before: Head, entry: AuditEntry) -> AuditRecord:
    """The row that follows `before`."""
    record = AuditRecord(
        before.number + 1,
        timestamp(entry.at),
        entry.team_id,
        entry.case_id,
        entry.user_id,
        entry.action.value,
        entry.subject,
        entry.detail,
        hash="",
    )
    return replace(record, hash=_digest(before, record))


def timestamp(at: datetime) -> str:
    """A moment as rows hold it; such texts are in order where the moments are."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(record: AuditRecord) -> str:
    """A row without its hash as the one JSON text that is hashed: keys in order, no spaces, nothing but ASCII."""
    values = {name: value for name, value in asdict(record).items() if name != "hash"}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _digest(before: Head, record: AuditRecord) -> str:
    """SHA-256 over the hash before, a line feed and the row's canonical JSON."""
    return hashlib.sha256(f"{before.hash}\n{canonical(record)}".encode()).hexdigest()


@dataclass
class Verifier:
    """Follows a chain row by row, so that a long one never has to be in memory at once. `kept` are heads that were kept elsewhere."""

    kept: Iterable[Head] = ()

    def __post_init__(self) -> None:
        self.head = Head()
        self.broken: Break | None = None
        self._kept: dict[int, set[str]] = {}
        for head in self.kept:
            if head.number:
                self._kept.setdefault(head.number, set()).add(head.hash)

    def follow(self, records: Iterable[AuditRecord]) -> None:
        """The next rows, in the order of their numbers; nothing is looked at after the first break."""
        for record in records:
            if self.broken is None:
                self.broken = self._fault(record)
                self.head = record.head if self.broken is None else self.head

    def end(self) -> Break | None:
        """Where the chain breaks, after its last row; None: it is whole, and holds all heads that were kept."""
        newest = max(self._kept, default=0)
        if self.broken is None and newest > self.head.number:
            self.broken = Break(self.head.number + 1, Fault.CUT)
        return self.broken

    def _fault(self, record: AuditRecord) -> Break | None:
        expected = self.head.number + 1
        if record.number > expected:
            return Break(expected, Fault.MISSING)
        if record.number < expected or not record.follows(self.head):
            return Break(record.number, Fault.CHANGED)
        if self._kept.get(record.number, {record.hash}) != {record.hash}:
            return Break(record.number, Fault.REWRITTEN)
        return None


def verify(records: Iterable[AuditRecord], kept: Iterable[Head] = ()) -> Break | None:
    """Where a chain breaks, given all its rows in order; None: nowhere."""
    verifier = Verifier(kept)
    verifier.follow(records)
    return verifier.end()
