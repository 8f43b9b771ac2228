"""What left the prompt of a long case: its digest, what reports bring back, and what counselors correct of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.digest import Correction, Past, Reported, line_tokens, terms
from inference.note import Kind, Language, NoteItem
from inference.prompt import DIGEST, LEFT_OUT, RECALLED, Turn, TurnKind, answered, build_prompt, last_said, reported, what_left
from inference.tokens import estimate_tokens

BUDGET = 3000
FACT = {
    Language.ENGLISH: "As a child she was allergic to penicillin and nearly died in hospital.",
    Language.CHINESE: "她小时候对青霉素过敏，差点在医院里去世。",
}
QUESTION = {
    Language.ENGLISH: "The new doctor asks about an allergy to penicillin before prescribing.",
    Language.CHINESE: "新医生在开药前问起青霉素过敏的事。",
}
FIRST = {Language.ENGLISH: "She cannot sleep since March.", Language.CHINESE: "她从三月起睡不好。"}
WEEKS = {
    Language.ENGLISH: [
        "Sleep was {n} hours this week.",
        "Work went as usual; {n} evenings out with a friend.",
        "She practised breathing {n} times.",
    ],
    Language.CHINESE: ["这周每晚睡{n}小时。", "工作照常，和朋友出去了{n}个晚上。", "她练习了{n}次呼吸。"],
}


def a_year(language: Language, sessions: int = 60) -> list[Turn]:
    """A case of that many sessions: a fact in the first one, everyday things in all others, each with an answer."""
    chance = random.Random(7)
    texts = [FIRST[language], f"{FACT[language]} {FIRST[language]}"]
    texts += [" ".join(chance.choice(WEEKS[language]).format(n=chance.randint(2, 8)) for _ in range(3)) for _ in range(sessions - 2)]
    note = answered([NoteItem(Kind.ANALYSIS, "Sleep is the main concern."), NoteItem(Kind.ADVICE, "Keep regular hours.")])
    turns: list[Turn] = []
    for place, text in enumerate(texts):
        turn = reported(TurnKind.INFORMATION if place else TurnKind.DESCRIPTION, text, language)
        turns += [Turn(turn.kind, turn.text, estimate_tokens(turn.text)), Turn(note.kind, note.text, estimate_tokens(note.text))]
    return turns


def asked(turns: list[Turn], text: str, language: Language) -> list[Turn]:
    """The case with one more report."""
    turn = reported(TurnKind.INFORMATION, text, language)
    return [*turns, Turn(turn.kind, turn.text, estimate_tokens(turn.text))]


@pytest.mark.parametrize("language", Language)
def test_a_fact_of_the_first_session_is_there_when_the_sixtieth_touches_it(language: Language) -> None:
    """It stands in the digest already, or the report brings it back: right before it, in its own message, and within the budget."""
    year = a_year(language)
    turns = asked(year, QUESTION[language], language)
    prompt = build_prompt(turns, language, BUDGET)
    assert prompt.left_out > 40
    assert prompt.tokens <= BUDGET
    assert any(FACT[language] in message["content"] for message in prompt.messages)
    other = Correction(prompt.left_out, 50, ("Sleep is the main concern.",))
    prompt = build_prompt(turns, language, BUDGET, corrections=[other])
    assert FACT[language] not in prompt.messages[0]["content"]
    last = prompt.messages[-1]["content"]
    assert last == f"{RECALLED[language]}\n- {FACT[language]}\n\n{turns[-1].text}"
    assert last_said([*prompt.messages[:1], prompt.messages[-1]])[1] == turns[-1].text


@pytest.mark.parametrize("language", Language)
def test_a_report_about_something_else_brings_nothing_of_it_back(language: Language) -> None:
    """Nobody is told about penicillin who asks about the weather."""
    other = {Language.ENGLISH: "They moved into a brighter flat.", Language.CHINESE: "他们搬进了更亮的公寓。"}[language]
    last = build_prompt(asked(a_year(language), other, language), language, BUDGET).messages[-1]["content"]
    assert "penicillin" not in last
    assert "青霉素" not in last


@pytest.mark.parametrize("language", Language)
def test_the_digest_stands_after_the_opening_and_stays_between_steps(language: Language) -> None:
    """It follows the remark that turns are left out, within its share, and is the same until more turns leave."""
    year = a_year(language)
    seen: dict[int, str] = {}
    for end in range(1, len(year), 2):
        prompt = build_prompt(year[:end], language, BUDGET)
        if prompt.left_out:
            first = prompt.messages[0]["content"]
            digest = first[first.index(LEFT_OUT[language]) :].partition("\n\n")[0]
            assert seen.setdefault(prompt.left_out, digest) == digest
            assert digest.count("\n- ") >= 3
            assert sum(map(line_tokens, digest.split("\n- ")[1:])) <= BUDGET * DIGEST
    assert 2 <= len(seen) <= 20


def test_the_digest_is_of_all_times_and_says_nothing_twice() -> None:
    """Eight eras have their turns; what is said week by week is said once."""
    things = [Reported(f"Month {month}: {chr(97 + month % 26) * 4}{month // 26} broke.") for month in range(40)]
    lines = Past([each for thing in things for each in (thing, Reported("Sleep was short again."))]).digest(200)
    assert sum("Sleep was short" in line for line in lines) == 1
    months = [int(line.split()[1].rstrip(":")) for line in lines if line.startswith("Month")]
    assert months == sorted(months)
    assert months[0] < 10
    assert months[-1] > 30


def test_what_is_grave_comes_first() -> None:
    """Of everything that was said in a stretch of time, a danger is told."""
    grave = Reported("She took twenty tablets.", grave=True)
    reports = [Reported(f"She went to the cinema on day {day} with her sister and aunt.") for day in range(40)]
    assert grave.text in Past([*reports[:20], grave, *reports[20:]]).digest(160)


def test_danger_remarks_of_the_prompt_are_no_part_of_what_was_said() -> None:
    """The digest quotes counselors, not the prompt's own remarks or headings."""
    year = a_year(Language.ENGLISH)
    danger = reported(TurnKind.INFORMATION, "She thinks of killing herself.", Language.ENGLISH)
    turns = [*year[:6], Turn(danger.kind, danger.text, 20), *year[7:]]
    lines = what_left(turns, Language.ENGLISH, BUDGET).digest
    assert "She thinks of killing herself." in lines
    assert not any("begin with safety" in line or "More information" in line or "Write the note" in line for line in lines)


def test_a_correction_stands_for_what_it_covers() -> None:
    """From the next report on the counselor's lines stand first, and what left later is added to them."""
    year = a_year(Language.ENGLISH)
    half = 61
    upto = what_left(year[:half], Language.ENGLISH, BUDGET).upto
    mine = Correction(upto, half, ("Allergic to penicillin, confirmed by the hospital.", "Lives with her sister."))
    before = what_left(year[:half], Language.ENGLISH, BUDGET, [mine])
    assert mine.lines[0] not in before.digest
    after = what_left(year[: half + 2], Language.ENGLISH, BUDGET, [mine])
    assert after.digest[: len(mine.lines)] == mine.lines
    if after.upto == upto:
        assert after.digest == mine.lines
    whole = what_left(year, Language.ENGLISH, BUDGET, [mine])
    assert whole.digest[: len(mine.lines)] == mine.lines
    assert len(whole.digest) > len(mine.lines)
    newer = Correction(upto, half + 2, ("Only this.",))
    assert what_left(year, Language.ENGLISH, BUDGET, [mine, newer]).digest[0] == "Only this."
    assert FACT[Language.ENGLISH] not in whole.digest


def test_nothing_is_told_of_a_case_that_fits() -> None:
    """A short case has no digest, and brings nothing back."""
    left = what_left(a_year(Language.ENGLISH, 3), Language.ENGLISH, BUDGET)
    assert left.digest_text(Language.ENGLISH) == []
    assert left.digest == ()


@given(st.lists(st.text(alphabet="ab c。.!?\n睡眠不好5", max_size=60), max_size=30), st.integers(0, 300), st.text(max_size=40))
def test_lines_are_sentences_of_the_reports_within_their_tokens(texts: list[str], tokens: int, said: str) -> None:
    """Nothing is made up, nothing is too much, whatever was said."""
    past = Past([Reported(text) for text in texts])
    for lines in (past.digest(tokens), past.recall(said, tokens)):
        assert sum(map(line_tokens, lines)) <= tokens
        assert all(any(line in " ".join(text.split()) or line in text for text in texts) for line in lines)


def test_terms_are_alike_where_words_are() -> None:
    """Beginnings of words in English, pairs of signs in Chinese, numbers whole."""
    assert terms("Allergic") & terms("an allergy")
    assert terms("青霉素过敏") & terms("对青霉素")
    assert terms("takes 20 mg") & terms("20 mg a day")
    assert not terms("…!") | terms("")
