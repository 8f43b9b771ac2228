"""NF4 for models of any architecture: each linear layer but the head becomes bitsandbytes' `Linear4bit`, and what it takes is checked."""

from typing import Any

import torch
from torch import nn

from training.qlora.base import BLOCK
from training.qlora.memory import MOST_BYTES_A_WEIGHT
from training.workbench.errors import WorkbenchError

MOST_WIDE = 0.2
"""The share of weights, embeddings and head aside, that may stay wide: norms, biases and routers are far less."""


def quantise_in_place(model: Any, place: torch.device) -> None:
    """Quantises the linear layers of a model, which moves to a device; embeddings, head and norms stay as they are.

    Raises:
        WorkbenchError: a row of a matrix is no whole number of blocks.
    """
    head = model.get_output_embeddings()
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and layer is not head:
            model.set_submodule(name, _quantised(name, layer, place))
    model.to(place)
    model.is_loaded_in_4bit = True  # PEFT then takes its layers for quantised linear ones


def check_bytes(model: Any) -> None:
    """Raises: WorkbenchError when more than embeddings, head and small parts stayed wide, or when quantised ones take too much."""
    skipped = {id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings()) if part is not None}
    wide = weights = held = 0
    for parameter in model.parameters():
        state: Any = getattr(parameter, "quant_state", None)
        if state is not None:
            weights += state.shape.numel()
            held += sum(one.numel() * one.element_size() for one in (parameter, state.absmax, state.state2.absmax))
        elif id(parameter) not in skipped:
            wide += parameter.numel()
    if wide > MOST_WIDE * (wide + weights):
        raise WorkbenchError(
            f"{wide / (wide + weights):.0%} of this architecture's weights can't be quantised (they are no linear layers; "
            "most often experts held in one block): of those with experts only Mixtral can be. Set model.quantise to none"
        )
    if held > MOST_BYTES_A_WEIGHT * weights:
        raise WorkbenchError(f"the quantised weights take {held / weights:.2f} bytes each in place of 0.52")


def _quantised(name: str, layer: nn.Linear, place: torch.device) -> Any:
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    if layer.in_features % BLOCK:  # bitsandbytes on a CPU gives such weights wrong scales without a word
        raise WorkbenchError(f"{name} is {layer.in_features} wide, and can't be quantised in blocks of {BLOCK}: set model.quantise to none")
    result: Any = Linear4bit(  # type: ignore[no-untyped-call]  # bitsandbytes has types in part
        layer.in_features, layer.out_features, bias=False, compute_dtype=layer.weight.dtype, quant_type="nf4", device="meta"
    )
    result.support_avx512bf16_for_cpu = False  # see training/qlora/base.py
    weight: Any = Params4bit(layer.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4", module=result)
    result.weight = weight.to(place)
    result.quant_state = result.weight.quant_state
    bias: nn.Parameter | None = layer.bias  # torch says that there always is one
    result.bias = None if bias is None else nn.Parameter(bias.data.to(place), requires_grad=False)
    return result
