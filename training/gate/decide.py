"""The gate: a challenger's scores beside the champion's, and what follows from them.

    worth judging    enough held-out cases, none of which the challenger was trained on
    an improvement   held-out loss or edit distance is better, its interval excluding zero, and neither may be worse by more than its margin
    nothing lost     preference accuracy, kept-item rate and benchmarks are not clearly worse
    hard limits      no fewer valid notes, no safety fixture newly failed, no planted string that comes out

Everything follows from the scores, the thresholds and the seed; a refusal is a result, and every reason is given, not only the first.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import NamedTuple

from training.gate.bootstrap import Paired, estimate
from training.gate.scores import BenchmarkScore, Both, CanaryScore, ExampleScore, FixtureScore, PairScore, Scores, match
from training.gate.thresholds import Thresholds
from training.gate.verdict import LOWER_IS_BETTER, ROLES, Criterion, Finding, Outcome, Reason, Verdict

IMPROVEMENTS = 2
"""Criteria of which one has to be better. Each has a chance to look so by luck, so each interval is made wider (Bonferroni)."""


class _Row(NamedTuple):
    """One row of a comparison: what it is drawn with, its weight, and the two values, None where there is none."""

    cluster: str
    weight: float
    champion: float | None
    challenger: float | None


def decide(champion: Scores, challenger: Scores, thresholds: Thresholds, seed: int) -> Verdict:
    """The verdict on a challenger. On the first night the champion is the base without an adapter.

    Raises:
        NotComparable: the two were not measured on the same things.
    """
    both, draw = match(champion, challenger), _Draw(thresholds, seed)
    cases = {row.champion.case_id for row in both.examples}
    enough = _cases(cases, thresholds)
    judged = both.examples if enough.outcome is Outcome.PASSED else ()
    loss, edits = _loss(judged, draw), _edit_distance(judged, draw)
    findings = (
        enough,
        _unseen(cases | {row.champion.case_id for row in both.pairs}, champion, challenger),
        loss,
        edits,
        _progress(loss, edits),
        _preference(both.pairs, draw),
        _kept(judged, draw),
        _valid(both.examples, draw),
        _safety(both.fixtures, draw),
        _canaries(champion.canaries, challenger.canaries, thresholds),
        *(_benchmark(row, thresholds) for row in both.benchmarks),
    )
    return Verdict(champion.adapter, challenger.adapter, champion.base, findings, thresholds, seed)


class _Draw(NamedTuple):
    """What intervals are drawn with. Each criterion begins with the seed, so that one more criterion changes no other."""

    thresholds: Thresholds
    seed: int

    def measure(self, criterion: Criterion, rows: Sequence[_Row], chances: int = 1) -> Finding:
        """Values and interval, not judged yet; without an interval, what keeps it from being judged."""
        if not rows:
            return _finding(criterion, Outcome.NOT_JUDGED, Reason.CASES_FIRST)
        unusable = _unusable([(row.champion, row.challenger) for row in rows])
        if unusable:
            return _finding(criterion, Outcome.FAILED, unusable)
        usable = [Paired(row.cluster, row.weight, row.champion or 0.0, row.challenger or 0.0) for row in rows]
        confidence = 1 - (1 - self.thresholds.confidence) / chances
        found = estimate(usable, confidence, self.thresholds.resamples, self.seed)
        if not found.finite:
            return _finding(criterion, Outcome.FAILED, Reason.CHALLENGER_BROKEN if isfinite(found.champion) else Reason.CHAMPION_BROKEN)
        values = _finding(criterion, Outcome.NOT_JUDGED, Reason.CASES_FIRST)
        return replace(values, champion=found.champion, challenger=found.challenger, difference=found.difference, interval=found.interval)


def _cases(cases: set[str], thresholds: Thresholds) -> Finding:
    values = _finding(Criterion.CASES, Outcome.PASSED, Reason.ENOUGH_CASES)
    values = replace(values, champion=float(len(cases)), challenger=float(len(cases)), count=len(cases), threshold=float(thresholds.cases))
    return values if len(cases) >= thresholds.cases else _failed(values, Reason.TOO_FEW_CASES)


def _unseen(cases: set[str], champion: Scores, challenger: Scores) -> Finding:
    """Only the challenger is refused: a champion that saw held-out cases looks better than it is, which makes no challenger look good."""
    ours, theirs = (len(cases.intersection(scores.trained_on)) for scores in (champion, challenger))
    values = _finding(Criterion.UNSEEN, Outcome.PASSED, Reason.UNSEEN)
    values = replace(values, champion=float(ours), challenger=float(theirs), count=theirs, threshold=0.0)
    return _failed(values, Reason.TRAINED_ON) if theirs else values


def _loss(examples: Sequence[Both[ExampleScore]], draw: _Draw) -> Finding:
    """The mean over tokens, as a language model's loss is reported."""
    rows = [_Row(one.champion.case_id, one.champion.tokens, one.champion.loss, one.challenger.loss) for one in examples]
    return _improvement(draw.measure(Criterion.LOSS, rows, IMPROVEMENTS), draw.thresholds.loss_margin)


def _edit_distance(examples: Sequence[Both[ExampleScore]], draw: _Draw) -> Finding:
    """The mean over notes."""
    rows = [_Row(one.champion.case_id, 1, one.champion.distance, one.challenger.distance) for one in examples]
    return _improvement(draw.measure(Criterion.EDIT_DISTANCE, rows, IMPROVEMENTS), draw.thresholds.edit_margin)


def _improvement(values: Finding, margin: float) -> Finding:
    values = replace(values, threshold=margin)
    if values.interval is None:
        return values
    best, worst = _harm(values)
    if worst < 0:
        return _passed(values, Reason.BETTER)
    if worst <= margin:
        return _passed(values, Reason.WITHIN_MARGIN)
    return _failed(values, Reason.WORSE if best > 0 else Reason.MAYBE_WORSE)


def _progress(*improvements: Finding) -> Finding:
    """One of them has to be better: a change that brings nothing is not worth its risk."""
    if all(one.outcome is Outcome.NOT_JUDGED for one in improvements):
        return _finding(Criterion.PROGRESS, Outcome.NOT_JUDGED, Reason.CASES_FIRST)
    if any(one.reason is Reason.BETTER for one in improvements):
        return _finding(Criterion.PROGRESS, Outcome.PASSED, Reason.PROGRESS)
    return _finding(Criterion.PROGRESS, Outcome.FAILED, Reason.NO_PROGRESS)


def _preference(pairs: Sequence[Both[PairScore]], draw: _Draw) -> Finding:
    """The share of pairs in which the counselor's version is likelier than the draft; as likely is not enough."""
    cases = len({one.champion.case_id for one in pairs})
    if cases < draw.thresholds.pair_cases:
        values = _finding(Criterion.PREFERENCE, Outcome.NOT_JUDGED, Reason.TOO_FEW_PAIRS)
        return replace(values, count=cases, threshold=float(draw.thresholds.pair_cases))
    rows = [_Row(one.champion.case_id, 1, _right(one.champion.margin), _right(one.challenger.margin)) for one in pairs]
    return _guard(draw.measure(Criterion.PREFERENCE, rows))


def _kept(examples: Sequence[Both[ExampleScore]], draw: _Draw) -> Finding:
    """The mean over notes. No improvement to aim at: a note of one safe sentence is kept whole."""
    rows = [_Row(one.champion.case_id, 1, one.champion.kept, one.challenger.kept) for one in examples]
    return _guard(draw.measure(Criterion.KEPT, rows))


def _guard(values: Finding) -> Finding:
    values = replace(values, threshold=0.0)
    if values.interval is None:
        return values
    best, worst = _harm(values)
    if best > 0:
        return _failed(values, Reason.WORSE)
    return _passed(values, Reason.BETTER if worst < 0 else Reason.NOT_CLEARLY_WORSE)


def _valid(examples: Sequence[Both[ExampleScore]], draw: _Draw) -> Finding:
    """Counted on the same prompts, so a tie is a tie; judged on any number of examples, but an interval needs enough cases."""
    rows = [_Row(one.champion.case_id, 1, _share(one.champion.valid), _share(one.challenger.valid)) for one in examples]
    values = draw.measure(Criterion.VALID, rows)
    if values.interval is None:
        return replace(values, threshold=draw.thresholds.valid_floor)
    ours, theirs = (sum(bool(valid) for valid in column) for column in zip(*((row.champion, row.challenger) for row in rows), strict=True))
    floor = draw.thresholds.valid_floor
    interval = values.interval if len({row.cluster for row in rows}) >= draw.thresholds.cases else None
    values = replace(values, interval=interval, threshold=max(floor, ours / len(rows)), count=len(rows) - theirs)
    if theirs < ours:
        return _failed(values, Reason.FEWER_VALID)
    return _passed(values, Reason.VALID) if theirs >= floor * len(rows) else _failed(values, Reason.BELOW_FLOOR)


def _safety(fixtures: Sequence[Both[FixtureScore]], draw: _Draw) -> Finding:
    """Fixture by fixture: passing a new one doesn't pay for failing an old one."""
    if len(fixtures) < draw.thresholds.fixtures:
        values = _finding(Criterion.SAFETY, Outcome.FAILED, Reason.TOO_FEW_FIXTURES)
        return replace(values, count=len(fixtures), threshold=float(draw.thresholds.fixtures))
    rows = [_Row(one.champion.id, 1, _share(one.champion.passed), _share(one.challenger.passed)) for one in fixtures]
    values = replace(draw.measure(Criterion.SAFETY, rows), threshold=0.0)
    if values.interval is None:
        return values
    newly = sum(bool(one.champion.passed) and not one.challenger.passed for one in fixtures)
    values = replace(values, count=newly)
    return _failed(values, Reason.NEWLY_UNSAFE) if newly else _passed(values, Reason.SAFE)


def _canaries(champion: CanaryScore, challenger: CanaryScore, thresholds: Thresholds) -> Finding:
    """A count without an interval: each string that comes out is one too many, whatever the champion does."""
    values = _finding(Criterion.CANARIES, Outcome.FAILED, Reason.TOO_FEW_CANARIES)
    if challenger.planted < thresholds.canaries:
        return replace(values, count=challenger.planted, threshold=float(thresholds.canaries))
    values = replace(values, threshold=0.0)
    unusable = _unusable([(champion.out, challenger.out)])
    if unusable or champion.out is None or challenger.out is None:
        return _failed(values, unusable or Reason.CHALLENGER_MISSING)
    ours, theirs = champion.out, challenger.out
    values = replace(values, champion=float(ours), challenger=float(theirs), difference=float(theirs - ours), count=theirs)
    return _failed(values, Reason.CANARIES_OUT) if theirs else _passed(values, Reason.NOTHING_OUT)


def _benchmark(scores: Both[BenchmarkScore], thresholds: Thresholds) -> Finding:
    """One number an adapter, hence no interval; the margin stands for it."""
    ours, theirs = scores.champion.score, scores.challenger.score
    values = _finding(Criterion.BENCHMARK, Outcome.FAILED, Reason.CHALLENGER_MISSING)
    values = replace(values, benchmark=scores.champion.id, threshold=thresholds.benchmark_margin)
    unusable = _unusable([(ours, theirs)])
    if unusable or ours is None or theirs is None:
        return _failed(values, unusable or Reason.CHALLENGER_MISSING)
    values = replace(values, champion=ours, challenger=theirs, difference=theirs - ours)
    fell = ours - theirs > thresholds.benchmark_margin
    return _failed(values, Reason.BENCHMARK_FELL) if fell else _passed(values, Reason.BENCHMARK_HOLDS)


def _unusable(values: Sequence[tuple[float | None, float | None]]) -> Reason | None:
    """Why values can't be compared, the challenger's first, because that is the one under suspicion."""
    champion, challenger = zip(*values, strict=True)
    if None in challenger:
        return Reason.CHALLENGER_MISSING
    if None in champion:
        return Reason.CHAMPION_MISSING
    if not all(map(isfinite, challenger)):
        return Reason.CHALLENGER_BROKEN
    return None if all(map(isfinite, champion)) else Reason.CHAMPION_BROKEN


def _harm(values: Finding) -> tuple[float, float]:
    """The interval of how much worse the challenger is, whichever way the criterion counts: at best, at worst."""
    if values.interval is None:
        raise ValueError("a finding without an interval was judged by it")
    low, high = values.interval.low, values.interval.high
    return (low, high) if values.criterion in LOWER_IS_BETTER else (-high, -low)


def _right(margin: float | None) -> float | None:
    return margin if margin is None or not isfinite(margin) else float(margin > 0)


def _share(flag: bool | None) -> float | None:
    return None if flag is None else float(flag)


def _finding(criterion: Criterion, outcome: Outcome, reason: Reason) -> Finding:
    return Finding(criterion, ROLES[criterion], outcome, reason)


def _passed(values: Finding, reason: Reason) -> Finding:
    return replace(values, outcome=Outcome.PASSED, reason=reason)


def _failed(values: Finding, reason: Reason) -> Finding:
    return replace(values, outcome=Outcome.FAILED, reason=reason)
