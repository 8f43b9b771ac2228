"""Finding and replacing: every round finds all there is, keeps the longest of what overlaps, and numbers people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inference.note import Language
from training.data.deidentify.addresses import ADDRESSES
from training.data.deidentify.birth_dates import BIRTH_DATES
from training.data.deidentify.folding import Folded, fold
from training.data.deidentify.identifiers import PLACEHOLDER, Identifier, Span
from training.data.deidentify.names import Roster, find_names, people
from training.data.deidentify.numbers import DOCUMENTS, PHONES
from training.data.deidentify.online import EMAILS, HANDLES, LINKS

RULES = {language: (*EMAILS, *DOCUMENTS, *PHONES[language], *BIRTH_DATES, *ADDRESSES, *LINKS, *HANDLES) for language in Language}
"""Rules of both languages for each: a Chinese case may hold an English address. Of equally long matches the first rule's counts."""


@dataclass(frozen=True)
class Clean:
    """A text without its identifiers, and how many of each kind were replaced (never the identifiers themselves)."""

    text: str = field(repr=False)
    found: Mapping[str, int]


class Deidentifier:
    """De-identifies the texts of one case; names keep their numbers from one text to the next."""

    def __init__(self, roster: Roster) -> None:
        self._people = people(roster)
        self._unlisted: dict[str, int] = {}
        self._last = max((person.number for person in self._people), default=0)

    def clean(self, text: str, language: Language) -> Clean:
        """`text` with its identifiers replaced. `language` decides whose phone numbers are meant where no country is given."""
        found: Counter[str] = Counter()
        self._last = max(self._last, *(int(match[1]) for match in PLACEHOLDER.finditer(text) if match[1]), 0)
        while True:  # each round leaves fewer characters outside placeholders, so it ends; mostly the second finds nothing
            folded = fold(text)
            spans = _longest([*find_names(folded.text, self._people), *_matches(folded.text, language)])
            if not spans:
                return Clean(text, dict(found))
            found.update(span.kind.value for span in spans)
            text = self._replaced(text, folded, spans)

    def _replaced(self, text: str, folded: Folded, spans: Iterable[Span]) -> str:
        parts, at = [], 0
        for span in spans:
            start, end = folded.original(span)
            parts += [text[at:start], f"[{span.kind}_{self._number(span.person)}]" if span.kind is Identifier.NAME else f"[{span.kind}]"]
            at = end
        return "".join([*parts, text[at:]])

    def _number(self, person: int | str) -> int:
        if isinstance(person, int):
            return person
        if person not in self._unlisted:
            self._last += 1
            self._unlisted[person] = self._last
        return self._unlisted[person]


def deidentify(text: str, language: Language, roster: Roster) -> Clean:
    """One text of a case. For several use one `Deidentifier`: it remembers the numbers of names outside the roster."""
    return Deidentifier(roster).clean(text, language)


def _matches(text: str, language: Language) -> Iterator[Span]:
    for rule in RULES[language]:
        yield from rule.spans(text)


def _longest(spans: Iterable[Span]) -> list[Span]:
    """Spans that don't overlap, in order; of two that do the longer one, of equally long ones the first, stays."""
    taken: set[int] = set()
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start - span.end):
        if span.start not in taken and span.end - 1 not in taken:  # a shorter span inside a longer one has both ends in it
            taken.update(range(span.start, span.end))
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)
