"""How much of a reference an answer says in the same words: BLEU-4, ROUGE-1, ROUGE-2, ROUGE-L and chrF, right for Chinese and English.

All by the usual libraries (sacrebleu: Post 2018; rouge-score: a port of Lin's ROUGE 2004), which need to be told about Chinese: by default
sacrebleu finds no words in it but whole sentences, and rouge-score drops every character that is not a-z or 0-9. Here each Chinese
character counts as a word, whatever stands beside it, and words of other scripts are words. Scores are 0 to 100; a text scores 100 against
itself, except that ROUGE-2 of a single word is 0: it has no pair of words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Characters that are written without spaces between words: Chinese, and Japanese kana."""
_WORD = re.compile(rf"[{HAN}]|(?:(?![{HAN}_])\w)+")
_HAN = re.compile(rf"[{HAN}]")


@dataclass(frozen=True)
class Overlap:
    """Scores of one answer, or means over many, 0 to 100. `bleu` is of the answer by itself, with n-grams as long as it has them."""

    bleu: float
    rouge1: float
    rouge2: float
    rouge_l: float
    chrf: float


@dataclass(frozen=True)
class CorpusBleu:
    """BLEU-4 over all answers together, 0 to 100, and sacrebleu's signature, which says how it was counted."""

    score: float
    signature: str


class CharacterTokenizer:
    """Words for rouge-score: Chinese by the character, anything else by the word, in small letters, without punctuation.

    A text with no word at all, such as a row of dots, is taken character by character.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return _WORD.findall(text.lower()) or re.findall(r"\S", text)


def overlap(answer: str, reference: str) -> Overlap:
    """Scores of one answer against its reference."""
    rouge = _rouge().score(reference, answer)
    return Overlap(
        bleu=_bleu(tokenize_as([reference])).sentence_score(answer, [reference]).score,
        rouge1=100 * rouge["rouge1"].fmeasure,
        rouge2=100 * rouge["rouge2"].fmeasure,
        rouge_l=100 * rouge["rougeL"].fmeasure,
        chrf=_chrf().sentence_score(answer, [reference]).score,
    )


def corpus_bleu(answers: Sequence[str], references: Sequence[str]) -> CorpusBleu:
    """BLEU-4 of all answers together, one or more; n-grams as long as the longest text has them."""
    bleu = _bleu(tokenize_as(references))
    found = bleu.corpus_score(list(answers), [list(references)])
    return CorpusBleu(found.score, str(bleu.get_signature()))


def bleu_counts(answers: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """What each answer adds to corpus BLEU: its length and the reference's in words, n-grams that match, and n-grams; [answers, 10]."""
    bleu = _bleu(tokenize_as(references))
    found = (bleu.sentence_score(answer, [reference]) for answer, reference in zip(answers, references, strict=True))
    return [[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in found]


def bleu_of_counts(sums: Sequence[float]) -> float:
    """Corpus BLEU-4 from the sums of `bleu_counts`, 0 to 100."""
    from sacrebleu.metrics.bleu import BLEU

    whole = [round(one) for one in sums]
    found = BLEU.compute_bleu(whole[2:6], whole[6:10], whole[0], whole[1], smooth_method="exp", effective_order=True)
    return float(found.score)


def tokenize_as(references: Sequence[str]) -> str:
    """sacrebleu's name of the tokenizer: `zh` where a reference has a Chinese character (it leaves words of other scripts whole)."""
    return "zh" if any(_HAN.search(reference) for reference in references) else "13a"


@cache
def _bleu(tokenize: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenize, effective_order=True)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=CharacterTokenizer())
