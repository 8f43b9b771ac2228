"""The training loop of base model and adapter: one flat loop, fp32, AdamW, cosine schedule, a log line now and then."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.nn import functional
from transformers import MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from training.demo.batches import Batch

LOG_EVERY = 20


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train. `tokens` and `batch_tokens` count padding; `rate` is the peak learning rate."""

    tokens: int
    batch_tokens: int
    rate: float
    warmup: float = 0.04
    floor: float = 0.03
    balance: float = 0.01
    """Weight of the router's load balancing loss; 0 where the router is frozen."""


@dataclass(frozen=True)
class Point:
    """A place on the loss curve: tokens seen so far, mean loss since the last point, tokens per second so far."""

    step: int
    tokens: int
    loss: float
    speed: float


def train(model: torch.nn.Module, decoder: MixtralForCausalLM, stream: Iterator[Batch], schedule: Schedule, log: Path) -> list[Point]:
    """Train `model`'s trainable parameters and return its loss curve; each point is printed and appended to `log`.

    `decoder` is the causal language model inside `model` (the same object where there is no adapter).
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=schedule.rate, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    losses: list[float] = []
    curve: list[Point] = []
    seen, step, started = 0, 0, time.monotonic()
    model.train()
    while seen < schedule.tokens:
        batch = next(stream)
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate * rate_factor(seen / schedule.tokens, schedule)
        loss, balance = losses_of(decoder, batch)
        torch.autograd.backward(loss + schedule.balance * balance)
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen, step = seen + batch.tokens, step + 1
        losses.append(loss.item())
        if step % LOG_EVERY == 0 or seen >= schedule.tokens:
            point = Point(step, seen, sum(losses) / len(losses), seen / (time.monotonic() - started))
            losses = []
            curve.append(point)
            _tell(point, schedule, log)
    return curve


def rate_factor(done: float, schedule: Schedule) -> float:
    """The learning rate at `done` (0 to 1) of the training, as a share of its peak: warm-up, then cosine down to the floor."""
    if done < schedule.warmup:
        return (done + 0.002) / schedule.warmup
    cosine = 0.5 * (1 + math.cos(math.pi * (done - schedule.warmup) / (1 - schedule.warmup)))
    return schedule.floor + (1 - schedule.floor) * cosine


def losses_of(decoder: MixtralForCausalLM, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross entropy over the learned tokens, and the load balancing loss.

    Only learned positions meet the output layer, which is the most expensive matrix of a model this small.
    """
    output = decoder.model(input_ids=batch.ids, use_cache=False, output_router_logits=True)
    learned = batch.labels != -100
    logits = decoder.lm_head(output.last_hidden_state[learned])
    config = decoder.config
    balance = load_balancing_loss_func(output.router_logits, config.num_local_experts, config.num_experts_per_tok)
    return functional.cross_entropy(logits.float(), batch.labels[learned]), torch.as_tensor(balance)


def _tell(point: Point, schedule: Schedule, log: Path) -> None:
    share = 100 * point.tokens / schedule.tokens
    left = (schedule.tokens - point.tokens) / max(point.speed, 1)
    print(
        f"step {point.step:5d}  {share:5.1f} %  loss {point.loss:.3f}  {point.speed:6.0f} tokens/s  {max(left, 0) / 60:4.1f} min left",
        flush=True,
    )
    with log.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(point)) + "\n")
