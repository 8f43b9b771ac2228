"""Supervised fine-tuning by real trainers on tiny models: it learns, it can be killed, and what goes wrong is said."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tests.support.tiny_models import tiny_model
from tests.training.workbench.training_support import KILLED_AFTER, a_config, some_rows
from training.workbench import checkpoints
from training.workbench.artifacts import read_manifest
from training.workbench.commands.train_sft import start
from training.workbench.config import Data, Tracker
from training.workbench.errors import WorkbenchError
from training.workbench.models import load_model, load_tokenizer, make_trainable
from training.workbench.progress import Point, read_progress
from training.workbench.rows import Origin, Split, read_file, write_rows
from training.workbench.runs import Result, Run, alone, begin, open_run, result_of
from training.workbench.sft import Sft, job, read_data, run_sft
from training.workbench.tiny import Architecture
from training.workbench.tracking import tracking
from training.workbench.watch import Goal, Watch

ROOT = Path(__file__).parents[3]
PC = "prompt-completion"
ATTENTION = "method.modules=[q_proj, v_proj]"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all runs of this file."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def rows(place: Path) -> Path:
    """A file of prompts with completions."""
    return some_rows(place / "rows.jsonl", PC)


@pytest.fixture(scope="module")
def whole(place: Path, rows: Path) -> Run:
    """A run that nothing interrupted."""
    run = begin(place / "whole", a_config(tiny_model(), rows, PC))
    run_sft(run)
    return run


def figures(run: Run) -> list[Point]:
    """What a run's progress tells but for time and memory."""
    return [
        {name: value for name, value in point.items() if name not in {"memory_bytes", "seconds_left"}}
        for point in read_progress(run.folder)
    ]


def weights_of(run: Run) -> bytes:
    """The bytes of a run's adapter."""
    return (run.output / "adapter_model.safetensors").read_bytes()


def test_a_run_learns_and_leaves_what_its_folder_promises(whole: Run) -> None:
    """The loss on rows held back falls; adapter, progress, curve and result are there, checkpoints are not, and files are named by hash."""
    result = result_of(whole.folder)
    assert result is not None
    assert result.dev_before is not None
    assert result.dev_after is not None
    assert result.dev_after < result.dev_before - 0.3
    assert (result.steps, result.output, result.rows["dev"]["used"]) == (8, "adapter", 3)
    assert read_manifest(whole.output, "adapter").made["model"] == "llama-0"
    assert (whole.folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    assert not whole.checkpoints.exists()
    steps = [point["step"] for point in read_progress(whole.folder) if "loss" in point]
    assert steps == list(range(1, 9))
    assert run_sft(whole) == result
    with pytest.raises(WorkbenchError, match="is a run already: `phyassist train resume"):
        begin(whole.folder, whole.config)


def test_the_adapter_loads_in_plain_peft_and_in_the_workbench(whole: Run) -> None:
    """PEFT on transformers' model and the workbench's own loader give the same outputs, which are not the base's."""
    ids = torch.arange(5, 25)[None]
    base = AutoModelForCausalLM.from_pretrained(str(tiny_model()), dtype=torch.float32)
    with torch.no_grad():
        without = base(ids).logits
        plain = PeftModel.from_pretrained(base, str(whole.output)).eval()(ids).logits
        ours = load_model(tiny_model(), [whole.folder], dtype="fp32")(ids).logits  # type: ignore[arg-type]  # pydantic takes the name
    assert torch.equal(plain, ours)
    assert not torch.allclose(plain, without, atol=1e-2)


def test_killed_and_resumed_equals_uninterrupted(place: Path, rows: Path, whole: Run) -> None:
    """A process killed with no time for anything, and a half-written checkpoint, change no byte of the adapter and no line of progress."""
    run = begin(place / "killed", a_config(tiny_model(), rows, PC))
    program = [sys.executable, "-m", "tests.training.workbench.training_support", str(run.folder)]
    killed = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert checkpoints.newest(run.checkpoints) == run.checkpoints / "checkpoint-4"
    assert read_progress(run.folder)[-1]["step"] == KILLED_AFTER
    (run.checkpoints / "checkpoint-5").mkdir()
    (run.checkpoints / "checkpoint-5" / checkpoints.STATE).write_text('{"global_step": 5')
    run_sft(open_run(run.folder))
    assert weights_of(run) == weights_of(whole)
    assert figures(run) == figures(whole)


def test_a_run_that_is_told_to_stop_goes_on_to_the_same_bytes(place: Path, rows: Path, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM (Ctrl-C alike) ends a run after its step with a checkpoint, and says how to go on; nothing of the result differs."""
    run = begin(place / "stopped", a_config(tiny_model(), rows, PC))
    told = Watch.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: Any, **more: Any) -> None:
        told(self, args, state, control, logs, **more)
        if state.global_step == 3:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "on_log", on_log)
        with pytest.raises(WorkbenchError, match=r"stopped after step 4: `phyassist train resume .*stopped` goes on with it"):
            run_sft(run)
    run_sft(open_run(run.folder))
    assert weights_of(run) == weights_of(whole)
    assert figures(run) == figures(whole)


def test_a_training_that_gets_worse_ends_early_with_its_best_checkpoint(place: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output is the best checkpoint, not the last one. That it gets worse is sure: here the loss, which falls, is to be high."""
    monkeypatch.setattr("training.workbench.trainer.Goal", lambda: Goal("eval_loss", more_is_better=True))
    run = begin(place / "worse", a_config(tiny_model(), rows, PC, "evaluation.every=1", "evaluation.patience=2"))
    result = run_sft(run)
    measured = {point["step"]: point["eval_loss"] for point in read_progress(run.folder) if "eval_loss" in point and point["step"] > 0}
    assert (result.best_step, result.steps) == (1, 3)
    assert result.dev_after == measured[1] == max(measured.values())
    assert read_manifest(run.output, "adapter").made["step"] == 1


def test_rows_are_found_in_folders_and_files_and_divided_by_the_seed(place: Path, rows: Path) -> None:
    """A folder says its form, a file must be told; rows held back come from a split, a file, or a share, and none is in both."""
    given = read_file(rows, PC)
    write_rows(place / "folder", {Split.TRAIN: given[:10], Split.DEV: given[10:]}, Origin("test", []))
    folder, file = str(place / "folder"), str(rows)
    assert read_data(Data(path=folder), 0) == (PC, given[:10], given[10:])
    assert read_data(Data(path=folder, dev=file), 0) == (PC, given[:10], given)
    _, train, dev = read_data(Data(path=file, form=PC, dev_share=0.2), 0)
    assert (set(train) | set(dev), set(train) & set(dev), len(dev)) == (set(given), set(), 3)
    assert read_data(Data(path=file, form=PC, dev_share=0.2), 1)[2] != dev
    for data, told in (
        (Data(path=file), "which does not say its form"),
        (Data(path=folder, form="text"), "holds rows of the form prompt-completion, not text"),
        (Data(path=str(place), form="text"), "has no manifest"),
        (Data(path=str(place / "none"), form="text"), "there is no file none"),
    ):
        with pytest.raises(WorkbenchError, match=told):
            read_data(data, 0)


@pytest.mark.parametrize(
    ("architecture", "form", "changes"),
    [
        (Architecture.MIXTRAL, PC, ("model.quantise=nf4", ATTENTION, "data.packing=true", "data.group_by_length=false")),
        (Architecture.GLM, "conversation", ("model.quantise=nf4", "model.dtype=bf16", "method.checkpointing=true")),
        (Architecture.FALCON, "text", ("model.quantise=nf4", "optimiser.name=paged_adamw_32bit")),
        (Architecture.BLOOM, "conversation", ("method.kind=full", "optimiser.learning_rate=2e-3")),
    ],
)
def test_every_architecture_and_form_learns(
    architecture: Architecture, form: str, changes: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quantised and not, adapters and all parameters, packed and grouped: the loss on rows held back falls."""
    rows = some_rows(place / f"{architecture}.jsonl", form)
    config = a_config(tiny_model(architecture), rows, form, "steps.max_steps=4", *changes)
    run = begin(place / str(architecture), config)
    result = run_sft(run)
    assert result.dev_before is not None
    assert result.dev_after is not None
    assert result.dev_after < result.dev_before - 0.2
    assert result.weights > 5e5
    full = config.method.kind == "full"
    assert (result.output, result.trained == result.weights) == (("model", True) if full else ("adapter", False))
    if full:
        assert load_tokenizer(run.folder).chat_template
        load_model(run.folder)
    assert ("adamw_torch stands in" in capsys.readouterr().err) == (architecture is Architecture.FALCON)


def test_what_trl_would_add_and_round_is_kept_away(place: Path, rows: Path) -> None:
    """Of a quantised Mixtral the adapter is float32, from which alone a training resumes exactly, and the loss is that of the answers'
    tokens, without the routers' own."""
    run = begin(place / "exact", a_config(tiny_model(Architecture.MIXTRAL), rows, PC, "model.quantise=nf4", "model.dtype=bf16", ATTENTION))
    trainer = job(run, lambda base: make_trainable(base, run.config.method, run.config.seed)).trainer
    assert {parameter.dtype for parameter in trainer.model.parameters() if parameter.requires_grad} == {torch.float32}
    model, batch = trainer.model.eval(), next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():
        loss = trainer.compute_loss(model, dict(batch))
        logits = model(input_ids=batch["input_ids"], attention_mask=batch.get("attention_mask")).logits.float()
    expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())
    assert float(loss) == pytest.approx(float(expected), rel=1e-3)


def test_a_new_adapter_is_trained_on_others_and_knows_them(place: Path, rows: Path, whole: Run) -> None:
    """What comes out names its base and the adapters below it, and is refused on the base without them."""
    config = a_config(tiny_model(), rows, PC, f"model.adapters=[{whole.folder}]", "steps.max_steps=1", "data.dev_share=0")
    run = begin(place / "second", config)
    run_sft(run)
    assert read_manifest(run.output, "adapter").made["adapters"] == ["whole"]
    load_model(tiny_model(), [whole.folder, run.folder])
    with pytest.raises(WorkbenchError, match=r"was trained on other weights than those of llama-0 \(it names llama-0 with whole on it"):
        load_model(tiny_model(), [run.folder])


def test_when_memory_runs_out_the_batch_is_halved_from_the_last_checkpoint(
    place: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows a step stay the same, and it is said; with one row at a time, what would help is."""
    run = begin(place / "memory", a_config(tiny_model(), rows, PC, "data.dev_share=0", "steps.max_steps=5"))
    real, failed = Sft.training_step, []

    def training_step(self: Any, *given: Any) -> Any:
        if self.state.global_step == 3 and not failed:
            failed.append(self.state.global_step)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, *given)

    monkeypatch.setattr(Sft, "training_step", training_step)
    result = run_sft(run)
    assert result.adjusted == {"batch": 1, "accumulation": 4}
    assert result.steps == 5
    assert (
        "memory ran out with 2 rows at a time; 1 from here on, and 4 batches a step; the run begins again from its last checkpoint, step 2"
        in (capsys.readouterr().err)
    )
    failed.clear()
    single = begin(place / "single", a_config(tiny_model(), rows, PC, "data.dev_share=0", "steps.batch=1"))
    with pytest.raises(WorkbenchError, match=r"memory ran out with one row at a time: set method\.checkpointing to true"):
        run_sft(single)


def test_a_full_disk_is_said_and_the_run_can_be_resumed(place: Path, rows: Path) -> None:
    """A checkpoint that could not be written is never taken for whole; with room again, the run goes on from the one before."""
    run = begin(place / "disk", a_config(tiny_model(), rows, PC, "data.dev_share=0", "steps.max_steps=2", "saving.every=2"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(WorkbenchError, match=r"the disk that holds .* is full"):
            run_sft(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints.newest(run.checkpoints) is None
    assert result_of(run.folder) is None
    assert run_sft(open_run(run.folder)).steps == 2


def test_a_loss_that_is_no_number_ends_the_run(place: Path, rows: Path) -> None:
    """It says so, with the step, and no checkpoint holds such numbers."""
    run = begin(
        place / "finite", a_config(tiny_model(), rows, PC, "data.dev_share=0", "optimiser.learning_rate=1e30", "optimiser.warmup=0")
    )
    with pytest.raises(WorkbenchError, match="is not finite in step 2"):
        run_sft(run)
    assert checkpoints.newest(run.checkpoints) is None


def test_a_run_that_never_began_to_train_leaves_its_place_free(place: Path, rows: Path) -> None:
    """A setting that turns out wrong when rows are read is mended, and the same command given again; a run with progress stays."""
    config = a_config(tiny_model(), rows, PC, "data.dev_share=0", "optimiser.learning_rate=1e30", "optimiser.warmup=0")
    with pytest.raises(WorkbenchError, match=r"set data\.form"):
        start(config.model_copy(update={"data": Data(path=str(rows))}), place / "again")
    assert not (place / "again").exists()
    with pytest.raises(WorkbenchError, match="is not finite in step 2"):
        start(config, place / "again")
    assert read_progress(place / "again")


def test_packing_is_refused_where_rows_would_see_each_other(place: Path, rows: Path) -> None:
    """Falcon's attention takes no notice of positions: packed rows would not be kept apart, so they are not packed."""
    changes = ("data.packing=true", "data.group_by_length=false")
    run = begin(place / "packed", a_config(tiny_model(Architecture.FALCON), rows, PC, *changes))
    with pytest.raises(WorkbenchError, match=r"does not keep packed rows apart: set data\.packing to false"):
        run_sft(run)


def test_a_run_whose_inputs_changed_does_not_go_on(place: Path) -> None:
    """Other rows under the same name are named, and nothing is mixed; a second process is refused."""
    own = some_rows(place / "own.jsonl", PC)
    run = begin(place / "changed", a_config(tiny_model(), own, PC))
    with alone(run), pytest.raises(WorkbenchError, match="another process works on the run changed"):
        run_sft(run)
    some_rows(own, PC, count=9)
    with pytest.raises(WorkbenchError, match="since it began, data changed"):
        open_run(run.folder)
    inputs = json.loads((run.folder / "inputs.json").read_text())
    assert {"config", "model", "data", "version of torch"} <= set(inputs)
    with pytest.raises(WorkbenchError, match="is no run"):
        open_run(place)


def test_a_training_ends_when_its_best_value_is_old_and_the_log_alone_decides() -> None:
    """Best and end follow from what was logged, so a resumed training ends where the other one does."""
    log = [{"step": step, "eval_loss": value} for step, value in ((0, 1.0), (2, 3.0), (4, 2.5), (6, 2.5), (8, 2.7))]
    goal = Goal()
    assert (goal.before(log), goal.best(log)) == (1.0, (4, 2.5))
    assert [goal.is_over(log[:count], 2) for count in range(len(log) + 1)] == [False] * 5 + [True]
    assert not goal.is_over(log, None)
    assert Goal("eval_loss", more_is_better=True).best(log) == (2, 3.0)


def test_figures_go_where_the_configuration_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard's file gets each figure at its step; nothing gets any where none is asked for; what is not installed is said."""
    tracking(tmp_path, Tracker.NONE)({"step": 1, "loss": 2.0})
    assert not list(tmp_path.iterdir())
    tracking(tmp_path, Tracker.TENSORBOARD)({"step": 3, "loss": 2.5})
    [events] = (tmp_path / "tensorboard").iterdir()
    assert b"loss" in events.read_bytes()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WorkbenchError, match="wandb is not installed"):
        tracking(tmp_path, Tracker.WANDB)


def test_result_is_readable_and_closed() -> None:
    """A result knows no other figures than its own."""
    with pytest.raises(ValueError, match="extra"):
        Result.model_validate({"other": 1})
