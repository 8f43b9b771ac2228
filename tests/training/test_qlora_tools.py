"""The benchmark and the comparison measure what they say."""

import json
from pathlib import Path
from random import Random

import pytest

from inference.note import Kind, Language, NoteItem
from training.demo.content import load_content
from training.qlora import bench
from training.qlora.bench import Figures, Task, Way, measure
from training.qlora.compare import a_case, edited


def test_the_benchmark_tells_the_ways_apart() -> None:
    """A step of each runs, and only with the plain recipe experts take two bytes a weight; attention is quantised in all of them."""
    figures = {way: measure(way, Task("tiny", sequence=16, steps=1)) for way in Way}
    assert figures[Way.PLAIN].bytes_a_weight["experts"] == 2
    assert all(figures[way].bytes_a_weight["experts"] < 0.6 for way in (Way.LOOP, Way.GROUPED))
    assert all(one.bytes_a_weight["attention"] < 0.6 and one.speed > 0 for one in figures.values())
    assert len({one.bytes["adapter"] for one in figures.values()}) == 1


def test_the_benchmark_goes_on_where_a_way_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where one has no room: its line says so, and the others' figures are in the table and in the file."""
    figures = tmp_path / "figures.json"

    def without_room(way: Way, task: Task) -> Figures | str:
        return "failed: OutOfMemoryError" if way is Way.PLAIN else measure(way, task)

    monkeypatch.setattr(bench, "_apart", without_room)
    monkeypatch.setattr("sys.argv", ["bench", "--shape", "tiny", "--sequence", "16", "--steps", "1", "--json", str(figures)])
    bench.main()
    assert "| plain | failed: OutOfMemoryError |" in capsys.readouterr().out
    made = json.loads(figures.read_text())["ways"]
    assert made["plain"] == "failed: OutOfMemoryError"
    assert made["grouped"]["peak"] >= 0


def test_a_benchmark_in_a_process_of_its_own_says_why_it_failed() -> None:
    """Its reason comes back as text; a shape that there is not stands for whatever a device can't do."""
    assert bench._apart(Way.LOOP, Task("huge", sequence=16, steps=1)).startswith("failed: KeyError: 'huge'")


def test_the_counselor_of_the_comparison_never_changes_what_suits() -> None:
    """Edits have a style, and a note that has it is left as it is."""
    content, rng = load_content(), Random(0)
    for _ in range(20):
        _, note = a_case(content, rng, Language.ENGLISH)
        once = edited(note)
        assert once != note
        assert edited(once) == once
        assert sum(item.kind is Kind.ADVICE for item in once) <= 2
    assert edited(()) == (NoteItem(Kind.ANALYSIS, once[-1].text),)
