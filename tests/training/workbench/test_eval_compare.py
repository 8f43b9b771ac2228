"""Two models side by side: intervals, what is refused, and a report that shows what was written and runs none of it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from training.corpora.imhi import SETS
from training.evaluation.compare import Better, Compared, Metric, Shown, check_same_rows, compare, metrics_of
from training.evaluation.imhi import label_of, labels_of, weighted_f1
from training.evaluation.intervals import estimate_figure
from training.evaluation.overlap import bleu_of_counts, corpus_bleu
from training.evaluation.predictions import Prediction, write_predictions
from training.evaluation.report import Side, make_report, webpage, write_report
from training.evaluation.sides import compare_sides, model_and_adapter
from training.gate.bootstrap import Paired, estimate
from training.workbench.artifacts import read_manifest
from training.workbench.errors import WorkbenchError

REFERENCES = ("Keep a diary of sleep for two weeks.", "先写睡眠日记，再看。", "Ask since when she has avoided the office.")
EVIL = "<script>alert(1)</script> ```` & | [x](y)"


def a_prediction(number: int, text: str, reference: str | None = None, **changes: object) -> Prediction:
    """An answer to a row."""
    values: dict[str, object] = {
        "id": f"{number:06d}",
        "set": "",
        "group": str(number),
        "prompt_sha256": str(number),
        "prediction": text,
        "reference": reference or REFERENCES[number % 3],
        "tokens": len(text),
        "cut": False,
    }
    return Prediction(**{**values, **changes})  # type: ignore[arg-type]  # a builder's values


def a_side(quality: float, rows: int = 30, seed: int = 0) -> list[Prediction]:
    """Answers of which so large a share of words is right."""
    rng = Random(seed)
    return [
        a_prediction(number, "".join(one if rng.random() < quality else "x" for one in REFERENCES[number % 3])) for number in range(rows)
    ]


def results(a: Sequence[Prediction], b: Sequence[Prediction]) -> dict[str, Compared]:
    """All figures by name."""
    return {one.name: one for one in compare(metrics_of(check_same_rows(a, b)), resamples=500)}


def test_what_is_better_is_shown_and_what_is_not_is_not() -> None:
    """A clearly better model is named in every overlap, either way round; one against itself shows nothing, with intervals of zero."""
    good, bad = a_side(0.95), a_side(0.5, seed=1)
    for a, b, shown in ((bad, good, Shown.BETTER), (good, bad, Shown.WORSE)):
        found = results(a, b)
        assert {found[name].shown for name in ("BLEU-4, all answers together", "ROUGE-1", "ROUGE-2", "ROUGE-L", "chrF")} == {shown}
    assert {one.shown for one in results(good, good).values()} == {Shown.NOTHING}
    longer = [Prediction(**{**vars(one), "prediction": one.prediction + " and more of it", "tokens": None}) for one in good]
    assert results(good, longer)["answer, characters"].shown is Shown.MORE
    assert "answer, tokens" not in results(good, longer)


def test_figures_are_those_of_each_side_alone() -> None:
    """Corpus BLEU is sacrebleu's, counts of rows add up, and the order of rows changes no figure."""
    a, b = a_side(0.9), a_side(0.7, seed=2)
    found = results(a, b)
    whole = found["BLEU-4, all answers together"].estimate
    for side, value in ((a, whole.champion), (b, whole.challenger)):
        assert value == pytest.approx(corpus_bleu([one.prediction for one in side], [one.reference for one in side]).score)
    one = found["ROUGE-L"]
    assert (one.higher or 0) + (one.equal or 0) + (one.lower or 0) == one.rows == 30
    mixed = results(a[::-1], b)["ROUGE-L"].estimate
    assert (mixed.champion, mixed.challenger, mixed.difference) == pytest.approx(
        (one.estimate.champion, one.estimate.challenger, one.estimate.difference)
    )


def test_a_figure_that_is_a_mean_has_the_gates_interval() -> None:
    """Drawn anew or by the gate's bootstrap, an interval of means is the same one up to chance; the same seed gives the same."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 80), rng.normal(0.3, 1, 80)
    groups = [str(place // 2) for place in range(80)]
    one = np.ones(80)
    ours = estimate_figure(lambda sums: float(sums[0] / sums[1]), groups, np.stack([a, one], 1), np.stack([b, one], 1), 0.95, 4000, 1)
    gates = estimate([Paired(*row) for row in zip(groups, one.tolist(), a.tolist(), b.tolist(), strict=True)], 0.95, 4000, 2)
    assert (ours.champion, ours.challenger, ours.difference) == pytest.approx((gates.champion, gates.challenger, gates.difference))
    assert (ours.interval.low, ours.interval.high) == pytest.approx((gates.interval.low, gates.interval.high), abs=0.03)


@pytest.mark.parametrize("name", SETS)
def test_benchmarks_are_compared_by_their_own_figure(name: str) -> None:
    """Weighted F1 of both is the scorer's, and rows without a label are counted as lost."""
    rng, words = Random(1), [*labels_of(name), "nothing at all" if name == "SAD" else "who can tell?"]
    golds = [rng.choice(labels_of(name)) for _ in range(40)]
    sides = [
        [
            a_prediction(row, gold if rng.random() < share else rng.choice(words), f"{gold}. Reasoning: so", set=name)
            for row, gold in enumerate(golds)
        ]
        for share in (0.2, 0.95)
    ]
    found = results(*sides)
    for side, key in zip(sides, ("champion", "challenger"), strict=True):
        labels = [label_of(one.prediction, name) for one in side]
        assert getattr(found[f"IMHI {name}: weighted F1"].estimate, key) == pytest.approx(weighted_f1(golds, labels))
        lost = sum(one.prediction == words[-1] for one in side)
        assert getattr(found[f"IMHI {name}: out of domain, %"].estimate, key) == pytest.approx(100 * lost / 40)
    assert found[f"IMHI {name}: weighted F1"].shown is Shown.BETTER


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[1:], "1 are in A alone, 0 in B alone"),
        (lambda rows: [Prediction(**{**vars(rows[0]), "reference": "other"}), *rows[1:]], "1 of 30 have other prompts or references"),
        (lambda rows: [Prediction(**{**vars(rows[0]), "prompt_sha256": "x"}), *rows[1:]], "1 of 30 have other prompts or references"),
        (lambda rows: [rows[0], rows[0]], "occurs twice"),
    ],
)
def test_other_rows_are_refused(change: object, told: str) -> None:
    """Missing rows, other prompts, other references."""
    rows = a_side(0.9)
    with pytest.raises(WorkbenchError, match=told):
        check_same_rows(rows, change(rows))  # type: ignore[operator]  # a parameter


def test_one_row_shows_nothing_and_few_are_said_to_be_few() -> None:
    """All draws of one group are the same: there is no interval, however large the difference."""
    one = Metric("x", Better.HIGHER, 1, ("g", "g"), np.array([1.0, 2.0]), np.array([5.0, 6.0]))
    assert compare([one], resamples=100)[0].shown is Shown.TOO_FEW
    report = make_report(Side("a", {}), Side("b", {}), compare([one], resamples=100))
    assert "Too few rows for an interval: x." in webpage(report)
    assert report.drawings == {}
    few = make_report(Side("a", {}), Side("b", {}), compare(metrics_of(check_same_rows(a_side(0.9, 5), a_side(0.9, 5))), resamples=100))
    assert "With 5 groups of rows these intervals are rough" in webpage(few)


def test_the_report_shows_what_was_written_and_runs_none_of_it(tmp_path: Path) -> None:
    """Pictures are inside, nothing is loaded, markup in answers and names is text; zero in an interval is said in words."""
    a = [a_prediction(number, EVIL, EVIL + " and a diary") for number in range(6)]
    b = [a_prediction(number, EVIL + " and a diary" * (number % 2), EVIL + " and a diary") for number in range(6)]
    for name, side in (("a", a), ("<b>|", b)):
        write_predictions(tmp_path / name, side, {}, {"model": f"m-{name}", "adapters": ["x*y"]})
    report = compare_sides(tmp_path / "a", tmp_path / "<b>|", 2, 0.95, 0)
    write_report(tmp_path / "report", report)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;|" in page
    assert page.count("<svg") == 2
    assert not re.search(r"(?:src|href)=\"(?!#)", page.replace("xlink:href", "href"))
    assert "No difference shown, the interval includes zero" in page
    words = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "`````text\n" in words
    assert r"\<b\>\|" in words
    rows = [line for line in words.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {8}
    manifest = read_manifest(tmp_path / "report", "report")
    assert {"report.md", "report.html", "comparison.json", "differences.svg", "lengths.svg"} == set(manifest.files)
    figures = json.loads((tmp_path / "report" / "comparison.json").read_text(encoding="utf-8"))["figures"]
    assert [one["name"] for one in figures] == [one.name for one in report.results]
    assert "diary" not in (tmp_path / "report" / "manifest.json").read_text(encoding="utf-8")


def test_a_report_without_examples_has_no_text_of_rows(tmp_path: Path) -> None:
    """With 0 examples neither answers nor references are in any of its files; the same report twice is the same to the byte."""
    for name, side in (("a", a_side(0.9)), ("b", a_side(0.6, seed=1))):
        write_predictions(tmp_path / name, side, {}, {})
    for name in ("one", "two"):
        write_report(tmp_path / name, compare_sides(tmp_path / "a", tmp_path / "b", 0, 0.95, 0))
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    for file in files:
        text = (tmp_path / "one" / file).read_text(encoding="utf-8")
        assert not any(word in text for word in ("diary", "日记", "office"))
        assert text == (tmp_path / "two" / file).read_text(encoding="utf-8")


def test_what_is_no_answer_is_told(tmp_path: Path) -> None:
    """A model without rows to answer, and an adapter whose base is not here, get a sentence with what to do."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(WorkbenchError, match="--rows"):
        compare_sides(tmp_path / "model", tmp_path / "model", 0, 0.95, 0)
    (tmp_path / "adapter").mkdir()
    for name, text in (("adapter_config.json", '{"base_model_name_or_path": "nowhere"}'), ("adapter_model.safetensors", "")):
        (tmp_path / "adapter" / name).write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError, match="--base"):
        model_and_adapter(tmp_path / "adapter", None)
    assert model_and_adapter(tmp_path / "adapter", str(tmp_path / "model")) == (str(tmp_path / "model"), (str(tmp_path / "adapter"),))
    assert model_and_adapter(tmp_path / "model", None) == (str(tmp_path / "model"), ())


def test_bleu_of_nothing_is_nothing() -> None:
    """Where no answer has a word, the figure is 0 and no error."""
    assert bleu_of_counts([0, 5, *[0] * 8]) == 0
