"""The end of the demo: no training outlives it, and nobody else's process is touched."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.demo import parts
from deploy.demo.parts import until_nothing_runs


@contextmanager
def sleeping(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process with these arguments, which would go on for a minute."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_a_training_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time; a process that only looks into the folder, or trains elsewhere, goes on."""
    monkeypatch.setattr(parts, "LEFT_S", 0.0)
    folder, elsewhere = str(tmp_path / "nights" / "night-1"), str(tmp_path / "other" / "nights" / "night-1")
    with (
        sleeping("-m", "training.night", folder) as night,
        sleeping("-m", "training.qlora", f"{folder}/training") as training,
        sleeping("tail", f"{folder}/training/log.txt") as reader,
        sleeping("-m", "training.night", elsewhere) as other,
    ):
        await until_nothing_runs(tmp_path)
        assert night.wait(10) == training.wait(10) == -9
        assert reader.poll() is None
        assert other.poll() is None


async def test_where_nothing_runs_nobody_waits(tmp_path: Path) -> None:
    """The usual end."""
    await until_nothing_runs(tmp_path)
