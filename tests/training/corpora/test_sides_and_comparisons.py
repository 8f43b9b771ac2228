"""Sides that keep what belongs together, samples for prediction, and comparisons made by a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.comparisons import ALONE, ONE_SENTENCE, Rule, comparisons, transcript
from training.corpora.questions import question_row
from training.corpora.repeats import without_parts
from training.corpora.splitting import each_answer, group_of, split_rows
from training.corpora.tally import Tally
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Split, Text, Turn


def a_talk(name: str, *said: str) -> Conversation:
    """A conversation of these turns, a user's first."""
    return Conversation(name, tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(said)))


@given(st.lists(st.integers(0, 30), min_size=4, max_size=40), st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.integers(0, 5))
def test_sides_are_disjoint_and_whole(openings: list[int], dev: float, test: float, seed: int) -> None:
    """Every row is on one side, rows with the same opening on the same one, each side has some; the order of rows changes nothing."""
    rows = [a_talk(str(number), f"问题{opening}", f"回答{number}") for number, opening in enumerate(openings)]
    if len(set(openings)) < 3:
        return
    splits = split_rows(rows, dev, test, seed)
    assert sorted(row.id for side in splits.values() for row in side if isinstance(row, Conversation)) == sorted(row.id for row in rows)
    groups = [{group_of(row) for row in side} for side in splits.values()]
    assert len(groups) == 3
    assert all(groups)
    assert sum(map(len, groups)) == len(set(openings))
    again = split_rows(rows[::-1], dev, test, seed)
    assert {split: {group_of(row) for row in side} for split, side in again.items()} == dict(zip(splits, groups, strict=True))


def test_another_seed_holds_out_others() -> None:
    """And the same seed the same."""
    rows = [a_talk(str(number), f"问题{number}", "好。") for number in range(50)]
    assert split_rows(rows, 0.1, 0, 1) == split_rows(rows, 0.1, 0, 1) != split_rows(rows, 0.1, 0, 2)
    assert len(split_rows(rows, 0.1, 0, 1)[Split.DEV]) == 5


def test_questions_about_one_document_stay_together() -> None:
    """With an answer or without; prompts of other rows are groups of their own."""
    rows: list[Row] = [
        question_row("慢走有益。", "走多快？", "慢"),
        question_row("慢走有益。", "走吗？"),
        question_row("早睡有益。", "睡吗？"),
    ]
    assert group_of(rows[0]) == group_of(rows[1]) != group_of(rows[2])
    assert group_of(PromptCompletion("走？", "走。")) == group_of(PromptCompletion("走？", "不走。")) == group_of(Text("走？"))


@pytest.mark.parametrize(("dev", "test", "told"), [(0.5, 0.5, "shares"), (-0.1, 0, "shares"), (0.3, 0.3, "can't be put on 3 sides")])
def test_shares_that_leave_nothing_are_refused(dev: float, test: float, told: str) -> None:
    """Rather than an empty side."""
    with pytest.raises(WorkbenchError, match=told):
        split_rows([a_talk("a", "走？", "走。"), a_talk("b", "跑？", "跑。")], dev, test, 0)


def test_a_dialogue_gives_a_sample_for_each_answer_and_is_had_back_from_them() -> None:
    """Every sample ends with an answer and begins as the dialogue does."""
    talk = a_talk("d", "咳嗽。", "几天？", "三天。", "喝水。")
    samples = each_answer([talk])
    assert samples == [a_talk("d-1", "咳嗽。", "几天？"), a_talk("d-2", "咳嗽。", "几天？", "三天。", "喝水。")]
    assert without_parts(samples, Tally()) == samples[1:]
    assert each_answer([Text("走")]) == [Text("走")]


def test_a_cut_answer_is_the_better_ones_first_sentence() -> None:
    """Answers of one sentence can't be cut, and are counted."""
    tally = Tally()
    rows = [a_talk("d", "咳嗽。", "几天了？有没有发烧？", "三天。", "多喝水。"), a_talk("e", "I cough.", "Since 3.5 days? Drink.")]
    assert comparisons(rows, Rule.CUT, 0, tally) == [
        Comparison("咳嗽。", "几天了？有没有发烧？", "几天了？"),
        Comparison("I cough.", "Since 3.5 days? Drink.", "Since 3.5 days?"),
    ]
    assert tally.dropped == {ONE_SENTENCE: 1}


def test_an_answer_from_elsewhere_is_of_another_dialogue() -> None:
    """Never of its own, never the same words; where there is no other dialogue, none is made."""
    rows = [a_talk(str(number), f"问{number}", f"答{number}", "还有", f"再答{number}") for number in range(6)]
    made = comparisons(rows, Rule.ELSEWHERE, 3, Tally())
    assert len(made) == 12
    assert all(one.chosen[-1] != one.rejected[-1] for one in made)
    assert made == comparisons(rows, Rule.ELSEWHERE, 3, Tally())
    tally = Tally()
    assert comparisons(rows[:1], Rule.ELSEWHERE, 3, tally) == []
    assert tally.dropped == {ALONE: 2}


def test_both_rules_take_turns() -> None:
    """Some answers are cut, others are from elsewhere."""
    rows = [a_talk(str(number), f"问{number}", f"答{number}。补充{number}。") for number in range(6)]
    cut = [one for one in comparisons(rows, Rule.BOTH, 0, Tally()) if one.chosen.startswith(one.rejected)]
    assert len(cut) == 3


def test_longer_talks_say_who_speaks() -> None:
    """In the language of the talk; a single question stands as it is."""
    assert transcript(a_talk("d", "咳嗽。").messages) == "咳嗽。"
    assert transcript(a_talk("d", "咳嗽。", "几天？", "三天。").messages) == "用户：咳嗽。\n助手：几天？\n用户：三天。"
    assert transcript(a_talk("d", "I cough.", "Long?", "Yes.").messages) == "User: I cough.\nAssistant: Long?\nUser: Yes."
