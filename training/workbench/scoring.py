"""Reward models: a causal model's backbone with a head of one number in place of the vocabulary's, and the rewards it gives to answers.

The head is that of transformers' `…ForSequenceClassification`, so a saved one loads there. It reads the last token that is no padding,
which in a finished answer is the token that ends it; so padding must be another token than that.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from training.workbench.config import Config, load_config
from training.workbench.errors import WorkbenchError
from training.workbench.models import DTYPES, device, end_tokens, load_base, load_tokenizer
from training.workbench.places import ADAPTER_CONFIG, OUTPUT, RUN_CONFIG, reward_folder

HEAD = "score"
"""What all of transformers' sequence classifiers on a causal backbone call their head."""

Tokens = Sequence[int]


class Head(torch.nn.Linear):
    """A number for each place, in float32, whatever the backbone computes in."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  # torch's name for it
        return super().forward(input.to(self.weight.dtype))


def load_reward_base(config: Config) -> Any:
    """The base of a reward model with a new head, and its padding token in the configuration.

    Raises:
        WorkbenchError: as `models.load_base`, or transformers has no such form of the architecture.
    """
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    pad = padding_for(tokenizer, end_tokens(config.model.path, tokenizer))
    return with_reward_head(load_base(config.model), pad, config.seed)


def with_reward_head(causal: Any, pad_token: int, seed: int) -> Any:
    """A causal model's backbone, the same tensors, under a new head: normal with the model's own spread, by the seed.

    Raises:
        WorkbenchError: transformers has no such form of the architecture.
    """
    from transformers import AutoModelForSequenceClassification

    known = {name: value for name, value in causal.config.to_dict().items() if name not in {"id2label", "label2id"}}
    config = type(causal.config).from_dict({**known, "num_labels": 1, "pad_token_id": pad_token, "use_cache": False})
    config._attn_implementation = causal.config._attn_implementation  # to_dict leaves it out
    try:
        with torch.device("meta"):
            model: Any = AutoModelForSequenceClassification.from_config(config)
    except ValueError as error:
        raise WorkbenchError(f"transformers has no reward model of the architecture {config.model_type}: choose another model") from error
    prefix, backbone = model.base_model_prefix, causal.get_submodule(causal.base_model_prefix)
    if type(model.get_submodule(prefix)) is not type(backbone) or not hasattr(model, HEAD):
        raise WorkbenchError(f"transformers' reward model of {config.model_type} has another backbone: choose another model")
    head = Head(model.get_submodule(HEAD).in_features, 1, bias=False)
    generator = torch.Generator().manual_seed(seed)
    torch.nn.init.normal_(head.weight, std=getattr(config, "initializer_range", 0.02), generator=generator)
    setattr(model, prefix, backbone)
    setattr(model, HEAD, head)
    for name in ("is_loaded_in_4bit", "hf_device_map"):
        if hasattr(causal, name):
            setattr(model, name, getattr(causal, name))
    backbone.config = config
    return model


def padding_for(tokenizer: Any, ends: Iterable[int]) -> int:
    """The token to pad with where the last one of a row is looked for: the tokenizer's own, unless it is also one that ends an answer.

    Raises:
        WorkbenchError: all special tokens end an answer.
    """
    taken = set(ends)
    for token in (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id, *tokenizer.all_special_ids):
        if token is not None and token not in taken:
            return int(token)
    raise WorkbenchError("the tokenizer has no special token but those that end an answer: give it one for padding (pad_token)")


def load_scorer(path: str | Path, batch: int) -> "Scorer":
    """The reward model of a finished run, ready to score.

    Raises:
        WorkbenchError: there is none, or its base is not where it was.
    """
    folder = reward_folder(path)
    config = load_config(folder / RUN_CONFIG)
    output = folder / OUTPUT
    model = _with_adapter(load_reward_base(config), output) if (output / ADAPTER_CONFIG).is_file() else _whole(output, config)
    if not hasattr(model, "hf_device_map"):
        model.to(device())
    return Scorer(model, batch)


class Scorer:
    """A reward model that scores answers, `batch` at once."""

    def __init__(self, model: Any, batch: int) -> None:
        self._model = model.eval().requires_grad_(False)
        self._batch = batch

    @torch.no_grad()
    def rewards(self, rows: Sequence[Tokens]) -> list[float]:
        """The reward of each row of tokens: a prompt and its answer."""
        return [reward for begin in range(0, len(rows), self._batch) for reward in self._rewards(rows[begin : begin + self._batch])]

    def _rewards(self, rows: Sequence[Tokens]) -> list[float]:
        pad, place = self._model.config.pad_token_id, self._model.get_input_embeddings().weight.device
        width = max(map(len, rows))
        tokens = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=place)  # (rows, width)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=place)
        logits = self._model(input_ids=tokens, attention_mask=mask, use_cache=False).logits  # (rows, 1)
        return [float(value) for value in logits[:, 0]]


def _with_adapter(base: Any, adapter: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(base, str(adapter))


def _whole(output: Path, config: Config) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(str(output), dtype=DTYPES[config.model.dtype], local_files_only=True)
