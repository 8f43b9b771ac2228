"""Several adapters become one: exactly where it says so, of a rank that the server takes, and of one base alone."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM

from inference.adapters import check_adapter, read_base_shape
from inference.profiles import ALLOWED_RANKS
from tests.support.loras import a_lora
from tests.support.tiny_models import tiny_model
from training.weights.adapters import Adapter, padded, read_adapter, served_rank
from training.weights.combine import Combination, Method, combine, relative_error
from training.weights.join import join
from training.workbench.artifacts import read_manifest, sha256_of
from training.workbench.commands.groups import train
from training.workbench.encoding import Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_tokenizer
from training.workbench.rows import Origin, PromptCompletion, Split, write_rows
from training.workbench.tiny import Architecture

SIDES = {"q_proj": 64, "k_proj": 32, "v_proj": 32, "o_proj": 64}


@pytest.fixture(scope="module")
def base() -> Path:
    """A tiny Llama."""
    return tiny_model(Architecture.LLAMA)


@pytest.fixture(scope="module")
def pair(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters of one base: of different ranks, scales and layers."""
    folder = tmp_path_factory.mktemp("pair")
    return (
        a_lora(folder / "one", base, r=8, lora_alpha=4),
        a_lora(folder / "two", base, seed=1, r=3, lora_alpha=16, target_modules=["q_proj", "o_proj"], use_rslora=True),
    )


def an_adapter_of(modules: Sequence[str], rank: int, alpha: float, seed: int, **more: Any) -> Adapter:
    """An adapter of the tiny Llama in memory."""
    numbers = torch.Generator().manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(modules), task_type="CAUSAL_LM", **more)
    tensors = {}
    for layer in range(2):
        for module in modules:
            stem = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            own = more.get("rank_pattern", {}).get(module, rank)
            tensors[f"{stem}.lora_A.weight"] = torch.randn(own, 64, generator=numbers)
            tensors[f"{stem}.lora_B.weight"] = torch.randn(SIDES[module], own, generator=numbers)
    return Adapter(f"adapter {seed}", config, tensors)


@st.composite
def adapters(draw: st.DrawFn) -> Adapter:
    """Adapters of the tiny Llama, with and without ranks and scales of single layers."""
    modules = draw(st.lists(st.sampled_from(sorted(SIDES)), min_size=1, max_size=3, unique=True))
    more: dict[str, Any] = {"use_rslora": draw(st.booleans())}
    if draw(st.booleans()):
        more["rank_pattern"] = {modules[0]: draw(st.integers(1, 12))}
        more["alpha_pattern"] = {modules[-1]: draw(st.integers(1, 40))}
    return an_adapter_of(modules, draw(st.integers(1, 12)), draw(st.integers(1, 40)), draw(st.integers(0, 99)), **more)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(adapters(), st.floats(-2, 2)), min_size=2, max_size=3))
def test_cat_equals_the_sum(found: list[tuple[Adapter, float]]) -> None:
    """Whatever ranks, scales, patterns and weights adapters have: their concatenation is their weighted sum, in every layer."""
    parts, weights = [one for one, _ in found], [weight for _, weight in found]
    result = combine(parts, str(tiny_model(Architecture.LLAMA)), Combination(weights=tuple(weights)))
    assert result.config.r in ALLOWED_RANKS
    assert set(result.modules) == {module for part in parts for module in part.modules}
    for module in result.modules:
        changes = [part.change(module) for part in parts]
        total = sum(weight * change for weight, change in zip(weights, changes, strict=True) if change is not None)
        torch.testing.assert_close(result.change(module), total, rtol=1e-4, atol=1e-3)


@settings(max_examples=12, deadline=None)
@given(adapters(), st.integers(12, 40))
def test_padding_changes_nothing(adapter: Adapter, rank: int) -> None:
    """An adapter of a higher rank, filled with zeros, is the same adapter."""
    before = deepcopy(adapter)
    wider = padded(adapter, rank)
    assert {tensor.shape[0] for name, tensor in wider.tensors.items() if "lora_A" in name} == {rank}
    for module in adapter.modules:
        change = before.change(module)
        assert change is not None
        torch.testing.assert_close(wider.change(module), change)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_gives_an_adapter_that_loads(pair: tuple[Path, Path], base: Path, tmp_path: Path, method: Method) -> None:
    """Adapters of different ranks combine by every method into one that PEFT loads, and that the check before serving passes."""
    joined = join(pair, tmp_path / "joined", Combination(method))
    facts = check_adapter(tmp_path / "joined", read_base_shape(base), max_rank=16)
    assert (joined.rank, joined.padded) == ((11, 16) if method is Method.CAT else (8, 8))
    assert (facts.rank, facts.alpha) == (joined.padded, joined.padded)
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32), str(tmp_path / "joined"))
    assert torch.isfinite(loaded(input_ids=torch.arange(3, 9)[None]).logits).all()


def test_what_methods_lose_is_measured(pair: tuple[Path, Path], base: Path) -> None:
    """The concatenation is exact, an SVD of the full rank nearly, one of less rank loses something, and linear most."""
    parts = [read_adapter(folder) for folder in pair]
    ways = {"cat": Combination(), "svd 16": Combination(Method.SVD, rank=16), "svd 8": Combination(Method.SVD, rank=8)}
    ways["linear"] = Combination(Method.LINEAR)
    errors = {name: relative_error(parts, (1, 1), combine(parts, str(base), how)) for name, how in ways.items()}
    assert errors["cat"] < 1e-6
    assert errors["svd 16"] < 1e-5 < errors["svd 8"] < errors["linear"]


def test_outputs_are_those_of_both_adapters_at_once(pair: tuple[Path, Path], base: Path, tmp_path: Path) -> None:
    """A model with the concatenated adapter says what it says with both adapters active."""
    join(pair, tmp_path / "joined", Combination())
    ids = torch.arange(3, 40)[None]

    def loaded() -> Any:
        return AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)

    both = PeftModel.from_pretrained(loaded(), str(pair[0]), adapter_name="one")
    both.load_adapter(str(pair[1]), adapter_name="two")
    both.base_model.set_adapter(["one", "two"])
    joined = PeftModel.from_pretrained(loaded(), str(tmp_path / "joined"))
    with torch.no_grad():
        expected, found, plain = both(input_ids=ids).logits, joined(input_ids=ids).logits, loaded()(input_ids=ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (plain - expected).abs().max() > 0.1


def test_the_manifest_names_the_parents(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """What came of two adapters names both with the hashes of their manifests, their base, and how they were combined."""
    join(pair, tmp_path / "joined", Combination(weights=(0.7, 0.3)))
    made = read_manifest(tmp_path / "joined", "adapter").made
    assert [(one["name"], one["sha256"]) for one in made["parents"]] == [(one.name, sha256_of(one / "manifest.json")) for one in pair]
    assert (made["method"], made["weights"]) == ("cat", [0.7, 0.3])
    assert made["base_sha256"] == read_manifest(pair[0], "adapter").made["base_sha256"]
    again = join([tmp_path / "joined", pair[0]], tmp_path / "again", Combination())
    assert again.error < 1e-6


def test_dare_draws_by_its_seed(pair: tuple[Path, Path], base: Path) -> None:
    """The same seed leaves the same entries out, another seed others."""
    parts = [read_adapter(folder) for folder in pair]
    first, again, other = (combine(parts, str(base), Combination(Method.DARE_LINEAR, seed=seed)).tensors for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_adapters_of_other_bases_are_refused(pair: tuple[Path, Path], base: Path, tmp_path: Path) -> None:
    """By the fingerprint in manifests; without one by the name of the base; and by its layers, whatever it is called."""
    other = tiny_model(Architecture.LLAMA, seed=5)
    stranger = a_lora(tmp_path / "stranger", other)
    with pytest.raises(WorkbenchError, match=r"one was trained on .*, stranger on .*other weights"):
        join([pair[0], stranger], tmp_path / "joined", Combination())
    with pytest.raises(WorkbenchError, match="stranger was trained on other weights"):
        join([stranger, stranger], tmp_path / "joined", Combination(), base=base)
    for adapter in (pair[0], stranger):
        (adapter / "manifest.json").rename(adapter / "hidden.json")
    try:
        with pytest.raises(WorkbenchError, match=r"name different bases .*--base"):
            join([pair[0], stranger], tmp_path / "joined", Combination())
    finally:
        (pair[0] / "hidden.json").rename(pair[0] / "manifest.json")
    wide = tiny_model(Architecture.LLAMA, hidden_size=128)
    with pytest.raises(WorkbenchError, match=r"does not fit .*should be .*another base"):
        join([stranger, stranger], tmp_path / "joined", Combination(), base=wide)
    with pytest.raises(WorkbenchError, match=r"belongs to no layer|does not have"):
        join([stranger, stranger], tmp_path / "joined", Combination(), base=tiny_model(Architecture.BLOOM))
    assert not (tmp_path / "joined").exists()


def test_what_is_no_sum_of_low_ranks_is_refused(base: Path, tmp_path: Path) -> None:
    """An adapter with magnitudes or whole layers of its own can't be combined, and is told to be merged."""
    for name, more in (("dora", {"use_dora": True}), ("head", {"modules_to_save": ["lm_head"]}), ("bias", {"bias": "all"})):
        with pytest.raises(WorkbenchError, match=rf"{name} .*phyassist train merge"):
            read_adapter(a_lora(tmp_path / name, base, **more))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkbenchError, match="empty holds no adapter"):
        read_adapter(tmp_path / "empty")


def test_ranks_beyond_the_server_are_refused() -> None:
    """Ranks go up to what the server takes; more is an error that says what else can be done."""
    assert [served_rank(rank) for rank in (1, 2, 9, 33, 512)] == [1, 8, 16, 64, 512]
    with pytest.raises(WorkbenchError, match=r"513.*512 at most.*svd.*merge"):
        served_rank(513)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (Combination(weights=(1.0,)), "2 adapters and 1 weights"),
        (Combination(Method.TIES, density=0), "between 0 and 1"),
        (Combination(Method.SVD, rank=9), "one that the model server takes"),
        (Combination(Method.CAT, rank=8), "svd alone"),
    ],
)
def test_settings_without_sense_are_refused(pair: tuple[Path, Path], tmp_path: Path, how: Combination, told: str) -> None:
    """Each with a sentence that says what is allowed."""
    with pytest.raises(WorkbenchError, match=told):
        join(pair, tmp_path / "joined", how)


def test_the_command_combines(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`phyassist train combine` writes the adapter, and says its rank and what was lost."""
    from training.workbench.commands import load

    load("train")
    train(["combine", *map(str, pair), "--out", str(tmp_path / "joined"), "--weights", "0.5,0.5"], standalone_mode=False)
    assert "rank 11, padded to 16" in capsys.readouterr().out
    assert json.loads((tmp_path / "joined" / "adapter_config.json").read_text())["r"] == 16
    with pytest.raises(WorkbenchError, match="there are cat, svd"):
        train(["combine", *map(str, pair), "--out", str(tmp_path / "other"), "--method", "average"], standalone_mode=False)


def test_ways_are_compared_on_rows(pair: tuple[Path, Path], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report has base, adapters and all ways with their losses on both folders of rows, and what was trained on all data with them."""
    from training.workbench.commands import load

    load("train")
    for name, words in (("first", "sleep"), ("second", "rent")):
        rows = [PromptCompletion(f"She worries about {words}, week {week}.", f"Ask about {words}.") for week in range(2)]
        write_rows(tmp_path / name, {Split.TRAIN: rows, Split.TEST: rows[:1]}, Origin("a test", []))
    given = ["combine", *map(str, pair), "--out", str(tmp_path / "report"), "--compare", str(tmp_path / "first")]
    with pytest.raises(WorkbenchError, match="2 adapters and 1 folders of rows"):
        train(given, standalone_mode=False)
    train([*given, "--compare", str(tmp_path / "second"), "--merged-data", str(pair[0])], standalone_mode=False)
    told = capsys.readouterr().out
    lines = {line["name"]: line for line in json.loads((tmp_path / "report" / "comparison.json").read_text())}
    assert {"base alone", "cat", "cat, averaged", *Method, "trained on all rows together"} < set(lines)
    assert lines["cat"]["error"] < 1e-6 < lines["linear"]["error"]
    assert lines["trained on all rows together"]["losses"] == lines["one alone"]["losses"]
    assert "Training on all rows together is the recommended way" in told
    assert told.strip() in (tmp_path / "report" / "report.md").read_text()
    tokenizer = load_tokenizer(base)
    row = Encoder(tokenizer, end_tokens(base, tokenizer)).encode(PromptCompletion("She worries about sleep, week 0.", "Ask about sleep."))
    plain = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.bfloat16)
    with torch.no_grad():
        loss = plain(input_ids=torch.tensor([row.input_ids]), labels=torch.tensor([row.labels])).loss
    assert lines["base alone"]["losses"][0] == pytest.approx(float(loss), abs=1e-3)
