"""What stands after an item: which descriptions it rests on, as links, or that it is general.

A question needs no support and is never marked as general, and neither is what a counselor wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.note import Item, Origin
from bot.domain.reading import GENERAL_MARK
from bot.slack.texts import texts
from inference.note import Kind, Language


@dataclass(frozen=True)
class Cited:
    """A description as a note names it: its number within the case, counted from 1, and its address; None where that isn't known."""

    number: int
    url: str | None = None


Citations = Mapping[str, Cited]
"""The descriptions of a case by their ids. What was deleted is not among them, and no item rests on it any more."""


def evidence_marks(item: Item, cited: Citations | None) -> list[str]:
    """The marks after an item's text, such as `[2]` with a link; none where evidence is not to be shown."""
    if cited is None:
        return []
    named = sorted((cited[id_] for id_ in item.evidence if id_ in cited), key=lambda each: each.number)
    return [_link(each) for each in named] or ([GENERAL_MARK] if _is_general(item, cited) else [])


def legend(items: Sequence[Item], cited: Citations | None, language: Language) -> list[str]:
    """What the marks mean, for the foot of a note that has some."""
    if cited is None:
        return []
    words = texts(language)
    links = [words.rests_on] if any(id_ in cited for item in items for id_ in item.evidence) else []
    return links + ([words.general] if any(_is_general(item, cited) for item in items) else [])


def _is_general(item: Item, cited: Citations) -> bool:
    return item.origin is Origin.MODEL and item.kind is not Kind.QUESTION and not any(id_ in cited for id_ in item.evidence)


def _link(cited: Cited) -> str:
    label = f"[{cited.number}]"
    return f"<{cited.url.replace('&', '&amp;')}|{label}>" if cited.url else label
