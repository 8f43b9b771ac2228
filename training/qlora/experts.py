"""Mixtral's experts as separate matrices, so that each can be quantised.

transformers 5 holds all experts of a layer in two 3-D parameters, and bitsandbytes quantises linear layers only: loaded the usual way, the
experts, 96 % of Mixtral-8x7B, stay in 16 bits without a word (91 GB in place of 25).
"""

import torch
from torch import nn
from transformers import MixtralConfig
from transformers.activations import ACT2FN


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

    Tokens are sorted by expert and sorted back: no two threads ever add to one number, so the result doesn't depend on their order.
    """

    def __init__(self, config: MixtralConfig) -> None:
        super().__init__(Expert(config) for _ in range(config.num_local_experts))

    def forward(self, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor) -> torch.Tensor:
        """Each token's weighted sum over its experts; states (tokens, width), index and weights (tokens, experts a token)."""
        tokens, choices = top_k_index.shape
        flat = top_k_index.flatten()
        order = flat.argsort(stable=True)
        counts = torch.bincount(flat, minlength=len(self)).tolist()
        spread = hidden_states.unsqueeze(1).expand(-1, choices, -1).reshape(tokens * choices, -1)[order]
        parts = [expert(part) for expert, part in zip(self, torch.split(spread, counts), strict=True) if len(part)]
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
        outputs = torch.cat(parts)[back].view(tokens, choices, -1)
        return (outputs * top_k_weights.unsqueeze(-1)).sum(1).to(hidden_states.dtype)
