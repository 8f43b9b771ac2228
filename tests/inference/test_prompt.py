"""A case's history becomes a prompt that stays within its budget and grows at its end only."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Kind, Language, NoteItem
from inference.prompt import (
    DIGEST,
    INSTRUCTIONS,
    LEFT_OUT,
    MOST_RECALLED,
    RECALL,
    RESERVE,
    TEMPLATE_TOKENS,
    Prompt,
    Turn,
    TurnKind,
    answered,
    build_prompt,
    handed_back,
    reported,
    window_start,
)

COUNSELORS = [TurnKind.INFORMATION, TurnKind.EDITED, TurnKind.DESCRIPTION, TurnKind.SUMMARIZE]
REPORTS = {TurnKind.DESCRIPTION, TurnKind.INFORMATION}
LARGEST = 60
"""Tokens of a turn in these tests, at most."""

lengths = st.lists(st.integers(0, LARGEST), min_size=1, max_size=60)
# twice the largest turn with its template, so that the opening and the newest turn always fit
budgets = st.integers(2 * (LARGEST + TEMPLATE_TOKENS), 600)


def reports(sizes: list[int]) -> list[Turn]:
    """Counselors' turns of these sizes, template included."""
    return [Turn(TurnKind.INFORMATION, "", size - TEMPLATE_TOKENS) for size in sizes]


@st.composite
def histories(draw: st.DrawFn) -> list[Turn]:
    """Cases as they come: a description first, the counselor's turn last, answers anywhere between."""
    kinds = draw(st.lists(st.sampled_from([*COUNSELORS, TurnKind.ANSWER, TurnKind.ANSWER, TurnKind.ANSWER]), max_size=40))
    kinds = [TurnKind.DESCRIPTION, *kinds, draw(st.sampled_from(COUNSELORS))]
    return [Turn(kind, f"<turn {number} {kind}>", draw(st.integers(0, LARGEST))) for number, kind in enumerate(kinds)]


def flat(prompt: Prompt) -> str:
    """A prompt as one text, as a chat template writes it, without the mark after the last message."""
    return "".join(("\n</" + message["role"] + ">\n") * (place > 0) + message["content"] for place, message in enumerate(prompt.messages))


@given(histories(), budgets, st.integers(0, 20))
def test_a_prompt_is_well_formed(turns: list[Turn], budget: int, preamble: int) -> None:
    """The budget holds, the opening and the newest turn are in it, roles alternate, and the counselor has the last word."""
    prompt = build_prompt(turns, Language.ENGLISH, budget + preamble, preamble)
    roles = [message["role"] for message in prompt.messages]
    assert prompt.tokens <= budget + preamble
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert prompt.messages[0]["content"].startswith(INSTRUCTIONS[Language.ENGLISH])
    assert turns[0].text in prompt.messages[0]["content"]
    assert prompt.messages[-1]["content"].endswith(turns[-1].text)


@given(histories(), budgets)
def test_what_is_left_out_is_counted_and_marked(turns: list[Turn], budget: int) -> None:
    """Turns are left out from the middle only, their number is told, and the prompt says so exactly when some are."""
    prompt = build_prompt(turns, Language.ENGLISH, budget)
    text = flat(prompt)
    kept = [turn for turn in turns if f"{turn.text}\n" in f"{text}\n" and f"- {turn.text}" not in text]
    assert prompt.left_out == len(turns) - len(kept)
    assert kept == [turns[0], *turns[len(turns) - len(kept) + 1 :]]
    assert (LEFT_OUT[Language.ENGLISH] in text) == (prompt.left_out > 0)
    told = prompt.tokens - sum(turn.tokens + TEMPLATE_TOKENS for turn in kept)
    assert told == 0 if prompt.left_out == 0 else told >= 0


@given(histories(), budgets)
def test_prompts_grow_at_the_end_between_steps(turns: list[Turn], budget: int) -> None:
    """As long as no more is left out, each prompt of a case begins with the whole prompt before it."""
    ends = [end for end in range(1, len(turns) + 1) if turns[end - 1].kind is not TurnKind.ANSWER]
    prompts = [build_prompt(turns[:end], Language.ENGLISH, budget) for end in ends]
    for before, after in pairwise(prompts):
        assert after.left_out >= before.left_out
        if after.left_out == before.left_out:
            assert flat(after).startswith(flat(before))


@given(lengths, budgets)
def test_a_step_frees_half_of_the_budget(sizes: list[int], budget: int) -> None:
    """The window moves forward only, and when it moves, it moves far: to half the budget, or to the newest turn alone."""
    turns = reports(sizes)
    starts = [window_start(turns[:end], budget) for end in range(1, len(turns) + 1)]
    for end, (before, after) in enumerate(pairwise(starts), start=2):
        assert after >= before
        if after > before:
            used = sizes[0] + sum(sizes[after:end])
            assert used <= budget // 2 or after == end - 1


@given(lengths, budgets)
def test_a_window_that_holds_everything_leaves_nothing_out(sizes: list[int], budget: int) -> None:
    """Nothing leaves as long as all of it fits."""
    if sum(sizes) <= budget:
        assert window_start(reports(sizes), budget) == 0


@given(histories(), budgets)
def test_the_turn_after_an_answer_finds_its_place_free(turns: list[Turn], budget: int) -> None:
    """What leaves does so with the answer: a next turn within the reserve moves nothing, unless one exchange is larger than all that."""
    answers = [*turns, Turn(TurnKind.ANSWER, "answer", LARGEST)]
    start = window_start(answers, budget)
    sent = [answers[0], *answers[max(start, 1) :]]
    room = budget - sum(turn.tokens + TEMPLATE_TOKENS for turn in sent)
    recall = min(int(budget * RECALL), MOST_RECALLED) * (start > 1)
    if start > 1:  # the digest, and what the reports that are sent may bring back
        room -= int(budget * DIGEST) + recall * sum(turn.kind in REPORTS for turn in sent[1:])
    following = Turn(TurnKind.INFORMATION, "more", max(int(budget * RESERVE) - TEMPLATE_TOKENS - recall, 0))
    if room >= int(budget * RESERVE) and following.tokens:
        assert window_start([*answers, following], budget) == start
    else:
        assert start == len(answers) - 1 or not following.tokens


def test_an_empty_case_has_no_window() -> None:
    """Without turns the window begins at zero."""
    assert window_start([], 100) == 0


def test_nothing_is_marked_as_left_out_when_two_large_turns_remain() -> None:
    """A description and one turn that together overflow are both sent, without a remark about earlier turns."""
    turns = [Turn(TurnKind.DESCRIPTION, "first", 80), Turn(TurnKind.INFORMATION, "second", 80)]
    prompt = build_prompt(turns, Language.ENGLISH, 100)
    assert prompt.left_out == 0
    assert LEFT_OUT[Language.ENGLISH] not in flat(prompt)


def test_a_long_case_takes_few_steps() -> None:
    """In forty exchanges of a real size, old turns leave eight times, each time with an answer and never with a counselor's turn."""
    opening, answer, more = Turn(TurnKind.DESCRIPTION, "", 112), Turn(TurnKind.ANSWER, "", 172), Turn(TurnKind.INFORMATION, "", 82)
    turns = [opening, *([answer, more] * 40)]
    starts = [window_start(turns[:end], 3000) for end in range(1, len(turns) + 1)]
    moved = [turns[place].kind for place, (before, after) in enumerate(pairwise(starts), start=1) if after > before]
    assert moved == [TurnKind.ANSWER] * 8


def test_counselor_turns_in_a_row_become_one_message() -> None:
    """A description and what was added before any answer are one message of the counselor."""
    turns = [
        reported(TurnKind.DESCRIPTION, " Sleeps badly. ", Language.ENGLISH),
        reported(TurnKind.INFORMATION, "Since March.", Language.ENGLISH),
    ]
    prompt = build_prompt(turns, Language.ENGLISH, 1000)
    assert [message["role"] for message in prompt.messages] == ["user"]
    assert "Description:\nSleeps badly.\n\nMore information:\nSince March." in prompt.messages[0]["content"]


@pytest.mark.parametrize("language", Language)
def test_braces_in_a_report_stay_as_they_are(language: Language) -> None:
    """Text that looks like a placeholder is not one."""
    assert "{text} {0} {" in reported(TurnKind.DESCRIPTION, "{text} {0} {", language).text


@pytest.mark.parametrize("language", Language)
def test_a_note_is_handed_back_as_a_list(language: Language) -> None:
    """The edited note is shown with a heading for each kind it has, and the model's answer as the JSON it wrote."""
    items = [NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.QUESTION, "Since when?")]
    text = handed_back(TurnKind.EDITED, items, language).text
    assert "advice:\n- Keep a diary.\nquestions:\n- Since when?" in text
    assert "analysis:" not in text
    assert answered(items).text == '{"analysis":[],"advice":["Keep a diary."],"questions":["Since when?"]}'
