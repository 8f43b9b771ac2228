"""BARTScore: how likely a sequence-to-sequence model finds one text, given another (Yuan, Neubig and Liu, NeurIPS 2021).

    score(x, y) = sum over t of w_t * log p(y_t | y_<t, x), all weights w_t = 1 / |y|

in nats a token, so below zero, and higher is better. MentaLLaMA's figures take the model's answer for x and the gold answer for y. Their
scale is that of the weights (`facebook/bart-large-cnn`, further trained on paraphrases): scores of other weights can't be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from training.workbench.errors import WorkbenchError

IGNORED = -100
LONGEST = 1024
"""Tokens of either text; what is longer is cut, as in the paper's own code."""


@dataclass(frozen=True)
class BartScores:
    """A score for each pair of texts, nats a token; `cut` of them had a text that was too long for the model."""

    scores: tuple[float, ...]
    cut: int

    @property
    def mean(self) -> float:
        """Over all pairs."""
        return sum(self.scores) / len(self.scores)


class BartScorer:
    """The model of a folder, in evaluation mode and full precision. `name` is the folder's."""

    def __init__(self, folder: Path, batch: int = 4) -> None:
        """Loads the weights. Raises: WorkbenchError, if there is no sequence-to-sequence model in `folder`."""
        if not (folder / "config.json").is_file():
            raise WorkbenchError(f"{folder.name} holds no model: --bartscore takes a folder with a BART model and its tokenizer")
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
            self._model: Any = AutoModelForSeq2SeqLM.from_pretrained(str(folder), dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise WorkbenchError(f"{folder.name} holds no sequence-to-sequence model with its tokenizer ({type(error).__name__})") from None
        self.name, self._batch = folder.name, batch
        self._longest = min(LONGEST, int(getattr(self._model.config, "max_position_embeddings", LONGEST)))
        if torch.cuda.is_available():
            self._model.to("cuda")

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> BartScores:
        """The score of each target given its source; two lists of the same length."""
        pairs = list(zip(sources, targets, strict=True))
        found: list[float] = []
        cut = 0
        for start in range(0, len(pairs), self._batch):
            given, asked = zip(*pairs[start : start + self._batch], strict=True)
            source, source_long = self._encoded(given)
            target, target_long = self._encoded(asked)
            found += self._likelihoods(source, target)
            cut += sum(one or other for one, other in zip(source_long, target_long, strict=True))
        return BartScores(tuple(found), cut)

    def _likelihoods(self, source: Any, target: Any) -> list[float]:
        """Mean log probabilities of targets, [batch]."""
        labels = target["input_ids"].masked_fill(target["attention_mask"] == 0, IGNORED)  # [batch, tokens]
        with torch.inference_mode():
            logits = self._model(input_ids=source["input_ids"], attention_mask=source["attention_mask"], labels=labels).logits
        told = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), labels, reduction="none", ignore_index=IGNORED)
        means: list[float] = (-told.sum(dim=1) / target["attention_mask"].sum(dim=1)).tolist()
        return means

    def _encoded(self, texts: Sequence[str]) -> tuple[Any, list[bool]]:
        """Padded tokens of texts, and which of them were cut."""
        whole = [len(ids) for ids in self._tokenizer(list(texts))["input_ids"]]
        kept = self._tokenizer(list(texts), max_length=self._longest, truncation=True, padding=True, return_tensors="pt")
        return kept.to(self._model.device), [length > self._longest for length in whole]
