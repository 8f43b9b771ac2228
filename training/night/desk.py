"""What a night works with, beside its plan."""

from collections.abc import Callable
from dataclasses import dataclass

from inference.registry import ADAPTERS_DIRECTORY, Registry
from training.night.plan import Plan
from training.night.sample import Keep
from training.night.told import Tell


@dataclass(frozen=True)
class Desk:
    """What a night works with, beside its plan: who is told, whether to stop, the key of the model server, and who keeps notes before and
    after (None: nobody, and none are made)."""

    tell: Tell
    should_stop: Callable[[], bool] = lambda: False
    api_key: str | None = None
    keep: Keep | None = None


def registry_of(plan: Plan) -> Registry:
    """The registry of the night's data directory."""
    return Registry(plan.home / ADAPTERS_DIRECTORY)
