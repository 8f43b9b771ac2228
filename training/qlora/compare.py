"""python -m training.qlora.compare [FOLDER]

Compares what DPO and SALT make of the same edits. A simulated counselor edits notes in a style that never changes: no more than two pieces
of advice, questions that ask leave first, and one item that is always added. The demo model starts from its own adapter; each way of
training gets the same pairs, and the same number of epochs in all. Of held-out cases it then reports how likely the counselor's version
is, how far the model's own notes, written greedily, are from what the counselor would make of them, and what was forgotten: the loss on
Chinese notes, which nobody edited.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import AutoTokenizer

from inference.adapters import read_base_shape
from inference.errors import InvalidNote
from inference.note import Kind, Language, NoteItem, dump_note, parse_note
from inference.prompt import Message, build_prompt
from training.data.dataset import load_dataset, write_dataset
from training.data.edits import align
from training.data.examples import Example, Preference, Source
from training.data.mixing import Mix
from training.data.settings import Settings
from training.demo.content import Content, load_content
from training.demo.tasks import NO_LIMIT, Story
from training.qlora.adapter import add_adapter
from training.qlora.base import load_base
from training.qlora.loop import mean_loss
from training.qlora.objectives import Likelihood
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.rows import RowEncoder
from training.qlora.run import encode_dataset, run

DEMO = Path(__file__).parents[1] / "demo"
LEAVE = "If I may ask: "
ALWAYS = NoteItem(Kind.ANALYSIS, "What already helps deserves a place in the next session.")
MOST_ADVICE = 2
TRAIN, HELDOUT, UNEDITED, WRITTEN = 40, 12, 12, 8
"""Pairs to learn from, held-out pairs, Chinese notes, and notes that are written."""
LONGEST_NOTE = 320

Rows = tuple[Message, ...]
ARMS: Mapping[str, dict[str, Any]] = {
    "as it was": {"preference": "none", "learning_rate": 1e-12, "max_steps": 1},
    "examples alone": {"preference": "none", "epochs": 4},
    "DPO alone": {"preference": "dpo", "preference_epochs": 4},
    "SALT alone": {"preference": "salt", "preference_epochs": 4},
    "examples, then DPO": {"preference": "dpo", "epochs": 2, "preference_epochs": 2},
    "examples, then SALT": {"preference": "salt", "epochs": 2, "preference_epochs": 2},
}


@dataclass(frozen=True)
class Figures:
    """What is measured of one way of training, on held-out cases; losses in nats a token, margin in nats."""

    loss: float
    margin: float
    accuracy: float
    distance: float
    forgotten: float


def edited(note: Sequence[NoteItem]) -> tuple[NoteItem, ...]:
    """What the counselor makes of a note; of one that is as it should be, the same."""
    advice = [item for item in note if item.kind is Kind.ADVICE][MOST_ADVICE:]
    kept = [item for item in note if item not in advice]
    asked = [
        NoteItem(item.kind, LEAVE + item.text) if item.kind is Kind.QUESTION and not item.text.startswith(LEAVE) else item for item in kept
    ]
    return tuple(asked if ALWAYS in asked else [*asked, ALWAYS])


def a_case(content: Content, rng: Random, language: Language) -> tuple[Rows, tuple[NoteItem, ...]]:
    """A prompt and the note that the demo's adapter was made to write."""
    while True:
        story = Story(content, rng)
        if story.language is language:
            return build_prompt(story.turns()[:-1], language, NO_LIMIT).messages, story.current


def make_data(folder: Path) -> tuple[Path, Path]:
    """The dataset with examples and pairs, and the one with pairs alone."""
    content, rng = load_content(), Random(5)
    cases = [a_case(content, rng, Language.ENGLISH) for _ in range(TRAIN + HELDOUT)]
    chinese = [a_case(content, rng, Language.CHINESE) for _ in range(UNEDITED)]
    examples = [Example(f"c{place}", asked, dump_note(edited(note)), Source.EDIT, "n") for place, (asked, note) in enumerate(cases)]
    pairs = [
        Preference(f"c{place}", asked, dump_note(edited(note)), dump_note(note), align(note, edited(note)).counts, None, "n")
        for place, (asked, note) in enumerate(cases)
    ]
    unedited = [Example(f"z{place}", asked, dump_note(note), Source.BASE, "n") for place, (asked, note) in enumerate(chinese)]
    held = tuple(examples[TRAIN:])
    write_dataset(folder / "both", Mix(tuple(examples[:TRAIN]), held, tuple(pairs[:TRAIN]), tuple(pairs[TRAIN:]), {}), "n", Settings())
    write_dataset(folder / "pairs", Mix((), (*held, *unedited), tuple(pairs[:TRAIN]), tuple(pairs[TRAIN:]), {}), "n", Settings())
    return folder / "both", folder / "pairs"


def measure(folder: Path, recipe: Recipe, judged: Path) -> Figures:
    """Trains one way, and measures what came of it."""
    folder.mkdir()
    (folder / RECIPE_FILE).write_text(recipe.model_dump_json())
    result = run(folder)
    assert result.margin_after is not None  # noqa: S101  # there are held-out pairs
    model = add_adapter(load_base(recipe), recipe.model_copy(update={"begin": folder / "adapter"}), read_base_shape(recipe.base))
    encoder, dataset = RowEncoder(recipe.base), load_dataset(judged)
    rows = [((row.sample(),),) for row in encode_dataset(dataset, encoder, recipe).heldout]
    losses = [mean_loss(model, some, Likelihood(), 4, encoder.padding) for some in (rows[:HELDOUT], rows[HELDOUT:])]
    distance = written_distance(model, [row.messages for row in dataset.heldout[:WRITTEN]], recipe.base)
    return Figures(losses[0], result.margin_after.mean, result.margin_after.accuracy, distance, losses[1])


def written_distance(model: Any, prompts: Sequence[Rows], base: Path) -> float:
    """The mean share of characters that the counselor changes in the model's own notes; 1 for what is no note."""
    tokenizer = AutoTokenizer.from_pretrained(str(base), padding_side="left")
    texts = [tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True) for prompt in prompts]
    asked = tokenizer(texts, add_special_tokens=False, return_tensors="pt", padding=True)
    model.eval()
    with torch.no_grad():
        told = {"max_new_tokens": LONGEST_NOTE, "do_sample": False, "use_cache": True, "pad_token_id": tokenizer.pad_token_id}
        written = model.generate(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], **told)
    distances = []
    for row in written[:, asked["input_ids"].shape[1] :]:
        try:
            note = parse_note(tokenizer.decode(row, skip_special_tokens=True))
            distances.append(align(note, edited(note)).distance)
        except InvalidNote:
            distances.append(1.0)
    return sum(distances) / len(distances)


def main() -> None:
    """Prints one line a way of training, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where to work; a temporary folder unless it is given")
    given: Path | None = parser.parse_args().folder
    folder = given or Path(tempfile.mkdtemp(prefix="phyassist-compare-"))
    both, pairs = make_data(folder)
    common = {"base": DEMO / "model", "begin": DEMO / "adapter", "rank": 16, "alpha": 32, "compute": "fp32", "quantise": False}
    few = {
        "checkpointing": False,
        "accumulation": 4,
        "learning_rate": 5e-4,
        "preference_rate": 5e-4,
        "tracker": "none",
        "sequence_length": 768,
    }
    print("| | loss of edits | margin | pairs right | edit distance | loss of Chinese notes |\n|---|---|---|---|---|---|", flush=True)
    for place, (name, settings) in enumerate(ARMS.items()):
        data = pairs if "alone" in name and "examples" not in name else both
        figures = measure(folder / str(place), Recipe.model_validate({**common, **few, "dataset": data, **settings}), pairs)
        numbers = f"{figures.loss:.3f} | {figures.margin:.1f} | {figures.accuracy:.0%} | {figures.distance:.3f} | {figures.forgotten:.3f}"
        print(f"| {name} | {numbers} |", flush=True)
    if given is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
