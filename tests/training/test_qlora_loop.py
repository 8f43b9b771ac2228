"""The loop: the same seed gives the same adapter, stopped or not; the best one is kept; what can't go on says so."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from inference.adapters import WEIGHTS_FILE, check_adapter, read_base_shape
from tests.training.qlora_support import a_base, a_dataset, a_recipe, an_example
from training.data.dataset import forget_case
from training.qlora.errors import Stopped, TrainingFailed
from training.qlora.loop import batches_of, rate_factor
from training.qlora.progress import CURVE_FILE, PROGRESS_FILE, read_progress
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.result import Result
from training.qlora.run import STAGE_FOLDERS, run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Mixtral."""
    return a_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few examples and pairs."""
    return a_dataset(tmp_path_factory.mktemp("data") / "night", pairs=3, heldout_pairs=1)


@pytest.fixture(scope="module")
def recipe(base: Path, data: Path) -> Recipe:
    """Examples, then SALT, three steps each, with all that has to be the same twice: dropout, packing, accumulation, checkpointing."""
    return a_recipe(base, data, preference="salt", max_steps=3, compute="bf16")


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """That recipe trained without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, trained(recipe, folder)


def trained(recipe: Recipe, folder: Path, should_stop: Callable[[], bool] = lambda: False) -> Result:
    """A run of a recipe in this process."""
    folder.mkdir(exist_ok=True)
    (folder / RECIPE_FILE).write_text(recipe.model_dump_json())
    return run(folder, should_stop)


def stopping_after(steps: int) -> Callable[[], bool]:
    """Says stop after so many steps."""
    asked: Iterator[int] = count(1)
    return lambda: next(asked) >= steps


def curve_of(folder: Path) -> list[tuple[int, int, float, float | None]]:
    """What a training's progress says of its course."""
    return [(one.stage, one.step, one.loss, one.heldout_loss) for one in read_progress(folder)]


def test_the_adapter_is_one_that_the_server_may_load(recipe: Recipe, whole: tuple[Path, Result]) -> None:
    """Names, shapes, rank and numbers pass the check; loss went down on both stages' held-out rows."""
    folder, result = whole
    facts = check_adapter(folder / "adapter", read_base_shape(recipe.base), max_rank=8)
    assert (facts.rank, facts.alpha, facts.modules) == (8, 16.0, recipe.modules)
    assert [stage.objective for stage in result.stages] == ["likelihood", "salt"]
    for stage in result.stages:
        assert stage.heldout_before is not None
        assert stage.heldout_after is not None
        assert stage.heldout_after < stage.heldout_before
    assert result.parameters["experts"].bytes < 0.6 * result.parameters["experts"].weights
    assert {path.name for path in folder.iterdir()} >= {"adapter", "result.json", PROGRESS_FILE, CURVE_FILE, "inputs.json"}


def test_same_seed_same_adapter_other_seed_another(recipe: Recipe, whole: tuple[Path, Result], tmp_path: Path) -> None:
    """The adapter's files are equal byte for byte, configuration included."""
    again = trained(recipe, tmp_path / "again")
    assert again.sha256 == whole[1].sha256
    for file in (whole[0] / "adapter").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / "adapter" / file.name).read_bytes()
    assert trained(recipe.model_copy(update={"seed": 1}), tmp_path / "other").sha256 != again.sha256


@pytest.mark.parametrize("every", [1, 2])
def test_a_training_stopped_again_and_again_ends_as_if_it_never_was(
    every: int, recipe: Recipe, whole: tuple[Path, Result], tmp_path: Path
) -> None:
    """Stopped after each step or every second one, in both stages: the same adapter, and the same course in the progress file."""
    stops = 0
    while True:
        try:
            result = trained(recipe, tmp_path / "run", stopping_after(every))
        except Stopped:
            stops += 1
            continue
        break
    assert stops >= 2
    assert result.sha256 == whole[1].sha256
    assert result.stages == whole[1].stages
    assert curve_of(tmp_path / "run") == curve_of(whole[0])


def test_a_finished_training_is_only_read(recipe: Recipe, whole: tuple[Path, Result]) -> None:
    """Running it again changes nothing."""
    folder, result = whole
    before = (folder / "adapter" / WEIGHTS_FILE).stat().st_mtime_ns
    assert run(folder) == result
    assert (folder / "adapter" / WEIGHTS_FILE).stat().st_mtime_ns == before


def test_a_damaged_checkpoint_is_passed_over(recipe: Recipe, whole: tuple[Path, Result], tmp_path: Path) -> None:
    """If the newest one lost its end, training goes on from the one before, to the same adapter."""
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        trained(recipe, folder, stopping_after(3 + 3 - 1))
    newest = max((folder / STAGE_FOLDERS[0]).glob("checkpoint-*.pt"))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    for old in (folder / STAGE_FOLDERS[1]).iterdir():
        old.unlink()
    assert trained(recipe, folder).sha256 == whole[1].sha256
    assert curve_of(folder) == curve_of(whole[0])


def test_a_case_deleted_meanwhile_begins_the_training_again(base: Path, tmp_path: Path) -> None:
    """A checkpoint that saw the case is thrown away: the adapter is that of the dataset without it."""
    data = a_dataset(tmp_path / "data")
    recipe = a_recipe(base, data, max_steps=3)
    with pytest.raises(Stopped):
        trained(recipe, tmp_path / "run", stopping_after(2))
    assert forget_case(data, "case-1")
    result = trained(recipe, tmp_path / "run")
    assert result.rows["train"].used == 5
    assert result.sha256 == trained(recipe, tmp_path / "fresh").sha256
    assert curve_of(tmp_path / "run") == curve_of(tmp_path / "fresh")


def test_a_training_that_gets_worse_stops_and_keeps_its_best_adapter(base: Path, tmp_path: Path) -> None:
    """After `patience` evaluations in a row without a better loss; what is kept is the best evaluated adapter, not the last."""
    data = a_dataset(tmp_path / "data", examples=2, heldout=3)
    recipe = a_recipe(base, data, max_steps=60, learning_rate=0.05, evaluate_every=1, patience=2, accumulation=1)
    result = trained(recipe, tmp_path / "run")
    (stage,) = result.stages
    measured = {one.step: one.heldout_loss for one in read_progress(tmp_path / "run")}
    assert stage.steps < 60
    assert stage.best_step == stage.steps - 2
    assert stage.heldout_after == min(filter(None, measured.values()))
    shorter = trained(recipe.model_copy(update={"begin": tmp_path / "run" / "adapter", "max_steps": 1}), tmp_path / "next")
    assert shorter.stages[0].heldout_before == stage.heldout_after


def test_a_night_goes_on_from_the_champion(base: Path, data: Path, recipe: Recipe, whole: tuple[Path, Result], tmp_path: Path) -> None:
    """It begins with the champion's numbers; one of another rank is refused."""
    champion = whole[0] / "adapter"
    with pytest.raises(TrainingFailed, match="has rank 8"):
        trained(a_recipe(base, data, begin=champion, rank=16, alpha=32), tmp_path / "wrong")
    result = trained(recipe.model_copy(update={"begin": champion, "learning_rate": 1e-12, "preference_rate": 1e-12}), tmp_path / "night")
    own, other = (load_file(folder / WEIGHTS_FILE) for folder in (champion, tmp_path / "night" / "adapter"))
    assert all(torch.allclose(own[name], other[name], atol=1e-9) for name in own)
    assert result.margin_before == whole[1].margin_after


def test_a_loss_that_is_not_finite_fails_with_its_step(base: Path, data: Path, tmp_path: Path) -> None:
    """It isn't hidden, as transformers' Trainer would by default, and no adapter is left."""
    with pytest.raises(TrainingFailed, match=r"not finite .* stage 1"):
        trained(a_recipe(base, data, learning_rate=1e30), tmp_path / "run")
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_dataset_without_a_row_that_fits_fails(base: Path, data: Path, tmp_path: Path) -> None:
    """Nothing to learn is a reason, not an adapter of zeros."""
    with pytest.raises(TrainingFailed, match="nothing to learn"):
        trained(a_recipe(base, data, sequence_length=8, preference="dpo"), tmp_path / "run")


def test_no_file_of_a_run_holds_text(base: Path, tmp_path: Path) -> None:
    """Whatever was in the rows, progress holds numbers alone, and no file of the run a word of them."""
    planted = "xylophonist"
    data = a_dataset(tmp_path / "data", examples=1, heldout=1, pairs=1)
    text = (data / "train.jsonl").read_text()
    assert planted not in text
    row = an_example(7)
    marked = type(row)("case-7", row.messages, row.completion.replace(".", f" {planted}.", 1), row.source, row.night)
    data = a_dataset(tmp_path / "marked", examples=1, heldout=1, pairs=1, more=[marked])
    assert planted in (data / "train.jsonl").read_text()
    trained(a_recipe(base, data, max_steps=1, preference="dpo", tracker="tensorboard"), tmp_path / "run")
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert any("tensorboard" in str(path) for path in files)
    assert not any(planted.encode() in path.read_bytes() for path in files)
    for line in (tmp_path / "run" / PROGRESS_FILE).read_text().splitlines():
        assert all(isinstance(value, int | float | None) for value in json.loads(line).values())


def test_a_tracker_that_is_not_installed_is_named(base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """wandb sends figures to a server, so it isn't among the dependencies; who asks for it without it is told."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(TrainingFailed, match="wandb, which is not installed"):
        trained(a_recipe(base, data, tracker="wandb"), tmp_path / "run")


@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 4), st.integers(0, 3))
def test_an_epoch_takes_each_unit_once(units: int, batch: int, accumulation: int, seed: int) -> None:
    """And the next takes them in another order; a step holds no more than it may."""
    recipe = a_recipe(Path("base"), Path("data"), batch=batch, accumulation=accumulation, seed=seed)
    steps = -(-units // (batch * accumulation))
    epochs = [[batches_of(epoch * steps + step, units, recipe) for step in range(steps)] for epoch in range(2)]
    orders = [[unit for step in epoch for one in step for unit in one] for epoch in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(units))
    assert units < 6 or orders[0] != orders[1]
    assert all(len(step) <= accumulation and len(one) <= batch for step in epochs[0] for one in step)


@given(st.integers(1, 500), st.floats(0, 0.5))
def test_the_rate_rises_then_falls(steps: int, warmup: float) -> None:
    """It is never above its peak nor below nothing, and a step without any is none."""
    factors = [rate_factor(step, steps, warmup) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_pairs_alone_are_enough(base: Path, tmp_path: Path) -> None:
    """A night on which only edits came in trains on them, as one stage."""
    data = a_dataset(tmp_path / "data", examples=0, heldout=0, pairs=3)
    result = trained(a_recipe(base, data, preference="dpo", max_steps=1), tmp_path / "run")
    assert [stage.objective for stage in result.stages] == ["dpo"]
    assert result.margin_before is None
