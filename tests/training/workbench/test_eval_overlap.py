"""BLEU, ROUGE and chrF: right for Chinese, for English, and for both in one text."""

from dataclasses import astuple
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.evaluation.overlap import CharacterTokenizer, bleu_counts, bleu_of_counts, corpus_bleu, overlap, tokenize_as

WORDS = st.lists(
    st.sampled_from(["睡", "眠", "不足", "，先写日记", "sleep ", "a diary ", "CO2 ", "3 ", "é", "。"]), min_size=1, max_size=12
)
TEXTS = WORDS.map("".join)


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_a_text_scores_all_points_against_itself(text: str) -> None:
    """Chinese, English or both; ROUGE-2 needs two words."""
    found = overlap(text, text)
    assert (found.bleu, found.rouge1, found.rouge_l, found.chrf) == pytest.approx((100, 100, 100, 100))
    assert found.rouge2 == pytest.approx(100 if len(CharacterTokenizer().tokenize(text)) > 1 else 0)
    assert corpus_bleu([text], [text]).score == pytest.approx(100)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_scores_stay_in_bounds(answer: str, reference: str) -> None:
    """Whatever is written, all are between 0 and 100."""
    assert all(-1e-9 <= value <= 100 + 1e-9 for value in astuple(overlap(answer, reference)))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), st.randoms())
def test_corpus_bleu_is_a_sum_over_answers_in_any_order(pairs: list[tuple[str, str]], chance: Random) -> None:
    """What each answer adds gives sacrebleu's own figure, and the order of answers doesn't matter."""
    answers, references = zip(*pairs, strict=True)
    whole = corpus_bleu(answers, references).score
    sums = [sum(column) for column in zip(*bleu_counts(answers, references), strict=True)]
    assert bleu_of_counts(sums) == pytest.approx(whole)
    chance.shuffle(pairs)
    mixed = [list(column) for column in zip(*pairs, strict=True)]
    assert corpus_bleu(mixed[0], mixed[1]).score == pytest.approx(whole)


@settings(max_examples=20, deadline=None)
@given(TEXTS, TEXTS)
def test_rouge_and_unrelated_texts(one: str, other: str) -> None:
    """F measures are the same both ways, and texts without a common word have none of it."""
    there, back = overlap(one, other), overlap(other, one)
    assert (there.rouge1, there.rouge2, there.rouge_l) == pytest.approx((back.rouge1, back.rouge2, back.rouge_l))
    words = CharacterTokenizer().tokenize
    assume(not set(words(one)) & set(words(other)))
    assert (there.rouge1, there.rouge2, there.rouge_l) == (0, 0, 0)


def test_words_of_both_scripts_are_found() -> None:
    """Chinese by the character wherever it stands, other words whole, in small letters, without punctuation."""
    assert CharacterTokenizer().tokenize("患者has CO2升高，don_t！Été 3天") == [
        *"患者",
        "has",
        "co2",
        *"升高",
        "don",
        "t",
        "été",
        "3",
        "天",
    ]
    assert CharacterTokenizer().tokenize("……") == ["…", "…"]


def test_figures_are_those_of_hand_counting() -> None:
    """Half of the characters in order; what the libraries' defaults would call 0 or nothing."""
    found = overlap("睡眠很好", "睡眠不足")
    assert (found.rouge1, found.rouge_l) == pytest.approx((50, 50))
    assert found.rouge2 == pytest.approx(100 / 3)
    assert tokenize_as(["Sleep is short."]) == "13a"
    assert tokenize_as(["Sleep is short.", "睡眠不足 a"]) == "zh"
    assert "tok:zh" in corpus_bleu(["睡眠不足。"], ["睡眠不足。"]).signature
    assert overlap("", "睡眠").bleu == 0
