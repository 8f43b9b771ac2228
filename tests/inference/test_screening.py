"""Screening: what is current and of the client is told from what is past, denied, asked, or about somebody else."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.safety import mentions
from inference.screening import Danger, Hit, Said, dangers, screen, sentences
from tests.inference.screening_figures import BEGIN, END, README, WRITTEN_ON, Sentence, read_sentences, table

SUICIDE, SELF_HARM, OTHERS, MINOR = Danger
CURRENT = {
    SUICIDE: (
        "She can't stop thinking about suicide.",
        "He no longer denies that he wants to die.",
        "He has attempted suicide before and now plans it again.",
        "Not a day goes by without thoughts of killing himself.",
        "Her husband says she wants to die.",
        "She told her sister that she wants to kill herself.",
        "He hasn't told anyone that he plans to hang himself.",
        "There is no doubt that she is suicidal.",
        "I asked whether he wants to die; he nodded.",
        "After the suicide of her brother she wants to die as well.",
        "Without her children she would kill herself.",
        "She doesn't see any reason not to kill herself.",
        "No sleep and wants to die.",
        "Denies plan, wants to die.",
        "Husband died in May, wants to die.",
        "After husband's death wants to die.",
        "She lost her husband two years ago and wants to die.",
        "Two years ago she lost her job and since then she wants to die.",
        "He watched a film and then took an overdose.",
        "Her roommate saw her cutting her wrists.",
        "His wife left him and he wants to kill himself.",
        "She asked me: would anyone miss her if she killed herself?",
        "Denies suicidal thoughts, but bought a rope and wrote a farewell letter.",
        "Suicidal ideation, no plan.",
        "He does not rule out suicide.",
        "没有计划，想死。",
        "没有人知道他想死。",
        "妻子说他昨晚想跳楼。",
        "两年前丈夫去世，她想死。",
        "丈夫五月去世，想死。",
        "丈夫去世后想自杀。",
        "不能保证不自杀。",
        "她不知道自己是否会自杀。",
        "她问：自杀会不会更轻松？",
        "他不敢告诉妻子自己想自杀。",
        "曾自杀未遂，最近又有自杀念头。",
        "否认自伤，但有自杀念头。",
        "她说没有一天不想死。",
        "无法排除自杀风险。",
        "考虑自杀已久。",
    ),
    SELF_HARM: (
        "People at work have noticed fresh cuts on her arms.",
        "After the film she went home and cut herself.",
        "She is used to cutting herself.",
        "Denies suicidal thoughts, cuts herself.",
        "She used to cut herself and started again in October.",
        "室友看到她在割手臂。",
        "没有自杀念头，但每天割自己。",
        "她不愿意让我看手上的割痕。",
    ),
    OTHERS: (
        "He is planning to kill his wife.",
        "He wants to kill his former boss.",
        "She does not deny that she hit her mother.",
        "HI towards father.",
        "被解雇后他想杀了老板。",
        "他打了妻子，妻子住院了。",
        "她幻想毒死婆婆。",
    ),
    MINOR: (
        "Her husband beats their son.",
        "The mother denies it, but the boy is beaten at home.",
        "Client, 15, is beaten by her father.",
        "Neighbour reports that the kids next door are beaten.",
        "她的丈夫打孩子。",
        "来访者15岁，父亲经常打她。",
        "邻居虐待自己的孩子。",
    ),
}
"""What rules of words get wrong most easily in the dangerous direction."""
NOT_CURRENT = {
    "Denies suicidal thoughts, self-harm, and harm to others.": Said.NEGATED,
    "No SI, HI or self-harm.": Said.NEGATED,
    "Suicidal thoughts: none.": Said.NEGATED,
    "He said no when I asked about suicide.": Said.NEGATED,
    "无自杀、自伤及伤人念头。": Said.NEGATED,
    "自杀念头：无。": Said.NEGATED,
    "Her father killed himself ten years ago.": Said.THIRD_PARTY,
    "She lost her brother to suicide.": Said.THIRD_PARTY,
    "他的父亲自杀了。": Said.THIRD_PARTY,
    "History of one suicide attempt (2012).": Said.PAST,
    "二十年前曾割腕。": Said.PAST,
    "Safety: ask about suicidal thoughts at each session.": Said.ASKED,
    "Has he thought of suicide?": Said.ASKED,
    "请评估自杀风险。": Said.ASKED,
}


@pytest.mark.parametrize(("danger", "text"), [(danger, text) for danger, texts in CURRENT.items() for text in texts])
def test_what_only_looks_denied_past_or_anothers_is_current(danger: Danger, text: str) -> None:
    """A "no" that denies something else, a past that came back, another person in the sentence: the card comes."""
    assert danger in dangers(screen(text, WRITTEN_ON), Said.CURRENT)


@pytest.mark.parametrize(("text", "said"), NOT_CURRENT.items())
def test_how_a_danger_is_spoken_of_is_told(text: str, said: Said) -> None:
    """What is denied, over, asked or about somebody else is told as that, and raises nothing."""
    assert {hit.said for hit in screen(text, WRITTEN_ON)} == {said}


def test_several_sentences_say_several_things() -> None:
    """Each sentence is read by itself, in either language, and one may say several things."""
    text = "Attempted suicide in 2009. Cuts herself every evening; denies harm to others. 她的哥哥自杀了。\n- Ask about suicide"
    assert screen(text, WRITTEN_ON) == {
        Hit(SUICIDE, Said.PAST),
        Hit(SELF_HARM, Said.CURRENT),
        Hit(OTHERS, Said.NEGATED),
        Hit(SUICIDE, Said.THIRD_PARTY),
        Hit(SUICIDE, Said.ASKED),
    }


def test_a_year_is_past_when_it_is_over() -> None:
    """An attempt of this year or the last one counts as current; later the same sentence speaks of the past."""
    text = "Tried to kill himself in September 2026."
    assert dangers(screen(text, date(2026, 11, 21)), Said.CURRENT) == dangers(screen(text, date(2027, 12, 31)), Said.CURRENT) == (SUICIDE,)
    assert dangers(screen(text, date(2028, 1, 1)), Said.PAST) == (SUICIDE,)


@given(st.text(max_size=300))
def test_any_text_can_be_screened(text: str) -> None:
    """Nothing a person may write breaks it, and nothing is found where no danger is mentioned."""
    hits = screen(text, WRITTEN_ON)
    assert bool(hits) <= any(list(mentions(sentence)) for sentence in sentences(text))


@given(st.lists(st.sampled_from(read_sentences()), min_size=1, max_size=6))
def test_what_stands_beside_it_hides_no_danger(listed: list[Sentence]) -> None:
    """A text says at least what each of its sentences says."""
    alone = frozenset[Hit]().union(*(screen(each.text, WRITTEN_ON) for each in listed))
    together = screen("\n".join(each.text for each in listed), WRITTEN_ON)
    assert {hit.danger for hit in alone if hit.said is Said.CURRENT} <= {hit.danger for hit in together if hit.said is Said.CURRENT}


def test_a_sentence_without_end_is_read_near_each_mention() -> None:
    """Hundreds of mentions in one sentence are each read beside what stands near them."""
    assert dangers(screen("he sleeps badly, thinks of suicide, " * 300, WRITTEN_ON), Said.CURRENT) == (SUICIDE,)


# the figures


def test_the_sentences_are_balanced_and_split_in_halves() -> None:
    """At least 400, two hundred a language, as many of each kind to tune on as to measure with, and none twice."""
    listed = read_sentences()
    assert len({each.text for each in listed}) == len(listed) >= 400
    cells: dict[tuple[str, str, str], list[str]] = {}
    for each in listed:
        cells.setdefault((each.language, each.category, each.said), []).append(each.half)
    assert all(halves.count("dev") == halves.count("test") for halves in cells.values())
    for language in ("en", "zh"):
        assert sum(each.language == language for each in listed) >= 200


def test_unseen_sentences_are_screened_as_well_as_published() -> None:
    """A little under what was measured on the half that nobody tuned on: of 44 dangers 40, of 178 others 6 false alarms."""
    unseen = [each for each in read_sentences() if each.half == "test"]
    assert sum(each.is_right for each in unseen if each.said == "current") >= 38
    assert sum(not each.is_right for each in unseen if each.said != "current") <= 9


def test_the_readme_shows_the_figures_as_they_are() -> None:
    """`python -m tests.inference.screening_figures` writes them."""
    shown = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == table("test")
