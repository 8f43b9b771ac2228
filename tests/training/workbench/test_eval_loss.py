"""Losses of answers alone, as a training reports them."""

import math
from pathlib import Path

import pytest
import torch

from tests.support.tiny_models import tiny_model
from training.evaluation.compare import Shown, compare
from training.evaluation.likelihood import row_losses
from training.evaluation.losses import LossFolder, loss_of, metric, read_losses, write_losses
from training.workbench.config import Dtype, Render
from training.workbench.encoding import Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_model, load_tokenizer
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Text, Turn
from training.workbench.tiny import Architecture

ROWS: list[Row] = [
    PromptCompletion("She sleeps badly. What helps?", "A diary."),
    PromptCompletion("他睡不好。怎么办？", "先写日记，再看。"),
    Conversation("c", (Turn("user", "Hello."), Turn("assistant", "Hi."), Turn("user", "Calm?"), Turn("assistant", "Yes, all day long."))),
    Comparison("Calm?", "Yes.", "No, not at all, never."),
    Text("The week was calm."),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[LossFolder, LossFolder]:
    """Losses of two tiny models on the same rows."""
    place = tmp_path_factory.mktemp("losses")
    for seed in (0, 1):
        path = tiny_model(Architecture.LLAMA, seed)
        rows = row_losses(load_model(path, dtype=Dtype.FP32), an_encoder(path), ROWS, batch=2)
        write_losses(place / str(seed), rows, {"model": str(seed)})
    return read_losses(place / "0"), read_losses(place / "1")


def an_encoder(path: Path, render: Render = Render.CHAT) -> Encoder:
    """The one of a training on this model."""
    tokenizer = load_tokenizer(path)
    return Encoder(tokenizer, end_tokens(path, tokenizer), render)


def test_the_loss_is_that_of_transformers_on_the_labels_of_a_training(folders: tuple[LossFolder, LossFolder]) -> None:
    """Row by row, whatever else is in the batch; over all rows it is the mean of tokens; a comparison's is that of its better answer."""
    model, encoder = load_model(tiny_model(Architecture.LLAMA, 0), dtype=Dtype.FP32), an_encoder(tiny_model(Architecture.LLAMA, 0))
    ours = folders[0].rows
    for row, found in zip(ROWS, ours, strict=True):
        one = encoder.encode(PromptCompletion(row.prompt, row.chosen) if isinstance(row, Comparison) else row)
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([one.input_ids]), labels=torch.tensor([one.labels])).loss.item()
        assert found.nats / found.tokens == pytest.approx(loss, rel=1e-4)
    whole = loss_of(ours)
    assert whole.loss == pytest.approx(sum(row.nats for row in ours) / sum(row.tokens for row in ours))
    assert whole.perplexity == pytest.approx(math.exp(whole.loss))


def test_two_models_losses_are_compared_row_by_row(folders: tuple[LossFolder, LossFolder]) -> None:
    """Weighted by tokens; a model against itself shows nothing; other rows and other tokens are refused."""
    one, two = folders
    (found,) = compare([metric(one, two)], resamples=500)
    assert (found.estimate.champion, found.estimate.challenger) == pytest.approx((loss_of(one.rows).loss, loss_of(two.rows).loss))
    (same,) = compare([metric(one, one)], resamples=500)
    assert (same.shown, same.equal) == (Shown.NOTHING, len(ROWS))
    with pytest.raises(WorkbenchError, match="different rows"):
        metric(one, LossFolder("x", two.rows[1:], two.manifest))
    changed = type(two.rows[0])(**{**vars(two.rows[0]), "tokens": 99})
    with pytest.raises(WorkbenchError, match="other tokenizers"):
        metric(one, LossFolder("x", (changed, *two.rows[1:]), two.manifest))


def test_rows_that_cannot_be_measured_are_told(tmp_path: Path) -> None:
    """Too long for the model, or without an answer: how many, and no word of them."""
    model, encoder = load_model(tiny_model(Architecture.LLAMA, 0), dtype=Dtype.FP32), an_encoder(tiny_model(Architecture.LLAMA, 0))
    with pytest.raises(WorkbenchError, match="1 rows are longer than the 2048 tokens"):
        row_losses(model, encoder, [PromptCompletion("sleep " * 3000, "x")], batch=1)
    with pytest.raises(WorkbenchError, match="1 of 1 rows have no answer"):
        row_losses(model, encoder, [Conversation("c", (Turn("user", "Hello."),))], batch=1)
