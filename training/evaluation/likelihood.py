"""Losses of rows under a model in this process: tokens of answers alone, batch by batch."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from training.evaluation.generate import context_of
from training.evaluation.losses import RowLoss
from training.evaluation.predict import Done
from training.evaluation.questions import row_id
from training.workbench.encoding import IGNORED, Encoded, Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.faults import out_of_memory
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row


def row_losses(model: Any, encoder: Encoder, rows: Sequence[Row], batch: int, done: Done = lambda _, __: None) -> list[RowLoss]:
    """The loss of each row, in order; of a comparison, that of the better answer.

    Raises:
        WorkbenchError: a row is longer than the model takes, or has nothing that counts, or memory runs out.
    """
    encoded = [encoder.encode(PromptCompletion(row.prompt, row.chosen) if isinstance(row, Comparison) else row) for row in rows]
    counts = [sum(label != IGNORED for label in one.labels[1:]) for one in encoded]
    if empty := sum(not count for count in counts):
        raise WorkbenchError(f"{empty} of {len(rows)} rows have no answer whose loss could be measured: drop them from the rows")
    context = context_of(model)
    if long := [len(one.input_ids) for one in encoded if context is not None and len(one.input_ids) > context]:
        raise WorkbenchError(
            f"{len(long)} rows are longer than the {context} tokens that the model takes (up to {max(long)}): leave them out"
        )
    order = sorted(range(len(rows)), key=lambda place: (-len(encoded[place].input_ids), place))
    nats: dict[int, float] = {}
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        try:
            nats |= zip(places, _batch_nats(model, [encoded[place] for place in places]), strict=True)
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise WorkbenchError(f"memory runs out with {len(places)} rows at once: fewer with --batch, or --quantise nf4") from None
        done(len(nats), len(rows))
    return [
        RowLoss(row_id(place), _hash(_beginning(row)), _hash(asdict(row)), counts[place], nats[place]) for place, row in enumerate(rows)
    ]


def _batch_nats(model: Any, batch: Sequence[Encoded]) -> list[float]:
    """The sum of negative log probabilities of each row's tokens that count, in nats."""
    width = max(len(one.input_ids) for one in batch)
    short = [width - len(one.input_ids) for one in batch]
    ids, mask, labels = (  # [batch, width]
        torch.tensor(rows, device=model.device)
        for rows in (
            [[*one.input_ids, *[0] * missing] for one, missing in zip(batch, short, strict=True)],
            [[1] * len(one.input_ids) + [0] * missing for one, missing in zip(batch, short, strict=True)],
            [[*one.labels, *[IGNORED] * missing] for one, missing in zip(batch, short, strict=True)],
        )
    )
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]  # [batch, width - 1, words]
        counted = labels[:, 1:] != IGNORED
        told = torch.nn.functional.cross_entropy(logits[counted].float(), labels[:, 1:][counted], reduction="none")  # [tokens that count]
        sums = torch.zeros(len(batch), dtype=torch.float64).index_add(0, counted.nonzero()[:, 0].cpu(), told.double().cpu())
    found: list[float] = sums.tolist()
    return found


def _beginning(row: Row) -> Any:
    """What rows of a group have in common: the prompt, or the first turns up to the first answer."""
    if isinstance(row, Conversation):
        return [asdict(turn) for turn in row.messages[:2] if turn.role != "assistant"]
    return row.prompt if isinstance(row, PromptCompletion | Comparison) else asdict(row)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
