"""The report of a comparison, for people: a folder of kind "report".

    FOLDER/report.md          the same as
           report.html        one page that needs nothing else: pictures are inside, all text is escaped
           differences.svg    lengths.svg
           comparison.json    every number
           manifest.json

Examples show answers and references, so a report is kept like the rows that it was made from. `examples=0` leaves them out.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluation import pictures
from training.evaluation.compare import FEW, Better, Compared, Shown, compared_json
from training.evaluation.overlap import overlap
from training.evaluation.page import page
from training.evaluation.predictions import Prediction
from training.workbench.artifacts import Manifest, new_folder, write_manifest

KIND = "report"
COLUMNS = ("figure", "A", "B", "B less A", "interval", "rows B higher / equal / lower", "what the rows show")
MINUS = "\N{MINUS SIGN}"
Pairs = Sequence[tuple[Prediction, Prediction]]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: its name, and how it was made, as its manifest says."""

    name: str
    made: Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """Answers of both to one row; `difference` is B's ROUGE-L less A's, in points."""

    id: str
    difference: float
    reference: str
    a: str
    b: str


@dataclass(frozen=True)
class Report:
    """All that is shown. `won` are the rows on which B gains most, `lost` those on which it loses most."""

    a: Side
    b: Side
    results: Sequence[Compared]
    won: Sequence[Example]
    lost: Sequence[Example]
    drawings: Mapping[str, str]


def make_report(a: Side, b: Side, results: Sequence[Compared], pairs: Pairs = (), examples: int = 3) -> Report:
    """A report; `pairs` are the answers side by side, where answers were compared."""
    shown = sorted((_example(*pair) for pair in pairs), key=lambda one: (one.difference, one.id)) if examples else []
    drawings = {"differences": pictures.differences(results)}
    if pairs:
        sides = {"A": [one.prediction for one, _ in pairs], "B": [two.prediction for _, two in pairs]}
        sides["reference"] = [one.reference for one, _ in pairs]
        drawings["lengths"] = pictures.lengths({name: [len(text) for text in texts] for name, texts in sides.items()})
    won = [one for one in reversed(shown) if one.difference > 0][:examples]
    lost = [one for one in shown if one.difference < 0][:examples]
    return Report(a, b, results, won, lost, {name: drawing for name, drawing in drawings.items() if drawing})


def write_report(target: Path, report: Report) -> Manifest:
    """Writes a new folder. Raises: WorkbenchError, as `new_folder`."""
    sides = {"a": {"name": report.a.name, **report.a.made}, "b": {"name": report.b.name, **report.b.made}}
    with new_folder(target) as folder:
        (folder / "report.md").write_text(markdown(report), encoding="utf-8")
        (folder / "report.html").write_text(webpage(report), encoding="utf-8")
        for name, drawing in report.drawings.items():
            (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
        numbers = json.dumps({**sides, "figures": compared_json(report.results)}, indent=1, ensure_ascii=False)
        (folder / "comparison.json").write_text(numbers + "\n", encoding="utf-8")
        return write_manifest(folder, KIND, {"command": "eval compare", **sides})


def sentences(report: Report) -> list[str]:
    """The outcome in words: what is shown, and what is not."""
    names = {shown: [one.name for one in report.results if one.shown is shown] for shown in Shown}
    told = [f"{shown}: {', '.join(names[shown])}." for shown in (Shown.BETTER, Shown.WORSE, Shown.MORE, Shown.LESS) if names[shown]]
    if open_ones := names[Shown.NOTHING]:
        told.append(f"No difference shown, the interval includes zero: {', '.join(open_ones)}.")
    if names[Shown.TOO_FEW]:
        told.append(f"Too few rows for an interval: {', '.join(names[Shown.TOO_FEW])}.")
    if (fewest := min((one.groups for one in report.results), default=FEW)) < FEW:
        told.append(f"With {fewest} groups of rows these intervals are rough; {FEW} or more can be relied on.")
    return told


def table(report: Report) -> list[tuple[str, ...]]:
    """The headings, then a row for each figure."""
    return [COLUMNS, *(_row(one) for one in report.results)]


def markdown(report: Report) -> str:
    """The report as Markdown."""
    columns, *rows = [[cell.replace("|", "\\|") for cell in row] for row in table(report)]
    lines = ["# Comparison", "", *(f"- {mark}: {_inline(_told(side))}" for mark, side in (("A", report.a), ("B", report.b))), ""]
    lines += [*sentences(report), ""]
    lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *(f"| {' | '.join(row)} |" for row in rows), ""]
    lines += [f"![{name}]({name}.svg)\n" for name in report.drawings]
    for heading, examples in _examples(report):
        lines += [f"## {heading}", ""]
        for one in examples:
            lines += [f"### {_title(one)}", ""]
            lines += [line for name, text in _texts(one) for line in (f"{name}:", "", _fenced(text), "")]
    return "\n".join(lines).rstrip() + "\n"


def webpage(report: Report) -> str:
    """The report as one page of HTML; nothing that stands in it is taken for markup."""
    escape = html.escape
    columns, *rows = table(report)
    classes = {Shown.BETTER: "better", Shown.WORSE: "worse"}
    body = ["<h1>Comparison</h1>", "<dl>"]
    body += [f"<dt>{mark}</dt><dd>{escape(_told(side))}</dd>" for mark, side in (("A", report.a), ("B", report.b))]
    body += ["</dl>", *(f"<p>{escape(line)}</p>" for line in sentences(report))]
    body += ['<div class="wide"><table>', "<tr>", *(f"<th>{escape(cell)}</th>" for cell in columns), "</tr>"]
    for one, row in zip(report.results, rows, strict=True):
        body += [f'<tr class="{classes.get(one.shown, "open")}">', *(f"<td>{escape(cell)}</td>" for cell in row), "</tr>"]
    body += ["</table></div>", *(f"<figure>{drawing}</figure>" for drawing in report.drawings.values())]
    for heading, examples in _examples(report):
        body.append(f"<h2>{escape(heading)}</h2>")
        for example in examples:
            body += [f"<details><summary>{escape(_title(example))}</summary>"]
            body += [f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>" for name, text in _texts(example)]
            body.append("</details>")
    return page("Comparison", "\n".join(body))


def _row(one: Compared) -> tuple[str, ...]:
    found, interval = one.estimate, one.estimate.interval
    way = " (lower is better)" if one.better is Better.LOWER else ""
    between = f"{_signed(interval.low, one.digits)} to {_signed(interval.high, one.digits)} ({100 * interval.confidence:g} %)"
    return (
        one.name + way,
        f"{found.champion:.{one.digits}f}",
        f"{found.challenger:.{one.digits}f}",
        _signed(found.difference, one.digits),
        "none" if one.shown is Shown.TOO_FEW else between,
        f"{one.rows} rows in all" if one.higher is None else f"{one.higher} / {one.equal} / {one.lower}",
        str(one.shown),
    )


def _example(a: Prediction, b: Prediction) -> Example:
    gained = overlap(b.prediction, a.reference).rouge_l - overlap(a.prediction, a.reference).rouge_l
    return Example(a.id, gained, a.reference, a.prediction, b.prediction)


def _examples(report: Report) -> list[tuple[str, Sequence[Example]]]:
    named = (("Rows on which B gains most", report.won), ("Rows on which B loses most", report.lost))
    return [(heading, examples) for heading, examples in named if examples]


def _title(one: Example) -> str:
    return f"Row {one.id}: {_signed(one.difference, 1)} points of ROUGE-L"


def _texts(one: Example) -> list[tuple[str, str]]:
    return [("Reference", one.reference), ("A", one.a or "(nothing)"), ("B", one.b or "(nothing)")]


def _told(side: Side) -> str:
    """A side's name, and what of its making tells it from the other."""
    parts = [f"{name} {side.made[name]}" for name in ("model", "url") if side.made.get(name)]
    adapters = side.made.get("adapters") or []
    parts += [f"adapters {', '.join(map(str, adapters))}"] if adapters else []
    return f"{side.name} ({'; '.join(parts)})" if parts else side.name


def _signed(value: float, digits: int) -> str:
    size = f"{abs(value):.{digits}f}"
    if not float(size):
        return size
    return (MINUS if value < 0 else "+") + size


def _fenced(text: str) -> str:
    """A text that Markdown leaves as it is: a fence longer than any row of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _inline(text: str) -> str:
    """A text in which Markdown finds no markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text.replace("\n", " "))
