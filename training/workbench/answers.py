"""Answers to prompts that were held back, before reinforcement and after it: how long they are, and what a reward model gives them.

Reward models like some lengths better than others, and a policy finds that out: answers that grew or shrank while rewards rose are the
first sign that it learned the reward model's taste and not what it stands for.
"""

from collections.abc import Collection, Sequence
from statistics import fmean
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from training.workbench.asking import closed
from training.workbench.scoring import Scorer, Tokens


class Answers(BaseModel):
    """Means over the answers to some prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: int
    tokens: float
    """Of an answer, the one that ends it included."""
    characters: float
    cut: float
    """The share that did not end by itself."""
    reward: float


def measure(model: Any, tokenizer: Any, prompts: Sequence[Tokens], ends: Collection[int], limit: int, scorer: Scorer, batch: int) -> Answers:
    """Greedy answers of at most `limit` tokens, the same each time, and their means."""
    found: list[list[int]] = []
    for begin in range(0, len(prompts), batch):
        found.extend(_answers(model, tokenizer, prompts[begin : begin + batch], ends, limit))
    rewards = scorer.rewards([[*prompt, *answer] for prompt, answer in zip(prompts, found, strict=True)])
    texts = tokenizer.batch_decode(found, skip_special_tokens=True)
    return Answers(
        prompts=len(prompts),
        tokens=fmean(map(len, found)),
        characters=fmean(map(len, texts)),
        cut=fmean(not answer or answer[-1] != tokenizer.eos_token_id for answer in found),
        reward=fmean(rewards),
    )


@torch.no_grad()
def _answers(model: Any, tokenizer: Any, prompts: Sequence[Tokens], ends: Collection[int], limit: int) -> list[list[int]]:
    from transformers import GenerationConfig

    width, place, pad = max(map(len, prompts)), model.get_input_embeddings().weight.device, tokenizer.pad_token_id
    tokens = torch.tensor([[*[pad] * (width - len(prompt)), *prompt] for prompt in prompts], device=place)  # (prompts, width)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=place)
    settings = GenerationConfig(max_new_tokens=limit, do_sample=False, eos_token_id=sorted(ends), pad_token_id=pad, use_cache=True)
    model.eval()
    made = model.generate(input_ids=tokens, attention_mask=mask, generation_config=settings)[:, width:]
    return [closed(row, ends, tokenizer) for row in made.tolist()]
