"""Which held-out prompts an admin sees answered by both adapters, and the answers.

What was measured holds numbers only, so both are asked once more, at temperature 0, on the server that still has both.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random

from inference.prompt import last_said
from training.data.examples import Example
from training.gate.scores import ExampleScore, Scores
from training.measure.heldout import OwnNote
from training.measure.run import own_notes, row_id
from training.measure.served import Asking
from training.night.collect import held_out
from training.night.compare import Comparison, challenger_loaded, served_models, unless_stopped
from training.night.desk import Desk
from training.night.learn import Material
from training.night.plan import Plan
from training.night.sample import SAID_CHARS, SAMPLES, Sample
from training.qlora.result import Result


async def before_and_after(plan: Plan, material: Material, result: Result, compared: Comparison, desk: Desk) -> tuple[Sample, ...]:
    """The samples of a night. Raises: Interrupted, InferenceError."""
    examples, _ = held_out(material.dataset, material.earlier.usable, plan.heldout_rows)
    chosen = choose(plan.name, examples, compared.champion, compared.challenger)
    prompts, asking = [example.messages for example in chosen], Asking(plan.max_tokens, plan.limits, plan.at_once)
    async with challenger_loaded(plan, result, desk) as (served, candidate):
        models = served_models(plan, material, served, candidate, compared.challenger.base, desk)
        before, after = [await unless_stopped(own_notes(model, prompts, asking), desk) for model in models]
    return tuple(_sample(*row) for row in zip(chosen, before, after, strict=True))


def choose(night: str, examples: Sequence[Example], champion: Scores, challenger: Scores) -> tuple[Example, ...]:
    """Up to `SAMPLES` of the examples that both were measured on, each of another case, drawn with the night's name.

    Those come first on which both fared differently, since then the notes differ; among them those that a description alone leads up to;
    languages take turns.
    """
    before = {score.id: _fared(score) for score in champion.examples}
    after = {score.id: _fared(score) for score in challenger.examples}
    places = [place for place in range(len(examples)) if row_id(place) in before and row_id(place) in after]
    same = {place: before[row_id(place)] == after[row_id(place)] for place in places}
    Random(f"phyassist samples {night}").shuffle(places)
    places.sort(key=lambda place: (same[place], len(examples[place].messages) > 1))  # what is alike stays as it was drawn
    firsts = {examples[place].case_id: place for place in reversed(places)}  # of each case the best
    had: Counter[tuple[bool, str]] = Counter()
    turns = {}
    for place in sorted(firsts.values(), key=places.index):
        group = same[place], last_said(examples[place].messages)[0]
        turns[place] = same[place], had[group]
        had[group] += 1
    return tuple(examples[place] for place in sorted(turns, key=lambda place: turns[place])[:SAMPLES])


def _fared(score: ExampleScore) -> tuple[object, ...]:
    """What follows from an adapter's own note alone."""
    return score.valid, score.edit_distance, score.kept_item_rate


def _sample(example: Example, before: OwnNote, after: OwnNote) -> Sample:
    language, said = last_said(example.messages)
    return Sample(example.case_id, language, said if len(said) <= SAID_CHARS else f"{said[:SAID_CHARS]} …", before, after)
