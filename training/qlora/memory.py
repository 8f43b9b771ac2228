"""How many bytes each class of parameters takes, and a refusal where they are more than was meant."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch

from training.qlora.errors import NotQuantised

MOST_BYTES_A_WEIGHT = 0.6
"""NF4 with double quantisation takes 0.516: 4 bits, 8 bits for each 64 weights, 32 bits for each 256 of those."""


class Part(StrEnum):
    """Classes of parameters."""

    ATTENTION = "attention"
    EXPERTS = "experts"
    ROUTER = "router"
    EMBEDDINGS = "embeddings"
    HEAD = "head"
    NORMS = "norms"
    ADAPTER = "adapter"


_PATTERNS = {
    Part.ADAPTER: re.compile(r"\blora_"),
    Part.EXPERTS: re.compile(r"\.experts\."),
    Part.ATTENTION: re.compile(r"\.self_attn\."),
    Part.ROUTER: re.compile(r"\.gate\."),
    Part.EMBEDDINGS: re.compile(r"embed_tokens"),
    Part.HEAD: re.compile(r"lm_head"),
    Part.NORMS: re.compile(r"norm\b"),
}
"""Looked for in this order in a parameter's name."""


@dataclass(frozen=True)
class Size:
    """How many weights there are, and the bytes they take, scales of quantisation included."""

    weights: int = 0
    bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.weights + other.weights, self.bytes + other.bytes)


def part_of(name: str) -> Part:
    """The class of a parameter. Raises: ValueError for a name that no Mixtral has."""
    for part, pattern in _PATTERNS.items():
        if pattern.search(name):
            return part
    raise ValueError(f"{name} is no parameter of a Mixtral model")


def parameter_bytes(model: torch.nn.Module) -> dict[Part, Size]:
    """The size of each class that the model has."""
    sizes: dict[Part, Size] = {}
    for name, parameter in model.named_parameters():
        part = part_of(name)
        sizes[part] = sizes.get(part, Size()) + _size(parameter)
    return sizes


def check_quantised(sizes: Mapping[Part, Size]) -> None:
    """Raises: NotQuantised when experts or attention take more than 4 bits and scales."""
    for part in (Part.EXPERTS, Part.ATTENTION):
        size = sizes[part]
        if size.bytes > MOST_BYTES_A_WEIGHT * size.weights:
            share = size.bytes / size.weights
            raise NotQuantised(f"the {part} take {share:.2f} bytes a weight ({size.bytes / 1e9:.2f} GB): they were not quantised to 4 bits")


def peak_bytes() -> int:
    """The most memory that was in use so far: of all GPUs together, or of this process where there is none."""
    if torch.cuda.is_available():
        return sum(torch.cuda.max_memory_allocated(device) for device in range(torch.cuda.device_count()))
    import resource  # not on Windows, where nothing of this runs

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _size(parameter: torch.nn.Parameter) -> Size:
    state: Any = getattr(parameter, "quant_state", None)
    if state is None:
        return Size(parameter.numel(), parameter.numel() * parameter.element_size())
    scales = [state.absmax, *([state.state2.absmax] if state.nested else [])]
    return Size(math.prod(state.shape), _bytes([parameter, *scales]))


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
