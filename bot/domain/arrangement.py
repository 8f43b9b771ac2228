"""A final note in sections: where each line stands, and what a counselor's corrected sections become."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.formats import NoteFormat, Section, Takes
from bot.domain.note import Item, Note, Origin
from inference.note import Kind, NoteItem


@dataclass(frozen=True)
class Part:
    """The lines of a section that are of one sort."""

    takes: Takes
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Arranged:
    """A section with its lines."""

    section: Section
    parts: tuple[Part, ...]

    @property
    def is_empty(self) -> bool:
        """Whether it has no line at all."""
        return not any(part.items for part in self.parts)


@dataclass(frozen=True)
class Line:
    """One line that a counselor left in, or wrote into, a part of a section."""

    section: str
    takes: Takes
    text: str


def arranged(form: NoteFormat, items: Sequence[Item]) -> tuple[Arranged, ...]:
    """All lines of a note in the sections of its format, each where it belongs, in their order."""
    return tuple(
        Arranged(section, tuple(Part(takes, _of_part(section, takes, items)) for takes in section.takes)) for section in form.sections
    )


def _of_part(section: Section, takes: Takes, items: Sequence[Item]) -> tuple[Item, ...]:
    if takes.kind is None:
        return tuple(item for item in items if item.section == section.key)
    return tuple(item for item in items if not item.section and item.kind is takes.kind)


def corrected(note: Note, lines: Sequence[Line], base_revision_id: str | None) -> tuple[Item, ...]:
    """A counselor's corrected sections as items of the next revision.

    A line that stood in its section unchanged keeps its origin, any other is the counselor's. What others did since the revision that
    the person saw is kept: lines they dropped stay dropped, lines they added stay.
    """
    base = next((revision for revision in note.revisions if revision.id == base_revision_id), note.current)
    seen = {_place(item) for item in base.items} if base else set()
    now = {_place(item): item for item in note.items}
    items = [_taken(line, now.get((_section(line), line.text))) for line in lines]
    kept = [item for item in items if _place(item) in now or _place(item) not in seen]
    have = {_place(item) for item in kept}
    return (*kept, *(item for place, item in now.items() if place not in seen and place not in have))


def _section(line: Line) -> str:
    return line.section if line.takes.kind is None else ""


def _taken(line: Line, known: Item | None) -> Item:
    kind = line.takes.kind or Kind.ANALYSIS
    return replace(known, kind=kind) if known else Item(kind, line.text, Origin.COUNSELOR, section=_section(line))


def _place(item: Item) -> tuple[str, str]:
    return item.section, item.text


def without_titles(form: NoteFormat, lines: Sequence[NoteItem]) -> tuple[NoteItem, ...]:
    """The lines of a note that somebody copied whole, without the titles of its sections."""
    titles = {title.casefold() for section in form.sections for title in (section.title.en, section.title.zh)}
    return tuple(line for line in lines if line.text.strip("*_ ").casefold() not in titles)
