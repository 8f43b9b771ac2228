"""What is minimised: the likelihood of answers, weighted token by token, or the preference for one of two answers.

An objective takes a batch and gives a sum and a count; the loss of a step or of an evaluation is the sum of all its batches' sums over that
of their counts, so it doesn't depend on how rows were put together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn import functional

from training.qlora.adapter import with_weights
from training.qlora.rows import Batch

SMALLEST = 1e-6
"""1 - p is taken for no less, so that a token which the model is sure of has a finite unlikelihood."""


class Objective(Protocol):
    """A loss as a sum and what it is to be divided by."""

    def __call__(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor: ...

    def count(self, batch: Batch) -> float:
        """What this batch adds to the divisor."""


@dataclass(frozen=True)
class Learned:
    """The model's view of a batch's learned tokens, in order. `logits` is (tokens, vocabulary), the others (tokens,)."""

    logits: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    owner: torch.Tensor

    @property
    def log_probabilities(self) -> torch.Tensor:
        """Of each token, in nats."""
        return -functional.cross_entropy(self.logits, self.targets, reduction="none")


def learned_tokens(model: torch.nn.Module, batch: Batch) -> Learned:
    """One forward pass. Only columns in which some row learns meet the output layer.

    The cache is off: with it, transformers forgets without a word that positions begin anew, and samples see each other.
    """
    device = next(model.parameters()).device
    learned = batch.weights[:, 1:] != 0
    columns = learned.any(0).nonzero().squeeze(1)
    logits = model(input_ids=batch.ids.to(device), position_ids=batch.positions.to(device), use_cache=False, logits_to_keep=columns).logits
    chosen, where = learned[:, columns], logits.device
    targets = batch.ids[:, 1:][learned].to(where)
    return Learned(
        logits[chosen.to(where)].float(), targets, batch.weights[:, 1:][learned].to(where), batch.owner[:, 1:][learned].to(where)
    )


@dataclass(frozen=True)
class Likelihood:
    """Mean negative log-likelihood, nats a token, weighted; for tokens of negative weight the unlikelihood, -log(1 - p) (Welleck et al.,
    ICLR 2020). With weights of 0 and 1 it is the usual loss on completions; with others it is SALT.

    `pull` adds the Kullback-Leibler divergence of the model from itself with the weights in `origin`.
    """

    pull: float = 0.0
    origin: Mapping[str, torch.Tensor] | None = None

    def __call__(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        found = learned_tokens(model, batch)
        log_p = found.log_probabilities
        unlikely = -torch.log((-torch.expm1(log_p)).clamp_min(SMALLEST))
        loss = (found.weights.abs() * torch.where(found.weights > 0, -log_p, unlikely)).sum()
        if self.pull and self.origin is not None and torch.is_grad_enabled():
            with torch.no_grad(), with_weights(model, self.origin):
                before = learned_tokens(model, batch).logits
            divergence = functional.kl_div(found.logits.log_softmax(-1), before.log_softmax(-1), reduction="none", log_target=True).sum(-1)
            loss = loss + self.pull * (found.weights.abs() * divergence).sum()
        return loss

    def count(self, batch: Batch) -> float:
        return float(batch.weights.abs().sum())


@dataclass(frozen=True)
class Dpo:
    """Direct preference optimisation: -log sigmoid(beta * how much further the winner rose above its reference than the loser).

    A batch holds pairs: sample 2 n won, sample 2 n + 1 lost.
    """

    beta: float

    def __call__(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        risen = answer_log_probabilities(model, batch) - batch.references
        return -functional.logsigmoid(self.beta * (risen[::2] - risen[1::2])).sum()

    def count(self, batch: Batch) -> float:
        return len(batch.references) / 2


def answer_log_probabilities(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """The log-probability of each sample's learned tokens together, (samples,), on the CPU."""
    found = learned_tokens(model, batch)
    sums = torch.zeros(len(batch.references))
    return sums.index_add(0, found.owner.cpu(), found.log_probabilities.cpu())
