"""Muon: momentum whose update is made orthogonal, which teaches a small network more per token than AdamW does.

Method: Keller Jordan, 2024, "Muon: an optimizer for hidden layers in neural networks" (quintic Newton-Schulz iteration). torch.optim.Muon
takes matrices alone; the experts of transformers 5 are stacks of matrices, so the iteration here runs over the last two dimensions.
"""

from collections.abc import Iterable

import torch

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4
MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Muon for parameters of shape (..., rows, columns)."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure is ever passed here
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - MOMENTUM)
                update = orthogonal(parameter.grad.lerp(momentum, MOMENTUM))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * max(1.0, parameter.shape[-2] / parameter.shape[-1]) ** 0.5)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Each matrix's nearest orthogonal one, roughly: all singular values near 1."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: torch.Tensor = (matrices.mT if tall else matrices).bfloat16()  # roughly is enough
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    first, second, third = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = first * x + (second * gram + third * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)
