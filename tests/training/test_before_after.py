"""Which held-out prompts an admin sees answered twice, and how the answers travel."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Kind, Language, NoteItem
from inference.prompt import TurnKind, answered, build_prompt, handed_back, last_said, reported
from training.data.examples import Example, Source
from training.gate.scores import ExampleScore, Scores
from training.measure.run import row_id
from training.night.before_after import choose
from training.night.sample import SAMPLES, Sample, read_samples, samples_line

ITEM = NoteItem(Kind.ADVICE, "Keep a diary.")


def an_example(case: int, language: Language, later: bool) -> Example:
    """A description alone, or one with an answer that was handed back."""
    turns = [reported(TurnKind.DESCRIPTION, f"Case {case} sleeps badly.", language)]
    turns += [answered([ITEM]), handed_back(TurnKind.EDITED, [ITEM], language)] if later else []
    return Example(f"case-{case}", build_prompt(turns, language, 1000).messages, "{}", Source.EDIT, "n1")


def fared(examples: list[Example], kept: list[float]) -> Scores:
    """Scores of an adapter; a rate below zero is a row that was too long for it."""
    rows = [(place, one, rate) for place, (one, rate) in enumerate(zip(examples, kept, strict=True)) if rate >= 0]
    return Scores(
        "a", "base", (), tuple(ExampleScore(row_id(place), one.case_id, 9, 1.0, True, 0.5, rate) for place, one, rate in rows), (), None
    )


examples = st.builds(an_example, st.integers(0, 12), st.sampled_from(Language), st.booleans())
rows = st.lists(st.tuples(examples, st.sampled_from([-1.0, 0.1, 0.2]), st.sampled_from([-1.0, 0.1, 0.2])), max_size=30)


@given(rows, st.text(max_size=3))
def test_what_differs_comes_first_each_of_another_case(rows: list[tuple[Example, float, float]], night: str) -> None:
    """At most five, all measured on both, each case once, none left out for one whose notes are alike; the same for the same night."""
    held, before, after = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    scores = fared(held, before), fared(held, after)
    chosen = choose(night, held, *scores)
    assert chosen == choose(night, held, *scores)
    measured = [row for row in rows if min(row[1], row[2]) >= 0]
    cases = [one.case_id for one in chosen]
    assert len(set(cases)) == len(cases) == min(SAMPLES, len({row[0].case_id for row in measured}))
    differing = {row[0].case_id for row in measured if row[1] != row[2]}
    assert set(cases) >= differing or set(cases) <= differing
    assert all(earlier or not later for earlier, later in pairwise(case in differing for case in cases))


@given(st.text(max_size=3))
def test_languages_take_turns_and_descriptions_come_first(night: str) -> None:
    """Of many cases in both languages, at least two of each; a case shows its description rather than what came later."""
    held = [an_example(case, list(Language)[case % 2], later) for case in range(20) for later in (True, False)]
    chosen = choose(night, held, fared(held, [0.1] * 40), fared(held, [0.2] * 40))
    languages = [last_said(one.messages)[0] for one in chosen]
    assert len(chosen) == SAMPLES
    assert min(languages.count(language) for language in Language) == SAMPLES // 2
    assert all(len(one.messages) == 1 for one in chosen)


def test_other_nights_draw_others() -> None:
    """Not the first rows of the file each night."""
    held = [an_example(case, Language.ENGLISH, later=False) for case in range(20)]
    scores = fared(held, [0.1] * 20), fared(held, [0.2] * 20)
    assert len({tuple(one.case_id for one in choose(f"night-{night}", held, *scores)) for night in range(5)}) > 1


@pytest.mark.parametrize("language", Language)
def test_what_was_said_last_is_found_without_the_instructions(language: Language) -> None:
    """In a first prompt and in a later one, in either language."""
    first, later = (an_example(3, language, one) for one in (False, True))
    assert last_said(first.messages)[0] is last_said(later.messages)[0] is language
    assert last_said(first.messages)[1] == reported(TurnKind.DESCRIPTION, "Case 3 sleeps badly.", language).text
    assert last_said(later.messages)[1] == handed_back(TurnKind.EDITED, [ITEM], language).text


notes = st.none() | st.lists(st.builds(NoteItem, st.sampled_from(Kind), st.text(max_size=20)), max_size=3).map(tuple)
samples = st.lists(st.builds(Sample, st.text(max_size=5), st.sampled_from(Language), st.text(), notes, notes), max_size=5).map(tuple)


@given(samples)
def test_samples_travel_in_one_line(samples: tuple[Sample, ...]) -> None:
    """Whatever is in them, they are one line, and are read as they were written."""
    line = samples_line(samples)
    assert "\n" not in line
    assert read_samples(f"{line}\n") == samples


def test_a_damaged_line_is_told_without_its_text() -> None:
    """Other lines are none of them; half of one is an error that names nothing."""
    line = samples_line([replace(Sample("c", Language.ENGLISH, "The green kettle", None, None))])
    assert read_samples('{"stage": "train"}\n') is None
    with pytest.raises(ValueError, match="can't be read") as damaged:
        read_samples(line[:-9])
    assert "kettle" not in str(damaged.value)
    assert damaged.value.__cause__ is None
