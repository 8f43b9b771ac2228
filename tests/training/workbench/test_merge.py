"""Merging: the saved model answers as base and adapter did, loads anywhere, and a bad merge is an error."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference.profiles import cpu_profile
from tests.support.loras import a_lora
from tests.support.model_server import BackgroundServer, a_free_port
from tests.support.tiny_models import tiny_model
from training.weights.merge import PROMPTS, Merging, merge
from training.workbench.artifacts import read_manifest, sha256_of
from training.workbench.commands.groups import train
from training.workbench.config import Dtype
from training.workbench.errors import WorkbenchError
from training.workbench.tiny import Architecture

DEMO = Path(__file__).parents[3] / "training" / "demo"
FP32 = Merging(Dtype.FP32)


def logits(model: Any, folder: Path) -> torch.Tensor:
    """Of the first prompt, (tokens, vocabulary)."""
    ids = AutoTokenizer.from_pretrained(str(folder))(PROMPTS[0], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids).logits[0].float()
    return found


def plain(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """A model as anybody loads it."""
    return AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype)


def names(folder: Path) -> set[str]:
    """Of all tensors in the files."""
    found: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            found |= set(file.keys())
    return found


@pytest.fixture(scope="module")
def base() -> Path:
    """A tiny Llama in bfloat16, as models are published."""
    return tiny_model(Architecture.LLAMA)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of it."""
    return a_lora(tmp_path_factory.mktemp("adapters") / "adapter", base)


def test_the_saved_model_answers_as_both_did(base: Path, adapter: Path, tmp_path: Path) -> None:
    """In float32 to six digits, loaded by plain transformers; tokenizer, template and generation settings are the base's own files."""
    proofs = merge(base, [adapter], tmp_path / "merged", FP32)
    assert [proof.step for proof in proofs] == ["adapter", "the saved files"]
    assert max(proof.relative for proof in proofs) < 1e-5
    assert min(proof.same_token for proof in proofs) == 1
    expected = logits(PeftModel.from_pretrained(plain(base), str(adapter)), base)
    torch.testing.assert_close(logits(plain(tmp_path / "merged"), tmp_path / "merged"), expected, rtol=1e-4, atol=1e-4)
    assert (logits(plain(base), base) - expected).abs().max() > 0.1
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert sha256_of(tmp_path / "merged" / name) == sha256_of(base / name)
    made = read_manifest(tmp_path / "merged", "model").made
    assert [one["name"] for one in made["parents"]] == [base.name, "adapter"]
    assert made["proofs"][-1]["same_token"] == 1


def test_files_are_split(base: Path, adapter: Path, tmp_path: Path) -> None:
    """Weights of the base's own type, in files of the size that was asked for, with an index."""
    proofs = merge(base, [adapter], tmp_path / "merged", Merging(shard_size="500KB"))
    assert len(list((tmp_path / "merged").glob("*.safetensors"))) > 2
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == "bfloat16"
    assert 1e-4 < proofs[-1].relative < 0.05


def test_a_stack_is_merged_in_order(base: Path, adapter: Path, tmp_path: Path) -> None:
    """An adapter that was trained on another merges on top of it, and not without it; one that stands beside it is to be combined."""
    upper = a_lora(tmp_path / "upper", base, seed=3, below=(adapter,), target_modules=["q_proj", "o_proj"])
    merge(base, [adapter, upper], tmp_path / "both", FP32)
    lower = PeftModel.from_pretrained(plain(base), str(adapter)).merge_and_unload()
    expected = logits(PeftModel.from_pretrained(lower, str(upper)), base)
    torch.testing.assert_close(logits(plain(tmp_path / "both"), base), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(WorkbenchError, match="upper was trained on other weights"):
        merge(base, [upper], tmp_path / "other", FP32)
    with pytest.raises(WorkbenchError, match="phyassist train combine"):
        merge(base, [adapter, a_lora(tmp_path / "beside", base, seed=4)], tmp_path / "other", FP32)


def test_a_training_goes_on_from_a_merged_model(base: Path, adapter: Path, tmp_path: Path) -> None:
    """What was merged is a base like any other: a new adapter is trained on it, and merged into it."""
    merge(base, [adapter], tmp_path / "merged", FP32)
    merge(tmp_path / "merged", [a_lora(tmp_path / "next", tmp_path / "merged", seed=7)], tmp_path / "again", FP32)
    made = read_manifest(tmp_path / "again", "model").made
    assert made["parents"][0]["sha256"] == sha256_of(tmp_path / "merged" / "manifest.json")


@pytest.mark.filterwarnings("ignore::RuntimeWarning:peft")  # about its own settings for experts
@pytest.mark.parametrize("targets", [["q_proj", "o_proj"], "all-linear", ["gate"]])
def test_mixtral_keeps_its_names(tmp_path: Path, targets: Any) -> None:
    """Attention, fused experts and router are merged, and the files have Mixtral's own names, an expert at a time."""
    mixtral = tiny_model(Architecture.MIXTRAL)
    adapter = a_lora(tmp_path / "adapter", mixtral, target_modules=targets)
    merge(mixtral, [adapter], tmp_path / "merged", FP32)
    assert names(tmp_path / "merged") == names(mixtral)
    expected = logits(PeftModel.from_pretrained(plain(mixtral), str(adapter)), mixtral)
    torch.testing.assert_close(logits(plain(tmp_path / "merged"), mixtral), expected, rtol=1e-4, atol=1e-4)
    assert (logits(plain(mixtral), mixtral) - expected).abs().max() > 0.01


@pytest.mark.filterwarnings("ignore::UserWarning:peft")  # when the test makes such adapters
@pytest.mark.parametrize(("targets", "tied"), [(["q_proj"], True), (["lm_head"], False), (["embed_tokens"], False)])
def test_tied_embeddings(tmp_path: Path, targets: list[str], tied: bool) -> None:
    """A head that is the embedding stays so, unless the adapter changes one of them alone: then each gets its own numbers."""
    base = tiny_model(Architecture.LLAMA, tie_word_embeddings=True)
    adapter = a_lora(tmp_path / "adapter", base, target_modules=targets)
    proofs = merge(base, [adapter], tmp_path / "merged", FP32)
    assert proofs[-1].relative < 1e-5
    assert ("lm_head.weight" not in names(tmp_path / "merged")) is tied
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["tie_word_embeddings"] is tied
    assert read_manifest(tmp_path / "merged", "model").made["untied"] is not tied


def test_a_quantised_base_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    """With what to take instead; the same for a name of a folder that holds no model."""
    shutil.copytree(base, tmp_path / "quantised")
    config = json.loads((tmp_path / "quantised" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (tmp_path / "quantised" / "config.json").write_text(json.dumps(config))
    with pytest.raises(WorkbenchError, match=r"stored quantised \(bitsandbytes\).*original of 16"):
        merge(tmp_path / "quantised", [adapter], tmp_path / "merged", FP32)


def test_a_difference_beyond_the_tolerance_is_an_error(base: Path, adapter: Path, tmp_path: Path) -> None:
    """The difference is told, and nothing is left behind."""
    with pytest.raises(WorkbenchError, match=r"outputs are not the same after merging .*allowed is 1e-09"):
        merge(base, [adapter], tmp_path / "merged", replace(FP32, tolerance=1e-9))
    assert not list(tmp_path.iterdir())


def test_an_adapter_with_bad_numbers_is_refused(base: Path, tmp_path: Path) -> None:
    """Numbers that are not finite never get into a model."""
    bad = a_lora(tmp_path / "bad", base)
    from safetensors.torch import load_file, save_file

    tensors = load_file(bad / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, bad / "adapter_model.safetensors")
    with pytest.raises(WorkbenchError, match="bad can't be merged"):
        merge(base, [bad], tmp_path / "merged", FP32)


def test_the_command_merges(base: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`phyassist train merge` prints the largest difference of each step."""
    from training.workbench.commands import load

    load("train")
    train(["merge", str(base), str(adapter), "--out", str(tmp_path / "merged"), "--dtype", "fp32"], standalone_mode=False)
    told = capsys.readouterr().out
    assert told.count("largest difference of a logit") == 2
    assert "the same next token at 100.0% of places" in told


@pytest.mark.server
def test_the_model_server_writes_the_same(tmp_path: Path) -> None:
    """Real vLLM and transformers, greedy and in float32, write the same tokens with the demo's merged model."""
    folder = tmp_path / "merged"
    merge(DEMO / "model", [DEMO / "adapter"], folder, FP32)
    tokenizer, model = AutoTokenizer.from_pretrained(str(folder)), plain(folder)
    expected = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        written = model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :]
        expected.append(tokenizer.decode(written, skip_special_tokens=True))
    assert len(set(expected)) > 1
    profile = replace(cpu_profile(folder, a_free_port()), dtype="float32")
    with BackgroundServer(profile, {}, tmp_path / "server.log") as server, httpx.Client(timeout=120) as client:
        asked = {"model": "base", "max_tokens": 12, "temperature": 0}
        answers = [client.post(f"{server.url}/completions", json={**asked, "prompt": prompt}).json() for prompt in PROMPTS]
    assert [answer["choices"][0]["text"] for answer in answers] == expected
