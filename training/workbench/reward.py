"""A reward model: which of two answers people would choose, learned from comparisons (Ouyang et al., NeurIPS 2022).

The model is the one that is to be reinforced, fine-tuning included (`--adapter`), with a number in place of the next token; so what it
knows of the conversations goes into its judgement. TRL's RewardTrainer trains it, as an adapter with the head, or whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from datasets import Dataset
from trl import RewardConfig, RewardTrainer

from training.workbench.config import Config, Embeddings, TooLong
from training.workbench.encoding import IGNORED, Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_tokenizer, make_trainable
from training.workbench.rows import Comparison, PromptCompletion, Row
from training.workbench.runs import Result, Run
from training.workbench.scoring import Tokens, load_reward_base, load_scorer
from training.workbench.sft import read_data
from training.workbench.trainer import Job, Resumable, arguments, keeping_numbers, train

CURVE = ("loss", "eval_loss", "accuracy", "eval_accuracy")


class Reward(Resumable, RewardTrainer):  # type: ignore[misc]  # TRL's types are not followed
    """TRL's trainer with whole checkpoints."""


@dataclass(frozen=True)
class Pair:
    """A comparison as tokens: each the prompt and an answer, which ends with the token that ends it."""

    chosen: Tokens
    rejected: Tokens


def run_reward(run: Run) -> Result:
    """Trains from a run's beginning or newest checkpoint to its output.

    Raises:
        WorkbenchError: with what to do about it.
    """
    return train(run, _job, curve=CURVE, measure=_measured)


def encode_pairs(rows: Sequence[Row], encoder: Encoder, max_length: int, too_long: TooLong) -> tuple[list[Pair], dict[str, int]]:
    """Comparisons as tokens, and what became of them. Those that are too long are left out: an answer that is cut is another answer.

    Raises:
        WorkbenchError: rows are no comparisons, none is left, or one is too long and that was to be refused.
    """
    if not all(isinstance(row, Comparison) for row in rows):
        raise WorkbenchError("a reward model learns from rows of the form comparison: prompt, chosen, rejected")
    pairs = [_pair(row, encoder) for row in rows if isinstance(row, Comparison)]
    fitting = [pair for pair in pairs if max(len(pair.chosen), len(pair.rejected)) <= max_length]
    kept = [pair for pair in fitting if pair.chosen != pair.rejected]
    if too_long is TooLong.REFUSE and len(fitting) < len(pairs):
        raise WorkbenchError(
            f"{len(pairs) - len(fitting)} comparisons have more tokens than data.max_length, {max_length}: raise it, or drop them"
        )
    if not kept:
        raise WorkbenchError(
            f"no comparison is left to learn from: all are longer than data.max_length, {max_length}, or have equal answers"
        )
    return kept, {"rows": len(pairs), "too_long": len(pairs) - len(fitting), "equal": len(fitting) - len(kept), "used": len(kept)}


def _pair(row: Comparison, encoder: Encoder) -> Pair:
    return Pair(_answered(encoder, row.prompt, row.chosen), _answered(encoder, row.prompt, row.rejected))


def _answered(encoder: Encoder, prompt: str, answer: str) -> list[int]:
    """A prompt and its answer up to the token that ends it, as a model writes them; what a template has behind it is left out."""
    row = encoder.encode(PromptCompletion(prompt, answer))
    end = max((place for place, label in enumerate(row.labels) if label != IGNORED), default=len(row.labels) - 1)
    return list(row.input_ids[: end + 1])


def _job(run: Run) -> Job:
    config = run.config
    if isinstance(config.method, Embeddings):
        raise WorkbenchError("method.kind embeddings trains no reward model: choose lora or full")
    (rows, counts), dev = _pairs(config)
    settings = arguments(
        RewardConfig,
        run,
        evaluates=dev is not None,
        max_length=None,
        center_rewards_coefficient=config.reward.centre or None,
        pad_to_multiple_of=None,
    )
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    base = load_reward_base(config)
    tokenizer.pad_token_id = base.config.pad_token_id
    model = make_trainable(base, config.method, config.seed, task="SEQ_CLS")
    with keeping_numbers(model):
        trainer = Reward(
            model=model,
            args=settings,
            train_dataset=_dataset(rows),
            eval_dataset=None if dev is None else _dataset(dev[0]),
            processing_class=tokenizer,
        )
    return Job(trainer, {"train": counts} | ({} if dev is None else {"dev": dev[1]}))


def _measured(run: Run) -> Mapping[str, Any]:
    """What the reward model that was written makes of the pairs held back; of all pairs where none were."""
    (rows, _), dev = _pairs(run.config)
    pairs, split = (rows, "train") if dev is None else (dev[0], "dev")
    scorer = load_scorer(run.folder, run.config.evaluation.batch)
    chosen = scorer.rewards([pair.chosen for pair in pairs])
    rejected = scorer.rewards([pair.rejected for pair in pairs])
    right = fmean(one > other for one, other in zip(chosen, rejected, strict=True))
    longer = fmean(len(pair.chosen) > len(pair.rejected) for pair in pairs)
    return {
        "pairs": len(pairs),
        "pairs_of": split,
        "accuracy": right,
        "chosen": fmean(chosen),
        "rejected": fmean(rejected),
        "longer_is_chosen": longer,
    }


def _pairs(config: Config) -> tuple[tuple[list[Pair], dict[str, int]], tuple[list[Pair], dict[str, int]] | None]:
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    encoder = Encoder(tokenizer, end_tokens(config.model.path, tokenizer), config.data.render)
    _, rows, dev = read_data(config.data, config.seed)
    length, too_long = config.data.max_length, config.data.too_long
    return encode_pairs(rows, encoder, length, too_long), encode_pairs(dev, encoder, length, too_long) if dev else None


def _dataset(pairs: Sequence[Pair]) -> Dataset:
    return Dataset.from_dict({"chosen_ids": [pair.chosen for pair in pairs], "rejected_ids": [pair.rejected for pair in pairs]})
