"""How well screening tells what is said of the client and of now, on sentences that were written before its rules.

`python -m tests.inference.screening_figures` puts the figures into the package's README, and a test keeps both the same. The rules were
tuned on the half marked "dev"; the figures are of the half marked "test".
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from inference.screening import Danger, Said, dangers, screen

SENTENCES = Path(__file__).parent / "screening_sentences.jsonl"
README = Path(__file__).parents[2] / "inference" / "README.md"
BEGIN, END = "<!-- screening figures: written by tests/inference/screening_figures.py -->\n", "<!-- end of screening figures -->\n"
WRITTEN_ON = date(2026, 11, 21)
DANGERS = {
    "suicide": Danger.SUICIDE,
    "self_harm": Danger.SELF_HARM,
    "others": Danger.HARM_TO_OTHERS,
    "minor": Danger.ABUSE_OF_A_MINOR,
}
NAMES = {"suicide": "suicidal intent", "self_harm": "self-harm", "others": "harm to others", "minor": "abuse of a minor"}
HARMLESS = {"past": "past", "negated": "negated", "third_party": "third party", "asked": "asked, general", "harmless": "look-alike"}


@dataclass(frozen=True)
class Sentence:
    """One sentence, and what its author meant by it."""

    half: str
    language: str
    category: str
    said: str
    text: str

    @property
    def raised(self) -> tuple[Danger, ...]:
        """What a card would be about."""
        return dangers(screen(self.text, WRITTEN_ON), Said.CURRENT)

    @property
    def is_right(self) -> bool:
        """Whether a current danger raised a card about it, or anything else none at all."""
        return DANGERS[self.category] in self.raised if self.said == "current" else not self.raised


def read_sentences() -> Sequence[Sentence]:
    """All of them."""
    return [Sentence(**json.loads(line)) for line in SENTENCES.read_text(encoding="utf-8").splitlines()]


def share(sentences: Iterable[Sentence], raised: bool) -> str:
    """How many of them raised a card as they should, or should not have."""
    listed = list(sentences)
    right = sum(each.is_right for each in listed)
    return f"{right if raised else len(listed) - right} of {len(listed)}" if listed else "–"


def table(half: str) -> str:
    """Dangers found, and false alarms by how the danger was spoken of, for each category and language."""
    sentences = [each for each in read_sentences() if each.half == half]
    lines = [f"| | current: found | {' | '.join(HARMLESS.values())} |", f"|---|{'---|' * (len(HARMLESS) + 1)}"]
    for language, name in (("en", "English"), ("zh", "Chinese")):
        for category in DANGERS:
            here = [each for each in sentences if each.language == language and each.category == category]
            lines.append(_line(f"{NAMES[category]}, {name}", here))
    lines.append(_line("both languages in one sentence", [each for each in sentences if each.language == "mixed"]))
    lines.append(_line("**all**", sentences))
    return "\n".join(lines)


def _line(name: str, sentences: Sequence[Sentence]) -> str:
    found = share((each for each in sentences if each.said == "current"), raised=True)
    alarms = [share((each for each in sentences if each.said == said), raised=False) for said in HARMLESS]
    return f"| {name} | {found} | {' | '.join(alarms)} |"


def write() -> None:
    """The figures of the unseen half into the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{table('test')}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    write()
