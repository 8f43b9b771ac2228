"""Descriptions and cases from the grammar keep the rules of the note."""

from random import Random

import pytest

from inference.note import Kind, Language, NoteItem, dump_note, parse_additions, parse_note
from inference.prompt import INSTRUCTIONS, LEFT_OUT, TurnKind
from training.demo.content import Content, load_content
from training.demo.grammar import describe, draw_description
from training.demo.notes import MOST_ADDED, MOST_PER_KIND, MOST_SUMMARIZED
from training.demo.tasks import Row, Step, Story, long_case_row, note_row, short_case_row, windowed_row

ROWS = 150
MAKERS = {"note": note_row, "short case": short_case_row, "long case": lambda content, rng: long_case_row(content, rng, 4)}


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


def a_story(content: Content, seed: int, *steps: Step) -> Story:
    """A random case in which these things happened after the first note."""
    story = Story(content, Random(seed))
    for step in steps:
        story.take(step)
    return story


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_same_seed_gives_the_same_rows(content: Content, make: "type[Row]") -> None:
    """Nothing but the seed decides what is written."""
    first, second = Random(5), Random(5)
    assert [make(content, first) for _ in range(20)] == [make(content, second) for _ in range(20)]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_row_is_a_valid_conversation(content: Content, make: "type[Row]") -> None:
    """Roles alternate from the counselor's instructions to the model's answer, and every answer can be parsed."""
    rng = Random(11)
    for _ in range(ROWS):
        messages = make(content, rng).messages
        assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert messages[0]["content"].startswith(tuple(INSTRUCTIONS.values()))
        assert all(parse_additions(message["content"]) is not None for message in messages[1::2])
        assert parse_note(messages[1]["content"])


def test_every_problem_can_be_described_in_every_style(content: Content) -> None:
    """No problem and language lacks what a style needs, and no placeholder is left open."""
    rng = Random(3)
    for problem in content.problems:
        for language in Language:
            for _ in range(12):
                text = describe(content, problem, language, rng).text
                assert len(text) > 5
                assert "{" not in text


def test_about_a_quarter_of_the_ordinary_problems_mention_a_risk(content: Content) -> None:
    """Risks are mixed into all problems at the rate that the grammar promises."""
    rng = Random(8)
    drawn = [draw_description(content, rng) for _ in range(1500)]
    ordinary = [one for one in drawn if one.problem.risk is None]
    share = sum(one.risk is not None for one in ordinary) / len(ordinary)
    assert abs(share - content.risk) < 0.04


def test_a_mentioned_risk_opens_the_note(content: Content) -> None:
    """Where a risk is mentioned the first item is a safety item, and where none is there is no safety item at all."""
    for seed in range(ROWS):
        story = a_story(content, seed)
        safety = [item for risk in content.risks.values() for item in risk[story.language].safety]
        first, *rest = story.current
        assert (first in safety) == (story.description.risk is not None)
        assert not any(item in safety for item in rest)


def test_a_risk_that_comes_up_later_opens_the_next_note(content: Content) -> None:
    """Added information that mentions a risk puts safety first in the note written again."""
    seen = 0
    for seed in range(300):
        story = a_story(content, seed)
        if story.description.risk is None:
            story.take(Step.INFORM)
            if story.description.risk is not None:
                seen += 1
                assert story.current[0] in content.risks[story.description.risk][story.language].safety
    assert seen > 10


def test_a_note_has_two_to_four_items_a_kind(content: Content) -> None:
    """First notes are of a readable length."""
    for seed in range(ROWS):
        note = a_story(content, seed).current
        for kind in Kind:
            assert 2 <= sum(item.kind is kind for item in note) <= MOST_PER_KIND


def test_additions_repeat_nothing(content: Content) -> None:
    """After an edit the model adds at most two items a kind, none of which was listed or shown before."""
    for seed in range(ROWS):
        story = a_story(content, seed)
        shown = set(story.current)
        story.take(Step.EDIT)
        exchange = story.exchanges[-1]
        listed = exchange.turn.text
        assert not shown & set(exchange.answer)
        assert all(f"- {item.text}" not in listed.splitlines() for item in exchange.answer)
        for kind in Kind:
            assert sum(item.kind is kind for item in exchange.answer) <= MOST_ADDED


def test_added_information_brings_its_items(content: Content) -> None:
    """The note written again holds what the added detail calls for, as far as a kind has room."""
    for seed in range(ROWS):
        story = a_story(content, seed)
        before = story.description.aspects
        story.take(Step.INFORM)
        new = [item for aspect in story.description.aspects[len(before) :] for item in aspect.items]
        assert story.description.aspects == before or any(item in story.current for item in new)


def test_a_summary_copies_from_the_listing(content: Content) -> None:
    """The final note has at most three items a kind, word for word from the listing."""
    for seed in range(ROWS):
        story = a_story(content, seed, Step.EDIT, Step.SUMMARIZE)
        exchange = story.exchanges[-1]
        assert exchange.turn.kind is TurnKind.SUMMARIZE
        lines = exchange.turn.text.splitlines()
        assert all(f"- {item.text}" in lines for item in exchange.answer)
        for kind in Kind:
            assert sum(item.kind is kind for item in exchange.answer) <= MOST_SUMMARIZED


def test_notes_survive_being_written_and_read(content: Content) -> None:
    """What a row teaches is what the bot's parser reads."""
    for seed in range(40):
        note: tuple[NoteItem, ...] = a_story(content, seed).current
        assert parse_note(dump_note(note)) == note


def test_a_long_case_leaves_out_early_turns(content: Content) -> None:
    """Rows for cases beyond the token budget are cut by the very code that serves, and only their last answer is learned."""
    row = windowed_row(content, Random(2), lambda text: len(text) // 4, budget=600)
    assert any(text in row.messages[0]["content"] for text in LEFT_OUT.values())
    assert not row.learn_all
