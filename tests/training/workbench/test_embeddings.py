"""Continued pretraining of new rows: they learn, and nothing else moves by a bit."""

from pathlib import Path

import pytest
import torch

from tests.support.tiny_models import tiny_model
from training.workbench.commands.train_sft import train_run
from training.workbench.config import load_config
from training.workbench.errors import WorkbenchError
from training.workbench.expansion import expand_model, new_rows, read_texts
from training.workbench.models import load_model
from training.workbench.rows import Origin, Source, Split, Text, write_rows
from training.workbench.runs import begin
from training.workbench.tiny import Architecture

NEW = [
    f"The psychotherapist reported psychosomatic hypervigilance and rumination {often}." for often in ("daily", "often", "twice", "again")
]


@pytest.mark.parametrize("architecture", [Architecture.LLAMA, Architecture.BLOOM], ids=["embeddings and head", "one matrix for both"])
def test_new_rows_learn_and_all_else_stays_to_the_bit(tmp_path: Path, architecture: Architecture) -> None:
    """The loss on new text falls; old rows and all layers are what they were, and the output is a model that others begin with."""
    (tmp_path / "new.txt").write_text("\n".join(NEW * 5), encoding="utf-8")
    expand_model(str(tiny_model(architecture)), read_texts([tmp_path / "new.txt"]), 30, tmp_path / "expanded")
    rows = new_rows(tmp_path / "expanded")
    origin = Origin("test", [Source("hand-written", "0" * 64, 8)])
    write_rows(tmp_path / "rows", {Split.TRAIN: [Text(text) for text in NEW * 4], Split.DEV: [Text(NEW[0])]}, origin)
    changes = {"task": "embeddings", "method.kind": "embeddings", "model.path": tmp_path / "expanded", "data.path": tmp_path / "rows"}
    changes |= {
        "steps.max_steps": 6,
        "steps.batch": 4,
        "steps.accumulation": 1,
        "optimiser.learning_rate": 0.05,
        "optimiser.weight_decay": 0.1,
    }
    changes |= {"optimiser.schedule": "constant", "optimiser.warmup": 0, "evaluation.every": 6, "saving.every": 6}
    run = begin(tmp_path / "run", load_config(None, [f"{name}={value}" for name, value in changes.items()]))
    result = train_run(run)
    assert result.dev_before is not None
    assert result.dev_after is not None
    assert result.dev_after < result.dev_before - 0.1
    before, after = (load_model(folder).state_dict() for folder in (tmp_path / "expanded", run.output))
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(before[name].shape[0] == rows.stop for name in moved)
    for name in moved:
        assert torch.equal(before[name][: rows.start], after[name][: rows.start])
        assert not torch.equal(before[name][rows.start :], after[name][rows.start :])


def test_a_model_without_new_rows_is_refused(tmp_path: Path) -> None:
    """The task says what it needs before it trains; task and method belong together."""
    write_rows(tmp_path / "rows", {Split.TRAIN: [Text("a text")]}, Origin("test", []))
    changes = ["task=embeddings", f"model.path={tiny_model(Architecture.LLAMA)}", f"data.path={tmp_path / 'rows'}"]
    with pytest.raises(WorkbenchError, match="belong together"):
        load_config(None, changes)
    run = begin(tmp_path / "run", load_config(None, [*changes, "method.kind=embeddings"]))
    with pytest.raises(WorkbenchError, match="expand-vocabulary"):
        train_run(run)
