"""The settings of the tasks `reward` and `reinforce`, which no other task has."""

from pydantic import BaseModel, ConfigDict


class Reward(BaseModel):
    """How a reward model is trained on comparisons."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reinforce(BaseModel):
    """How a policy is trained against a reward model."""

    model_config = ConfigDict(frozen=True, extra="forbid")
