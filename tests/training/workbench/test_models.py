"""Loading models and adapters: what is quantised is, what is merged is exact, and what doesn't belong together is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils.logging import enable_progress_bar

from tests.support.tiny_models import tiny_model
from training.qlora.base import files_of
from training.workbench.adapters import with_deltas
from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.commands.groups import run_group
from training.workbench.config import Dtype, Lora, Model, Quantise
from training.workbench.errors import WorkbenchError
from training.workbench.models import load_base, load_model, load_tokenizer, make_trainable
from training.workbench.places import ADAPTER, base_fingerprint, fingerprint, model_folder
from training.workbench.quantised import check_bytes, quantise_in_place
from training.workbench.tiny import Architecture

IDS = torch.arange(5, 25)[None]


def an_adapter(folder: Path, base: Path, modules: list[str] | str, seed: int = 0, **more: Any) -> Path:
    """An adapter of random numbers, as PEFT writes it."""
    torch.manual_seed(seed)
    model: Any = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=modules, task_type="CAUSAL_LM", **more))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter.data, std=0.1)
    model.save_pretrained(folder)
    return folder


def logits(model: Any) -> torch.Tensor:
    """The outputs of a model on a few tokens."""
    with torch.no_grad():
        result: torch.Tensor = model(IDS).logits.float()
    return result


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of a tiny Mixtral."""
    return an_adapter(tmp_path_factory.mktemp("adapters") / "first", tiny_model(Architecture.MIXTRAL), ["q_proj", "o_proj"])


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, scaled by the root of its rank."""
    return an_adapter(
        tmp_path_factory.mktemp("adapters") / "second", tiny_model(Architecture.MIXTRAL), ["q_proj", "v_proj"], 1, use_rslora=True
    )


def test_weights_are_loaded_without_a_library_s_bar(capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever answers, measures or talks sees our progress only."""
    base = tiny_model()
    capfd.readouterr()
    enable_progress_bar()
    load_model(base)
    assert capfd.readouterr().err == ""


def test_adapters_on_each_other_add_up(first: Path, second: Path) -> None:
    """All but the last merged, the last on top: the same as PEFT with both switched on."""
    base = tiny_model(Architecture.MIXTRAL)
    plain: Any = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    both = PeftModel.from_pretrained(plain, str(first), adapter_name="first")
    both.load_adapter(str(second), "second")
    both.base_model.set_adapter(["first", "second"])
    stacked = load_model(base, [first, second], dtype=Dtype.FP32)
    torch.testing.assert_close(logits(stacked), logits(both.eval()), atol=1e-4, rtol=1e-4)
    with stacked.disable_adapter():
        torch.testing.assert_close(logits(stacked), logits(load_model(base, [first], dtype=Dtype.FP32)), atol=1e-4, rtol=1e-4)


def test_what_is_merged_as_files_are_read_is_what_peft_merges(first: Path, second: Path) -> None:
    """For Mixtral in 4 bits, adapters are added to each matrix before it is quantised: the numbers are PEFT's."""
    base = tiny_model(Architecture.MIXTRAL)
    merged = load_base(Model(path=str(base), adapters=(str(first), str(second)), dtype=Dtype.FP32)).state_dict()
    read = with_deltas(lambda name: files_of(base)(name).float(), [first, second])
    for place in ("q_proj", "v_proj", "o_proj", "k_proj"):
        name = f"model.layers.1.self_attn.{place}.weight"
        torch.testing.assert_close(read(name), merged[name], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("architecture", [Architecture.MIXTRAL, Architecture.FALCON])
def test_quantised_weights_take_half_a_byte_and_adapters_are_float32(architecture: Architecture) -> None:
    """Attention and experts are NF4, embeddings and norms are not, and what is trained is float32."""
    model = load_base(Model(path=str(tiny_model(architecture)), quantise=Quantise.NF4))
    check_bytes(model)
    modules = ("q_proj",) if architecture is Architecture.MIXTRAL else "all-linear"
    trained = make_trainable(model, Lora(rank=4, modules=modules), seed=0)
    dtypes = {parameter.dtype for parameter in trained.parameters() if parameter.requires_grad}
    assert dtypes == {torch.float32}


def test_an_architecture_whose_experts_stay_wide_is_refused() -> None:
    """Experts in one block are no linear layers: 4 bits would be said and 16 held."""
    sizes: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 64,
        "moe_intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_experts": 4,
    }
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 128}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("qwen3_moe", **sizes, **heads))
    quantise_in_place(model, torch.device("cpu"))
    with pytest.raises(WorkbenchError, match=r"can't be quantised .* set model\.quantise to none|Set model\.quantise to none"):
        check_bytes(model)


def test_matrices_that_are_no_whole_blocks_are_refused(tmp_path: Path) -> None:
    """bitsandbytes would give them wrong scales without a word."""
    odd = tiny_model(Architecture.LLAMA, intermediate_size=96)
    with pytest.raises(WorkbenchError, match="is 96 wide, and can't be quantised in blocks of 64"):
        load_base(Model(path=str(odd), quantise=Quantise.NF4))


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, first: Path) -> None:
    """By its layers, by their sizes, and where its manifest says so by the weights that it was trained on."""
    with pytest.raises(WorkbenchError, match=r"first belongs to another base: this model has no model\.layers"):
        load_model(tiny_model(Architecture.FALCON), [first])
    wide = tiny_model(Architecture.MIXTRAL, hidden_size=128)
    for quantise in Quantise:
        with pytest.raises(WorkbenchError, match="first belongs to another base: model"):
            load_base(Model(path=str(wide), adapters=(str(first),), quantise=quantise))
    base, other = tiny_model(Architecture.MIXTRAL), tiny_model(Architecture.MIXTRAL, seed=1)
    with new_folder(tmp_path / "named") as folder:
        shutil.copytree(first, folder, dirs_exist_ok=True)
        write_manifest(folder, ADAPTER, {"base_sha256": base_fingerprint(base), "model": "the-base"})
    load_model(base, [tmp_path / "named"])
    with pytest.raises(WorkbenchError, match=r"was trained on other weights than those of mixtral-1 \(it names the-base\)"):
        load_model(other, [tmp_path / "named"])
    assert fingerprint(base) != fingerprint(other)


def test_what_is_no_model_is_said(tmp_path: Path, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder, an empty one, an adapter, damaged weights, another architecture's, a name that can't be fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WorkbenchError, match="there is no model folder"):
        model_folder(tmp_path / "nothing")
    with pytest.raises(WorkbenchError, match=r"holds no model: there is no config\.json"):
        load_tokenizer(tmp_path)
    with pytest.raises(WorkbenchError, match="holds an adapter: name its base as the model"):
        load_model(first)
    with pytest.raises(WorkbenchError, match="the hub can't be reached to fetch it"):
        load_tokenizer("somebody/some-model")
    with pytest.raises(WorkbenchError, match="there is no adapter folder"):
        load_model(tiny_model(), ["nothing"])
    with pytest.raises(WorkbenchError, match="holds no adapter"):
        load_model(tiny_model(), [tiny_model()])
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model(), broken)
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:10_000])
    with pytest.raises(WorkbenchError, match="broken can't be loaded as a causal model"):
        load_model(broken)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    with pytest.raises(WorkbenchError, match="the run run has no output yet: `phyassist train resume"):
        model_folder(tmp_path / "run")


def test_layers_that_are_not_there_are_named() -> None:
    """An adapter for layers that this architecture lacks names those that it has."""
    model = load_base(Model(path=str(tiny_model(Architecture.FALCON))))
    with pytest.raises(WorkbenchError, match="names none of this model's layers: it has dense"):
        make_trainable(model, Lora(modules=("q_proj",)), 0)


def test_padding_is_the_end_token_where_a_model_has_none() -> None:
    """Falcon's tokenizer has no padding token; the end-of-sequence token serves."""
    tokenizer = load_tokenizer(tiny_model(Architecture.FALCON))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_an_adapter_may_bring_its_tokenizer(tmp_path: Path) -> None:
    """As the output of a run does: merging saves it with the model."""
    (tmp_path / "adapter_config.json").touch()
    with pytest.raises(WorkbenchError, match="holds an adapter"):
        load_tokenizer(tmp_path)
    own = load_tokenizer(tiny_model(Architecture.GLM))
    own.save_pretrained(str(tmp_path))
    assert load_tokenizer(tmp_path).chat_template == own.chat_template


def test_a_command_that_fails_says_why_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`phyassist train` ends with one sentence, and nothing is left behind."""
    with pytest.raises(SystemExit) as ended:
        run_group("train", ["sft", "falcon-7b-qlora", "--model", str(tmp_path / "none"), "--data", "x", "--out", str(tmp_path / "run")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"there is no model folder {tmp_path / 'none'}\n"
    assert not list(tmp_path.iterdir())
