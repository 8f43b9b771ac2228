"""Reinforcement: answers that a reward model likes become likelier, as far as the policy may move away from what fine-tuning made.

The policy is a new adapter over the model with its fine-tuned adapter merged into it; with the new adapter switched off it is what
fine-tuning made, and that is the reference. So reference and policy are one model in memory, and at the first step the same.

    sample answers   some to each prompt, from the policy as it is
    score them       reward model - overlong answers - length, and (RLOO) - the distance from the reference
    learn            each answer against the others to its prompt

What is random in a step (sampling, the order of answers) follows from seed, step and process; which prompts a step has is settled before
the first. So a run that was killed and resumed goes on with the same answers.
"""

import hashlib
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback

from training.workbench.answers import measure
from training.workbench.config import Config, Lora, TooLong
from training.workbench.encoding import Encoder
from training.workbench.errors import WorkbenchError
from training.workbench.models import end_tokens, load_base, load_model, load_tokenizer, make_trainable
from training.workbench.progress import Point, read_progress
from training.workbench.rows import Comparison, Conversation, PromptCompletion, Row, Turn
from training.workbench.runs import Result, Run
from training.workbench.scoring import Scorer, Tokens, load_scorer
from training.workbench.sections import Algorithm
from training.workbench.sft import read_data
from training.workbench.trainer import Job, Resumable, arguments, keeping_numbers, train
from training.workbench.watch import Goal


@contextmanager
def without_vllm() -> Iterator[None]:
    """TRL imports all of vLLM where it is installed, to sample with it: a third of a minute, and settings for servers. Here the policy
    itself samples, so while the block runs there is none."""
    before = sys.modules.get("vllm")
    if before is None:
        sys.modules["vllm"] = None  # type: ignore[assignment]  # Python's way to say that a module can't be imported
    try:
        yield
    finally:
        if before is None:
            del sys.modules["vllm"]


with without_vllm():
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
    from trl.rewards import get_soft_overlong_punishment

KL, LENGTH, REWARD = "kl", "completions/mean_length", "reward"
CURVE = (REWARD, KL, LENGTH)
RECENT = 5
"""Steps whose mean distance from the reference is held against the budget; that of one step is noisy."""


class FromTokens(Resumable):
    """To be put before one of TRL's trainers that sample: prompts are tokens already, and what is random follows from the step."""

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        known = f"{self.args.seed} {self.state.global_step} {self.accelerator.process_index}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(known.encode()).digest()[:8], "big"))
        return super()._generate_and_score_completions(inputs)


class Rloo(FromTokens, RLOOTrainer):  # type: ignore[misc]  # TRL's types are not followed
    """TRL's RLOO with exact resumption."""


class Grpo(FromTokens, GRPOTrainer):  # type: ignore[misc]  # TRL's types are not followed
    """TRL's GRPO with exact resumption."""


class Budget(TrainerCallback):  # type: ignore[misc]  # transformers' types are not followed
    """Ends the training when the policy is further from the reference than it may be. It decides from the Trainer's log alone."""

    def __init__(self, nats: float | None) -> None:
        self._nats = nats

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if is_spent(self._nats, state.log_history):
            control.should_save = control.should_training_stop = True


class LengthCost:
    """Minus the share of `limit` that an answer takes."""

    __name__ = "length_cost"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __call__(self, completion_ids: Sequence[Tokens], **_: Any) -> list[float]:
        return [-len(answer) / self._limit for answer in completion_ids]


class LearnedReward:
    """The reward model's reward of prompts with their answers."""

    __name__ = "reward_model"

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def __call__(self, prompts: Sequence[Tokens], completion_ids: Sequence[Tokens], **_: Any) -> list[float]:
        return self._scorer.rewards([[*prompt, *answer] for prompt, answer in zip(prompts, completion_ids, strict=True)])


@dataclass(frozen=True)
class Within(Goal):
    """The last checkpoint is taken; a training is over when its budget is spent, also for one that is resumed at that moment."""

    nats: float | None = None

    def is_over(self, log: Sequence[Mapping[str, Any]], patience: int | None) -> bool:
        return is_spent(self.nats, log)


def run_reinforce(run: Run) -> Result:
    """Trains from a run's beginning or newest checkpoint to its output.

    Raises:
        WorkbenchError: with what to do about it.
    """
    return train(run, _job, Within(nats=run.config.reinforce.kl_budget), CURVE, _measured)


def is_spent(nats: float | None, log: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the mean distance of the last steps, in nats an answer, is more than the budget."""
    steps = distances(log)[-RECENT:]
    return nats is not None and len(steps) == RECENT and fmean(steps) > nats


def distances(log: Sequence[Mapping[str, Any]]) -> list[float]:
    """The Kullback-Leibler divergence of each step's policy from the reference, estimated on its answers: nats an answer."""
    return [point[KL] * point[LENGTH] for point in log if KL in point and LENGTH in point]


def prompts_of(rows: Sequence[Row], encoder: Encoder, longest: int, too_long: TooLong) -> tuple[list[Tokens], dict[str, int]]:
    """What rows ask, as tokens, each once; and what became of them. A prompt is never cut.

    Raises:
        WorkbenchError: rows ask nothing, none is left, or one is too long and that was to be refused.
    """
    prompts = list(dict.fromkeys(_asked(row, encoder) for row in rows))
    kept: list[Tokens] = [prompt for prompt in prompts if len(prompt) <= longest]
    if too_long is TooLong.REFUSE and len(kept) < len(prompts):
        raise WorkbenchError(
            f"{len(prompts) - len(kept)} prompts have more than {longest} tokens: raise data.max_length, or let them be dropped"
        )
    if not kept:
        raise WorkbenchError(
            f"no prompt is left: all have more than {longest} tokens, which is data.max_length less reinforce.answer_tokens"
        )
    return kept, {"rows": len(rows), "repeated": len(rows) - len(prompts), "too_long": len(prompts) - len(kept), "used": len(kept)}


def schedule(prompts: Sequence[Tokens], count: int, seed: int) -> list[Tokens]:
    """As many prompts as a training needs: all of them in an order of chance, again and again, each time another."""
    found: list[Tokens] = []
    for epoch in range(math.ceil(count / len(prompts))):
        found.extend(Random(f"{seed} {epoch}").sample(list(prompts), len(prompts)))
    return found[:count]


def _asked(row: Row, encoder: Encoder) -> tuple[int, ...]:
    if isinstance(row, PromptCompletion | Comparison):
        return encoder.prompt(row.prompt)
    if isinstance(row, Conversation):
        last = max((place for place, turn in enumerate(row.messages) if turn.role == "assistant"), default=len(row.messages))
        turns: Sequence[Turn] = row.messages[:last]
        return encoder.asked(turns)
    raise WorkbenchError("rows of the form text have no prompts to answer: give conversations, prompts with completions, or comparisons")


def _job(run: Run) -> Job:
    config = run.config
    steps, settings = config.steps, config.reinforce
    if not isinstance(config.method, Lora):
        raise WorkbenchError(f"method.kind {config.method.kind} would need a second model as the reference: set it to lora")
    at_once, left = divmod(steps.batch * steps.accumulation * config.distributed.processes, settings.answers)
    if left or not at_once:
        raise WorkbenchError(
            "steps.batch x steps.accumulation x distributed.processes must be a multiple of reinforce.answers, so that no prompt is torn"
        )
    reward = _reward(config)
    (prompts, counts), (_, held_counts, _) = _prompts(config)
    total = steps.max_steps or math.ceil(steps.epochs * len(prompts) / at_once)
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    grpo = settings.algorithm is Algorithm.GRPO
    args = arguments(
        GRPOConfig if grpo else RLOOConfig,
        run,
        evaluates=False,
        max_steps=total,
        num_generations=settings.answers,
        max_completion_length=settings.answer_tokens,
        temperature=settings.temperature,
        beta=settings.kl_weight,
        reward_weights=[1.0, settings.overlong, settings.length_cost],
        shuffle_dataset=False,
        disable_dropout=True,
        router_aux_loss_coef=0.0,
        pad_to_multiple_of=None,
        log_completions=False,
    )
    scorer = load_scorer(reward, config.evaluation.batch)
    model = make_trainable(load_base(config.model), config.method, config.seed)
    model.generation_config.eos_token_id = sorted(end_tokens(config.model.path, tokenizer))
    with keeping_numbers(model):
        trainer = (Grpo if grpo else Rloo)(
            model=model,
            reward_funcs=[
                LearnedReward(scorer),
                get_soft_overlong_punishment(settings.answer_tokens, max(1, round(settings.answer_tokens * (1 - settings.overlong_from)))),
                LengthCost(settings.answer_tokens),
            ],
            args=args,
            train_dataset=Dataset.from_dict({"prompt": [list(prompt) for prompt in schedule(prompts, total * at_once, config.seed)]}),
            processing_class=tokenizer,
            callbacks=[Budget(settings.kl_budget)],
        )
    trainer.model.delete_adapter(COPY)
    return Job(trainer, {"train": counts, "held out": held_counts})


COPY = "ref"
"""TRL's copy of the adapter before the first step, where it adds nothing. Without it TRL switches the adapter off, which is the same."""


def _measured(run: Run) -> Mapping[str, Any]:
    """Answers to prompts held back, without the new adapter and with it."""
    config = run.config
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    ends = end_tokens(config.model.path, tokenizer)
    _, (prompts, _, split) = _prompts(config)
    scorer = load_scorer(_reward(config), config.evaluation.batch)
    base = config.model
    model = load_model(
        base.path,
        (*base.adapters, str(run.output)),
        base.quantise,
        base.dtype,
        attention=base.attention,
        trust_remote_code=base.trust_remote_code,
    )
    known = (tokenizer, prompts[: config.reinforce.held_out], ends, config.reinforce.answer_tokens, scorer, config.evaluation.batch)
    after = measure(model, *known)
    with model.disable_adapter():
        before = measure(model, *known)
    progress = read_progress(run.folder)
    return {
        "prompts": len(known[1]),
        "prompts_of": split,
        "before": before.model_dump(),
        "after": after.model_dump(),
        **_course(progress),
        "ended_by": "kl_budget" if is_spent(config.reinforce.kl_budget, progress) else "steps",
    }


def _course(progress: Sequence[Point]) -> Mapping[str, float]:
    """Rewards of the first and of the last steps, and how far the policy went."""
    rewards = [point[REWARD] for point in progress if REWARD in point]
    few = max(1, min(RECENT, len(rewards) // 2))
    return {
        "reward_first": fmean(rewards[:few]),
        "reward_last": fmean(rewards[-few:]),
        "nats_an_answer": fmean(distances(progress)[-few:]),
    }


def _prompts(config: Config) -> tuple[tuple[list[Tokens], dict[str, int]], tuple[list[Tokens], dict[str, int], str]]:
    """Prompts to learn from, and prompts held back: those of the dev rows, or where there are none the first of the others."""
    tokenizer = load_tokenizer(config.model.path, config.model.chat_template, config.model.trust_remote_code)
    encoder = Encoder(tokenizer, end_tokens(config.model.path, tokenizer), config.data.render)
    _, rows, dev = read_data(config.data, config.seed)
    longest, too_long = config.data.max_length - config.reinforce.answer_tokens, config.data.too_long
    train_prompts = prompts_of(rows, encoder, longest, too_long)
    return train_prompts, (*prompts_of(dev, encoder, longest, too_long), "dev") if dev else (*train_prompts, "train")


def _reward(config: Config) -> str:
    if config.reinforce.reward is None:
        raise WorkbenchError("reinforce.reward must name the run of a reward model: `phyassist train reward` makes one")
    return config.reinforce.reward
