"""Losses of rows under a model in this process: tokens of answers alone, batch by batch."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from training.evaluation.generate import context_of
from training.evaluation.losses import Done, RowLoss
from training.evaluation.questions import row_id
from training.workbench.config import Render
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Turn


@dataclass(frozen=True)
class Encoded:
    """A row's tokens, and which of them count; both of the same length. `start` is what it begins with, for groups."""

    ids: tuple[int, ...]
    counts: tuple[bool, ...]


def row_losses(
    model: Any, tokenizer: Any, rows: Sequence[Row], render: Render, batch: int, done: Done = lambda _, __: None
) -> list[RowLoss]:
    """The loss of each row, in order.

    Raises:
        WorkbenchError: a row is longer than the model takes, or has nothing that counts.
    """
    encoded = [encode(tokenizer, row, render, place) for place, row in enumerate(rows)]
    context = context_of(model)
    if long := [len(one.ids) for one in encoded if context is not None and len(one.ids) > context]:
        raise WorkbenchError(
            f"{len(long)} rows are longer than the {context} tokens that the model takes (up to {max(long)}): leave them out"
        )
    order = sorted(range(len(rows)), key=lambda place: (-len(encoded[place].ids), place))
    nats: dict[int, float] = {}
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        nats |= zip(places, _batch_nats(model, [encoded[place] for place in places]), strict=True)
        done(len(nats), len(rows))
    return [
        RowLoss(row_id(place), _hash(_beginning(row)), _hash(asdict(row)), sum(encoded[place].counts), nats[place])
        for place, row in enumerate(rows)
    ]


def encode(tokenizer: Any, row: Row, render: Render, place: int) -> Encoded:
    """A row's tokens as it is trained on; `place` is for the message.

    Raises:
        WorkbenchError: nothing of it counts, the tokenizer has no chat template, or its template changes what stands before an answer.
    """
    if isinstance(row, Conversation):
        found = _conversation(tokenizer, row.messages, place)
    elif isinstance(row, PromptCompletion | Comparison):
        answer = row.completion if isinstance(row, PromptCompletion) else row.chosen
        if render is Render.CHAT:
            found = _conversation(tokenizer, (Turn("user", row.prompt), Turn("assistant", answer)), place)
        else:
            found = _plain(tokenizer, row.prompt, answer)
    else:
        ids = tuple(tokenizer(row.text)["input_ids"])
        found = Encoded(ids, (False, *(True for _ in ids[1:])))
    if not any(found.counts):
        raise WorkbenchError(f"row {place} has no answer whose loss could be measured: drop it from the rows")
    return found


def _plain(tokenizer: Any, prompt: str, answer: str) -> Encoded:
    end = tokenizer.eos_token_id
    before: list[int] = tokenizer(prompt)["input_ids"]
    before = before[:-1] if before and before[-1] == end else before
    whole: list[int] = tokenizer(prompt + answer)["input_ids"]
    whole = whole if whole and whole[-1] == end else [*whole, end]
    same = next((place for place, (one, other) in enumerate(zip(before, whole, strict=False)) if one != other), len(before))
    return Encoded(tuple(whole), tuple(place >= same for place in range(len(whole))))


def _conversation(tokenizer: Any, turns: Sequence[Turn], place: int) -> Encoded:
    """A chat's tokens; what counts is behind each header of the assistant, up to the next turn."""
    if not tokenizer.chat_template:
        raise WorkbenchError("the model's tokenizer has no chat template: measure with --render plain, as it was trained")
    whole = _rendered(tokenizer, turns, False)
    counts = [False] * len(whole)
    for number, turn in enumerate(turns):
        if turn.role == "assistant":
            before, behind = _rendered(tokenizer, turns[:number], True), _rendered(tokenizer, turns[: number + 1], False)
            if whole[: len(behind)] != behind or behind[: len(before)] != before:
                raise WorkbenchError(
                    f"the chat template changes row {place} where an answer begins or ends, so the answer can't be told from it"
                )
            counts[len(before) : len(behind)] = [True] * (len(behind) - len(before))
    return Encoded(tuple(whole), tuple(counts))


def _rendered(tokenizer: Any, turns: Sequence[Turn], asks: bool) -> list[int]:
    messages = [asdict(turn) for turn in turns]
    found: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=asks, return_dict=False)
    return found


def _batch_nats(model: Any, batch: Sequence[Encoded]) -> list[float]:
    """The sum of negative log probabilities of each row's tokens that count, in nats."""
    width = max(len(one.ids) for one in batch)
    ids = torch.tensor([[*one.ids, *([0] * (width - len(one.ids)))] for one in batch], device=model.device)  # [batch, width]
    mask = torch.tensor([[1] * len(one.ids) + [0] * (width - len(one.ids)) for one in batch], device=model.device)
    counts = torch.tensor([[*one.counts, *([False] * (width - len(one.ids)))] for one in batch], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()  # [batch, width - 1, words]
        told = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        sums: list[float] = (told * counts[:, 1:]).double().sum(dim=1).tolist()
    return sums


def _beginning(row: Row) -> Any:
    """What rows of a group have in common: the prompt, or the first turns up to the first answer."""
    if isinstance(row, Conversation):
        return [asdict(turn) for turn in row.messages[:2] if turn.role != "assistant"]
    return row.prompt if isinstance(row, PromptCompletion | Comparison) else asdict(row)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
