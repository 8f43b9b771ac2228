"""Small bases, datasets and recipes for tests of the training."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any

import torch
from transformers import MixtralConfig, MixtralForCausalLM

from inference.note import Kind, Language, NoteItem, dump_note
from inference.prompt import Message, TurnKind, build_prompt, reported
from training.data.dataset import write_dataset
from training.data.edits import align
from training.data.examples import Example, Preference, Source
from training.data.mixing import Mix
from training.data.settings import Settings
from training.qlora.recipe import Recipe

DEMO = Path(__file__).parents[2] / "training" / "demo"
TOKENIZER_FILES = ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json")
WORDS = (
    "sleep",
    "work",
    "walk",
    "call",
    "diary",
    "night",
    "worry",
    "friend",
    "school",
    "music",
    "garden",
    "river",
    "stone",
    "bread",
    "lamp",
)


def a_base(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """A tiny Mixtral of random numbers with the demo model's tokenizer and chat template."""
    torch.manual_seed(seed)
    small = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    small |= {"head_dim": 32, "num_local_experts": 4, "num_experts_per_tok": 2, "max_position_embeddings": 1024}
    tokens = {"vocab_size": 8192, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    config = MixtralConfig(**{**small, **tokens, "initializer_range": 0.1, "sliding_window": None, **sizes})
    MixtralForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        copy(DEMO / "model" / name, folder / name)
    return folder


def a_prompt(text: str) -> tuple[Message, ...]:
    """What the server is asked about a description."""
    return build_prompt([reported(TurnKind.DESCRIPTION, text, Language.ENGLISH)], Language.ENGLISH, 10_000).messages


def a_note(*texts: str) -> tuple[NoteItem, ...]:
    """Items of the three kinds in turn."""
    kinds = list(Kind)
    return tuple(NoteItem(kinds[place % len(kinds)], text) for place, text in enumerate(texts))


def words_of(seed: str, count: int) -> str:
    """A sentence of common words."""
    return " ".join(Random(seed).choices(WORDS, k=count)).capitalize() + "."


def an_example(number: int, length: int = 5) -> Example:
    """An example with words of its own."""
    note = a_note(*(words_of(f"{number} {place}", length) for place in range(3)))
    return Example(f"case-{number}", a_prompt(words_of(f"asked {number}", length)), dump_note(note), Source.ACCEPTED, "n1")


def a_pair(number: int, *, word: str = "Gently: ") -> Preference:
    """A draft whose counselor puts the same word before each item, drops the last one and adds one."""
    texts = [words_of(f"pair {number} {place}", 5) for place in range(4)]
    draft = a_note(*texts)
    edit = a_note(*(word + text for text in texts[:3]), words_of(f"added {number}", 5))
    asked = a_prompt(words_of(f"asked of pair {number}", 5))
    return Preference(f"case-{number}", asked, dump_note(edit), dump_note(draft), align(draft, edit).counts, None, "n1")


def a_dataset(
    folder: Path, examples: int = 6, heldout: int = 2, pairs: int = 0, heldout_pairs: int = 0, more: Sequence[Example] = ()
) -> Path:
    """A dataset on disk."""
    train = (*(an_example(number) for number in range(examples)), *more)
    held = tuple(an_example(100 + number) for number in range(heldout))
    preferred = tuple(a_pair(200 + number) for number in range(pairs))
    held_pairs = tuple(a_pair(300 + number) for number in range(heldout_pairs))
    write_dataset(folder, Mix(train, held, preferred, held_pairs, {}), "n1", Settings())
    return folder


def a_recipe(base: Path, dataset: Path, **changes: Any) -> Recipe:
    """A recipe for a training of a few steps."""
    small = {"rank": 8, "alpha": 16, "sequence_length": 256, "accumulation": 2, "learning_rate": 5e-3, "preference_rate": 2e-3}
    few = {"max_steps": 6, "epochs": 50, "preference_epochs": 50, "evaluate_every": 2, "save_every": 2, "patience": 100, "tracker": "none"}
    return Recipe.model_validate({"base": base, "dataset": dataset, "compute": "fp32", "preference": "none", **small, **few, **changes})
