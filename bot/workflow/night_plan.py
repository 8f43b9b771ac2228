"""What a night is to do, from the settings and from what is in service at the moment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.client import ChatModel
from inference.note import NoteLimits
from inference.registry import Registry
from training.night.plan import PLAN_FILE, Plan, Promotion, write_plan


@dataclass(frozen=True)
class Wishes:
    """What the settings say about nights. `begin` is the directory of the adapter that the server knows as `model`."""

    home: Path
    base: Path
    begin: Path | None
    base_set: Path | None
    recipe: Mapping[str, Any]
    promotion: Promotion
    shared_gpus: bool
    url: str
    model: str
    follows_registry: bool
    max_tokens: int
    context_tokens: int
    limits: NoteLimits
    mixing: Mapping[str, Any] = field(default_factory=dict)
    at_once: int = 4


async def plan_night(name: str, wishes: Wishes, registry: Registry, model: ChatModel) -> Path:
    """The folder of the night of that name, with its plan in it; a plan that is there already stands.

    Raises:
        ModelUnavailable, ModelRefused: the context length had to be asked for, and the server doesn't say.
        UnknownAdapter: the adapter in service isn't in the registry.
    """
    folder = wishes.home / "nights" / name
    if (folder / PLAN_FILE).exists():
        return folder
    champion, begin = in_service(wishes, registry)
    context = wishes.context_tokens or (await model.limits(champion or wishes.model)).context_tokens
    plan = Plan(
        name=name,
        home=wishes.home,
        base=wishes.base,
        url=wishes.url,
        champion=champion,
        begin=begin,
        origin=wishes.begin,
        recipe=dict(wishes.recipe),
        mixing=dict(wishes.mixing),
        at_once=wishes.at_once,
        limits=wishes.limits,
        max_tokens=wishes.max_tokens,
        prompt_tokens=context - wishes.max_tokens,
        base_set=wishes.base_set,
        shared_gpus=wishes.shared_gpus,
        promotion=wishes.promotion,
    )
    return await asyncio.to_thread(write_plan, plan)


def in_service(wishes: Wishes, registry: Registry) -> tuple[str | None, Path | None]:
    """The name of the adapter that answers come from (None: the bare base), and the directory that training goes on from.

    A retired champion is still what a new adapter has to beat, but nothing goes on from it: what it learned would be learned on.
    """
    champion = registry.pointer().champion if wishes.follows_registry else None
    if champion is None:
        return (wishes.model, wishes.begin) if wishes.begin else (None, None)
    adapter = registry.get(champion)
    return champion, None if registry.retirement(champion) else adapter.path
