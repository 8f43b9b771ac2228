"""Figures of `bot.domain.evidence` and `bot.domain.findings`: `python -m tests.bench.evidence`."""

import time
from random import Random

from bot.domain.evidence import Described, Grounds, Source
from inference.note import Language
from tests.support.evidence_cases import halves, labelled_cases, measured
from tests.support.finding_sentences import PARTS, judged
from training.demo.content import load_content
from training.demo.grammar import draw_description

CASES = 80


def main() -> None:
    """Prints how well links are found on problems that were not tuned on, and how long a long case takes."""
    for name, problems in zip(("tuned on", "measured"), halves(load_content()), strict=True):
        for language in Language:
            print(f"{name}, {language}: {measured(labelled_cases(problems, language, CASES, seed=5), language)}")
    for language in Language:
        for part in PARTS:
            print(f"negative findings, {part}, {language}: {judged(part, language)}")
    print(f"500 descriptions and 24 items: {1000 * long_case_s():.0f} ms")


def long_case_s(descriptions: int = 500, items: int = 24) -> float:
    """Seconds of processor time for the evidence of a note in a long case."""
    content, rng = load_content(), Random(3)
    drawn = [draw_description(content, rng) for _ in range(descriptions)]
    described = [Described(Source(f"{place}.0", f"note-{place}"), each.text) for place, each in enumerate(drawn)]
    texts = [rng.choice(each.part.items).text for each in rng.sample(drawn, items)]
    Grounds(described[:1], "note-0", Language.ENGLISH).evidence(texts[0])  # lists are read once
    began = time.process_time()
    grounds = Grounds(described, described[-1].source.note_id, Language.ENGLISH)
    for text in texts:
        grounds.evidence(text)
    return time.process_time() - began


if __name__ == "__main__":
    main()
