"""What a counselor does to a note line by line: kept, rewritten or dropped with a tap; and what the model's answer made of it.

A tap is a revision of its own, by the counselor. It names a line by its place in the revision that the person saw. If the note has
changed since, the line is looked for by its words, so that a tap on an old message never hits another line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.domain.errors import OutOfDate
from bot.domain.note import Item, Note, Origin, Revision, staying
from inference.note import Kind


class ItemChange(StrEnum):
    """What a tap does to one line."""

    KEPT = "kept"
    """It stays, also when the model writes the note again."""
    RELEASED = "released"
    """It makes room again."""
    REWRITTEN = "rewritten"
    """Other words, several lines, or none."""
    DROPPED = "dropped"
    UNDONE = "undone"
    """What the newest tap did is taken back."""


KEEPING = frozenset({ItemChange.KEPT, ItemChange.RELEASED})
"""Changes that leave every word as it was."""


@dataclass(frozen=True)
class Edits:
    """What is recorded about a note's revisions beside their items: by revision, what a tap changed, and the newest reason that was stated.

    Of a counselor's revision the reason says why they changed the note; of the model's, what is wrong with it. `disliked` are the model's
    revisions which somebody finds bad.
    """

    changes: Mapping[str, ItemChange] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    disliked: frozenset[str] = frozenset()


def change_item(note: Note, revision_id: str, place: int, change: ItemChange, lines: Sequence[str] = ()) -> tuple[Item, ...]:
    """The note's items after a tap; the same as before where it changes nothing, as when the line is gone that was to be dropped.

    `place` counts the items of the revision from 0; `lines` are the words that take the place of a rewritten line. Where that line is gone
    they are added, because nobody's words are lost. What is undone is the tap that made the revision.

    Raises:
        OutOfDate: there is no such revision or line, or the line that was to be kept or released is not in the note any more, or
            something came after what was to be undone.
    """
    if change is ItemChange.UNDONE:
        if len(note.revisions) < 2 or note.revisions[-1].id != revision_id:
            raise OutOfDate
        return note.revisions[-2].items
    seen = next((revision for revision in note.revisions if revision.id == revision_id), None)
    if seen is None or not 0 <= place < len(seen.items):
        raise OutOfDate
    item = seen.items[place]
    places = [index for index, each in enumerate(note.items) if each.text == item.text]
    now = place if place in places else next(iter(places), None)
    match change:
        case ItemChange.DROPPED:
            return note.items if now is None else _with(note.items, now, ())
        case ItemChange.REWRITTEN:
            known = {each.text for each in note.items}
            wanted = [line for line in dict.fromkeys(lines) if line == item.text or line not in known]
            new = [note.items[now] if line == item.text and now is not None else Item(item.kind, line, Origin.COUNSELOR) for line in wanted]
            return _with(note.items, now, new) if now is not None else _added(note.items, new)
        case _:
            if now is None:
                raise OutOfDate
            return _with(note.items, now, [replace(note.items[now], kept=change is ItemChange.KEPT)])


def _with(items: Sequence[Item], place: int, new: Sequence[Item]) -> tuple[Item, ...]:
    return (*items[:place], *new, *items[place + 1 :])


def _added(items: Sequence[Item], new: Sequence[Item]) -> tuple[Item, ...]:
    order = list(Kind)
    return tuple(sorted([*items, *new], key=lambda item: order.index(item.kind)))


@dataclass(frozen=True)
class TakenOver:
    """What the model's newest answer took over from the revision before it, and the texts of the lines that it brought.

    `count` of the `before` lines stand in it word for word.
    """

    count: int
    before: int
    new: tuple[str, ...]


def taken_over(note: Note) -> TakenOver | None:
    """The same for a note; None where its newest revision is no answer to an earlier one."""
    if len(note.revisions) < 2 or note.revisions[-1].author.origin is not Origin.MODEL:
        return None
    before, after = note.revisions[-2:]
    stood = {item.text for item in before.items}
    new = tuple(item.text for item in after.items if item.text not in stood)
    return TakenOver(len(after.items) - len(new), len(before.items), new)


def made_last(note: Note, edits: Edits) -> Revision | None:
    """The newest revision that was not made by a tap."""
    return next((revision for revision in reversed(note.revisions) if revision.id not in edits.changes), None)


def answered_since(note: Note, revision_id: str) -> bool:
    """Whether the model has answered since somebody saw that revision, or nobody can have seen it."""
    ids = [revision.id for revision in note.revisions]
    if revision_id not in ids:
        return True
    return any(revision.author.origin is Origin.MODEL for revision in note.revisions[ids.index(revision_id) + 1 :])


# shorter


@dataclass(frozen=True)
class Shorter:
    """How many lines of each kind the model may bring into a shorter note, and how long a line may be."""

    lines: Mapping[Kind, int]
    item_chars: int

    @property
    def per_kind(self) -> int:
        """The most of any kind."""
        return max(self.lines.values())

    def cut(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """What stays in any case, and the model's first lines of each kind: those which it found most important."""
        found: list[Item] = []
        left = dict(self.lines)
        for item in items:
            free = not staying([item])
            if not free or left[item.kind]:
                found.append(item)
                left[item.kind] -= free
        return tuple(found)


SHORTEST_LINE = 80
"""A line may always be this long, in characters: a limit on length cuts a sentence wherever it is."""


def shorter_than(items: Sequence[Item]) -> Shorter | None:
    """Half as many of the model's lines as there are, and none longer than the longest; None where no kind has two that could go.

    A counselor's words and the lines that were kept stay, and count for nothing.
    """
    free = [item for item in items if not staying([item])]
    counts = {kind: sum(item.kind is kind for item in free) for kind in Kind}
    if max(counts.values()) < 2:
        return None
    return Shorter({kind: count - count // 2 for kind, count in counts.items()}, max(SHORTEST_LINE, *(len(item.text) for item in free)))


def asks_why(note: Note, edits: Edits) -> Revision | None:
    """The revision of which a reason may be stated: the newest if somebody finds it bad, else the newest edit, answered once at most.

    Lines which were kept or released change no words, so there is nothing to explain.
    """
    if note.approval or note.current is None:
        return None
    if note.current.id in edits.disliked:
        return note.current
    answered = False
    for revision in reversed(note.revisions):
        if revision.author.origin is Origin.MODEL:
            if answered:
                return None
            answered = True
        elif edits.changes.get(revision.id) not in KEEPING:
            return None if edits.changes.get(revision.id) is ItemChange.UNDONE else revision
    return None
