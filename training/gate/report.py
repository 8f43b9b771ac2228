"""A verdict for people: one line that says what happens, and a table that says why."""

from collections.abc import Callable

from inference.note import Language
from training.gate.texts import TEXTS, Texts
from training.gate.verdict import LOWER_IS_BETTER, Criterion, Finding, Reason, Verdict

COUNTS = {Criterion.CASES, Criterion.UNSEEN, Criterion.CANARIES}
TOO_FEW = {Reason.TOO_FEW_CASES, Reason.TOO_FEW_PAIRS, Reason.TOO_FEW_FIXTURES, Reason.TOO_FEW_CANARIES}
MINUS = "\N{MINUS SIGN}"

Form = Callable[[float], str]


def headline(verdict: Verdict, language: Language) -> str:
    """What happens, in one sentence."""
    texts = TEXTS[language]
    names = ", " if language is Language.ENGLISH else "、"
    return (texts.promoted if verdict.promoted else texts.refused).format(
        champion=verdict.champion or texts.base,
        challenger=verdict.challenger or texts.base,
        names=names.join(_name(finding, texts) for finding in verdict.refusals),
    )


def table(verdict: Verdict, language: Language) -> list[tuple[str, ...]]:
    """The headings, then one row a finding, all of the same length."""
    texts = TEXTS[language]
    return [texts.columns, *(_row(finding, texts) for finding in verdict.findings)]


def sentence(finding: Finding, language: Language) -> str:
    """Why a criterion came out as it did."""
    return _sentence(finding, TEXTS[language])


def _row(finding: Finding, texts: Texts) -> tuple[str, ...]:
    return (
        _name(finding, texts),
        texts.roles[finding.role],
        _level(finding, finding.champion, texts),
        _level(finding, finding.challenger, texts),
        _difference(finding, texts),
        texts.limits[finding.criterion].format(threshold=_threshold(finding, texts)),
        texts.outcomes[finding.outcome],
        _sentence(finding, texts),
    )


def _name(finding: Finding, texts: Texts) -> str:
    return texts.names[finding.criterion].format(benchmark=finding.benchmark)


def _sentence(finding: Finding, texts: Texts) -> str:
    worst = texts.nothing
    if finding.interval:
        end = finding.interval.high if finding.criterion in LOWER_IS_BETTER else finding.interval.low
        worst = _size(finding.criterion, texts)(abs(end))
    return texts.reasons[finding.reason].format(
        champion=_level(finding, finding.champion, texts),
        challenger=_level(finding, finding.challenger, texts),
        count=texts.nothing if finding.count is None else finding.count,
        threshold=_threshold(finding, texts),
        worst=worst,
    )


def _level(finding: Finding, value: float | None, texts: Texts) -> str:
    """A value by itself, as its criterion is counted."""
    if value is None:
        return texts.nothing
    if finding.criterion in COUNTS:
        return f"{value:.0f}"
    if finding.criterion is Criterion.LOSS:
        return f"{value:.3f}"
    return f"{value:.1f}" if finding.criterion is Criterion.BENCHMARK else f"{value:.1%}"


def _difference(finding: Finding, texts: Texts) -> str:
    """Challenger less champion with its sign, and the interval if there is one."""
    if finding.difference is None:
        return texts.nothing
    size = _size(finding.criterion, texts)
    difference = _signed(finding.difference, size)
    if finding.interval is None:
        return difference
    low, high = _signed(finding.interval.low, size), _signed(finding.interval.high, size)
    return texts.interval.format(difference=difference, low=low, high=high, confidence=f"{100 * finding.interval.confidence:g} %")


def _threshold(finding: Finding, texts: Texts) -> str:
    if finding.threshold is None:
        return texts.nothing
    if finding.reason in TOO_FEW:
        return f"{finding.threshold:.0f}"
    if finding.criterion in {Criterion.LOSS, Criterion.EDIT_DISTANCE}:
        return _size(finding.criterion, texts)(finding.threshold)
    return _level(finding, finding.threshold, texts)


def _size(criterion: Criterion, texts: Texts) -> Form:
    """How the size of a difference is written: differences of shares are percentage points."""
    if criterion in COUNTS:
        return "{:.0f}".format
    if criterion is Criterion.LOSS:
        return "{:.3f}".format
    if criterion is Criterion.BENCHMARK:
        return "{:.1f}".format
    return lambda value: texts.points.format(value=f"{100 * value:.1f}")


def _signed(value: float, size: Form) -> str:
    return (MINUS if value < 0 else "+") + size(abs(value))
