"""Notes, their revisions and approvals, and the rules by which one revision follows from another.

Three rules hold everywhere below. A revision never changes, but for deleted lines that a draft has to forget. An item which a counselor
wrote stays word for word. An item which a counselor dropped doesn't come back.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum

from bot.domain.errors import NotAllowed, NoteLocked, OutOfDate, SectionsMissing
from bot.domain.formats import NoteFormat
from bot.domain.signing import Addendum, Cosignature, Role, Signer
from inference.note import Kind, NoteItem

SAME_TEXT = 0.85
"""Texts this similar (difflib ratio, case and spaces aside) count as the same item said twice."""

_NEGATION = re.compile(r"\b(?:no|not|never|none|without|nobody|nothing|deny|denies|denied)\b|n't\b|[没不无未非否]")


class Origin(StrEnum):
    """Who wrote an item's words."""

    MODEL = "model"
    COUNSELOR = "counselor"


class Purpose(StrEnum):
    """What a note is for: an answer to a description, or the final note of a session."""

    ANSWER = "answer"
    SUMMARY = "summary"


@dataclass(frozen=True)
class Item:
    """One line of a revision.

    `evidence` holds the ids of the descriptions it rests on; what it says is the same with and without. `section` names the section of a
    note format in which a counselor entered the line; its kind says nothing then. `carried`: it stood in the last approved final note, and
    goes on word for word.
    """

    kind: Kind
    text: str
    origin: Origin
    evidence: tuple[str, ...] = field(default=(), compare=False)
    kept: bool = False
    """A counselor wants it to stay, word for word, also when the model writes the note again. Their own words always do."""
    section: str = ""
    carried: bool = False


@dataclass(frozen=True)
class Author:
    """Who made a revision: a counselor (Slack user id), or the model under an adapter's name."""

    origin: Origin
    name: str


@dataclass(frozen=True)
class Revision:
    """One version of a note. `number` counts from 1 within its note."""

    id: str
    number: int
    author: Author
    items: tuple[Item, ...]
    created_at: datetime

    @property
    def content_hash(self) -> str:
        """SHA-256 of the items, order and sections included: what an approval names."""
        content = [[item.kind, item.text, item.origin, *([item.section] if item.section else [])] for item in self.items]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Approval:
    """Who approved, or accepted, exactly which revision, and when.

    Of an approval: also that person's name and role then, and the adapter that wrote the newest of the note's revisions by the model. Empty
    for those from before they were kept.
    """

    user_id: str
    revision_id: str
    content_hash: str
    at: datetime
    role: Role | None = None
    name: str = field(default="", repr=False)
    adapter: str = ""


@dataclass(frozen=True)
class Note:
    """The answer to a description, or a session's summary, with all its revisions, oldest first."""

    id: str
    case_id: str
    purpose: Purpose
    thread_ts: str | None
    """The thread it lives in; None for a summary that Slack does not show yet."""
    revisions: tuple[Revision, ...] = ()
    approval: Approval | None = None
    acceptances: tuple[Approval, ...] = ()
    """Of an answer: which of its revisions people took over as they stood, oldest first."""
    format: NoteFormat | None = None
    """Of a summary: how it is arranged, as the format was when it was drafted; None for an itemized one."""
    addenda: tuple[Addendum, ...] = ()
    """Of an approved summary: what was added since, oldest first."""
    cosignature: Cosignature | None = None

    @property
    def acceptance(self) -> Approval | None:
        """The acceptance of the newest revision: a later revision leaves the note open again."""
        return next((each for each in self.acceptances if self.current and each.revision_id == self.current.id), None)

    @property
    def current(self) -> Revision | None:
        """The newest revision; None before the first answer."""
        return self.revisions[-1] if self.revisions else None

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the newest revision."""
        return self.current.items if self.current else ()

    def revise(self, revision: Revision) -> "Note":
        """The note with one more revision.

        Raises:
            NoteLocked: the note is approved.
        """
        if self.approval:
            raise NoteLocked
        return replace(self, revisions=(*self.revisions, revision))

    def approve(self, user_id: str, revision_id: str, at: datetime, role: Role | None = None, name: str = "") -> "Note":
        """The note approved at its newest revision.

        Raises:
            NotAllowed: it is not a summary.
            NoteLocked: it is approved already.
            OutOfDate: `revision_id` is not the newest revision, so the person did not see what they would approve.
            SectionsMissing: a section that its format requires is empty.
        """
        if self.purpose is not Purpose.SUMMARY:
            raise NotAllowed(self.purpose)
        if self.approval:
            raise NoteLocked
        if self.current is None or self.current.id != revision_id:
            raise OutOfDate
        missing = (
            self.format.unfilled({item.kind for item in self.items if not item.section}, {item.section for item in self.items})
            if self.format
            else ()
        )
        if missing:
            raise SectionsMissing(missing)
        return replace(self, approval=Approval(user_id, revision_id, self.current.content_hash, at, role, name, self.adapter))

    @property
    def adapter(self) -> str:
        """The adapter, or model, that wrote the newest of the note's revisions by the model; empty where there is none."""
        return next((each.author.name for each in reversed(self.revisions) if each.author.origin is Origin.MODEL), "")

    def add(self, addendum: Addendum) -> "Note":
        """The approved note with one more addendum below it.

        Raises:
            NotAllowed: it is not approved, so it can still be corrected.
        """
        if self.approval is None:
            raise NotAllowed("not_approved")
        return replace(self, addenda=(*self.addenda, replace(addendum, number=len(self.addenda) + 1)))

    def cosign(self, by: Signer, content_hash: str, at: datetime) -> "Note":
        """The approved note, signed along by a supervisor; of several, the first counts.

        Raises:
            NotAllowed: it is not approved, the signer is no supervisor, or it is the one who approved it.
            OutOfDate: `content_hash` is not what was approved.
        """
        if self.approval is None:
            raise NotAllowed("not_approved")
        if by.role is not Role.SUPERVISOR:
            raise NotAllowed("no_cosigner")
        if by.user_id == self.approval.user_id:
            raise NotAllowed("own_approval")
        if content_hash != self.approval.content_hash:
            raise OutOfDate
        return self if self.cosignature else replace(self, cosignature=Cosignature(by, content_hash, at))

    def accept(self, user_id: str, revision_id: str, at: datetime) -> "Note":
        """The answer accepted at its newest revision; of several people, the first counts.

        Raises:
            NotAllowed: it is a summary, which is approved instead.
            OutOfDate: `revision_id` is not the newest revision, so the person did not see what they would accept.
        """
        if self.purpose is not Purpose.ANSWER:
            raise NotAllowed(self.purpose)
        if self.current is None or self.current.id != revision_id:
            raise OutOfDate
        if self.acceptance:
            return self
        return replace(self, acceptances=(*self.acceptances, Approval(user_id, revision_id, self.current.content_hash, at)))

    def merge_edit(self, lines: Sequence[NoteItem], base_revision_id: str | None) -> tuple[NoteItem, ...]:
        """A counselor's edit of an older revision, joined with what happened since: nothing that anybody wrote is lost.

        Lines which somebody else dropped since, and which this edit left alone, stay dropped; items that are new since are added.
        """
        base = next((revision for revision in self.revisions if revision.id == base_revision_id), self.current)
        old = {item.text for item in base.items} if base else set()
        now = {item.text for item in self.items}
        merged = [line for line in lines if line.text not in old or line.text in now]
        have = {line.text for line in merged}
        return (*merged, *(NoteItem(item.kind, item.text) for item in self.items if item.text not in old | have))

    def newest_edit(self) -> tuple[Revision, Revision] | None:
        """The newest counselor's revision, after the one it replaced; None if nobody edited, or only an empty note."""
        for before, after in reversed(list(zip(self.revisions, self.revisions[1:], strict=False))):
            if after.author.origin is Origin.COUNSELOR:
                return before, after
        return None

    def dropped_texts(self) -> tuple[str, ...]:
        """Texts which counselors took out of this note, by dropping or rewriting an item, and did not put back."""
        dropped: dict[str, None] = {}
        for before, after in zip(self.revisions, self.revisions[1:], strict=False):
            if after.author.origin is Origin.COUNSELOR:
                dropped |= dict.fromkeys(item.text for item in before.items)
            for item in after.items:  # put back by hand, or by undoing an edit that was none
                dropped.pop(item.text, None)
        return tuple(dropped)


def adopt(lines: Sequence[NoteItem], current: Sequence[Item]) -> tuple[Item, ...]:
    """A counselor's edited list as items: a line that stood in the note unchanged keeps its origin, any other is the counselor's.

    Such a list knows kinds and no sections: what was entered in a section of its own stays there.
    """
    known = {item.text: item for item in current}
    entered = tuple(item for item in current if item.section)
    return (
        *(
            replace(known[line.text], kind=line.kind) if line.text in known else Item(line.kind, line.text, Origin.COUNSELOR)
            for line in lines
            if not (line.text in known and known[line.text].section)
        ),
        *entered,
    )


def build_on(kept: Sequence[Item], additions: Iterable[NoteItem], dropped: Sequence[str] = ()) -> tuple[Item, ...]:
    """Kept items word for word, then what the model adds, kind by kind; repetitions and dropped items are left out."""
    result = list(kept)
    for addition in additions:
        if not any(same_text(addition.text, text) for text in [*(item.text for item in result), *dropped]):
            result.append(Item(addition.kind, addition.text, Origin.MODEL))
    order = list(Kind)
    return tuple(sorted(result, key=lambda item: order.index(item.kind)))


def by_counselor(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items whose words are a counselor's."""
    return tuple(item for item in items if item.origin is Origin.COUNSELOR)


def staying(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items which stay when the model writes the note again: a counselor's words, and what a counselor kept."""
    return tuple(item for item in items if item.kept or item.origin is Origin.COUNSELOR)


def same_text(one: str, other: str) -> bool:
    """Whether two texts say the same thing in nearly the same words; "has a plan" and "has no plan" never do."""
    left, right = " ".join(one.lower().split()), " ".join(other.lower().split())
    if left == right:
        return True
    if sorted(_NEGATION.findall(left)) != sorted(_NEGATION.findall(right)):
        return False
    if 2 * min(len(left), len(right)) < SAME_TEXT * (len(left) + len(right)):  # most pairs end here; a matcher is slow to build
        return False
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    return matcher.quick_ratio() >= SAME_TEXT and matcher.ratio() >= SAME_TEXT
