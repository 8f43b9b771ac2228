"""The one configuration: presets, files that extend others, single changes, and errors that say where and what is allowed."""

from pathlib import Path

import pytest
import yaml

from training.workbench.config import Config, DeepSpeed, Lora, Quantise, load_config, presets
from training.workbench.errors import WorkbenchError

LEAST = {"model": {"path": "model"}, "data": {"path": "rows"}}


def a_file(folder: Path, settings: object, name: str = "mine.yaml") -> str:
    """A configuration file."""
    (folder / name).write_text(yaml.safe_dump(settings), encoding="utf-8")
    return str(folder / name)


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_a_whole_configuration(name: str) -> None:
    """Every preset can be used as it is, and read again from what a run writes down."""
    config = load_config(name)
    assert Config.model_validate(yaml.safe_load(config.text())) == config


def test_falcons_preset_has_the_numbers_of_the_write_up() -> None:
    """Rank, alpha, dropout, layers, optimiser, rate, schedule, warm-up, steps, gradient norm and grouping are those of issue 5."""
    config = load_config("falcon-7b-qlora")
    method = config.method
    assert isinstance(method, Lora)
    assert (method.rank, method.alpha, method.dropout, method.modules) == (32, 32, 0.05, "all-linear")
    optimiser = config.optimiser
    assert (optimiser.name, optimiser.learning_rate, optimiser.schedule) == ("paged_adamw_32bit", 2e-4, "cosine")
    assert (optimiser.warmup, optimiser.max_grad_norm) == (0.03, 0.3)
    assert (config.steps.max_steps, config.data.group_by_length, config.model.quantise) == (320, True, Quantise.NF4)


def test_mixtrals_preset_has_the_numbers_of_the_write_up() -> None:
    """NF4, rank 32, alpha 32, dropout 0.05 on attention, the paged optimiser and the cosine."""
    config = load_config("phyassist-mixtral")
    method = config.method
    assert isinstance(method, Lora)
    assert (method.rank, method.alpha, method.dropout) == (32, 32, 0.05)
    assert method.modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert (config.model.quantise, config.optimiser.name, config.optimiser.schedule) == (Quantise.NF4, "paged_adamw_32bit", "cosine")


def test_a_file_extends_a_preset_and_changes_come_last(tmp_path: Path) -> None:
    """What a file says stands over its preset, options over the file, and --set over all."""
    own = {"extends": "falcon-7b-qlora", "steps": {"batch": 2, "max_steps": 5}, "data": {"path": "here"}}
    second = {"extends": "mine.yaml", "seed": 7}
    a_file(tmp_path, own)
    config = load_config(a_file(tmp_path, second, "second.yaml"), ["steps.batch=8"], {"steps": {"batch": 4}, "model": {"path": "other"}})
    assert (config.steps.batch, config.steps.max_steps, config.steps.accumulation, config.seed) == (8, 5, 4, 7)
    assert (config.data.path, config.model.path, config.method.kind) == ("here", "other", "lora")


def test_another_kind_of_method_begins_afresh() -> None:
    """Full fine-tuning from a LoRA preset keeps nothing of LoRA; settings of LoRA alone need no kind."""
    assert load_config("falcon-7b-qlora", ["method.kind=full", "model.quantise=none"]).method.kind == "full"
    assert load_config(None, ["method.rank=4"], LEAST).method == Lora(rank=4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("optimiser.lr=1", "there is no setting optimiser.lr; there are learning_rate,"),
        ("optimisers.name=1", "did you mean optimiser?"),
        ("method.rankk=3", "there is no setting method.rankk (did you mean rank?)"),
        ("method.rank=many", 'method.rank: input should be a valid integer, unable to parse string as an integer, not "many"'),
        ("method.kind=dora", "'lora', 'full', 'embeddings'"),
        ("steps.batch=0", "steps.batch: input should be greater than or equal to 1, not 0"),
        ("task=sfft", "task: input should be 'sft', 'reward', 'reinforce' or 'embeddings'"),
        ("model=", "model"),
        ("method.kind=full", "model.quantise nf4 can't: set it to none"),
        ("data.packing=true", "choose one"),
        ("distributed.deepspeed=zero3", "set one of them to none"),
        ("nothing", "--set takes a path and a value"),
        ("model.path=[", "the value of --set model.path is no YAML"),
    ],
)
def test_a_wrong_setting_is_told_with_its_path_and_what_is_allowed(change: str, told: str) -> None:
    """An error names the setting and what it may be."""
    with pytest.raises(WorkbenchError) as caught:
        load_config("falcon-7b-qlora", [change])
    assert told in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A configuration without model and rows says so; so does a file that isn't there, is no YAML, no mapping, or extends itself."""
    with pytest.raises(WorkbenchError, match="model must be set; data must be set"):
        load_config(None)
    with pytest.raises(WorkbenchError, match="presets are belle-7b-full"):
        load_config("nothing-of-this-name")
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"bad\.yaml is no YAML"):
        load_config(tmp_path / "bad.yaml")
    with pytest.raises(WorkbenchError, match="must hold settings by name"):
        load_config(a_file(tmp_path, ["task"]))
    with pytest.raises(WorkbenchError, match="extends itself"):
        load_config(a_file(tmp_path, {"extends": "mine.yaml"}))


def test_equal_settings_have_equal_hashes() -> None:
    """The hash follows from the settings alone."""
    one, same = (load_config(None, ["seed=3"], LEAST) for _ in range(2))
    assert one.sha256 == same.sha256 != load_config(None, ["seed=4"], LEAST).sha256
    assert one.distributed.deepspeed is DeepSpeed.NONE
