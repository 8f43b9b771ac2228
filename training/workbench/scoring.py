"""Reward models: a causal model's backbone with a head of one number in place of the vocabulary's, and the rewards it gives to answers.

The head is that of transformers' `…ForSequenceClassification`, so a saved one loads there. It reads the last token that is no padding, which
in a finished answer is the token that ends it; so padding must be another token than that.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from training.workbench.errors import WorkbenchError

HEAD = "score"
"""What all of transformers' sequence classifiers on a causal backbone call their head."""

Tokens = Sequence[int]


def with_reward_head(causal: Any, pad_token: int, seed: int) -> Any:
    """A causal model's backbone, the same tensors, under a new head: float32, normal with the model's own spread, by the seed.

    Raises:
        WorkbenchError: transformers has no such form of the architecture.
    """
    from transformers import AutoModelForSequenceClassification

    config = type(causal.config).from_dict({**causal.config.to_dict(), "num_labels": 1, "pad_token_id": pad_token, "use_cache": False})
    config._attn_implementation = causal.config._attn_implementation  # to_dict leaves it out
    try:
        with torch.device("meta"):
            model: Any = AutoModelForSequenceClassification.from_config(config)
    except ValueError as error:
        raise WorkbenchError(f"transformers has no reward model of the architecture {config.model_type}: begin with another model") from error
    backbone = causal.get_submodule(causal.base_model_prefix)
    if type(model.get_submodule(model.base_model_prefix)) is not type(backbone) or not hasattr(model, HEAD):
        raise WorkbenchError(f"transformers' reward model of {config.model_type} has another backbone: begin with another model")
    setattr(model, model.base_model_prefix, backbone)
    head = torch.nn.Linear(model.get_submodule(HEAD).in_features, 1, bias=False)
    generator = torch.Generator().manual_seed(seed)
    torch.nn.init.normal_(head.weight, std=getattr(config, "initializer_range", 0.02), generator=generator)
    setattr(model, HEAD, head)
    for name in ("is_loaded_in_4bit", "hf_device_map"):
        if hasattr(causal, name):
            setattr(model, name, getattr(causal, name))
    backbone.config = config
    return model


def padding_for(tokenizer: Any, ends: Iterable[int]) -> int:
    """The token to pad with where the last one of a row is looked for: the tokenizer's own, unless it is also one that ends an answer."""
    taken = set(ends)
    for token in (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, *tokenizer.all_special_ids):
        if token is not None and token not in taken:
            return int(token)
    raise WorkbenchError("the tokenizer has no special token but those that end an answer: give it one for padding")


class Scorer:
    """A reward model that is ready to score answers."""

    def __init__(self, model: Any, batch: int) -> None:
        self._model = model.eval()
        self._batch = batch

    @torch.inference_mode()
    def rewards(self, rows: Sequence[Tokens]) -> list[float]:
        """The reward of each row of tokens, a prompt and its answer."""
        found: list[float] = []
        for begin in range(0, len(rows), self._batch):
            found.extend(self._rewards(rows[begin : begin + self._batch]))
        return found

    def _rewards(self, rows: Sequence[Tokens]) -> list[float]:
        pad, place = self._model.config.pad_token_id, next(self._model.parameters()).device
        width = max(map(len, rows))
        tokens = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=place)  # (rows, width)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=place)
        with torch.autocast(place.type, torch.bfloat16, enabled=self._wide() is torch.bfloat16):
            logits = self._model(input_ids=tokens, attention_mask=mask, use_cache=False).logits  # (rows, 1)
        return [float(value) for value in logits[:, 0].float()]

    def _wide(self) -> torch.dtype:
        dtype: torch.dtype = self._model.get_input_embeddings().weight.dtype
        return dtype
