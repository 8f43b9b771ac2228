"""The two training corpora as endless, seeded streams of encoded rows: prose for the base model, notes for the adapter."""

from collections.abc import Iterator
from itertools import count
from random import Random

from training.demo.content import Content
from training.demo.prose import answer_row, conversation_row, fragment_row, textbook_text, topic_row
from training.demo.tasks import long_case_row, note_row, short_case_row, windowed_row
from training.demo.tokens import Encoded, Encoder

FRAGMENTS_FIRST = 8000
"""Rows at the beginning that are nearly all fragments: the model learns what words are about before it learns to write."""

LEARNED_OF_DESCRIPTIONS = 0.25
"""The base model learns to continue descriptions too, on this share of their tokens: enough for the language, at a low price."""


def base_rows(content: Content, encoder: Encoder, seed: int, longest: int) -> Iterator[Encoded]:
    """Descriptions with topics and prose answers, textbook passages, and some conversations up to `longest` tokens."""
    rng = Random(seed)
    for place in count():
        words_first = (92, 4, 3, 1, 0, 0) if place < FRAGMENTS_FIRST else (40, 10, 40, 5, 4, 1)
        kind = rng.choices(("fragment", "topic", "answer", "textbook", "talk", "long"), words_first)[0]
        if kind == "fragment":
            row = encoder.row(fragment_row(content, rng))
        elif kind == "textbook":
            row = encoder.text(textbook_text(content, rng))
        elif kind == "topic":
            row = encoder.row(topic_row(content, rng))
        elif kind == "answer":
            row = encoder.row(answer_row(content, rng))
        else:
            row = encoder.row(conversation_row(content, rng, 1 if kind == "talk" else rng.randint(3, 9)))
        if len(row.ids) <= longest:
            yield _with_some_prompt(row, rng)


def adapter_rows(content: Content, encoder: Encoder, seed: int, longest: int) -> Iterator[Encoded]:
    """Descriptions with their notes, and cases of a few or many turns up to `longest` tokens."""
    rng = Random(seed)
    while True:
        kind = rng.choices(("note", "short", "long", "windowed"), (72, 22, 4, 2))[0]
        if kind == "note":
            row = encoder.row(note_row(content, rng))
        elif kind == "short":
            row = encoder.row(short_case_row(content, rng))
        elif kind == "long":
            row = encoder.row(long_case_row(content, rng, rng.choice((2, 3, 4, 6, 9, 14))))
        else:
            row = encoder.row(windowed_row(content, rng, encoder.count, rng.choice((1000, 1400))))
        if len(row.ids) <= longest:
            yield row


def sample_texts(content: Content, rows: int, seed: int) -> Iterator[str]:
    """Texts of both corpora, for the tokenizer."""
    rng = Random(seed)
    for _ in range(rows):
        yield textbook_text(content, rng)
        for message in rng.choice((note_row, short_case_row, answer_row))(content, rng).messages:
            yield message["content"]
    for problem in content.problems:
        for part in problem.parts.values():
            yield "\n".join([*part.complaint, *part.keywords, *(say for aspect in part.aspects for say in aspect.say)])
    for phrases in content.phrases.values():
        yield "\n".join(line for lines in phrases.values() for line in lines)


def _with_some_prompt(row: Encoded, rng: Random) -> Encoded:
    return Encoded(row.ids, tuple(learn or rng.random() < LEARNED_OF_DESCRIPTIONS for learn in row.learned))
