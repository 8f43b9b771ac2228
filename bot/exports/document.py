"""An exported note before it has a file format: headings, lists and facts, all in the case's language."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.arrangement import Arranged, Part, arranged
from bot.domain.case import Case
from bot.domain.formats import Takes
from bot.domain.note import Item, Note
from bot.domain.signing import Role
from bot.exports.words import DocumentWords, document_words
from inference.note import Kind, Language


@dataclass(frozen=True)
class Group:
    """Lines of one sort. `heading` is empty where the section's own says it all; numbered lines are items, others somebody's own words."""

    heading: str
    lines: tuple[str, ...]
    numbered: bool


@dataclass(frozen=True)
class Chapter:
    """A titled section. Without groups `missing` says that nobody filled it in."""

    title: str
    groups: tuple[Group, ...]
    missing: str = ""


@dataclass(frozen=True)
class Fact:
    """A label and what it says."""

    label: str
    text: str


@dataclass(frozen=True)
class Document:
    """The whole note. `draft` is a word to stand out, empty once it is approved; `addenda` stand below `signatures`."""

    language: Language
    title: str
    draft: str
    facts: tuple[Fact, ...]
    chapters: tuple[Chapter, ...]
    signatures: Chapter | None
    addenda: tuple[Chapter, ...]
    colon: str


def document_of(case: Case, note: Note) -> Document:
    """A final note as a document. The case stands in it under its pseudonym, and nobody else does but those who signed."""
    words = document_words(case.language)
    return Document(
        language=case.language,
        title=words.title,
        draft="" if note.approval else words.draft,
        facts=tuple(_facts(case, note, words)),
        chapters=tuple(_chapters(note, case.language, words)),
        signatures=_signatures(note, words),
        addenda=tuple(_addenda(note, words)),
        colon=words.colon,
    )


def moment(at: datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _facts(case: Case, note: Note, words: DocumentWords) -> Iterator[Fact]:
    yield Fact(words.case, case.code)
    yield Fact(words.format, note.format.title.of(case.language) if note.format else words.itemized)
    yield Fact(words.drafted, moment(note.revisions[0].created_at))
    yield Fact(words.version, str(len(note.revisions)))
    if note.approval is None:
        yield Fact(words.draft, words.draft_means)


def _chapters(note: Note, language: Language, words: DocumentWords) -> Iterator[Chapter]:
    if note.format is None:
        for kind in Kind:
            lines = tuple(_line(item, words) for item in note.items if item.kind is kind)
            if lines:
                yield Chapter(words.headings[kind], (Group("", lines, numbered=True),))
        return
    for each in arranged(note.format, note.items):
        yield Chapter(each.section.title.of(language), tuple(_groups(each, words)), words.to_fill_in if each.is_empty else "")


def _groups(each: Arranged, words: DocumentWords) -> Iterator[Group]:
    for part in each.parts:
        if part.items:
            heading = _sort_of(part, words) if len(each.parts) > 1 else ""
            yield Group(heading, tuple(_line(item, words) for item in part.items), numbered=part.takes.kind is not None)


def _sort_of(part: Part, words: DocumentWords) -> str:
    if part.takes.kind:
        return words.headings[part.takes.kind]
    return words.as_reported if part.takes is Takes.REPORTED else words.own_words


def _line(item: Item, words: DocumentWords) -> str:
    return f"{item.text}{words.carried}" if item.carried else item.text


def _signatures(note: Note, words: DocumentWords) -> Chapter | None:
    approval = note.approval
    if approval is None:
        return None
    lines = [words.approved.format(who=_who(approval.user_id, approval.name, approval.role, words), when=moment(approval.at))]
    if note.cosignature:
        by = note.cosignature.by
        lines.append(words.cosigned.format(who=_who(by.user_id, by.name, by.role, words), when=moment(note.cosignature.at)))
    if approval.adapter:
        lines.append(words.written_by.format(adapter=approval.adapter))
    lines.append(f"{words.content_hash}{words.colon}{approval.content_hash}")
    return Chapter(words.signatures, (Group("", tuple(lines), numbered=False),))


def _addenda(note: Note, words: DocumentWords) -> Iterator[Chapter]:
    for added in note.addenda:
        by = words.addendum_by.format(who=_who(added.by.user_id, added.by.name, added.by.role, words), when=moment(added.at))
        facts = (by, f"{words.content_hash}{words.colon}{added.content_hash}")
        lines = tuple(line for line in added.text.splitlines() if line)
        yield Chapter(words.addendum.format(number=added.number), (Group("", lines, numbered=False), Group("", facts, numbered=False)))


def _who(user_id: str, name: str, role: Role | None, words: DocumentWords) -> str:
    shown = name or user_id
    return words.signed_as.format(name=shown, role=words.roles[role]) if role else shown
