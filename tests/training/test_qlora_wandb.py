"""wandb is told figures and nothing else; these tests run where it is installed (`pip install wandb`), and reach no server."""

import importlib.util
import json
import socket
import sys
from pathlib import Path

import pytest

from tests.training.qlora_support import a_base, a_dataset, a_recipe, an_example
from training.qlora.errors import TrainingFailed
from training.qlora.process import train
from training.qlora.progress import WANDB_FOLDER, read_progress

pytestmark = [
    pytest.mark.night,
    pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed here: pip install wandb to run this too"),
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny Mixtral."""
    return a_base(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs this may have an account; the tests have none."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


def test_nothing_but_figures_is_for_wandb(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be sent has every step's losses, and no text of a row, no name of machine, folder, program or package."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    row = an_example(7)
    marked = type(row)("case-7", row.messages, row.completion.replace(".", " xylophonist.", 1), row.source, row.night)
    data = a_dataset(tmp_path / "data", examples=2, heldout=1, more=[marked])
    folder = tmp_path / "named-after-somebody"
    train(a_recipe(base, data, max_steps=3, tracker="wandb"), folder)
    (sent,) = (folder / WANDB_FOLDER).glob("offline-run-*/*.wandb")
    assert [path for path in sent.parent.joinpath("files").rglob("*") if path.is_file()] == []
    content = sent.read_bytes()
    for one in read_progress(folder):
        assert json.dumps(one.loss).encode() in content
        assert one.heldout_loss is None or json.dumps(one.heldout_loss).encode() in content
    host = socket.gethostname().encode()
    for planted in (b"xylophonist", b"somebody", bytes(tmp_path), b"case-7", b"qlora", bytes(Path(sys.executable)), b"torch"):
        assert planted not in content
    assert bytes([len(host)]) + host not in content  # strings come with their length; a short name alone may come about by chance
    for path in (folder / WANDB_FOLDER).rglob("*"):
        assert not path.is_file() or b"xylophonist" not in path.read_bytes()


def test_a_missing_account_is_told(base: Path, tmp_path: Path) -> None:
    """The training ends with a reason, not with a question that nobody is there to answer."""
    with pytest.raises(TrainingFailed, match="wandb does not start"):
        train(a_recipe(base, a_dataset(tmp_path / "data"), max_steps=1, tracker="wandb"), tmp_path / "run")
