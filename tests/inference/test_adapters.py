"""Adapters are checked before the server sees them."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE, AttentionShape, check_adapter, read_base_shape
from inference.errors import BadAdapter
from tests.support.adapters import SMALL, Tensors, an_adapter

Q0 = "base_model.model.model.layers.0.self_attn.q_proj"
LAST = "base_model.model.model.layers.1.self_attn.o_proj.lora_B.weight"


def with_number(value: bytes, dtype: str) -> Callable[[Tensors], None]:
    """Replace the last number of the last tensor."""

    def change(tensors: Tensors) -> None:
        _, shape, raw = tensors[LAST]
        count = len(raw) // 4
        tensors[LAST] = (dtype, shape, b"\0" * len(value) * (count - 1) + value)

    return change


def test_a_good_adapter_is_described(tmp_path: Path) -> None:
    """A good adapter passes, with its rank, scale, modules and number of parameters."""
    facts = check_adapter(an_adapter(tmp_path / "a", rank=4), SMALL, max_rank=16)
    assert (facts.rank, facts.alpha, facts.modules) == (4, 8.0, ("q_proj", "k_proj", "v_proj", "o_proj"))
    assert facts.parameters == 2 * 4 * ((16 + 16) + (16 + 8) + (16 + 8) + (16 + 16))


def test_base_shape_comes_from_the_model(tmp_path: Path) -> None:
    """The sizes are read from config.json; a head dimension that isn't given is the hidden size shared out."""
    (tmp_path / "config.json").write_text(
        json.dumps({"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3})
    )
    assert read_base_shape(tmp_path) == AttentionShape(layers=3, hidden=64, query=64, key_value=32)


def test_a_model_without_config_is_named(tmp_path: Path) -> None:
    """Without the base model's config nothing can be checked, and the error says so."""
    with pytest.raises(BadAdapter, match=r"base model's config.json"):
        read_base_shape(tmp_path)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"peft_type": "IA3"}, "does not describe a LoRA adapter"),
        ({"r": 32}, "the rank is 32, but the server takes 1 to 16"),
        ({"r": 0}, "the rank is 0"),
        ({"r": None}, "the rank is None"),
        ({"use_dora": True}, "use_dora"),
        ({"lora_bias": True}, "lora_bias"),
        ({"bias": "all"}, "biases are trained"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"target_parameters": ["experts.gate_up_proj"]}, "target_parameters"),
        ({"target_modules": ["q_proj", "gate"]}, "not gate"),
        ({"target_modules": ["w1", "w2"]}, "not w1, w2"),
        ({"target_modules": "all-linear"}, "must be a list"),
        ({"target_modules": []}, "must be a list"),
    ],
)
def test_a_config_the_server_would_misread_is_refused(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    """Settings that vLLM refuses, or ignores and then computes something else, are refused with the reason."""
    with pytest.raises(BadAdapter, match=reason):
        check_adapter(an_adapter(tmp_path / "a", config=config), SMALL, max_rank=16)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.pop(LAST), "1 tensors are missing, the first is .*o_proj.lora_B"),
        (
            lambda t: t.update({"base_model.model.model.layers.0.mlp.gate.lora_A.weight": ("F32", (1,), b"\0" * 4)}),
            "don't belong to attention",
        ),
        (lambda t: t.update({f"{Q0}.lora_A.weight": ("F32", (4, 8), b"\0" * 128)}), r"shape \[4, 8\], but the base model needs \[4, 16\]"),
        (lambda t: t.update({f"{Q0}.lora_A.weight": ("I8", (4, 16), b"\0" * 64)}), "of type I8"),
        (lambda t: t.update({f"{Q0}.lora_A.weight": ("BF16", (4, 16), b"\0" * 256)}), "damaged at"),
        (with_number(struct.pack("<f", float("nan")), "F32"), "not finite"),
        (with_number(struct.pack("<f", float("-inf")), "F32"), "not finite"),
        (with_number(b"\xc0\x7f", "BF16"), "not finite"),
        (with_number(b"\x80\xff", "BF16"), "not finite"),
        (with_number(struct.pack("<e", float("inf")), "F16"), "not finite"),
    ],
)
def test_wrong_tensors_are_refused(tmp_path: Path, change: Callable[[Tensors], object], reason: str) -> None:
    """Missing, strange, misshapen or non-finite tensors are refused, and the tensor is named."""
    with pytest.raises(BadAdapter, match=reason):
        check_adapter(an_adapter(tmp_path / "a", change=change), SMALL, max_rank=16)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(struct.pack("<f", 3.4e38), "F32"), (b"\x7f\x7f", "BF16"), (struct.pack("<e", -65504.0), "F16"), (b"\0\x80", "BF16")],
)
def test_the_largest_finite_numbers_pass(tmp_path: Path, value: bytes, dtype: str) -> None:
    """Finite numbers pass in every type, the largest ones and minus zero too."""
    assert check_adapter(an_adapter(tmp_path / "a", change=with_number(value, dtype)), SMALL, max_rank=16).rank == 4


@pytest.mark.parametrize("kept", [0, 5, 300, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A weights file cut anywhere, in the length, the header or the numbers, is refused."""
    directory = an_adapter(tmp_path / "a")
    whole = (directory / WEIGHTS_FILE).read_bytes()
    (directory / WEIGHTS_FILE).write_bytes(whole[:kept])
    with pytest.raises(BadAdapter, match="cut short"):
        check_adapter(directory, SMALL, max_rank=16)


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    """A header that is no JSON is refused."""
    directory = an_adapter(tmp_path / "a")
    (directory / WEIGHTS_FILE).write_bytes((20).to_bytes(8, "little") + b"x" * 20)
    with pytest.raises(BadAdapter, match="header"):
        check_adapter(directory, SMALL, max_rank=16)


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """A directory without one of the two files is refused, and the file is named."""
    directory = an_adapter(tmp_path / "a")
    (directory / name).unlink()
    with pytest.raises(BadAdapter, match=f"{name} is missing"):
        check_adapter(directory, SMALL, max_rank=16)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    """A path that doesn't exist is refused like an empty directory."""
    with pytest.raises(BadAdapter, match="missing"):
        check_adapter(tmp_path / "nowhere", SMALL, max_rank=16)


def test_a_config_that_is_not_json_is_refused(tmp_path: Path) -> None:
    """A damaged configuration is refused."""
    directory = an_adapter(tmp_path / "a")
    (directory / CONFIG_FILE).write_text("{")
    with pytest.raises(BadAdapter, match="not JSON"):
        check_adapter(directory, SMALL, max_rank=16)
