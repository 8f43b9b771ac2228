"""What is looked at after each night, and the picture of all of them."""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from inference.likelihood import Likelihood
from inference.note import Language
from inference.prompt import Message
from training.data.edits import align
from training.demo.content import Content
from training.demo.practice import Counselor
from training.demo.tasks import Step
from training.measure.heldout import Asked
from training.simulation.counselors import OTHER_NOTES, OTHER_TASKS, Draft, fresh_prompt, other_task, served

T = TypeVar("T")

FRESH, BASE = 24, 40
"""How many fresh descriptions, and rows of the base set, are looked at."""


@dataclass(frozen=True)
class Quality:
    """One adapter. `edit_distance`: how far its notes to fresh descriptions are from what the counselor would make of them, 0 to 1.
    `base_loss`: nats a token on tasks that no counselor here touches. `notes_loss`: the same on other whole notes in the old style."""

    edit_distance: float
    base_loss: float
    notes_loss: float


@dataclass(frozen=True)
class Figures:
    """After one night. `poison` is None on an honest one; `champion` is who serves now; `seconds` are the night's own."""

    night: str
    poison: str | None
    end: str
    champion: str
    edit_distance: float
    base_loss: float
    notes_loss: float
    new_cases: int
    train_rows: int
    heldout_rows: int
    seconds: float
    refused_for: tuple[str, ...] = ()

    @property
    def quality(self) -> Quality:
        """Of the adapter in service afterwards."""
        return Quality(self.edit_distance, self.base_loss, self.notes_loss)


async def quality(content: Content, whole: Content, asked: Asked, counselor: Counselor) -> Quality:
    """Looks at the adapter that `asked` names: what it drafts for the team's clients, and what it still can of all that it could."""
    fresh = [fresh_prompt(content, f"fresh-{number}") for number in range(FRESH)]
    distances = await in_turns([_distance(served(asked), counselor, *one) for one in fresh], asked.asking.at_once)
    base, notes = [await _mean_loss(whole, asked, steps) for steps in (OTHER_TASKS, OTHER_NOTES)]
    return Quality(sum(distances) / len(distances), base, notes)


async def in_turns(work: Iterable[Awaitable[T]], at_once: int) -> list[T]:
    """All of it, so many at a time, in order."""
    places = asyncio.Semaphore(at_once)

    async def one(job: Awaitable[T]) -> T:
        async with places:
            return await job

    return await asyncio.gather(*map(one, work))


async def _distance(draft: Draft, counselor: Counselor, messages: tuple[Message, ...], language: Language) -> float:
    """1 for what is no note."""
    note = await draft(messages)
    return 1.0 if note is None else align(note, counselor.wishes(note, language)).distance


async def _mean_loss(whole: Content, asked: Asked, steps: Sequence[Step]) -> float:
    rows = [other_task(whole, f"measured-{number}", steps) for number in range(BASE)]
    losses = await in_turns([_loss(asked.likelihood, asked.name, *row) for row in rows], asked.asking.at_once)
    return sum(lost for lost, _ in losses) / sum(count for _, count in losses)


async def _loss(likelihood: Likelihood, name: str, messages: tuple[Message, ...], answer: str) -> tuple[float, int]:
    """Nats of an answer, and its tokens."""
    tokens = await likelihood.tokens(name, messages, answer)
    found = await likelihood.logprobs(name, (*tokens.prompt, *tokens.answer))
    return -sum(found[len(tokens.prompt) - 1 :]), len(tokens.answer)


def report(nights: Sequence[Figures], before: Quality) -> dict[str, object]:
    """What was seen, beside what was aimed at."""
    honest = [night for night in nights if night.poison is None]
    poison = [night for night in nights if night.poison is not None]
    now = honest[-1].quality if honest else before
    return {
        "nights": len(honest),
        "promoted": sum(night.end == "promoted" for night in honest),
        "poisoned": len(poison),
        "poisoned_stopped": sum(night.end == "refused" for night in poison),
        "edit_distance": _change(before.edit_distance, now.edit_distance),
        "base_loss": _change(before.base_loss, now.base_loss),
        "notes_loss": _change(before.notes_loss, now.notes_loss),
        "seconds_a_night": round(sum(night.seconds for night in nights) / len(nights), 1) if nights else None,
        "aims": {"edit_distance": "at least 20 % less", "base_loss": "at most 2 % more", "poisoned_stopped": "all"},
        "each": [asdict(night) for night in nights],
    }


def _change(before: float, after: float) -> dict[str, float]:
    return {"before": round(before, 4), "after": round(after, 4), "percent": round(100 * (after / before - 1), 2)}


def write_report(nights: Sequence[Figures], before: Quality, folder: Path) -> None:
    """`simulation.json` and `simulation.png`."""
    (folder / "simulation.json").write_text(json.dumps(report(nights, before), indent=1) + "\n")
    draw(nights, before, folder / "simulation.png")


def draw(nights: Sequence[Figures], before: Quality, path: Path) -> None:
    """Edit distance and base loss over the nights; who was promoted, who was stopped."""
    from matplotlib.figure import Figure

    honest = [night for night in nights if night.poison is None]
    figure = Figure(figsize=(9, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    numbers = range(len(honest) + 1)
    upper.plot(numbers, [before.edit_distance, *(night.edit_distance for night in honest)], color="tab:blue")
    upper.axhline(0.8 * before.edit_distance, linestyle=":", color="tab:blue", label="aim: a fifth less")
    upper.set(ylabel="edit distance to wishes", ylim=(0, None))
    base = [100 * (loss / before.base_loss - 1) for loss in (before.base_loss, *(night.base_loss for night in honest))]
    lower.plot(numbers, base, color="tab:orange")
    lower.axhline(2, linestyle=":", color="tab:orange", label="aim: no higher")
    lower.set(xlabel="night", ylabel="loss on the base set, % more")
    for panel, values in ((upper, [night.edit_distance for night in honest]), (lower, base[1:])):
        promoted = [(place, value) for place, (night, value) in enumerate(zip(honest, values, strict=True), 1) if night.end == "promoted"]
        panel.plot([place for place, _ in promoted], [value for _, value in promoted], "o", color="tab:green", label="promoted")
    after = [(_honest_before(nights, night), night.end == "refused") for night in nights if night.poison is not None]
    for stopped, color, name in ((True, "tab:red", "poisoned batch, stopped"), (False, "black", "poisoned batch, let through")):
        places = [place + 0.5 for place, was in after if was is stopped]
        if places:
            upper.plot(places, [0.03 * before.edit_distance] * len(places), "x", color=color, label=name)
    upper.legend()
    lower.legend()
    figure.savefig(path, dpi=120)


def _honest_before(nights: Sequence[Figures], night: Figures) -> int:
    return sum(one.poison is None for one in nights[: nights.index(night)])
