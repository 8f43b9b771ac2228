"""Pictures of a comparison, as SVG: differences with their intervals, and how long answers are. They hold no text of a row."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.compare import Better, Compared, Shown

COLOURS: Mapping[Shown, str] = {Shown.BETTER: "#1b7f5c", Shown.WORSE: "#b3541e"}
GREY = "#6b7280"
SIDES = {"A": "#b3541e", "B": "#1b7f5c", "reference": "#6b7280"}
MOST_BINS = 20


def differences(results: Sequence[Compared]) -> str:
    """B less A for each figure that can be better or worse, with its interval. Empty where there is none."""
    shown = [one for one in results if one.better is not Better.NEITHER and one.shown is not Shown.TOO_FEW]
    if not shown:
        return ""
    figure = _figure(7.5, 0.9 + 0.36 * len(shown))
    panel = figure.subplots()
    for place, one in enumerate(reversed(shown)):
        colour, interval = COLOURS.get(one.shown, GREY), one.estimate.interval
        panel.plot([interval.low, interval.high], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        panel.plot(one.estimate.difference, place, "o", color=colour, markersize=6)
    panel.axvline(0, color="#111827", linewidth=1)
    panel.set_yticks(range(len(shown)), [_label(one) for one in reversed(shown)])
    panel.set_ylim(-0.6, len(shown) - 0.4)
    panel.set_xlabel(f"B less A, with the interval of {100 * shown[0].estimate.interval.confidence:g} % (right of 0: B has more)")
    _plain(panel)
    return _svg(figure)


def lengths(sides: Mapping[str, Sequence[int]]) -> str:
    """How many answers have which length, in characters; `sides` are lengths by "A", "B" and "reference"."""
    most = max(max(found) for found in sides.values())
    bins = [most * place / MOST_BINS for place in range(MOST_BINS + 1)] if most else [0, 1]
    figure = _figure(7.5, 2.8)
    panel = figure.subplots()
    for name, found in sides.items():
        panel.hist(found, bins=bins, histtype="step", linewidth=2, color=SIDES[name], label=name)
    panel.set(xlabel="characters", ylabel="answers")
    panel.legend(frameon=False)
    _plain(panel)
    return _svg(figure)


def _label(one: Compared) -> str:
    return f"{one.name} (lower is better)" if one.better is Better.LOWER else one.name


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _plain(panel: Any) -> None:
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.grid(axis="x", color="#e5e7eb", linewidth=0.8)
    panel.set_axisbelow(True)


def _svg(figure: Any) -> str:
    """The picture as an `<svg>` element, the same each time: no date, and names that depend on nothing but what is drawn."""
    import matplotlib as mpl

    target = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "phyassist"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    text = target.getvalue()
    return text[text.index("<svg") :]
