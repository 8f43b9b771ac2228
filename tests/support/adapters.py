"""LoRA adapters made by hand, byte by byte, good ones and bad ones; no model library needed."""

import json
import math
import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE, AttentionShape, expected_shapes
from inference.profiles import ATTENTION_MODULES

Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]
"""Name, and type, shape and raw numbers."""

SMALL = AttentionShape(layers=2, hidden=16, query=16, key_value=8)


def an_adapter(
    directory: Path,
    base: AttentionShape = SMALL,
    *,
    rank: int = 4,
    scale: float = 0.02,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    change: Callable[[Tensors], object] = lambda _: None,
) -> Path:
    """A LoRA adapter for attention with random numbers; `config` and `change` make it a bad one."""
    numbers = random.Random(seed)
    modules = [*ATTENTION_MODULES]
    tensors: Tensors = {}
    for name, shape in expected_shapes(base, modules, rank).items():
        values = [numbers.gauss(0, scale) for _ in range(math.prod(shape))]
        tensors[name] = ("F32", shape, struct.pack(f"<{len(values)}f", *values))
    change(tensors)
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": modules, "bias": "none", "task_type": "CAUSAL_LM"}
    directory.mkdir(parents=True)
    (directory / CONFIG_FILE).write_text(json.dumps(settings | dict(config or {})))
    (directory / WEIGHTS_FILE).write_bytes(safetensors(tensors))
    return directory


def safetensors(tensors: Tensors) -> bytes:
    """The safetensors format: the header's length in 8 bytes, a JSON header, the numbers."""
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + data
