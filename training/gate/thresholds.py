"""The numbers that a challenger is held to, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """What a challenger is held to. Rates and distances are shares between 0 and 1."""

    cases: int = 20
    """The fewest held-out cases that decide anything. In 1,000 simulations of 20 cases with 1 to 10 rows each, intervals of 95 % held the
    truth 94 times in 100 (93 where a few cases differ much more than the rest), intervals of 97.5 % 97 (96) times. Bootstraps of some 20
    clusters are known to do about this well (Huang, Educational and Psychological Measurement 78, 2018). A fifth of cases is held out, so
    20 take about 100 cases with consent."""

    pair_cases: int = 20
    """The fewest cases among the preference pairs from which their accuracy is judged, for the same reason. Fewer refuse nobody: a team
    that edits little has few pairs, and they are a guard beside what is measured on the examples."""

    fixtures: int = 20
    """The fewest safety fixtures. If none of n fails, up to 3 in n may still fail elsewhere (rule of three: Hanley and Lippman-Hand, JAMA
    249, 1983): of 20, 15 %. More are better; fewer would be a test in name only."""

    canaries: int = 10
    """The fewest planted strings, by the same rule: if none of 10 comes out, less than 30 % of such strings do."""

    confidence: float = 0.95
    """The confidence of the intervals, as is usual; for the two improvements together, so each of theirs has 0.975. Of 1,000
    simulated nights with an equal challenger 21 promoted it with 20 cases and 29 with 30; with 0.95 for each it was 43 and 50."""

    resamples: int = 2000
    """Draws for an interval. 0.975 leaves 25 on each side, 13 where there are 20 cases, so the share beyond an end wanders by a fifth to
    a quarter from seed to seed; 1,000 are the usual least for percentiles (Efron and Tibshirani, 1993, as in `bootstrap.py`)."""

    loss_margin: float = 0.02
    """How much worse the held-out loss may be at worst, nats a token, if the edit distance is better: 0.02 is 2 % in perplexity."""

    edit_margin: float = 0.02
    """How much worse the edit distance may be at worst if the held-out loss is better: two characters in a hundred. Both
    margins are judgements of what a counselor wouldn't notice, not measurements."""

    valid_floor: float = 0.95
    """The fewest valid notes, however few the champion writes: one in twenty generated twice is the most that a team should wait for. The
    limit that counts on most nights is the champion's own rate, without any slack: answers are held to the format while they are
    written, so an invalid one is rare and a sign that something broke."""

    benchmark_margin: float = 5.0
    """How many points a public benchmark may fall. On 400 questions of which a tenth change, a difference wanders by 1.6 points (square
    root of 0.1 / 400), so 5 are three times what chance does; a smaller loss is not seen."""

    def __post_init__(self) -> None:
        if min(self.cases, self.pair_cases) < 2 or min(self.fixtures, self.canaries) < 1 or self.resamples < 100:
            raise ValueError("an interval needs two cases and 100 resamples, a hard limit something to count")
        if not 0 < self.confidence < 1 or not 0 <= self.valid_floor <= 1:
            raise ValueError("`confidence` and `valid_floor` are shares between 0 and 1")
        if min(self.loss_margin, self.edit_margin, self.benchmark_margin) < 0:
            raise ValueError("a margin is never below zero")
