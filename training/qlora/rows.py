"""Rows of a dataset as token ids, with the weight of each token in the loss, packed into sequences.

The prompt is rendered by the model's own chat template and cut into tokens as the server does it; what is learned is what the server
would have to write: the answer's tokens and the end-of-sequence token, nothing before, nothing after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from inference.prompt import Message
from training.qlora.errors import TrainingFailed


@dataclass(frozen=True)
class Sample:
    """Token ids, and the weight of each in the loss: 0 is not learned, below 0 is to become unlikely.

    `reference` is the log-probability of the learned tokens before the stage, where an objective needs it.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    reference: float = 0.0


Packed = tuple[Sample, ...]
"""Samples that go through the model in one row, one after the other."""
Unit = tuple[Packed, ...]
"""Rows that belong into one batch: one sequence, or the two of a preference pair."""


@dataclass(frozen=True)
class Encoded:
    """A prompt and its answer as token ids. `spans` are the characters of the answer's text that each of its tokens covers."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    def sample(self, weights: Sequence[float] | None = None) -> Sample:
        """With the weights of the answer's tokens, 1 each unless they are given."""
        learned = [1.0] * len(self.answer) if weights is None else list(weights)
        return Sample(self.prompt + self.answer, (*[0.0] * len(self.prompt), *learned))

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one length. All tensors are (sequences, length) on the CPU.

    `positions` begin anew with each sample, and with the padding: by that alone, without any mask, attention keeps samples apart.
    `owner` is the number of the sample that a token belongs to, -1 for padding; `references` holds one number a sample.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    weights: torch.Tensor
    owner: torch.Tensor
    references: torch.Tensor


class RowEncoder:
    """Cuts rows into tokens as the server does."""

    def __init__(self, base: Path) -> None:
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(base), local_files_only=True)
        except (OSError, ValueError) as error:
            raise TrainingFailed(f"the base model's tokenizer can't be read ({type(error).__name__})") from error
        if not self._tokenizer.chat_template or self._tokenizer.eos_token_id is None:
            raise TrainingFailed("the base model's tokenizer has no chat template, or no end-of-sequence token")

    @property
    def padding(self) -> int:
        """The token that fills sequences up; what it is doesn't matter."""
        return int(self._tokenizer.eos_token_id)

    def encode(self, messages: Sequence[Message], answer: str) -> Encoded:
        """A prompt with its answer."""
        asked: str = self._render(messages, add_generation_prompt=True)
        whole: str = self._render([*messages, Message(role="assistant", content=answer)], add_generation_prompt=False)
        if not whole.startswith(asked):
            raise TrainingFailed("the chat template writes a prompt otherwise once it is answered, so answers can't be told from prompts")
        prompt, _ = self._cut(asked)
        ids, spans = self._cut(whole)
        if ids[: len(prompt)] == prompt:
            ids, spans, shift = ids[len(prompt) :], spans[len(prompt) :], len(asked)
        else:  # a token reaches over the border, which the server, cutting the prompt alone, can't have
            (ids, spans), shift = self._cut(whole[len(asked) :]), 0
        begin = shift + whole[len(asked) :].find(answer)
        eos = self.padding
        end = ids.index(eos) if eos in ids else len(ids)
        within = [(min(max(one - begin, 0), len(answer)), min(max(other - begin, 0), len(answer))) for one, other in spans[:end]]
        return Encoded(tuple(prompt), (*ids[:end], eos), (*within, (len(answer), len(answer))))

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        text: str = self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=add_generation_prompt)
        return text

    def _cut(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokens and their characters; the template has written the first token already, so none is added."""
        cut = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return cut["input_ids"], cut["offset_mapping"]


def pack(samples: Iterable[Sample], length: int) -> list[Packed]:
    """Samples put together into sequences of at most `length` tokens: longest first, each into the fullest that has room (best fit).

    Samples are no longer than `length`.
    """
    packed: list[list[Sample]] = []
    rooms: list[int] = []
    for sample in sorted(samples, key=lambda one: len(one.ids), reverse=True):
        fitting = [place for place, room in enumerate(rooms) if room >= len(sample.ids)]
        if fitting:
            place = min(fitting, key=lambda one: rooms[one])
            packed[place].append(sample)
            rooms[place] -= len(sample.ids)
        else:
            packed.append([sample])
            rooms.append(length - len(sample.ids))
    return [tuple(one) for one in packed]


def collate(sequences: Sequence[Packed], padding: int) -> Batch:
    """Sequences as one batch."""
    length = max(sum(len(sample.ids) for sample in sequence) for sequence in sequences)
    ids = torch.full((len(sequences), length), padding)
    positions, owner = torch.zeros_like(ids), torch.full_like(ids, -1)
    weights = torch.zeros(ids.shape)
    references: list[float] = []
    for row, sequence in enumerate(sequences):
        start = 0
        for sample in sequence:
            here = slice(start, start + len(sample.ids))
            ids[row, here] = torch.tensor(sample.ids)
            positions[row, here] = torch.arange(len(sample.ids))
            weights[row, here] = torch.tensor(sample.weights)
            owner[row, here] = len(references)
            references.append(sample.reference)
            start += len(sample.ids)
        positions[row, start:] = torch.arange(length - start)
    return Batch(ids, positions, weights, owner, torch.tensor(references))


def with_references(units: Sequence[Unit], references: Sequence[float]) -> list[Unit]:
    """The units with the reference of each sample, in order."""
    left = iter(references)
    return [tuple(tuple(replace(sample, reference=next(left)) for sample in sequence) for sequence in unit) for unit in units]
