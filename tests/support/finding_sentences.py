"""Sentences with and without negative findings, by hand, in both languages."""

from dataclasses import dataclass
from pathlib import Path

from bot.domain.findings import Denials
from inference.note import Kind, Language, NoteItem

FOLDER = Path(__file__).parents[1] / "bot"
PARTS = ("dev", "test", "fresh", "last")
"""In the order in which they were written: to tune on; to measure with; harder ones, later tuned on, too; to measure with at the end."""


@dataclass(frozen=True)
class Sentence:
    """An item, what the case's description says, and whether the item has to be left out."""

    part: str
    leave_out: bool
    item: NoteItem
    said: str

    @property
    def judged_right(self) -> bool:
        """Whether the rules judge it as the person did who wrote it."""
        return Denials([self.said]).let_stand(self.item) is not self.leave_out


def sentences(language: Language) -> list[Sentence]:
    """All sentences of a language."""
    lines = (FOLDER / f"negative_findings_{language}.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            part, verdict, kind, text, said = (field.strip() for field in line.split(" | "))
            found.append(Sentence(part, verdict == "out", NoteItem(Kind(kind), text), said))
    return found


def judged(part: str, language: Language) -> str:
    """How the rules judge the sentences of one part."""
    found = [each for each in sentences(language) if each.part == part]
    wrong = [each.leave_out for each in found if not each.judged_right]
    return f"{len(found)} sentences, {sum(wrong)} left in that should go, {len(wrong) - sum(wrong)} left out that should stay"
