"""Is this directory an adapter that the server may see?

vLLM answers 200 to wrong shapes and to numbers that are not finite, and then writes garbage, so everything is checked here
first: the configuration, each tensor's name, type and shape against the base model's configuration, each number.
Reads the safetensors format itself (eight bytes of length, a JSON header, raw little-endian numbers), with no model library.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inference.errors import BadAdapter
from inference.profiles import ATTENTION_MODULES

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format."""
CHUNK_BYTES = 1 << 22

NOT_LORA = (
    "use_dora", "use_qalora", "lora_bias", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern", "layer_replication",
    "layers_to_transform", "layers_pattern", "target_parameters", "trainable_token_indices", "alora_invocation_tokens", "exclude_modules",
)  # fmt: skip
"""Settings of PEFT that vLLM refuses, or ignores and then computes something else: they must be off."""


@dataclass(frozen=True)
class AttentionShape:
    """The sizes of a base model on which adapter shapes depend."""

    layers: int
    hidden: int
    query: int
    """Query heads times their dimension."""
    key_value: int
    """Key (and value) heads times their dimension."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "AttentionShape":
        """From a model's config.json. Raises: KeyError when it is not the configuration of a Llama-like model."""
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        head = int(config.get("head_dim") or hidden // heads)
        groups = int(config.get("num_key_value_heads") or heads)
        return cls(int(config["num_hidden_layers"]), hidden, heads * head, groups * head)

    def of_module(self, module: str) -> tuple[int, int]:
        """(inputs, outputs) of an attention projection."""
        return {
            "q_proj": (self.hidden, self.query),
            "k_proj": (self.hidden, self.key_value),
            "v_proj": (self.hidden, self.key_value),
            "o_proj": (self.query, self.hidden),
        }[module]


@dataclass(frozen=True)
class AdapterFacts:
    """What a checked adapter is."""

    rank: int
    alpha: float
    modules: tuple[str, ...]
    parameters: int


@dataclass(frozen=True)
class _Tensor:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def check_adapter(directory: Path, base: AttentionShape, max_rank: int) -> AdapterFacts:
    """Facts of the adapter in `directory`, if it fits the base model and a server started with `--max-lora-rank max_rank`.

    Raises:
        BadAdapter: with the reason, fit for a report.
    """
    config = _read_config(directory / CONFIG_FILE)
    rank, modules = _rank(config, max_rank), _modules(config)
    expected = expected_shapes(base, modules, rank)
    weights = directory / WEIGHTS_FILE
    try:
        with weights.open("rb") as file:
            tensors, start = _read_header(file, weights.stat().st_size)
            _check_names(tensors.keys(), expected.keys())
            for name, tensor in tensors.items():
                _check_tensor(name, tensor, expected[name])
                file.seek(start + tensor.begin)
                if not _all_finite(file, tensor):
                    raise BadAdapter(f"{name} holds numbers that are not finite")
    except FileNotFoundError:
        raise BadAdapter(f"{WEIGHTS_FILE} is missing") from None
    parameters = sum(math.prod(tensor.shape) for tensor in tensors.values())
    return AdapterFacts(rank, float(config.get("lora_alpha") or rank), modules, parameters)


def expected_shapes(base: AttentionShape, modules: Iterable[str], rank: int) -> dict[str, tuple[int, int]]:
    """Each tensor's name, as PEFT writes it, and its shape: A is (rank, inputs), B is (outputs, rank)."""
    shapes = {}
    for layer in range(base.layers):
        for module in modules:
            inputs, outputs = base.of_module(module)
            stem = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            shapes[f"{stem}.lora_A.weight"] = (rank, inputs)
            shapes[f"{stem}.lora_B.weight"] = (outputs, rank)
    return shapes


def read_base_shape(model: Path) -> AttentionShape:
    """The sizes of the model in a directory.

    Raises:
        BadAdapter: the directory has no readable config.json, so nothing can be checked against it.
    """
    try:
        return AttentionShape.of(json.loads((model / "config.json").read_text()))
    except (OSError, ValueError, KeyError) as error:
        raise BadAdapter(f"the base model's config.json can't be read ({type(error).__name__})") from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadAdapter(f"{CONFIG_FILE} is missing") from None
    except ValueError:
        raise BadAdapter(f"{CONFIG_FILE} is not JSON") from None
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise BadAdapter(f"{CONFIG_FILE} does not describe a LoRA adapter")
    if config.get("bias", "none") != "none":
        raise BadAdapter("biases are trained, which the server refuses")
    wrong = [name for name in NOT_LORA if config.get(name)]
    if wrong:
        raise BadAdapter(f"the server can't serve an adapter with {', '.join(wrong)}")
    return config


def _rank(config: Mapping[str, Any], max_rank: int) -> int:
    rank = config.get("r")
    if not isinstance(rank, int) or not 1 <= rank <= max_rank:
        raise BadAdapter(f"the rank is {rank}, but the server takes 1 to {max_rank}")
    return rank


def _modules(config: Mapping[str, Any]) -> tuple[str, ...]:
    modules = config.get("target_modules")
    if not isinstance(modules, list) or not modules:
        raise BadAdapter("target_modules must be a list of module names")
    strange = sorted({str(module) for module in modules} - set(ATTENTION_MODULES))
    if strange:
        raise BadAdapter(f"only attention may be trained ({', '.join(ATTENTION_MODULES)}), not {', '.join(strange)}")
    return tuple(module for module in ATTENTION_MODULES if module in modules)


def _read_header(file: BinaryIO, size: int) -> tuple[dict[str, _Tensor], int]:
    """The tensors of a safetensors file and the offset where their numbers begin."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
        raise BadAdapter(f"{WEIGHTS_FILE} is cut short or not a safetensors file")
    try:
        header = json.loads(file.read(length))
        tensors = {
            name: _Tensor(str(entry["dtype"]), tuple(map(int, entry["shape"])), *map(int, entry["data_offsets"]))
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadAdapter(f"the header of {WEIGHTS_FILE} is damaged") from None
    start = 8 + length
    if max((tensor.end for tensor in tensors.values()), default=0) != size - start:
        raise BadAdapter(f"{WEIGHTS_FILE} is cut short or has more than its tensors")
    return tensors, start


def _check_names(found: Iterable[str], expected: Iterable[str]) -> None:
    missing, strange = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing:
        raise BadAdapter(f"{len(missing)} tensors are missing, the first is {missing[0]}")
    if strange:
        raise BadAdapter(f"{len(strange)} tensors don't belong to attention, the first is {strange[0][:120]}")


def _check_tensor(name: str, tensor: _Tensor, shape: tuple[int, int]) -> None:
    if tensor.shape != shape:
        raise BadAdapter(f"{name} has the shape {list(tensor.shape)}, but the base model needs {list(shape)}")
    if tensor.dtype not in _MARKS:
        raise BadAdapter(f"{name} is of type {tensor.dtype[:8]}, not one of {', '.join(_MARKS)}")
    if tensor.begin < 0 or tensor.end - tensor.begin != math.prod(shape) * len(_MARKS[tensor.dtype]):
        raise BadAdapter(f"the header of {WEIGHTS_FILE} is damaged at {name}")


_MARKS: dict[str, tuple[int, ...]] = {"F16": (0x00, 0x7C), "BF16": (0x80, 0x7F), "F32": (0x00, 0x00, 0x80, 0x7F)}
"""The exponent's bits in each byte of a little-endian number. All of them set: infinite, or not a number."""


def _all_finite(file: BinaryIO, tensor: _Tensor) -> bool:
    """Whether no number has all bits of its exponent set; bytes are compared in bulk, 4 MiB at a time."""
    masks = _MARKS[tensor.dtype]
    left = tensor.end - tensor.begin
    while left:
        data = file.read(min(left, CHUNK_BYTES))
        left -= len(data)
        suspects = -1
        for position, mask in enumerate(masks):
            if mask:
                full = bytes((byte & mask) == mask for byte in range(256))
                suspects &= int.from_bytes(data[position :: len(masks)].translate(full), "little")
        if suspects:
            return False
    return True
