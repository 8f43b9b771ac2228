"""How long building a prompt takes in a long case, its digest included, and how much memory: `python -m tests.bench --prompts 500`."""

import statistics
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from rich.console import Console
from rich.table import Table

from inference.note import Language, NoteItem
from inference.prompt import Prompt, Turn, TurnKind, answered, build_prompt, handed_back, preamble, reported
from inference.tokens import estimate_tokens
from training.demo.content import Content, load_content
from training.demo.grammar import agrees, describe
from training.demo.notes import edited, fitting, full_note, missing_items

BUDGETS = (3_000, 30_000)
SHORTER = 10
"""The case beside which a long one is measured has so many times fewer descriptions."""
REPETITIONS = 20
EDITS = 3
"""Of so many notes one is handed back, and answered once more."""
AIM_MS = 50
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """Of building one prompt again and again: milliseconds of processor time, and peaks of memory in bytes.

    `first_peak` is that of the first repetition, `last_peak` that of the last one, `left` what stays allocated after all of them.
    """

    ms: tuple[float, ...]
    first_peak: int
    last_peak: int
    left: int


def measure_prompts(console: Console, descriptions: int) -> None:
    """Prints the cost of the prompt that ends with the newest of so many descriptions, beside that of a shorter case."""
    table = Table(
        "language, budget", "descriptions", "left out", "median", "worst", "peak memory",
        title=f"building a prompt, {REPETITIONS} times each", title_justify="left",
    )  # fmt: skip
    medians: list[float] = []
    grown: list[int] = []
    content = load_content()
    for language in Language:
        for budget in BUDGETS:
            for count in (max(descriptions // SHORTER, 1), descriptions):
                turns = a_case(content, language, count)
                cost, prompt = cost_of(turns, language, budget), _build(turns, language, budget)
                row = f"{prompt.left_out} of {len(turns)} turns", f"{statistics.median(cost.ms):.1f} ms", f"{max(cost.ms):.1f} ms"
                table.add_row(f"{language}, {budget:,} tokens", str(count), *row, f"{cost.last_peak / MIB:.2f} MiB")
                medians.append(statistics.median(cost.ms))
                grown.append(max(cost.last_peak - cost.first_peak, cost.left))
    console.print(table)
    console.print(f"building a prompt: {max(medians) / AIM_MS:.0%} of the {AIM_MS} ms of processor time that it may take")
    console.print(f"{REPETITIONS} repetitions: {max(grown) / 1024:+.1f} KiB of memory")


def cost_of(turns: list[Turn], language: Language, budget: int) -> Cost:
    """What building the prompt costs, after once for what is read and compiled only once; time and memory are looked at separately."""
    _build(turns, language, budget)
    ms: list[float] = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        _build(turns, language, budget)
        ms.append((time.process_time() - began) * 1000)
    tracemalloc.start()
    try:
        before, peaks = tracemalloc.get_traced_memory()[0], []
        for _ in range(REPETITIONS):
            tracemalloc.reset_peak()
            _build(turns, language, budget)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    return Cost(tuple(ms), peaks[0], peaks[-1], left)


def _build(turns: list[Turn], language: Language, budget: int) -> Prompt:
    return build_prompt(turns, language, budget, estimate_tokens(preamble(language)))


def a_case(content: Content, language: Language, descriptions: int) -> list[Turn]:
    """A case of so many descriptions: each answered but the last, some of the notes handed back."""
    turns = list(_turns(content, language, descriptions, Random(7)))
    while turns[-1].kind is not TurnKind.DESCRIPTION:
        turns.pop()
    return turns


def _turns(content: Content, language: Language, descriptions: int, rng: Random) -> Iterator[Turn]:
    written = 0
    while written < descriptions:
        description = describe(content, rng.choice(content.problems), language, rng)
        if not agrees(description.text, language, description.risk):
            continue
        known = fitting(content, description, rng)
        note = full_note(known, rng)
        yield _counted(reported(TurnKind.DESCRIPTION, description.text, language))
        yield _answer(note)
        if written % EDITS == 0:
            mine = edited(note, description, content, rng)
            yield _counted(handed_back(TurnKind.EDITED, mine, language))
            yield _answer(missing_items(known, note, mine))
        written += 1


def _answer(items: tuple[NoteItem, ...]) -> Turn:
    return _counted(answered(items))


def _counted(turn: Turn) -> Turn:
    return Turn(turn.kind, turn.text, estimate_tokens(turn.text))
