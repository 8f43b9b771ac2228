"""The training loop of base model and adapter: one flat loop, fp32, Muon and AdamW, a rate that falls at the end, resumable at any time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional
from transformers import MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from training.demo.batches import Batch
from training.demo.meaning import directions_of
from training.demo.muon import Muon

LOG_EVERY = 20
LONGEST_BLURRED = 420
"""Tokens of the longest rows that are blurred: longer ones are cases in which the model copies lines, which it can't where it can't see."""
LOWEST = 0.02
"""The learning rate at the very end, as a share of its peak."""
NOT_INNER = ("embed_tokens", "lm_head", "gate.weight")
"""Matrices that stay with AdamW: the two ends of the network, and the routers."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train. Counts of tokens include padding; rates are peak learning rates.

    The rate warms up, stays, and falls in a straight line over the last part. Until it falls, nothing depends on `tokens`: a training
    that was stopped in time can be resumed with more or fewer, and ends as if it had been planned so.
    """

    tokens: int
    batch_tokens: int
    rate: float
    matrix_rate: float = 0.0
    """The peak rate of Muon for the matrices between embedding and output; 0 leaves everything to AdamW."""
    warmup_tokens: int = 100_000
    falling: float = 0.4
    """The share of the training over which the rate falls."""
    blur: float = 0.0
    """The mean share of prompt tokens of which the model sees the meaning but not the word (see `blurred`)."""
    save_every: int = 100
    """After how many steps the state is saved."""
    balance: float = 0.01
    """Weight of the router's load balancing loss; 0 where the router is frozen."""


@dataclass(frozen=True)
class Point:
    """A place on the loss curve: tokens seen so far, mean loss since the last point, tokens per second so far."""

    step: int
    tokens: int
    loss: float
    speed: float


Named = dict[str, torch.nn.Parameter]
Rated = list[tuple[float, torch.optim.Optimizer]]
Counters = tuple[int, int, list[float], list[Point], float]
"""Tokens and steps so far, losses since the last point, the curve, seconds."""


def train(model: torch.nn.Module, decoder: MixtralForCausalLM, stream: Iterator[Batch], schedule: Schedule, state: Path) -> list[Point]:
    """Train `model`'s trainable parameters and return the loss curve, which is printed as it grows.

    `decoder` is the causal language model inside `model` (the same object where there is no adapter). `state` is a file that is written
    now and then; a training that finds one goes on from there, to the same end.
    """
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimizers = optimizers_for(trainable, schedule)
    fresh: Counters = (0, 0, [], [], 0.0)
    seen, step, losses, curve, seconds = _resume(state, trainable, optimizers) if state.exists() else fresh
    if step:
        next(islice(stream, step - 1, step))
    started = time.monotonic() - seconds
    model.train()
    while seen < schedule.tokens:
        batch = next(stream)
        factor = rate_factor(seen, schedule)
        for peak, optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = peak * factor
        loss, balance = losses_of(decoder, batch, blurred(decoder, batch, schedule.blur, seed=step))
        torch.autograd.backward(loss + schedule.balance * balance)
        torch.nn.utils.clip_grad_norm_(trainable.values(), 1.0)
        for _, optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seen, step = seen + batch.tokens, step + 1
        losses.append(loss.item())
        if step % LOG_EVERY == 0 or seen >= schedule.tokens:
            curve.append(Point(step, seen, sum(losses) / len(losses), seen / (time.monotonic() - started)))
            losses = []
            _tell(curve[-1], schedule)
        if step % schedule.save_every == 0:
            _save(state, trainable, optimizers, (seen, step, losses, curve, time.monotonic() - started))
    return curve


def _save(state: Path, trainable: Named, optimizers: Rated, counters: Counters) -> None:
    weights = {name: parameter.detach() for name, parameter in trainable.items()}
    value = {"counters": counters, "weights": weights, "optimizers": [optimizer.state_dict() for _, optimizer in optimizers]}
    torch.save(value, state.with_suffix(".partial"))
    state.with_suffix(".partial").rename(state)


def _resume(state: Path, trainable: Named, optimizers: Rated) -> Counters:
    value = torch.load(state, weights_only=False)  # written by this very code
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(value["weights"][name])
    for (_, optimizer), saved in zip(optimizers, value["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    counters: Counters = value["counters"]
    return counters


def optimizers_for(trainable: Named, schedule: Schedule) -> Rated:
    """Each optimizer with its peak rate."""
    inner = {name: one for name, one in trainable.items() if one.ndim > 1 and not any(part in name for part in NOT_INNER)}
    if schedule.matrix_rate == 0:
        inner = {}
    others = [one for name, one in trainable.items() if name not in inner]
    found: Rated = []
    if others:
        found.append((schedule.rate, torch.optim.AdamW(others, lr=schedule.rate, betas=(0.9, 0.98), weight_decay=0.02, fused=True)))
    if inner:
        found.append((schedule.matrix_rate, Muon(inner.values(), lr=schedule.matrix_rate)))
    return found


def rate_factor(seen: int, schedule: Schedule) -> float:
    """The learning rate after `seen` tokens, as a share of its peak."""
    warm = (seen + schedule.batch_tokens) / (schedule.warmup_tokens + schedule.batch_tokens)
    left = (schedule.tokens - seen) / (schedule.falling * schedule.tokens)
    return min(1.0, warm, max(left, LOWEST))


def blurred(decoder: MixtralForCausalLM, batch: Batch, share: float, seed: int) -> torch.Tensor:
    """Embeddings of the batch, (rows, length, width), in which some prompt tokens keep their meaning alone.

    That is how a fitting word looks which the model has hardly seen, so it learns to rely on meanings. From row to row the share of
    blurred tokens varies evenly between none and twice `share`. What the model learns to say stays sharp.
    """
    embedded: torch.Tensor = decoder.get_input_embeddings()(batch.ids)
    if share == 0 or batch.ids.shape[1] > LONGEST_BLURRED:
        return embedded
    generator = torch.Generator().manual_seed(seed)
    rates = torch.rand(batch.ids.shape[0], 1, generator=generator) * 2 * share
    chosen = (torch.rand(batch.ids.shape, generator=generator) < rates).to(batch.ids.device)
    said = torch.nn.functional.pad(batch.labels[:, :-1] != -100, (1, 0))
    word = torch.arange(embedded.shape[-1], device=embedded.device) >= directions_of(decoder)
    return embedded.masked_fill((chosen & ~said).unsqueeze(-1) & word, 0.0)


def losses_of(decoder: MixtralForCausalLM, batch: Batch, embedded: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross entropy over the learned tokens, and the load balancing loss; `embedded` stands for the batch's ids where it is given.

    Only learned positions meet the output layer, which is the most expensive matrix of a model this small.
    """
    told = {"input_ids": batch.ids} if embedded is None else {"inputs_embeds": embedded}
    output = decoder.model(**told, use_cache=False, output_router_logits=True)
    learned = batch.labels != -100
    logits = decoder.lm_head(output.last_hidden_state[learned])
    config = decoder.config
    balance = load_balancing_loss_func(output.router_logits, config.num_local_experts, config.num_experts_per_tok)
    return functional.cross_entropy(logits.float(), batch.labels[learned]), torch.as_tensor(balance)


def _tell(point: Point, schedule: Schedule) -> None:
    left = max(schedule.tokens - point.tokens, 0) / max(point.speed, 1)
    share = min(100.0, 100 * point.tokens / schedule.tokens)
    line = f"step {point.step:5d}  {share:5.1f} %  loss {point.loss:.3f}  {point.speed:6.0f} tokens/s  {left / 60:4.1f} min left"
    print(line, flush=True)
