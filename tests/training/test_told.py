"""What a night says of itself: on its standard output, and in its folder."""

from pathlib import Path

import pytest

from training.night.__main__ import Line
from training.night.told import TOLD_FILE, Stage, Told, read_told


def test_the_newest_word_stands_in_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line goes out; the folder has the newest one, whole, and nothing before the first."""
    assert read_told(tmp_path) is None
    line = Line(tmp_path)
    said = [Told(Stage.COLLECT), Told(Stage.TRAIN, 3, 9, 1.5, 60.0, 10**9, 1, 2)]
    for told in said:
        line.tell(told)
        assert read_told(tmp_path) == told
    assert [Told.from_json(each) for each in capsys.readouterr().out.splitlines()] == said
    assert [path.name for path in tmp_path.iterdir()] == [TOLD_FILE]
