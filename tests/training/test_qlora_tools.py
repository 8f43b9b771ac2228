"""The benchmark and the comparison measure what they say."""

from random import Random

from inference.note import Kind, Language, NoteItem
from training.demo.content import load_content
from training.qlora.bench import WAYS, measure
from training.qlora.compare import a_case, edited


def test_the_benchmark_tells_the_two_ways_apart() -> None:
    """A step of each runs, and only one of them has experts of half a byte a weight; attention has it in both."""
    figures = {way: measure(way, "tiny", sequence=16, steps=1) for way in WAYS}
    assert figures["separate"].bytes_a_weight["experts"] < 0.6
    assert figures["plain"].bytes_a_weight["experts"] == 2
    assert all(one.bytes_a_weight["attention"] < 0.6 and one.speed > 0 for one in figures.values())
    assert figures["separate"].bytes["adapter"] == figures["plain"].bytes["adapter"]


def test_the_counselor_of_the_comparison_never_changes_what_suits() -> None:
    """Edits have a style, and a note that has it is left as it is."""
    content, rng = load_content(), Random(0)
    for _ in range(20):
        _, note = a_case(content, rng, Language.ENGLISH)
        once = edited(note)
        assert once != note
        assert edited(once) == once
        assert sum(item.kind is Kind.ADVICE for item in once) <= 2
    assert edited(()) == (NoteItem(Kind.ANALYSIS, once[-1].text),)
