"""The settings of the tasks `reward` and `reinforce`, which no other task has."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Algorithm(StrEnum):
    """How a policy learns from rewards. TRL has no PPO any more; both of these need no value model, which PPO did."""

    RLOO = "rloo"
    """REINFORCE, each answer against the mean reward of the others to its prompt (Ahmadian et al., ACL 2024). The distance from the
    fine-tuned policy is part of a whole answer's reward, as with PPO; in their comparison it did better than PPO, with less memory."""
    GRPO = "grpo"
    """Group relative policy optimisation (Shao et al., 2024): rewards are divided by their spread among the answers to a prompt, so a
    reward model's small differences weigh as much as its large ones; the distance is part of each token's loss."""


class Reward(BaseModel):
    """How a reward model is trained on comparisons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre: float = Field(default=0.01, ge=0)
    """Weight of the squared sum of a pair's rewards in the loss (Eisenstein et al., 2023, equation 2), which keeps rewards around 0;
    comparisons say nothing of their level. 0.01 is TRL's advice; 0 leaves it out."""


class Reinforce(BaseModel):
    """How a policy is trained against a reward model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reward: str | None = None
    """Folder of the run that made the reward model."""
    algorithm: Algorithm = Algorithm.RLOO
    """RLOO, which was made for learned rewards; GRPO where rewards are sure but of many scales."""
    answers: int = Field(default=4, ge=2)
    """Answers sampled to each prompt. `steps.batch` times accumulation times processes must be a multiple of it."""
    answer_tokens: int = Field(default=256, ge=1)
    """An answer is cut here."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampling. 1 is the policy itself, which the algorithms' formulas are for."""
    kl_weight: float = Field(default=0.05, gt=0)
    """What a nat (1.44 bits) of distance from the fine-tuned policy costs, in rewards. 0.05 is TRL's for RLOO."""
    kl_budget: float | None = Field(default=10.0, gt=0)
    """Nats an answer (Kullback-Leibler divergence from the fine-tuned policy, mean of the last five steps) at which the training ends. The
    further away, the less a reward model's opinion means (Gao et al., ICML 2023); 10 is our choice. None goes on."""
    overlong: float = Field(default=1.0, ge=0)
    """What an answer loses that reaches `answer_tokens`, in rewards; from `overlong_from` on it rises to that (Yu et al., 2025,
    equation 13)."""
    overlong_from: float = Field(default=0.75, ge=0, lt=1)
    """The share of `answer_tokens` that costs nothing."""
    length_cost: float = Field(default=0.0, ge=0)
    """What each answer loses for its length, in rewards for `answer_tokens` tokens, from the first token on: against a reward model that
    likes long answers. 0, since it makes good answers shorter too: look at the lengths in the result first."""
    held_out: int = Field(default=32, ge=1)
    """Prompts of the dev rows whose answers' lengths and rewards are measured before and after, at most."""
