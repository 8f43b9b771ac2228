"""The gate, tried on simulated adapters of which the truth is known."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite, nan
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.note import Language
from training import gate
from training.gate.bootstrap import Interval, Paired, estimate, expanded_tail
from training.gate.decide import decide
from training.gate.report import headline, sentence, table
from training.gate.scores import BenchmarkScore, CanaryScore, ExampleScore, FixtureScore, NotComparable, PairScore, Scores
from training.gate.texts import TEXTS
from training.gate.thresholds import Thresholds
from training.gate.verdict import ROLES, Criterion, Finding, Outcome, Reason, Verdict

THRESHOLDS = Thresholds()
QUICK = Thresholds(resamples=200)
SEEDS = range(100)


@dataclass(frozen=True)
class Truth:
    """How a simulated challenger truly differs: nats a token, share of characters, share of pairs, share of items."""

    loss: float = 0.0
    edit_distance: float = 0.0
    preference: float = 0.0
    kept: float = 0.0


BETTER = Truth(loss=-0.05, edit_distance=-0.04, preference=0.1, kept=0.05)
EQUAL = Truth()
WORSE = Truth(loss=0.05, edit_distance=0.04, preference=-0.1, kept=-0.05)


def measured(truth: Truth, seed: int, cases: int = 30) -> tuple[Scores, Scores]:
    """Champion and challenger as an evaluation would find them: cases differ from each other, rows of a case resemble each other."""
    rng = np.random.default_rng(seed)
    ours: list[ExampleScore] = []
    theirs: list[ExampleScore] = []
    pairs: list[tuple[PairScore, PairScore]] = []
    for case in range(cases):
        loss, edits, kept = rng.normal([truth.loss, truth.edit_distance, truth.kept], [0.02, 0.02, 0.03]).tolist()
        for row in range(1 + rng.poisson(3)):
            one = ExampleScore(
                f"{case}-{row}", f"case {case}", int(rng.integers(80, 400)), rng.normal(1.5, 0.1), True, *rng.uniform(0.4, 0.6, 2).tolist()
            )
            noise = rng.normal(0, 0.03, 3).tolist()
            other = replace(
                one,
                loss=(one.loss or 0) + loss + noise[0],
                edit_distance=(one.edit_distance or 0) + edits + noise[1],
                kept_item_rate=(one.kept_item_rate or 0) + kept + noise[2],
            )
            ours.append(one)
            theirs.append(other)
            right = rng.random(2) < [0.7, 0.7 + truth.preference]
            made = [PairScore(one.id, one.case_id, float(rng.uniform(0.1, 2)) * (1 if good else -1)) for good in right]
            pairs.append((made[0], made[1]))
    fixtures = tuple(FixtureScore(f"fixture {number}", number > 2) for number in range(24))
    canaries, benchmarks = CanaryScore(12, 0), (BenchmarkScore("DR", 75.0),)
    champion = Scores("night-1", "mixtral", (), tuple(ours), fixtures, canaries, tuple(one for one, _ in pairs), benchmarks)
    changed = tuple(other for _, other in pairs)
    return champion, replace(champion, adapter="night-2", trained_on=("another case",), examples=tuple(theirs), pairs=changed)


def changed_examples(scores: Scores, change: Callable[[ExampleScore], ExampleScore], first: int) -> Scores:
    """The same with its first examples changed."""
    return replace(scores, examples=(*map(change, scores.examples[:first]), *scores.examples[first:]))


def refused_for(verdict: Verdict) -> list[tuple[Criterion, Reason]]:
    """Criteria that failed, with their reasons."""
    return [(finding.criterion, finding.reason) for finding in verdict.refusals]


def found(verdict: Verdict, criterion: Criterion) -> Finding:
    """The finding on one criterion."""
    return next(finding for finding in verdict.findings if finding.criterion is criterion)


def verdict_on(truth: Truth, seed: int, thresholds: Thresholds = THRESHOLDS) -> Verdict:
    """The verdict on one simulated night."""
    return decide(*measured(truth, seed), thresholds, seed)


def test_a_better_challenger_is_promoted() -> None:
    """At least 95 of 100 nights with a true gain of 0.05 nats and 4 characters in a hundred."""
    assert sum(verdict_on(BETTER, seed).promoted for seed in SEEDS) >= 95


def test_an_equal_challenger_is_rarely_promoted() -> None:
    """At most 5 of 100; and it is luck that is kept out, not noise: nearly always nothing speaks against it but that nothing is gained."""
    verdicts = [verdict_on(EQUAL, seed) for seed in SEEDS]
    assert sum(verdict.promoted for verdict in verdicts) <= 5
    assert sum(refused_for(verdict) == [(Criterion.PROGRESS, Reason.NO_PROGRESS)] for verdict in verdicts) >= 80


def test_a_worse_challenger_is_never_promoted() -> None:
    """Not once in 100 nights, and nearly always because it is clearly worse."""
    verdicts = [verdict_on(WORSE, seed) for seed in SEEDS]
    assert not any(verdict.promoted for verdict in verdicts)
    assert sum((Criterion.LOSS, Reason.WORSE) in refused_for(verdict) for verdict in verdicts) >= 95


@pytest.mark.parametrize("truth", [Truth(loss=-0.05), Truth(edit_distance=-0.05)])
def test_one_improvement_is_enough(truth: Truth) -> None:
    """Better in one, no worse than its margin in the other: promoted in most nights."""
    assert sum(verdict_on(truth, seed, QUICK).promoted for seed in range(40)) >= 30


@pytest.mark.parametrize("truth", [Truth(loss=-0.1, edit_distance=0.06), Truth(loss=0.06, edit_distance=-0.1)])
def test_one_improvement_does_not_pay_for_the_other(truth: Truth) -> None:
    """A lower loss with notes that need more editing, or the other way round, is refused."""
    assert not any(verdict_on(truth, seed, QUICK).promoted for seed in range(40))


def test_too_little_data_to_exclude_harm_refuses() -> None:
    """What may be worse by more than the margin is refused although it may also be better."""
    verdict = decide(*measured(Truth(loss=-0.05), 0), replace(QUICK, edit_margin=0.0), 0)
    assert refused_for(verdict) == [(Criterion.EDIT_DISTANCE, Reason.MAYBE_WORSE)]


def test_a_poisoned_challenger_is_refused_for_exactly_what_is_wrong() -> None:
    """A far better loss doesn't pay for invalid notes, unsafe answers and training data that comes out."""
    for seed in range(20):
        champion, challenger = measured(Truth(loss=-0.3, edit_distance=-0.2, preference=0.2, kept=0.2), seed)
        challenger = changed_examples(challenger, lambda row: replace(row, valid=False), 3)
        fixtures = tuple(replace(row, passed=row.passed and row.id != "fixture 9") for row in challenger.fixtures)
        verdict = decide(champion, replace(challenger, fixtures=fixtures, canaries=CanaryScore(12, 1)), QUICK, seed)
        assert refused_for(verdict) == [
            (Criterion.VALID, Reason.FEWER_VALID),
            (Criterion.SAFETY, Reason.NEWLY_UNSAFE),
            (Criterion.CANARIES, Reason.CANARIES_OUT),
        ]
        assert found(verdict, Criterion.LOSS).reason is Reason.BETTER


Spoil = Callable[[Scores, Scores], tuple[Scores, Scores]]


def both_valid_less(ours: Scores, theirs: Scores) -> tuple[Scores, Scores]:
    """One note in five is invalid, of both adapters."""
    return tuple(changed_examples(one, lambda row: replace(row, valid=False), len(one.examples) // 5) for one in (ours, theirs))  # type: ignore[return-value]


SPOILED: dict[str, tuple[Spoil, Criterion, Reason]] = {
    "one invalid note": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, valid=False), 1)),
        Criterion.VALID,
        Reason.FEWER_VALID,
    ),
    "as many invalid notes as the champion, too many": (both_valid_less, Criterion.VALID, Reason.BELOW_FLOOR),
    "validity not measured": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, valid=None), 1)),
        Criterion.VALID,
        Reason.CHALLENGER_MISSING,
    ),
    "three safety fixtures won and one lost": (
        lambda a, b: (a, replace(b, fixtures=tuple(replace(row, passed=row.id != "fixture 9") for row in b.fixtures))),
        Criterion.SAFETY,
        Reason.NEWLY_UNSAFE,
    ),
    "a safety fixture not run": (
        lambda a, b: (a, replace(b, fixtures=(replace(b.fixtures[0], passed=None), *b.fixtures[1:]))),
        Criterion.SAFETY,
        Reason.CHALLENGER_MISSING,
    ),
    "no safety fixtures": (lambda a, b: (replace(a, fixtures=()), replace(b, fixtures=())), Criterion.SAFETY, Reason.TOO_FEW_FIXTURES),
    "a canary out": (lambda a, b: (a, replace(b, canaries=CanaryScore(12, 1))), Criterion.CANARIES, Reason.CANARIES_OUT),
    "a canary out, as of the champion": (
        lambda a, b: (replace(a, canaries=CanaryScore(12, 1)), replace(b, canaries=CanaryScore(12, 1))),
        Criterion.CANARIES,
        Reason.CANARIES_OUT,
    ),
    "nothing planted": (
        lambda a, b: (replace(a, canaries=CanaryScore(0, 0)), replace(b, canaries=CanaryScore(0, 0))),
        Criterion.CANARIES,
        Reason.TOO_FEW_CANARIES,
    ),
    "canaries not asked": (lambda a, b: (a, replace(b, canaries=CanaryScore(12, None))), Criterion.CANARIES, Reason.CHALLENGER_MISSING),
    "canaries not asked of the champion": (
        lambda a, b: (replace(a, canaries=CanaryScore(12, None)), b),
        Criterion.CANARIES,
        Reason.CHAMPION_MISSING,
    ),
    "trained on a held-out case": (lambda a, b: (a, replace(b, trained_on=("case 3",))), Criterion.UNSEEN, Reason.TRAINED_ON),
    "a benchmark fell": (
        lambda a, b: (a, replace(b, benchmarks=(BenchmarkScore("DR", 69.9),))),
        Criterion.BENCHMARK,
        Reason.BENCHMARK_FELL,
    ),
    "a benchmark broke": (
        lambda a, b: (a, replace(b, benchmarks=(BenchmarkScore("DR", nan),))),
        Criterion.BENCHMARK,
        Reason.CHALLENGER_BROKEN,
    ),
    "a benchmark without a score": (
        lambda a, b: (replace(a, benchmarks=(BenchmarkScore("DR", None),)), b),
        Criterion.BENCHMARK,
        Reason.CHAMPION_MISSING,
    ),
    "one loss is NaN": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, loss=nan), 1)),
        Criterion.LOSS,
        Reason.CHALLENGER_BROKEN,
    ),
    "one loss is infinite": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, loss=inf), 1)),
        Criterion.LOSS,
        Reason.CHALLENGER_BROKEN,
    ),
    "a loss too large to add up": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, loss=1e308), 9)),
        Criterion.LOSS,
        Reason.CHALLENGER_BROKEN,
    ),
    "the champion's loss is NaN": (
        lambda a, b: (changed_examples(a, lambda row: replace(row, loss=nan), 1), b),
        Criterion.LOSS,
        Reason.CHAMPION_BROKEN,
    ),
    "one loss is missing": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, loss=None), 1)),
        Criterion.LOSS,
        Reason.CHALLENGER_MISSING,
    ),
    "one edit distance is missing": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, edit_distance=None), 1)),
        Criterion.EDIT_DISTANCE,
        Reason.CHALLENGER_MISSING,
    ),
    "the champion's kept-item rate is missing": (
        lambda a, b: (changed_examples(a, lambda row: replace(row, kept_item_rate=None), 1), b),
        Criterion.KEPT,
        Reason.CHAMPION_MISSING,
    ),
    "one pair is NaN": (
        lambda a, b: (a, replace(b, pairs=(replace(b.pairs[0], margin=nan), *b.pairs[1:]))),
        Criterion.PREFERENCE,
        Reason.CHALLENGER_BROKEN,
    ),
    "no pair is right any more": (
        lambda a, b: (a, replace(b, pairs=tuple(replace(row, margin=0.0) for row in b.pairs))),
        Criterion.PREFERENCE,
        Reason.WORSE,
    ),
    "nothing is kept any more": (
        lambda a, b: (a, changed_examples(b, lambda row: replace(row, kept_item_rate=0.0), len(b.examples))),
        Criterion.KEPT,
        Reason.WORSE,
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_one_fault_gives_one_reason(what: str) -> None:
    """A challenger that is better in everything else is refused for the one fault, and for nothing else."""
    champion, challenger = measured(Truth(loss=-0.3, edit_distance=-0.2, preference=0.2, kept=0.2), 4)
    assert decide(champion, challenger, QUICK, 4).promoted
    spoil, criterion, reason = SPOILED[what]
    verdict = decide(*spoil(champion, challenger), QUICK, 4)
    assert refused_for(verdict) == [(criterion, reason)]
    assert not verdict.promoted


@pytest.mark.parametrize("cases", [0, 1, 2, 19])
def test_too_few_heldout_cases_decide_nothing(cases: int) -> None:
    """However good the challenger looks on them, and however many rows they have."""
    verdict = decide(*measured(BETTER, 1, cases), THRESHOLDS, 1)
    assert refused_for(verdict) == [(Criterion.CASES, Reason.TOO_FEW_CASES)]
    assert found(verdict, Criterion.LOSS).outcome is Outcome.NOT_JUDGED
    assert found(verdict, Criterion.VALID).interval is None
    assert f"only {cases} held-out cases; 20 are needed" in sentence(verdict.refusals[0], Language.ENGLISH)


def test_few_preference_pairs_are_not_judged_and_refuse_nobody() -> None:
    """A team that edits little can still get a better adapter."""
    champion, challenger = measured(BETTER, 1)
    verdict = decide(replace(champion, pairs=()), replace(challenger, pairs=()), THRESHOLDS, 1)
    assert verdict.promoted
    assert found(verdict, Criterion.PREFERENCE).reason is Reason.TOO_FEW_PAIRS


def test_an_answer_that_is_no_note_counts_as_wholly_edited() -> None:
    """Leaving out the notes that failed would make failing pay."""
    champion, challenger = measured(EQUAL, 1)
    no_note = changed_examples(challenger, lambda row: replace(row, valid=False, edit_distance=None, kept_item_rate=None), 10**6)
    verdict = decide(champion, no_note, QUICK, 1)
    assert found(verdict, Criterion.EDIT_DISTANCE).challenger == 1
    assert found(verdict, Criterion.KEPT).challenger == 0


def test_a_benchmark_may_wander_within_its_margin() -> None:
    """Five points down is the last that passes."""
    champion, challenger = measured(BETTER, 1)
    assert decide(champion, replace(challenger, benchmarks=(BenchmarkScore("DR", 70.0),)), QUICK, 1).promoted


@pytest.mark.parametrize("cases", [20, 60])
def test_intervals_cover_the_true_difference_as_often_as_they_say(cases: int) -> None:
    """90 to 99 of 100 intervals of 95 % hold the truth, with as few cases as the gate accepts, too."""
    covering = 0
    for seed in SEEDS:
        interval = estimate(losses(np.random.default_rng(seed), cases, 0.03), 0.95, 2000, seed).interval
        covering += interval.low <= 0.03 <= interval.high
    assert 90 <= covering <= 99


def test_drawing_rows_instead_of_cases_would_be_overconfident() -> None:
    """Without a true difference, rows taken for independent find one in more than 20 of 100 nights, cases in at most 10."""
    by_case = by_row = 0
    for seed in SEEDS:
        rows = losses(np.random.default_rng(seed), 30, 0.0, spread_of_rows=0.01)
        alone = [row._replace(cluster=f"{number:04}") for number, row in enumerate(rows)]
        by_case += excludes_zero(estimate(rows, 0.95, 1000, seed).interval)
        by_row += excludes_zero(estimate(alone, 0.95, 1000, seed).interval)
    assert by_case <= 10
    assert by_row > 20


def losses(rng: np.random.Generator, cases: int, difference: float, spread_of_rows: float = 0.05) -> list[Paired]:
    """Losses of both adapters, one to ten rows a case; the difference varies from case to case as well as from row to row."""
    rows = []
    for case in range(cases):
        here = rng.normal(difference, 0.05)
        for _ in range(1 + rng.poisson(4)):
            ours = rng.normal(1.5, 0.3)
            rows.append(Paired(f"{case:03}", float(rng.integers(80, 400)), ours, ours + here + rng.normal(0, spread_of_rows)))
    return rows


def excludes_zero(interval: Interval) -> bool:
    """The interval claims a difference."""
    return interval.low > 0 or interval.high < 0


def test_means_are_weighted_and_equal_differences_leave_no_doubt() -> None:
    """Worked by hand: (100·1 + 300·2) / 400 = 1.75, and 0.5 more for each."""
    result = estimate([Paired("a", 100, 1, 1.5), Paired("b", 300, 2, 2.5)], 0.95, 100, 0)
    assert (result.champion, result.challenger, result.difference) == (1.75, 2.25, 0.5)
    assert (result.interval.low, result.interval.high) == (0.5, 0.5)


def test_the_loss_is_a_mean_over_tokens_and_the_distance_one_over_notes() -> None:
    """A long note weighs in the loss by its length."""
    champion, challenger = measured(EQUAL, 1)
    verdict = decide(champion, challenger, QUICK, 1)
    weights, values = zip(*((row.tokens, row.loss or 0) for row in champion.examples), strict=True)
    assert found(verdict, Criterion.LOSS).champion == pytest.approx(np.average(values, weights=weights))
    distances = [row.edit_distance or 0 for row in challenger.examples]
    assert found(verdict, Criterion.EDIT_DISTANCE).challenger == pytest.approx(np.mean(distances))


def test_nothing_found_promotes_nobody() -> None:
    """A verdict without a shown improvement is a refusal, even if nothing was found against the challenger."""
    assert not Verdict("one", "other", "mixtral", (), THRESHOLDS, 0).promoted


@pytest.mark.parametrize(("confidence", "clusters", "quantile"), [(0.95, 20, 2.0930), (0.975, 20, 2.4334), (0.95, 6, 2.5706)])
def test_tails_follow_students_t(confidence: float, clusters: int, quantile: float) -> None:
    """Quantiles of Student's t with n - 1 degrees of freedom, from a printed table."""
    reach = NormalDist().inv_cdf(1 - expanded_tail(confidence, clusters))
    assert reach / (clusters / (clusters - 1)) ** 0.5 == pytest.approx(quantile, abs=0.003)


def test_a_verdict_follows_from_the_seed_and_from_no_order() -> None:
    """Rows measured in another order give the same verdict to the last digit; another seed moves the ends of intervals alone."""
    champion, challenger = measured(BETTER, 1)
    turned = replace(challenger, examples=challenger.examples[::-1], pairs=challenger.pairs[::-1], fixtures=challenger.fixtures[::-1])
    verdict = decide(champion, challenger, QUICK, 1)
    backwards = replace(champion, examples=champion.examples[::-1], pairs=champion.pairs[::-1], fixtures=champion.fixtures[::-1])
    assert decide(champion, turned, QUICK, 1) == verdict
    assert decide(backwards, challenger, QUICK, 1) == verdict
    other = decide(champion, challenger, QUICK, 2)
    assert [finding.difference for finding in other.findings] == [finding.difference for finding in verdict.findings]
    assert [finding.interval for finding in other.findings] != [finding.interval for finding in verdict.findings]


def test_one_more_criterion_changes_no_other() -> None:
    """What is drawn for one is drawn for it alone."""
    champion, challenger = measured(BETTER, 1)
    whole = decide(champion, challenger, QUICK, 1)
    less = decide(replace(champion, pairs=()), replace(challenger, pairs=()), QUICK, 1)
    assert found(less, Criterion.VALID) == found(whole, Criterion.VALID)
    assert found(less, Criterion.KEPT) == found(whole, Criterion.KEPT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores: replace(scores, base="llama"), "different bases"),
        (lambda scores: replace(scores, examples=scores.examples[1:]), "held-out examples: 1 for the champion alone, 0 for"),
        (lambda scores: replace(scores, examples=(*scores.examples, scores.examples[0])), "held-out examples are there twice"),
        (lambda scores: replace(scores, pairs=scores.pairs[1:]), "preference pairs: 1 for"),
        (lambda scores: replace(scores, fixtures=scores.fixtures[1:]), "safety fixtures: 1 for"),
        (lambda scores: replace(scores, benchmarks=()), "benchmarks: 1 for"),
        (lambda scores: replace(scores, canaries=CanaryScore(13, 0)), "different canaries"),
        (lambda scores: changed_examples(scores, lambda row: replace(row, tokens=row.tokens + 1), 1), "number of tokens"),
        (lambda scores: changed_examples(scores, lambda row: replace(row, case_id="x"), 1), "another case"),
        (lambda scores: replace(scores, pairs=(replace(scores.pairs[0], case_id="x"), *scores.pairs[1:])), "preference pair has another"),
    ],
)
def test_what_was_measured_on_other_things_is_not_compared(change: Callable[[Scores], Scores], message: str) -> None:
    """That is a mistake of the evaluation, not a verdict on the adapter."""
    champion, challenger = measured(BETTER, 1)
    with pytest.raises(NotComparable, match=message):
        decide(champion, change(challenger), QUICK, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExampleScore("1", "a", 0, 1.0, True),
        lambda: ExampleScore("1", "a", 9, -0.1, True),
        lambda: ExampleScore("1", "a", 9, 1.0, True, edit_distance=1.2),
        lambda: ExampleScore("1", "a", 9, 1.0, True, kept_item_rate=-0.2),
        lambda: CanaryScore(3, 4),
        lambda: CanaryScore(-1, None),
        lambda: BenchmarkScore("DR", 101.0),
        lambda: Thresholds(cases=1),
        lambda: Thresholds(canaries=0),
        lambda: Thresholds(confidence=1.0),
        lambda: Thresholds(loss_margin=-0.1),
    ],
)
def test_what_cannot_be_is_refused_at_once(make: Callable[[], object]) -> None:
    """A share of 1.2 is a mistake in a program, not a measurement."""
    with pytest.raises(ValueError, match=r"\w"):
        make()


def test_verdict_and_scores_survive_json() -> None:
    """Refused and promoted ones, NaN, infinity and missing values included, in JSON that any program reads."""
    champion, challenger = measured(BETTER, 1)
    broken = changed_examples(challenger, lambda row: replace(row, loss=nan), 1)
    for other in (challenger, broken, replace(challenger, adapter=None, canaries=CanaryScore(12, None))):
        verdict = decide(champion, other, QUICK, 1)
        assert Verdict.from_json(verdict.to_json()) == verdict
        json.loads(verdict.to_json(), parse_constant=pytest.fail)
    endless = changed_examples(challenger, lambda row: replace(row, loss=inf), 2)
    assert Scores.from_json(endless.to_json()) == endless
    read = Scores.from_json(broken.to_json())
    json.loads(broken.to_json(), parse_constant=pytest.fail)
    assert repr(read) == repr(broken)  # NaN equals nothing, itself included


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(min_value=0) | st.just(nan) | st.none()] * 2), min_size=2, max_size=8), st.integers(0, 2**32))
def test_no_loss_can_break_the_gate(pairs: Sequence[tuple[float | None, float | None]], seed: int) -> None:
    """Whatever was measured, there is a verdict with finite numbers that reads in both languages, and refused is what was not promoted."""
    champion, challenger = measured(EQUAL, 0, 2)
    row = champion.examples[0]
    columns = zip(*((replace(row, id=str(n), case_id=str(n), loss=a), b) for n, (a, b) in enumerate(pairs)), strict=True)
    ours, theirs = (tuple(column) for column in columns)
    champion = replace(champion, examples=ours)
    challenger = replace(challenger, examples=tuple(replace(one, loss=loss) for one, loss in zip(ours, theirs, strict=True)))
    verdict = decide(champion, challenger, Thresholds(cases=2, resamples=100), seed)
    assert verdict.promoted == (not verdict.refusals)
    for finding in verdict.findings:
        numbers = [finding.champion, finding.challenger, finding.difference]
        numbers += [finding.interval.low, finding.interval.high] if finding.interval else []
        assert all(number is None or isfinite(number) for number in numbers)
    assert Verdict.from_json(verdict.to_json()) == verdict
    for language in Language:
        assert len(table(verdict, language)) == 1 + len(verdict.findings)


def test_on_the_first_night_the_base_is_the_champion() -> None:
    """It is named as what it is."""
    champion, challenger = measured(BETTER, 1)
    verdict = decide(replace(champion, adapter=None), challenger, QUICK, 1)
    assert headline(verdict, Language.ENGLISH).startswith("night-2 takes the place of the base without an adapter")
    assert headline(verdict, Language.CHINESE).startswith("night-2取代不带适配器的基础模型")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_reads_in_both_languages(reason: Reason, language: Language) -> None:
    """A whole sentence with its numbers in it, in the language asked for, whatever the criterion."""
    for criterion in Criterion:
        finding = Finding(
            criterion, ROLES[criterion], Outcome.FAILED, reason, 0.5, 0.25, -0.25, Interval(-0.5, -0.125, 0.975), 20.0, 7, "DR"
        )
        text = sentence(finding, language)
        assert text.endswith("." if language is Language.ENGLISH else "。")
        assert not set("{}–") & set(text)
        assert any("\u4e00" <= char <= "\u9fff" for char in text) == (language is Language.CHINESE)
        assert sentence(replace(finding, count=8), language) != text or "{count}" not in TEXTS[language].reasons[reason]


@pytest.mark.parametrize("language", Language)
def test_the_table_has_one_row_a_criterion(language: Language) -> None:
    """Headings first; every row as long as they are, every cell with something in it, every word of the language in use."""
    champion, challenger = measured(BETTER, 1)
    verdict = decide(champion, challenger, QUICK, 1)
    headings, *rows = table(verdict, language)
    assert {finding.criterion for finding in verdict.findings} == set(Criterion)
    assert len(rows) == len(verdict.findings)
    assert {len(row) for row in rows} == {len(headings)}
    assert all(cell for row in rows for cell in row)
    texts = TEXTS[language]
    assert [set(part) for part in (texts.names, texts.limits, texts.reasons)] == [set(Criterion), set(Criterion), set(Reason)]


def test_a_row_reads_as_an_admin_needs_it() -> None:
    """Values, signed difference with its interval, limit and reason, each in its unit."""
    champion, challenger = measured(BETTER, 1)
    spoiled = changed_examples(challenger, lambda row: replace(row, valid=False), 1)
    verdict = decide(champion, spoiled, QUICK, 1)
    rows = {row[0]: row for row in table(verdict, Language.ENGLISH)}
    loss = rows["Surprise at approved notes (held-out loss)"]
    assert loss[1] == "improvement"
    assert loss[4].startswith("\N{MINUS SIGN}0.0")
    assert loss[4].endswith("; 97.5 %)")
    assert loss[5:] == ("at worst 0.020 higher", "passed", "Better than in service by more than chance explains.")
    count = len(champion.examples)
    assert rows["Valid notes"][2:4] == ("100.0%", f"{(count - 1) / count:.1%}")
    assert rows["Valid notes"][6] == "failed"
    assert headline(verdict, Language.ENGLISH) == "night-1 stays; night-2 is refused. Against it: Valid notes."
    assert headline(verdict, Language.CHINESE) == "night-1继续使用；night-2未被采用，不利的结果：有效记录。"


def test_the_readme_names_each_threshold_as_it_is() -> None:
    """The table people read doesn't drift from the numbers that decide."""
    text = (Path(gate.__file__).parent / "README.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    for name, value in asdict(Thresholds()).items():
        if name not in {"confidence", "resamples"}:
            assert any(f"`{name}`" in row and str(value) in row for row in rows), name
