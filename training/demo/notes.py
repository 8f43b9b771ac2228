"""Which items answer a description: the rules that every training row follows.

A mentioned risk comes first, then what the matter is, then what the described details call for, then what fits every case of
the problem. The rules leave little to chance, because a small model learns a rule sooner than a dice roll.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from inference.note import Kind, Language, NoteItem
from inference.safety import Risk
from training.demo.content import Aspect, Content
from training.demo.grammar import Description

MOST_PER_KIND = 4
MOST_ADDED = 2
MOST_SUMMARIZED = 4
SKIPPED = 0.03
"""How often a general item is passed over, so that each of them opens a note now and then."""


@dataclass(frozen=True)
class Fitting:
    """All items that fit what has been reported so far, the most pressing first."""

    risk: tuple[NoteItem, ...]
    concern: NoteItem
    detail: tuple[NoteItem, ...]
    general: tuple[NoteItem, ...]

    @property
    def ordered(self) -> tuple[NoteItem, ...]:
        """Risk, the matter, details, the rest."""
        return (*self.risk, self.concern, *self.detail, *self.general)


def fitting(content: Content, description: Description, rng: Random) -> Fitting:
    """What fits a description. Of the safety items, which say the same in other words, one is drawn."""
    detail = tuple(item for aspect in description.aspects for item in aspect.items)
    risk = risk_items(content, description.risk, description.language, rng)
    return Fitting(risk, description.part.concern, detail, description.part.general)


def risk_items(content: Content, category: Risk | None, language: Language, rng: Random) -> tuple[NoteItem, ...]:
    """One safety item and what follows it; nothing where no risk is mentioned."""
    if category is None:
        return ()
    risk = content.risks[category][language]
    return (rng.choice(risk.safety), *risk.follow_up)


def full_note(known: Fitting, rng: Random, standing: Sequence[NoteItem] = ()) -> tuple[NoteItem, ...]:
    """A note of two to four items a kind. `standing` are items of an earlier note, which follow the pressing ones."""
    note: list[NoteItem] = []
    for kind in Kind:
        wanted = rng.choice((2, 3, 3, 3))
        risk = _of(kind, known.risk)[: 1 if wanted == 2 else 2]
        matter = [] if standing else _of(kind, (known.concern,))
        pressing = [*risk, *matter, *(item for item in _of(kind, known.detail) if item not in standing)]
        later = _of(kind, standing) or [item for item in _of(kind, known.general) if rng.random() >= SKIPPED]
        if standing:
            wanted = MOST_PER_KIND
        at_least = min(MOST_PER_KIND, max(wanted, len(pressing) + 1))
        note += unique([*pressing, *later])[:at_least]
    return tuple(note)


def missing_items(known: Fitting, shown: Collection[NoteItem], listed: Sequence[NoteItem]) -> tuple[NoteItem, ...]:
    """What to add to an edited note: up to two a kind, nothing that was shown before, nothing to a list that is long enough."""
    added: list[NoteItem] = []
    for kind in Kind:
        room = min(MOST_ADDED, MOST_PER_KIND + 1 - len(_of(kind, listed)))
        fresh = [item for item in _of(kind, known.ordered) if item not in shown and item not in listed]
        added += fresh[: max(room, 0)]
    return tuple(added)


def final_note(known: Fitting, listed: Sequence[NoteItem]) -> tuple[NoteItem, ...]:
    """The best of a listing: safety, the matter, then the counselor's own lines, then what the details call for, then the rest."""

    def rank(item: NoteItem) -> int:
        groups = (known.risk[:1], (known.concern,), known.detail, known.risk, known.general)
        return next((place for place, group in zip((0, 1, 3, 3, 4), groups, strict=True) if item in group), 2)

    return tuple(item for kind in Kind for item in sorted(unique(_of(kind, listed)), key=rank)[:MOST_SUMMARIZED])


def edited(note: Sequence[NoteItem], description: Description, content: Content, rng: Random) -> tuple[NoteItem, ...]:
    """A note as a counselor hands it back: some lines gone, some changed, one or two new ones."""
    phrases = content.phrases[description.language]
    kept = [item for item in note if rng.random() > 0.18] or list(note[:1])
    changed = [replace(item, text=item.text + rng.choice(phrases["suffixes"])) if rng.random() < 0.12 else item for item in kept]
    for _ in range(rng.choice((0, 1, 1, 2))):
        text = rng.choice(phrases["counselor"])
        kind = Kind.QUESTION if text.endswith(("?", "？")) else rng.choice((Kind.ANALYSIS, Kind.ADVICE))
        changed.insert(rng.randint(0, len(changed)), NoteItem(kind, text))
    return tuple(item for kind in Kind for item in _of(kind, changed))


def with_more(description: Description, aspects: Iterable[Aspect], risk: Risk | None) -> Description:
    """The description as it stands after more was reported."""
    return replace(description, aspects=(*description.aspects, *aspects), risk=description.risk or risk)


def unique(items: Iterable[NoteItem]) -> list[NoteItem]:
    """Items without repetition, in order."""
    return list(dict.fromkeys(items))


def _of(kind: Kind, items: Iterable[NoteItem]) -> list[NoteItem]:
    return [item for item in items if item.kind is kind]
