"""Mixtral's experts as separate matrices, so that each can be quantised.

transformers 5 holds all experts of a layer in two 3-D parameters, and bitsandbytes quantises linear layers only: loaded the usual way, the
experts, 96 % of Mixtral-8x7B, stay in 16 bits without a word (91 GB in place of 25).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from bitsandbytes.functional import QuantState, dequantize_4bit, dequantize_blockwise
from torch import nn
from transformers import MixtralConfig
from transformers.activations import ACT2FN
from transformers.integrations.moe import grouped_mm_experts_forward

from training.qlora.recipe import Product


class Expert(nn.Module):
    """One expert, a gated feed-forward network. Names are those of the files on a model hub."""

    def __init__(self, config: MixtralConfig) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.w2 = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.w3 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.activation = ACT2FN[config.hidden_act]

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(tokens, width) to the same."""
        result: torch.Tensor = self.w2(self.activation(self.w1(states)) * self.w3(states))
        return result


class SeparateExperts(nn.ModuleList):
    """Stands in for `MixtralExperts`, called the same way.

    Each token is there once for each of its experts: no two threads ever add to one number, so the result doesn't depend on their order.
    """

    def __init__(self, config: MixtralConfig) -> None:
        super().__init__(Expert(config) for _ in range(config.num_local_experts))
        self.product = Product.LOOP
        """How outputs are computed; `GROUPED` is for quantised experts only."""

    def forward(self, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor) -> torch.Tensor:
        """Each token's weighted sum over its experts; states (tokens, width), index and weights (tokens, experts a token)."""
        tokens, choices = top_k_index.shape
        spread = hidden_states.unsqueeze(1).expand(-1, choices, -1).reshape(tokens * choices, -1)
        compute = self._grouped if self.product is Product.GROUPED else self._one_by_one
        outputs = compute(spread, top_k_index.flatten()).view(tokens, choices, -1)
        return (outputs * top_k_weights.unsqueeze(-1)).sum(1).to(hidden_states.dtype)

    def _one_by_one(self, states: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The output of each row's expert; states (rows, width), index (rows,). Rows are sorted by expert and sorted back."""
        order = index.argsort(stable=True)
        counts = torch.bincount(index, minlength=len(self)).tolist()
        parts = [expert(part) for expert, part in zip(self, torch.split(states[order], counts), strict=True) if len(part)]
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
        return torch.cat(parts)[back]

    def _grouped(self, states: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The same by transformers' grouped product. It is given one expert a row, of weight 1, so that it sums nothing."""
        rows = index.unsqueeze(1)
        outputs: torch.Tensor = grouped_mm_experts_forward(self._wide(), states, rows, torch.ones_like(rows, dtype=states.dtype))
        return outputs

    @torch.no_grad()
    def _wide(self) -> "_WideExperts":
        experts: list[Any] = list(self)
        rising = dequantised([layer for expert in experts for layer in (expert.w1, expert.w3)])
        return _WideExperts(
            gate_up_proj=rising.view(len(experts), -1, rising.shape[-1]),
            down_proj=dequantised([expert.w2 for expert in experts]),
            num_experts=len(experts),
            activation=experts[0].activation,
        )


@dataclass(frozen=True)
class _WideExperts:
    """All experts of a layer in 16 bits, as transformers' products ask a module for them: (experts, outputs, inputs)."""

    gate_up_proj: torch.Tensor
    down_proj: torch.Tensor
    num_experts: int
    activation: nn.Module
    has_gate: bool = True
    has_bias: bool = False
    is_transposed: bool = False
    _is_expert_parallel: bool = False

    def _apply_gate(self, states: torch.Tensor) -> torch.Tensor:
        gate, up = states.chunk(2, dim=-1)
        result: torch.Tensor = self.activation(gate) * up
        return result


def dequantised(layers: Sequence[Any]) -> torch.Tensor:
    """The matrices of `Linear4bit` layers of one shape, (layers, outputs, inputs): the very numbers of each alone, in one pass.

    Their packed bytes are put together first, which costs a quarter of putting together what they stand for; bitsandbytes can't
    dequantise into a given place on every device. Rows are whole blocks of weights that share a scale (`base.put`).
    """
    states = [layer.weight.quant_state for layer in layers]
    first = states[0]
    shape = torch.Size((len(layers), *first.shape))
    scales = torch.cat([dequantize_blockwise(state.absmax, state.state2) + state.offset for state in states])
    packed = torch.cat([layer.weight.data.flatten() for layer in layers])
    together = QuantState(  # type: ignore[no-untyped-call]  # bitsandbytes has types in part
        scales, shape, first.code, first.blocksize, first.quant_type, first.dtype
    )
    return dequantize_4bit(packed, together)
