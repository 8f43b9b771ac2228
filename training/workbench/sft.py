"""Supervised fine-tuning: rows of three forms, TRL's SFTTrainer, LoRA or all parameters."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from training.workbench.config import Config, Data, DeepSpeed
from training.workbench.encoding import Encoded, Encoder, Rows, encode_rows
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_base, load_tokenizer, make_trainable
from training.workbench.rows import Row, Split, read_file, read_rows
from training.workbench.runs import Result, Run
from training.workbench.trainer import Job, Resumable, arguments, keeping_numbers, train

APART = 1e-2
"""How far packed rows may be from the same rows alone, as a share of the outputs' own size: bf16 rounds to 0.4 %."""


class Sft(Resumable, SFTTrainer):  # type: ignore[misc]  # TRL's types are not followed
    """TRL's trainer with whole checkpoints."""


def run_sft(run: Run) -> Result:
    """Trains from a run's beginning or newest checkpoint to its output.

    Raises:
        WorkbenchError: with what to do about it.
    """
    return train(run, lambda of: job(of, lambda model: make_trainable(model, of.config.method, of.config.seed)))


def read_data(data: Data, seed: int) -> tuple[str, tuple[Row, ...], tuple[Row, ...]]:
    """The form of a run's rows, those to learn from, and those held back, which may be none.

    Raises:
        WorkbenchError: they are missing, damaged, or not of one form.
    """
    path = Path(data.path)
    if path.is_dir():
        folder = read_rows(path)
        form, rows, dev = folder.form, folder.splits[Split.TRAIN], folder.splits.get(Split.DEV, ())
        if data.form not in {None, form}:
            raise WorkbenchError(f"{path.name} holds rows of the form {form}, not {data.form}: leave data.form out")
    elif data.form is None:
        raise WorkbenchError(f"{path.name} is a file, which does not say its form: set data.form")
    else:
        form, rows, dev = data.form, read_file(path, data.form), ()
    if data.dev is not None:
        dev = _dev_rows(Path(data.dev), form)
    if not dev and data.dev_share:
        rows, dev = _divided(rows, data.dev_share, seed)
    if not rows:
        raise WorkbenchError(f"{path.name} has no rows to learn from")
    return form, rows, dev


def as_dataset(rows: Sequence[Encoded]) -> Dataset:
    """Rows as TRL takes them when they are tokens already, with labels of their own."""
    return Dataset.from_dict({"input_ids": [list(one.input_ids) for one in rows], "labels": [list(one.labels) for one in rows]})


def job(run: Run, trainable: Callable[[Any], Any], **more: Any) -> Job:
    """What a run trains, on its rows: `trainable` gives the base what is trained in it, `more` are arguments in place of the run's own."""
    config = run.config
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    rows, dev = _encoded(config, tokenizer)
    settings = arguments(
        SFTConfig,
        run,
        evaluates=dev is not None,
        max_length=config.data.max_length,
        packing=config.data.packing,
        packing_strategy="bfd",
        eval_packing=False,
        pad_to_multiple_of=None,
        router_aux_loss_coef=0.0,  # TRL adds the routers' auxiliary loss by default; the write-ups had none
        **more,
    )
    model = trainable(load_base(config.model))
    if config.data.packing and config.model.attention != "flash_attention_2" and config.distributed.deepspeed is DeepSpeed.NONE:
        check_kept_apart(model)  # flash attention needs a GPU, and ZeRO-3 its engine, before anything can be computed
    with keeping_numbers(model):
        trainer = Sft(
            model=model,
            args=settings,
            train_dataset=as_dataset(rows.rows),
            eval_dataset=None if dev is None else as_dataset(dev.rows),
            processing_class=tokenizer,
        )
    return Job(trainer, {"train": rows.counts} | ({} if dev is None else {"dev": dev.counts}))


def check_kept_apart(model: Any) -> None:
    """That rows in one sequence see nothing of each other: two rows give the same outputs packed as alone.

    Raises:
        WorkbenchError: the architecture does not tell rows apart by their positions: in transformers 5.19 Falcon and Bloom don't.
    """
    first, second = torch.arange(5, 13)[None], torch.arange(9, 20)[None]
    place = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.no_grad():
        alone = model(input_ids=second.to(place)).logits.float()
        positions = torch.cat([torch.arange(first.shape[1]), torch.arange(second.shape[1])])[None]
        packed = model(input_ids=torch.cat([first, second], dim=1).to(place), position_ids=positions.to(place)).logits.float()
    model.train(was_training)
    error = (packed[:, first.shape[1] :] - alone).norm() / alone.norm()
    if error > APART:
        raise WorkbenchError("this architecture does not keep packed rows apart: set data.packing to false")


def _encoded(config: Config, tokenizer: Any) -> tuple[Rows, Rows | None]:
    form, rows, dev = read_data(config.data, config.seed)
    if form == "comparison":
        raise WorkbenchError("rows of the form comparison are for `phyassist train reward`")
    encoder = Encoder(tokenizer, end_tokens(config.model.path, tokenizer), config.data.render)
    length, too_long = config.data.max_length, config.data.too_long
    return encode_rows(rows, encoder, length, too_long), encode_rows(dev, encoder, length, too_long) if dev else None


def _dev_rows(path: Path, form: str) -> tuple[Row, ...]:
    if not path.is_dir():
        return read_file(path, form)
    folder = read_rows(path)
    if folder.form != form:
        raise WorkbenchError(f"{path.name} holds rows of the form {folder.form}, not {form}")
    return folder.splits.get(Split.DEV) or folder.splits[Split.TRAIN]


def _divided(rows: Sequence[Row], share: float, seed: int) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Rows to learn from and rows held back, in their order; which is which is decided by the seed."""
    count = min(len(rows) - 1, max(1, round(share * len(rows))))
    held = set(Random(seed).sample(range(len(rows)), count)) if count else set()
    return tuple(row for at, row in enumerate(rows) if at not in held), tuple(row for at, row in enumerate(rows) if at in held)
