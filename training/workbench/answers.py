"""Answers to prompts that were held back: how long they are, and what a reward model gives them.

Reward models like some lengths better than others, and a policy finds that out: answers that grow or shrink while rewards rise are the
first sign that it learns the reward model's taste and not what that stands for.
"""

from collections.abc import Collection, Sequence
from statistics import fmean
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from training.workbench.scoring import Scorer, Tokens


class Answers(BaseModel):
    """Means over the answers to some prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: float
    """Of an answer, with the one that ends it."""
    characters: float
    cut: float
    """The share that did not end by itself."""
    reward: float


def measure(
    model: Any, tokenizer: Any, prompts: Sequence[Tokens], ends: Collection[int], limit: int, scorer: Scorer, batch: int
) -> Answers:
    """Greedy answers of at most `limit` tokens, the same each time, and their means."""
    found = [
        answer
        for begin in range(0, len(prompts), batch)
        for answer in _answers(model, tokenizer, prompts[begin : begin + batch], ends, limit)
    ]
    rewards = scorer.rewards([[*prompt, *answer] for prompt, answer in zip(prompts, found, strict=True)])
    return Answers(
        tokens=fmean(map(len, found)),
        characters=fmean(map(len, tokenizer.batch_decode(found, skip_special_tokens=True))),
        cut=fmean(answer[-1] not in ends for answer in found),
        reward=fmean(rewards),
    )


@torch.no_grad()
def _answers(model: Any, tokenizer: Any, prompts: Sequence[Tokens], ends: Collection[int], limit: int) -> list[list[int]]:
    from transformers import GenerationConfig

    width, place, pad = max(map(len, prompts)), model.get_input_embeddings().weight.device, tokenizer.pad_token_id
    tokens = torch.tensor([[*[pad] * (width - len(prompt)), *prompt] for prompt in prompts], device=place)  # (prompts, width)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=place)
    settings = GenerationConfig(max_new_tokens=limit, do_sample=False, eos_token_id=sorted(ends), pad_token_id=pad, use_cache=True)
    made = model.generate(input_ids=tokens, attention_mask=mask, generation_config=settings)[:, width:]
    return [_closed(row, ends) for row in made.tolist()]


def _closed(tokens: Sequence[int], ends: Collection[int]) -> list[int]:
    """An answer up to the first token that ends it; what fills the row behind is none of it."""
    end = next((place for place, token in enumerate(tokens) if token in ends), len(tokens) - 1)
    return list(tokens[: end + 1])
